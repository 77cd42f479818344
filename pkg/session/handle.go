package session

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strings"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/oauth"
)

// Handle opens a session of a server-rendered site (docs/design.md §4). It names its session and has a random secret. The table keeps
// only the hash of that secret, so a copy of the table opens nothing, and checking a handle takes no key.
type Handle struct {
	AccountID uuid.UUID
	SessionID uuid.UUID

	secret oauth.Secret // namedSecretLen bytes
}

const (
	handlePrefix = "wpss_"

	// csrfLabel stands before the secret, so that a CSRF token is not the hash that the table keeps.
	csrfLabel = "wavepass csrf token\x00"
)

// HandleSecret is the secret of a handle before the handle is made.
type HandleSecret [namedSecretLen]byte

// NewHandleSecret returns a random secret.
func NewHandleSecret() (secret HandleSecret) {
	_, _ = rand.Read(secret[:]) // it never fails (crypto/rand)
	return secret
}

// GiveHandle returns the session with the hash of the secret, and the handle that opens it.
func (s Session) GiveHandle(secret HandleSecret) (Session, Handle) {
	h := Handle{s.AccountID, s.ID, oauth.NewSecret(string(secret[:]))}
	s.HandleHash, s.UsedAt = h.hash(), s.CreatedAt
	return s, h
}

// Encode returns the handle as text.
func (h Handle) Encode() oauth.Secret {
	return encodeNamed(handlePrefix, h.AccountID, h.SessionID, h.secret)
}

// LooksLikeHandle reports whether a text has the prefix of a handle. It checks nothing else.
func LooksLikeHandle(text oauth.Secret) bool { return strings.HasPrefix(text.Reveal(), handlePrefix) }

// ParseHandle reads a handle. Whether it opens its session is for Opens to say. The error is ErrRefused for every text that Encode
// could not have returned.
func ParseHandle(text oauth.Secret) (Handle, error) {
	account, id, secret, err := parseNamed(handlePrefix, text)
	if err != nil {
		return Handle{}, err
	}
	return Handle{account, id, secret}, nil
}

// Opens reports, in constant time, whether the secret is that of the session. A session without a hash is opened by nothing.
func (h Handle) Opens(s Session) bool {
	return h.AccountID == s.AccountID && h.SessionID == s.ID && !h.secret.IsZero() &&
		subtle.ConstantTimeCompare(h.hash(), s.HandleHash) == 1
}

// CSRFToken proves that its sender may read what only the site and its pages are told. It cannot be turned into the handle.
func (h Handle) CSRFToken() oauth.Secret {
	sum := sha256.Sum256([]byte(csrfLabel + h.secret.Reveal()))
	return oauth.NewSecret(base64.RawURLEncoding.EncodeToString(sum[:]))
}

func (h Handle) hash() []byte {
	sum := sha256.Sum256([]byte(h.secret.Reveal()))
	return sum[:]
}
