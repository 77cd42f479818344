package session

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/oauth"
)

// Keys authenticate refresh tokens. keyring.MAC implements it.
type Keys interface {
	// CurrentVersion is the key version for new sessions.
	CurrentVersion(ctx context.Context) (byte, error)
	// Sum is HMAC-SHA256 of message under the key of that version, nil when there is no such key. It may
	// use what is held in memory, however old.
	Sum(ctx context.Context, version byte, message []byte) ([]byte, error)
	// Load makes sure, before a write, that what is held may be used after it.
	Load(ctx context.Context) error
	// Freshen re-reads what is held when that is due. After Load an outage in the middle is forgiven.
	Freshen(ctx context.Context) error
}

// RefreshToken is what a refresh token says. It needs no secret in the table: the MAC proves that we
// made it, and the successor of a token can be computed again, so a retried refresh gets the same answer.
type RefreshToken struct {
	KeyVersion byte // of the session's first token; successors keep it
	AccountID  uuid.UUID
	SessionID  uuid.UUID
	Generation uint32
	Expiry     time.Time // the session's absolute expiry, whole seconds
}

const (
	refreshPrefix  = "wprt_"
	refreshVersion = 1
	refreshLabel   = "wavepass refresh token\x00" // keeps this use of the MAC key apart from any other

	refreshBodyLen  = 1 + 1 + 16 + 16 + 4 + 4
	refreshTokenLen = refreshBodyLen + 32
)

// Encode returns the token as text.
func (t RefreshToken) Encode(ctx context.Context, keys Keys) (oauth.Secret, error) {
	body := make([]byte, 0, refreshTokenLen)
	body = append(body, refreshVersion, t.KeyVersion)
	body = append(body, t.AccountID[:]...)
	body = append(body, t.SessionID[:]...)
	body = binary.BigEndian.AppendUint32(body, t.Generation)
	body = binary.BigEndian.AppendUint32(body, uint32(t.Expiry.Unix()))
	mac, err := keys.Sum(ctx, t.KeyVersion, append([]byte(refreshLabel), body...))
	switch {
	case err != nil:
		return oauth.Secret{}, err
	case mac == nil:
		return oauth.Secret{}, refuse("unknown key version")
	}
	return oauth.NewSecret(refreshPrefix + base64.RawURLEncoding.EncodeToString(append(body, mac...))), nil
}

// LooksLikeRefreshToken tells which kind of token a text claims to be, nothing more.
func LooksLikeRefreshToken(text oauth.Secret) bool {
	return strings.HasPrefix(text.Reveal(), refreshPrefix)
}

// ParseRefreshToken returns what text says after checking its MAC. The error is ErrRefused for
// everything that we did not make, character for character, or oauth.ErrUnavailable. It does not look
// at the expiry.
func ParseRefreshToken(ctx context.Context, text oauth.Secret, keys Keys) (RefreshToken, error) {
	encoded, ok := strings.CutPrefix(text.Reveal(), refreshPrefix)
	if !ok || len(encoded) != base64.RawURLEncoding.EncodedLen(refreshTokenLen) {
		return RefreshToken{}, refuse("not a refresh token")
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	// Encoding again catches what the decoder skips (CR, LF).
	if err != nil || base64.RawURLEncoding.EncodeToString(raw) != encoded {
		return RefreshToken{}, refuse("not canonical base64url")
	}
	body, mac := raw[:refreshBodyLen], raw[refreshBodyLen:]
	if body[0] != refreshVersion {
		return RefreshToken{}, refuse("unknown version")
	}
	want, err := keys.Sum(ctx, body[1], append([]byte(refreshLabel), body...))
	switch {
	case err != nil:
		return RefreshToken{}, err
	case want == nil:
		return RefreshToken{}, refuse("unknown key version")
	case !hmac.Equal(mac, want):
		return RefreshToken{}, refuse("not ours")
	}
	return RefreshToken{
		KeyVersion: body[1],
		AccountID:  uuid.UUID(body[2:18]),
		SessionID:  uuid.UUID(body[18:34]),
		Generation: binary.BigEndian.Uint32(body[34:38]),
		Expiry:     time.Unix(int64(binary.BigEndian.Uint32(body[38:42])), 0).UTC(),
	}, nil
}

// successor is the token that replaces t.
func (t RefreshToken) successor() RefreshToken {
	t.Generation++
	return t
}
