package keyring

import (
	"context"
	"crypto"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/lestrrat-go/jwx/v2/jwk"

	"github.com/wavepass/wavepass/pkg/oauth"
)

// VerifyKey is the public half of a key.
type VerifyKey struct {
	ID        string
	Algorithm Algorithm
	Public    crypto.PublicKey // *ecdsa.PublicKey, ed25519.PublicKey or *rsa.PublicKey
	Until     time.Time        // of a retired key: when it ends; zero for the others
}

func (k VerifyKey) ended(now time.Time) bool { return !k.Until.IsZero() && !now.Before(k.Until) }

// PublicKeys gives verifying functions the public keys. Safe for concurrent use.
type PublicKeys struct{ held held[keySet] }

type keySet struct {
	byHeader  map[string]VerifyKey
	published []published
}

type published struct {
	key VerifyKey
	jwk jsontext.Value
}

// NewPublicKeys returns the public view of the keyring in store. It opens nothing.
func NewPublicKeys(store Store, times Times, now func() time.Time) *PublicKeys {
	times = times.orDefault()
	return &PublicKeys{held[keySet]{
		read: func(ctx context.Context) (Item, error) { return readExisting(ctx, store, Public) },
		decode: func(_ context.Context, item Item) (keySet, error) {
			set, err := decodeKeySet(item.Data, times)
			if err != nil {
				return keySet{}, fmt.Errorf("%w: keyring: public part: %w", oauth.ErrUnavailable, err)
			}
			return set, nil
		},
		times: times,
		now:   now,
	}}
}

// Life is how long a set may be used once it was read: the max-age of what is published.
func (p *PublicKeys) Life() time.Duration { return p.held.times.VerifierLife() }

// ByHeader returns the key whose tokens have exactly this encoded header segment, or ErrUnknownKey. One
// comparison so pins algorithm, key id and type, and the absence of every other header member.
func (p *PublicKeys) ByHeader(ctx context.Context, segment string) (VerifyKey, error) {
	set, err := p.held.fresh(ctx, p.Life())
	if err != nil {
		return VerifyKey{}, err
	}
	key, ok := set.byHeader[segment]
	if !ok {
		if set, _, err = p.held.readForUnknown(ctx); err != nil {
			return VerifyKey{}, err
		}
		key, ok = set.byHeader[segment]
	}
	if !ok || key.ended(p.held.now()) {
		return VerifyKey{}, ErrUnknownKey
	}
	return key, nil
}

// JWKS returns the key set as RFC 7517 JSON, public members only.
func (p *PublicKeys) JWKS(ctx context.Context) ([]byte, error) {
	current, err := p.published(ctx)
	keys := make([]jsontext.Value, len(current))
	for i, one := range current {
		keys[i] = one.jwk
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		Keys []jsontext.Value `json:"keys"`
	}{keys})
}

// Algorithms returns the algorithms of the keys in the key set, sorted, each once.
func (p *PublicKeys) Algorithms(ctx context.Context) ([]Algorithm, error) {
	current, err := p.published(ctx)
	algorithms := make([]Algorithm, len(current))
	for i, one := range current {
		algorithms[i] = one.key.Algorithm
	}
	slices.Sort(algorithms)
	return slices.Compact(algorithms), err
}

// published returns the keys that have not ended.
func (p *PublicKeys) published(ctx context.Context) ([]published, error) {
	set, err := p.held.fresh(ctx, p.Life())
	now := p.held.now()
	return slices.DeleteFunc(slices.Clone(set.published), func(one published) bool { return one.key.ended(now) }), err
}

// HeaderSegment is the first part of every access token that the key signs: the encoding of exactly
// alg, kid and typ, in this order (RFC 9068 §2.1).
func HeaderSegment(alg Algorithm, keyID string) string {
	header := fmt.Sprintf(`{"alg":%q,"kid":%q,"typ":"at+jwt"}`, alg, keyID)
	return base64.RawURLEncoding.EncodeToString([]byte(header))
}

func decodeKeySet(data []byte, times Times) (keySet, error) {
	var part publicPart
	if err := json.Unmarshal(data, &part); err != nil {
		return keySet{}, err
	}
	set := keySet{byHeader: map[string]VerifyKey{}}
	for _, stored := range part.Keys {
		key, err := decodeVerifyKey(stored.JWK)
		if err != nil {
			return keySet{}, err
		}
		if !stored.RetiredAt.IsZero() {
			key.Until = stored.RetiredAt.Add(times.overlap())
		}
		// What is published is made anew, so that nothing else that was stored can come along.
		public, err := encodePublic(key)
		if err != nil {
			return keySet{}, err
		}
		set.byHeader[HeaderSegment(key.Algorithm, key.ID)] = key
		set.published = append(set.published, published{key, public})
	}
	return set, nil
}

func decodeVerifyKey(encoded []byte) (VerifyKey, error) {
	parsed, err := jwk.ParseKey(encoded)
	if err != nil {
		return VerifyKey{}, err
	}
	if private, err := jwk.IsPrivateKey(parsed); err != nil || private {
		return VerifyKey{}, fmt.Errorf("key %s: not a public key", parsed.KeyID())
	}
	var raw any
	if err := parsed.Raw(&raw); err != nil {
		return VerifyKey{}, err
	}
	return VerifyKey{ID: parsed.KeyID(), Algorithm: Algorithm(parsed.Algorithm().String()), Public: raw}, nil
}

// readExisting reads a part for a function that cannot create a keyring.
func readExisting(ctx context.Context, store Store, part Part) (Item, error) {
	item, err := store.ReadPart(ctx, part)
	if errors.Is(err, ErrMissing) {
		return Item{}, fmt.Errorf("%w: no keyring yet: it is created by the first login", oauth.ErrUnavailable)
	}
	return item, err
}
