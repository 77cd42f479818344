package keyring_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// life is a deployment whose functions hold keys of every age while the schedule and people change the keyring.
// Time is scaled down: a period is just as long as the caches need.
type life struct {
	world
	times   keyring.Times
	signers []*keyring.SigningKeys
	publics []*keyring.PublicKeys
	cached  cachedSet // of a resource server of somebody else

	published map[string]time.Time // key id → since when
	tokens    []madeToken
	revoked   map[string]bool
	hurried   time.Time // of the last change that did not wait for a period
}

type madeToken struct {
	key    string
	alg    keyring.Algorithm
	expiry time.Time
}

type cachedSet struct {
	jwks string
	at   time.Time
}

func newLife(t *rapid.T) *life {
	l := &life{world: newWorld(keyring.EdDSA), times: keyring.Times{Period: 10 * time.Minute},
		published: map[string]time.Time{}, revoked: map[string]bool{}}
	l.ring = l.keyring(keyring.EdDSA)
	if err := l.ring.Ensure(ctx); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		l.signers = append(l.signers, l.keyring(keyring.EdDSA).SigningKeys())
		l.publics = append(l.publics, keyring.NewPublicKeys(l.store, l.times, l.clock.Now))
	}
	l.note(t)
	return l
}

func (l *life) keyring(alg keyring.Algorithm) *keyring.Keyring {
	return keyring.New(keyring.Config{Store: l.store, Sealer: l.sealer, Algorithm: alg, Times: l.times, Now: l.clock.Now})
}

// note checks what always holds of the set, and remembers since when each key is in it.
func (l *life) note(t *rapid.T) {
	keys, err := l.ring.List(ctx)
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	count := map[keyring.State]int{}
	for _, key := range keys {
		if key.IsMAC() {
			continue
		}
		count[key.State]++
		if _, known := l.published[key.ID]; !known {
			l.published[key.ID] = l.clock.Now()
		}
	}
	if count[keyring.Current] != 1 || count[keyring.Next] != 1 {
		t.Fatalf("%d current and %d next keys, want one each", count[keyring.Current], count[keyring.Next])
	}
}

func (l *life) id(t *rapid.T, state keyring.State) string {
	keys, err := l.ring.List(ctx)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(keys, func(k keyring.Key) bool { return k.State == state && !k.IsMAC() })
	return keys[i].ID
}

// issue has one of the issuing functions sign.
func (l *life) issue(t *rapid.T) {
	signer := l.signers[rapid.IntRange(0, len(l.signers)-1).Draw(t, "signer")]
	if err := useSigning(signer); err != nil {
		t.Fatal(err)
	}
	key, err := signer.Current(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if age := l.clock.Now().Sub(l.published[key.ID]); age < l.times.Period && l.hurried.IsZero() && l.published[key.ID].After(start) {
		t.Errorf("%s signs, and was published only %s before", key.ID, age)
	}
	l.tokens = append(l.tokens, madeToken{key.ID, key.Algorithm, l.clock.Now().Add(oauth.MaxAccessLife)})
}

// hurry decides, seldom for it, about a change that does not wait.
func (l *life) hurry(t *rapid.T) bool {
	if rapid.IntRange(0, 19).Draw(t, "hurry") != 19 {
		return false
	}
	l.hurried = l.clock.Now()
	return true
}

// settled reports whether every cache knows a change that did not wait.
func (l *life) settled() bool {
	return l.hurried.IsZero() || l.clock.Now().Sub(l.hurried) > l.times.Spread()+l.times.SignerLife()
}

// verify has a function verify every token: those that live and were not revoked are accepted.
func (l *life) verify(t *rapid.T) {
	public := l.publics[rapid.IntRange(0, len(l.publics)-1).Draw(t, "verifier")]
	for _, made := range l.tokens {
		_, err := public.ByHeader(ctx, keyring.HeaderSegment(made.alg, made.key))
		alive := l.clock.Now().Before(made.expiry)
		switch {
		case l.revoked[made.key]:
			if err == nil && l.settled() {
				t.Errorf("%s was revoked and is still known", made.key)
			}
		case alive && l.settled() && err != nil:
			t.Errorf("a token of %s that lives until %s is refused: %v", made.key, made.expiry, err)
		case err != nil && !errors.Is(err, keyring.ErrUnknownKey):
			t.Errorf("%s: %v", made.key, err)
		}
	}
}

// elsewhere has a resource server that keeps the published set for as long as it may look for every token.
func (l *life) elsewhere(t *rapid.T) {
	if l.clock.Now().Sub(l.cached.at) >= l.times.VerifierLife() {
		set, err := l.publics[0].JWKS(ctx)
		if err != nil {
			t.Fatal(err)
		}
		l.cached = cachedSet{string(set), l.clock.Now()}
	}
	for _, made := range l.tokens {
		if l.clock.Now().Before(made.expiry) && !l.revoked[made.key] && l.settled() && !strings.Contains(l.cached.jwks, made.key) {
			t.Errorf("the published set lacks %s, whose tokens live", made.key)
		}
	}
}

// TestNoGoodTokenIsRefusedWhateverTheCachesHold walks through the life of a keyring.
func TestNoGoodTokenIsRefusedWhateverTheCachesHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLife(t)
		t.Repeat(map[string]func(*rapid.T){
			"time passes": func(t *rapid.T) {
				l.clock.Advance(time.Duration(rapid.IntRange(1, int(l.times.Period/time.Second)/3).Draw(t, "seconds")) * time.Second)
			},
			"schedule": func(t *rapid.T) {
				if _, err := l.keyring(rapid.SampledFrom([]keyring.Algorithm{keyring.EdDSA, keyring.ES256}).Draw(t, "alg")).Rotate(ctx); err != nil {
					t.Fatal(err)
				}
			},
			"promote": func(t *rapid.T) {
				if !l.hurry(t) {
					return
				}
				if _, err := l.ring.Promote(ctx, l.id(t, keyring.Next)); err != nil {
					t.Fatal(err)
				}
			},
			"revoke": func(t *rapid.T) {
				if !l.hurry(t) {
					return
				}
				id := l.id(t, keyring.Current)
				l.revoked[id] = true
				if _, err := l.ring.Revoke(ctx, id); err != nil {
					t.Fatal(err)
				}
			},
			"cold start": func(t *rapid.T) {
				l.publics[rapid.IntRange(0, 2).Draw(t, "function")] = keyring.NewPublicKeys(l.store, l.times, l.clock.Now)
			},
			"issue":     l.issue,
			"verify":    l.verify,
			"elsewhere": l.elsewhere,
			"":          l.note,
		})
	})
}
