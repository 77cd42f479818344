package keyring

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/wavepass/wavepass/pkg/oauth"
)

// SigningKey is the private half of a key. It prints as its id. The key sits behind a pointer because fmt
// calls no methods on unexported fields: a struct that holds a SigningKey prints an address.
type SigningKey struct {
	ID        string
	Algorithm Algorithm
	private   *crypto.Signer
}

// Private returns the key itself: *ecdsa.PrivateKey, ed25519.PrivateKey or *rsa.PrivateKey.
func (k SigningKey) Private() crypto.Signer { return *k.private }

// Format prints the id, whatever the verb.
func (k SigningKey) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "signing key %s", k.ID) }

// Sign returns the signature of message as a JWS has it (RFC 7518 §3, RFC 8037 §3.1). It cannot fail: the key has
// signed once when it was read. So a token can be signed after a write that cannot be taken back.
func (k SigningKey) Sign(message []byte) []byte {
	signature, err := k.sign(message)
	if err != nil {
		panic(fmt.Sprintf("keyring: %s signed when it was read and does not now: %v", k, err))
	}
	return signature
}

var errUnfit = errors.New("not a key of its algorithm")

func (k SigningKey) sign(message []byte) ([]byte, error) {
	digest := sha256.Sum256(message)
	switch key := k.Private().(type) {
	case *ecdsa.PrivateKey:
		if k.Algorithm != ES256 || key.Curve != elliptic.P256() {
			return nil, errUnfit
		}
		r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
		if err != nil {
			return nil, err
		}
		signature := make([]byte, 64)
		r.FillBytes(signature[:32])
		s.FillBytes(signature[32:])
		return signature, nil
	case ed25519.PrivateKey:
		if k.Algorithm != EdDSA {
			return nil, errUnfit
		}
		return ed25519.Sign(key, message), nil
	case *rsa.PrivateKey:
		if k.Algorithm != RS256 {
			return nil, errUnfit
		}
		return rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	}
	return nil, errUnfit
}

// SigningKeys gives issuing functions the current signing key. Safe for concurrent use.
type SigningKeys struct{ held held[SigningKey] }

// SigningKeys returns the signing view of the keyring. It opens the Signing part only, and creates the keyring when
// there is none.
func (k *Keyring) SigningKeys() *SigningKeys {
	return &SigningKeys{held[SigningKey]{
		read: func(ctx context.Context) (Item, error) { return k.readOrCreate(ctx, Signing) },
		decode: func(ctx context.Context, item Item) (SigningKey, error) {
			plain, err := open(ctx, k.sealer, Signing, item)
			if err != nil {
				return SigningKey{}, err
			}
			return currentKey(plain)
		},
		times: k.times,
		now:   k.now,
	}}
}

// Current returns the key to sign with. Ask for it before the first write of a request. It reads the keyring when
// nothing is held, when the last reading failed, and when what is held is older than Times.VerifierLife.
func (s *SigningKeys) Current(ctx context.Context) (SigningKey, error) { return s.held.current(ctx) }

// Renew returns the current key as it is now, reading the keyring when what is held is older than Times.SignerLife.
// Call it beside a round trip to the store that is made anyway. It cannot fail: when the keyring cannot be read, the key
// that Current gave is still good for this request.
func (s *SigningKeys) Renew(ctx context.Context, key SigningKey) SigningKey {
	if newest, ok := s.held.renewed(ctx); ok {
		return newest
	}
	return key
}

func currentKey(plain []byte) (SigningKey, error) {
	var part signingPart
	if err := json.Unmarshal(plain, &part); err != nil {
		return SigningKey{}, fmt.Errorf("%w: keyring: signing part: not readable", oauth.ErrUnavailable)
	}
	for _, stored := range part.Keys {
		if stored.State != Current {
			continue
		}
		parsed, err := x509.ParsePKCS8PrivateKey(stored.Private)
		private, ok := parsed.(crypto.Signer)
		if err != nil || !ok {
			return SigningKey{}, fmt.Errorf("%w: keyring: key %s: not readable", oauth.ErrUnavailable, stored.ID)
		}
		key := SigningKey{ID: stored.ID, Algorithm: stored.Alg, private: &private}
		if _, err := key.sign(nil); err != nil {
			return SigningKey{}, fmt.Errorf("%w: keyring: key %s: %w", oauth.ErrUnavailable, stored.ID, err)
		}
		return key, nil
	}
	return SigningKey{}, fmt.Errorf("%w: keyring: no current signing key", oauth.ErrUnavailable)
}
