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

	"github.com/wavepass/wavepass/pkg/oauth"
)

// SigningKey is the private half of a key. It prints as its id. It holds the private key behind a pointer, because fmt
// calls no methods of unexported fields: a struct with such a field prints the pointer's address.
type SigningKey struct {
	ID        string
	Algorithm Algorithm
	private   *crypto.Signer
}

// Private returns the key itself: *ecdsa.PrivateKey, ed25519.PrivateKey or *rsa.PrivateKey.
func (k SigningKey) Private() crypto.Signer { return *k.private }

// Format prints the id, whatever the verb.
func (k SigningKey) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "signing key %s", k.ID) }

// Sign returns the signature of message in the form of a JWS (RFC 7518 §3, RFC 8037 §3.1). It cannot fail, because the key
// was tried when it was read. So a token can be signed after a write that cannot be taken back.
func (k SigningKey) Sign(message []byte) []byte {
	signature, err := k.sign(message)
	if err != nil {
		panic(fmt.Sprintf("keyring: %s signed when it was read and does not now: %v", k, err))
	}
	return signature
}

var errWrongAlgorithm = errors.New("not a key of its algorithm")

func (k SigningKey) sign(message []byte) ([]byte, error) {
	digest := sha256.Sum256(message)
	switch key := k.Private().(type) {
	case *ecdsa.PrivateKey:
		if k.Algorithm != ES256 || key.Curve != elliptic.P256() {
			return nil, errWrongAlgorithm
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
			return nil, errWrongAlgorithm
		}
		return ed25519.Sign(key, message), nil
	case *rsa.PrivateKey:
		if k.Algorithm != RS256 {
			return nil, errWrongAlgorithm
		}
		return rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	}
	return nil, errWrongAlgorithm
}

// SigningKeys holds the current signing key for issuing functions, and reads it again when that is due. Safe for
// concurrent use.
type SigningKeys struct{ held held[SigningKey] }

// SigningKeys returns the signing keys for issuing functions. It opens the Signing part only, and creates the keyring
// when there is none.
func (k *Keyring) SigningKeys() *SigningKeys {
	return &SigningKeys{held[SigningKey]{
		read: func(ctx context.Context) (Item, error) { return k.readOrCreate(ctx, Signing) },
		decode: func(ctx context.Context, item Item) (SigningKey, error) {
			var part signingPart
			if err := unseal(ctx, k.Sealer, Signing, item, &part); err != nil {
				return SigningKey{}, err
			}
			return currentKey(part)
		},
		times: k.Times,
		now:   k.Now,
	}}
}

// Current returns the key to sign with. Call it before the first write of a request. It reads the keyring when
// nothing is held, when the last reading failed, and when what is held is older than Times.VerifierLife. Errors:
// oauth.ErrUnavailable.
func (s *SigningKeys) Current(ctx context.Context) (SigningKey, error) { return s.held.current(ctx) }

// Renew returns the newest current key, and reads the keyring when what is held is older than Times.SignerLife.
// Call it beside a round trip to the store that is made anyway. It cannot fail: when the keyring cannot be read, it returns
// key, which Current has returned and which is still good for this request.
func (s *SigningKeys) Renew(ctx context.Context, key SigningKey) SigningKey {
	if newest, ok := s.held.renew(ctx); ok {
		return newest
	}
	return key
}

// currentKey decodes the current key, and tries it.
func currentKey(part signingPart) (SigningKey, error) {
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
