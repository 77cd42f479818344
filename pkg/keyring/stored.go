package keyring

import (
	"context"
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

	"github.com/wavepass/wavepass/pkg/oauth"
)

const (
	rsaBits   = 2048
	macKeyLen = 32
)

// The parts are stored as JSON. The public part alone says when a rotation is due, so that the sealed ones are opened
// only to change them.

type publicPart struct {
	Keys []entry `json:"keys"`
	MACs []entry `json:"macs"` // states and ages, not the keys
}

// entry is the public description of a key.
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

func (e entry) isMAC() bool { return e.Version != 0 }

type signingPart struct {
	Keys []storedSigningKey `json:"keys"` // current and next; a retired key signs nothing
}

type storedSigningKey struct {
	ID      string    `json:"kid"`
	Alg     Algorithm `json:"alg"`
	State   State     `json:"state"`
	Private []byte    `json:"private"` // PKCS #8, DER
}

type refreshPart struct {
	Current byte           `json:"current"` // the version that new sessions use
	Keys    []storedMACKey `json:"keys"`
	Gone    []int          `json:"gone,omitempty"` // versions whose tokens are refused without reading the keys again
}

type storedMACKey struct {
	Version byte   `json:"version"`
	Key     []byte `json:"key"`
}

// unseal opens a sealed part and decodes it. The error is oauth.ErrUnavailable, for an operator has to repair it.
func unseal(ctx context.Context, sealer Sealer, part Part, item Item, into any) error {
	plain, err := sealer.Open(ctx, string(part), item.Data)
	if err != nil {
		return fmt.Errorf("%w: keyring: open %s: %w", oauth.ErrUnavailable, part, err)
	}
	return unmarshalPart(part, plain, into)
}

func unmarshalPart(part Part, plain []byte, into any) error {
	if json.Unmarshal(plain, into) != nil { // its error could quote a secret
		return fmt.Errorf("%w: keyring: %s part: not readable", oauth.ErrUnavailable, part)
	}
	return nil
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

// encodePublic returns the JWK of a public key, with kid, alg and use and no member beyond those of its type.
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
