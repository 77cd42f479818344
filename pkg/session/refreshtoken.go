package session

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// Keys are the MAC keys of refresh tokens. *keyring.MACKeys implements them.
type Keys interface {
	// Current returns the key for new sessions. Errors: oauth.ErrUnavailable.
	Current(ctx context.Context) (keyring.MACKey, error)
	// Key returns the key that a token names. The key is good for the whole request, also after a write. Errors:
	// keyring.ErrUnknownKey when there is no such key, oauth.ErrUnavailable when that is not known.
	Key(ctx context.Context, version byte) (keyring.MACKey, error)
	// Renew reads the keys again when that is due. It is called beside another call to the store. The error is
	// keyring.ErrUnknownKey when key was taken out of the keyring; an outage is no error.
	Renew(ctx context.Context, key keyring.MACKey) error
}

// RefreshToken is the content of a refresh token (docs/design.md §4). The table needs no secret for it: the MAC proves that
// this service made it. The successor of a token can be computed again, so a repeated refresh gets the same answer.
type RefreshToken struct {
	AccountID  uuid.UUID
	SessionID  uuid.UUID
	Generation uint32
	Expiry     time.Time // the session's absolute expiry, whole seconds
}

const (
	refreshPrefix  = "wprt_"
	refreshVersion = 1
	refreshLabel   = "wavepass refresh token\x00" // begins every message, so that no other use of the MAC key makes a token

	refreshBodyLen  = 1 + 1 + 16 + 16 + 4 + 4
	refreshTokenLen = refreshBodyLen + 32
)

// Encode returns the token as text. All tokens of a session are made with one key.
func (t RefreshToken) Encode(key keyring.MACKey) oauth.Secret {
	body := make([]byte, 0, refreshTokenLen)
	body = append(body, refreshVersion, key.Version())
	body = append(body, t.AccountID[:]...)
	body = append(body, t.SessionID[:]...)
	body = binary.BigEndian.AppendUint32(body, t.Generation)
	body = binary.BigEndian.AppendUint32(body, uint32(t.Expiry.Unix()))
	mac := key.Sum(append([]byte(refreshLabel), body...))
	return oauth.NewSecret(refreshPrefix + base64.RawURLEncoding.EncodeToString(append(body, mac...)))
}

// LooksLikeRefreshToken reports whether a text has the prefix of a refresh token. It checks nothing else.
func LooksLikeRefreshToken(text oauth.Secret) bool {
	return strings.HasPrefix(text.Reveal(), refreshPrefix)
}

// ParseRefreshToken checks the MAC of a token and returns its content, and the key that it was made with. It does not check
// the expiry. Errors: ErrRefused for every text that Encode did not return, oauth.ErrUnavailable.
func ParseRefreshToken(ctx context.Context, text oauth.Secret, keys Keys) (RefreshToken, keyring.MACKey, error) {
	encoded, ok := strings.CutPrefix(text.Reveal(), refreshPrefix)
	if !ok || len(encoded) != base64.RawURLEncoding.EncodedLen(refreshTokenLen) {
		return RefreshToken{}, keyring.MACKey{}, refuse("not a refresh token")
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	// Encoding again finds the characters that the decoder skips (CR, LF).
	if err != nil || base64.RawURLEncoding.EncodeToString(raw) != encoded {
		return RefreshToken{}, keyring.MACKey{}, refuse("not canonical base64url")
	}
	body, mac := raw[:refreshBodyLen], raw[refreshBodyLen:]
	if body[0] != refreshVersion {
		return RefreshToken{}, keyring.MACKey{}, refuse("unknown version")
	}
	key, err := keys.Key(ctx, body[1])
	switch {
	case errors.Is(err, keyring.ErrUnknownKey):
		return RefreshToken{}, keyring.MACKey{}, refuse("unknown key version")
	case err != nil:
		return RefreshToken{}, keyring.MACKey{}, err
	case !hmac.Equal(mac, key.Sum(append([]byte(refreshLabel), body...))):
		return RefreshToken{}, keyring.MACKey{}, refuse("not ours")
	}
	return RefreshToken{
		AccountID:  uuid.UUID(body[2:18]),
		SessionID:  uuid.UUID(body[18:34]),
		Generation: binary.BigEndian.Uint32(body[34:38]),
		Expiry:     time.Unix(int64(binary.BigEndian.Uint32(body[38:42])), 0).UTC(),
	}, key, nil
}

// successor returns the token that replaces t.
func (t RefreshToken) successor() RefreshToken {
	t.Generation++
	return t
}
