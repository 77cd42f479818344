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
)

const (
	rsaBits   = 2048
	macKeyLen = 32
)

// The stored form of the parts, JSON.

type signingPart struct {
	Keys []storedSigningKey `json:"keys"`
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
}

type storedMACKey struct {
	Version byte   `json:"version"`
	Key     []byte `json:"key"`
}

type publicPart struct {
	Keys []storedPublicKey `json:"keys"`
}

type storedPublicKey struct {
	State     State          `json:"state"`
	CreatedAt time.Time      `json:"created_at"`
	JWK       jsontext.Value `json:"jwk"` // public members, kid, alg, use
}

// generate makes a first keyring and seals it.
func (k *Keyring) generate(ctx context.Context) (map[Part][]byte, error) {
	var private signingPart
	var public publicPart
	for _, state := range []State{Current, Next} {
		priv, pub, err := newSigningKey(k.alg, state, k.now())
		if err != nil {
			return nil, err
		}
		private.Keys = append(private.Keys, priv)
		public.Keys = append(public.Keys, pub)
	}
	mac := refreshPart{Current: 1, Keys: []storedMACKey{{Version: 1, Key: make([]byte, macKeyLen)}}}
	_, _ = rand.Read(mac.Keys[0].Key) // never fails (crypto/rand)

	parts := map[Part][]byte{}
	for part, content := range map[Part]any{Signing: private, Refresh: mac, Public: public} {
		data, err := json.Marshal(content)
		if err != nil {
			return nil, err
		}
		if part != Public {
			if data, err = k.sealer.Seal(ctx, string(part), data); err != nil {
				return nil, fmt.Errorf("seal %s: %w", part, err)
			}
		}
		parts[part] = data
	}
	return parts, nil
}

func newSigningKey(alg Algorithm, state State, now time.Time) (priv storedSigningKey, pub storedPublicKey, err error) {
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
	return storedSigningKey{ID: id, Alg: alg, State: state, Private: der},
		storedPublicKey{State: state, CreatedAt: now.UTC().Truncate(time.Second), JWK: encoded}, nil
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
