package keyring

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
)

const (
	rsaBits   = 2048
	macKeyLen = 32
)

// The stored form of the parts, JSON. What is due is decided by the public part alone, so that whoever looks
// after the keys opens the others only to change them.

type publicPart struct {
	Keys []entry `json:"keys"`
	MACs []entry `json:"macs"` // no key, just how old each is
}

// entry is what may be known of a key.
type entry struct {
	ID         string         `json:"kid"`
	State      State          `json:"state"`
	CreatedAt  time.Time      `json:"created_at"`
	PromotedAt time.Time      `json:"promoted_at,omitzero"`
	RetiredAt  time.Time      `json:"retired_at,omitzero"`
	Algorithm  Algorithm      `json:"alg,omitzero"`
	JWK        jsontext.Value `json:"jwk,omitempty"`    // of a signing key: public members, kid, alg, use
	Version    byte           `json:"version,omitzero"` // of a MAC key
}

type signingPart struct {
	Keys []storedSigningKey `json:"keys"` // current and next: a retired key signs nothing
}

type storedSigningKey struct {
	ID      string    `json:"kid"`
	Alg     Algorithm `json:"alg"`
	State   State     `json:"state"`
	Private []byte    `json:"private"` // PKCS #8, DER
}

type refreshPart struct {
	Current byte           `json:"current"` // version that new sessions get
	Keys    []storedMACKey `json:"keys"`
	Gone    []int          `json:"gone,omitempty"` // versions whose tokens are refused, not looked for
}

type storedMACKey struct {
	Version byte   `json:"version"`
	Key     []byte `json:"key"`
}

func newSigningKey(alg Algorithm) (priv storedSigningKey, pub entry, err error) {
	key, err := generateKey(alg)
	if err != nil {
		return priv, pub, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return priv, pub, err
	}
	public, err := jwk.FromRaw(key.Public())
	if err != nil {
		return priv, pub, err
	}
	thumbprint, err := public.Thumbprint(crypto.SHA256) // RFC 7638: the same key has the same id everywhere
	if err != nil {
		return priv, pub, err
	}
	id := base64.RawURLEncoding.EncodeToString(thumbprint)
	encoded, err := encodePublic(VerifyKey{ID: id, Algorithm: alg, Public: key.Public()})
	if err != nil {
		return priv, pub, err
	}
	return storedSigningKey{ID: id, Alg: alg, Private: der}, entry{ID: id, Algorithm: alg, JWK: encoded}, nil
}

// encodePublic returns the JWK of a public key: its own members, kid, alg and use, and no other.
func encodePublic(k VerifyKey) ([]byte, error) {
	key, err := jwk.FromRaw(k.Public)
	if err != nil {
		return nil, err
	}
	for name, value := range map[string]any{
		jwk.KeyIDKey:     k.ID,
		jwk.AlgorithmKey: jwa.SignatureAlgorithm(k.Algorithm),
		jwk.KeyUsageKey:  jwk.ForSignature,
	} {
		if err := key.Set(name, value); err != nil {
			return nil, err
		}
	}
	return json.Marshal(key)
}

func generateKey(alg Algorithm) (crypto.Signer, error) {
	switch alg {
	case ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case EdDSA:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	case RS256:
		return rsa.GenerateKey(rand.Reader, rsaBits)
	}
	return nil, fmt.Errorf("algorithm %q: want ES256, EdDSA or RS256", alg)
}
