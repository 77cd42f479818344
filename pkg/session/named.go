package session

import (
	"encoding/base64"
	"strings"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/oauth"
)

const (
	namedVersion   = 1
	namedSecretLen = 32
	namedLen       = 1 + 16 + 16 + namedSecretLen
)

// encodeNamed is the text of a secret that names its session: prefix, then a version, both ids and the secret.
func encodeNamed(prefix string, account, id uuid.UUID, secret oauth.Secret) oauth.Secret {
	raw := make([]byte, 0, namedLen)
	raw = append(raw, namedVersion)
	raw = append(raw, account[:]...)
	raw = append(raw, id[:]...)
	raw = append(raw, secret.Reveal()...)
	return oauth.NewSecret(prefix + base64.RawURLEncoding.EncodeToString(raw))
}

// parseNamed reads what encodeNamed has written, and refuses every other text.
func parseNamed(prefix string, text oauth.Secret) (account, id uuid.UUID, secret oauth.Secret, err error) {
	encoded, ok := strings.CutPrefix(text.Reveal(), prefix)
	if !ok || len(encoded) != base64.RawURLEncoding.EncodedLen(namedLen) {
		return account, id, secret, refuse("not of this kind")
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	// Encoding again finds the characters that the decoder skips (CR, LF).
	if err != nil || base64.RawURLEncoding.EncodeToString(raw) != encoded {
		return account, id, secret, refuse("not canonical base64url")
	}
	if raw[0] != namedVersion {
		return account, id, secret, refuse("unknown version")
	}
	return uuid.UUID(raw[1:17]), uuid.UUID(raw[17:33]), oauth.NewSecret(string(raw[33:])), nil
}
