package keyring

import (
	"context"
	"crypto"
	"crypto/x509"
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

// Signer gives issuing functions the current signing key. Safe for concurrent use.
type Signer struct{ held held[SigningKey] }

// Signer returns the signing view of the keyring. It opens the Signing part only.
func (k *Keyring) Signer() *Signer {
	return &Signer{held[SigningKey]{
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

// Freshen reads the keyring when what is held is older than Times.SignerLife or nothing is held. Call it beside the
// store's round trip, and Key after both.
func (s *Signer) Freshen(ctx context.Context) error {
	_, err := s.held.fresh(ctx, s.held.times.SignerLife())
	return err
}

// Load reads the keyring when nothing is held: call it before the first write of a request.
func (s *Signer) Load(ctx context.Context) error {
	_, err := s.held.get(ctx)
	return err
}

// Key returns the current signing key.
func (s *Signer) Key(ctx context.Context) (SigningKey, error) { return s.held.get(ctx) }

func currentKey(plain []byte) (SigningKey, error) {
	var part signingPart
	if err := json.Unmarshal(plain, &part); err != nil {
		return SigningKey{}, fmt.Errorf("%w: keyring: signing part: not readable", oauth.ErrUnavailable)
	}
	for _, stored := range part.Keys {
		if stored.State != Current {
			continue
		}
		key, err := x509.ParsePKCS8PrivateKey(stored.Private)
		signer, ok := key.(crypto.Signer)
		if err != nil || !ok {
			return SigningKey{}, fmt.Errorf("%w: keyring: key %s: not readable", oauth.ErrUnavailable, stored.ID)
		}
		return SigningKey{ID: stored.ID, Algorithm: stored.Alg, private: &signer}, nil
	}
	return SigningKey{}, fmt.Errorf("%w: keyring: no current signing key", oauth.ErrUnavailable)
}
