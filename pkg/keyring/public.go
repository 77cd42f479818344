package keyring

import (
	"context"
	"crypto"
	"encoding/base64"
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
	Until     time.Time        // when a retired key stops verifying; zero for the others
}

func (k VerifyKey) ended(now time.Time) bool { return !k.Until.IsZero() && !now.Before(k.Until) }

// PublicKeys holds the public keys for verifying functions, and reads them again when that is due. Safe for concurrent use.
type PublicKeys struct{ held held[keySet] }

type keySet struct {
	byHeader  map[string]VerifyKey
	published []published
}

type published struct {
	key VerifyKey
	jwk jsontext.Value
}

// NewPublicKeys returns the public keys in store. It needs no sealer.
func NewPublicKeys(store Store, times Times, now func() time.Time) *PublicKeys {
	times = times.orDefault()
	return &PublicKeys{held[keySet]{
		read: func(ctx context.Context) (Item, error) { return readExisting(ctx, store, Public) },
		decode: func(_ context.Context, item Item) (keySet, error) {
			var part publicPart
			if err := unmarshalPart(Public, item.Data, &part); err != nil {
				return keySet{}, err
			}
			return decodeKeySet(part, times)
		},
		times: times,
		now:   now,
	}}
}

// Life is how long a key set may be used after it was read. It is also the max-age of the published set.
func (p *PublicKeys) Life() time.Duration { return p.held.times.VerifierLife() }

// ByHeader returns the key whose tokens have exactly this encoded header segment. This one comparison pins algorithm, key
// id and type, and excludes every other header member. Errors: ErrUnknownKey, oauth.ErrUnavailable.
func (p *PublicKeys) ByHeader(ctx context.Context, segment string) (VerifyKey, error) {
	set, err := p.held.youngerThan(ctx, p.Life())
	if err != nil {
		return VerifyKey{}, err
	}
	key, ok := set.byHeader[segment]
	if !ok {
		if set, _, err = p.held.readForUnknownKey(ctx); err != nil {
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
	set, err := p.held.youngerThan(ctx, p.Life())
	now := p.held.now()
	return slices.DeleteFunc(slices.Clone(set.published), func(one published) bool { return one.key.ended(now) }), err
}

// HeaderSegment is the first part of every access token that the key signs: the base64url of exactly alg, kid and typ, in
// this order (RFC 9068 §2.1).
func HeaderSegment(alg Algorithm, keyID string) string { return HeaderSegmentOf("at+jwt", alg, keyID) }

// HeaderSegmentOf is the same for a JWT of another type, which so is never taken for an access token (RFC 8725 §3.11).
func HeaderSegmentOf(typ string, alg Algorithm, keyID string) string {
	header := fmt.Sprintf(`{"alg":%q,"kid":%q,"typ":%q}`, alg, keyID, typ)
	return base64.RawURLEncoding.EncodeToString([]byte(header))
}

func decodeKeySet(part publicPart, times Times) (keySet, error) {
	set := keySet{byHeader: map[string]VerifyKey{}}
	for _, stored := range part.Keys {
		key, err := decodeVerifyKey(stored.JWK)
		if err != nil {
			return keySet{}, fmt.Errorf("%w: keyring: public part: %w", oauth.ErrUnavailable, err)
		}
		if !stored.RetiredAt.IsZero() {
			key.Until = times.endOf(stored)
		}
		// The published form is made again from the key, so that no other stored member is published.
		public, err := encodePublic(key)
		if err != nil {
			return keySet{}, fmt.Errorf("%w: keyring: public part: %w", oauth.ErrUnavailable, err)
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
