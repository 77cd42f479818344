package keyring

import (
	"fmt"
	"strings"
	"time"

	"github.com/wavepass/wavepass/pkg/oauth"
)

// Defaults and limits of Times.
const (
	DefaultPeriod   = 30 * 24 * time.Hour
	DefaultCacheAge = 5 * time.Minute

	minPeriod   = 10 * time.Second
	maxPeriod   = 10 * 365 * 24 * time.Hour
	minCacheAge = time.Second
	maxCacheAge = time.Hour

	clockSkew = 30 * time.Second // between the host that retires a key and a host that verifies
)

// Times says how keys age. The zero value has the defaults. All functions of a deployment must agree.
type Times struct {
	// Period is how long a key signs, and how long it is published before that; 0: 30 days.
	Period time.Duration

	// CacheAge is how long a verifying function uses the keys that it holds, and how long other services may keep
	// the published ones; 0: 5 minutes. Issuing functions use theirs for a fifth of it. A key id that is not
	// held causes at most one reading in a tenth of it.
	CacheAge time.Duration
}

// Check reports what is wrong with t, in words for the operator.
func (t Times) Check() error {
	t = t.orDefault()
	switch {
	case t.CacheAge < minCacheAge || t.CacheAge > maxCacheAge:
		return fmt.Errorf("a cache age of %s: want %s to %s", t.CacheAge, minCacheAge, maxCacheAge)
	case t.Period < minPeriod || t.Period > maxPeriod:
		return fmt.Errorf("a key period of %s: want %s to %s", t.Period, minPeriod, maxPeriod)
	case t.Period < t.Spread():
		return fmt.Errorf("a key period of %s: want %s or more, for a key may only sign when every cache has learnt of it", t.Period, t.Spread())
	}
	return nil
}

// Spread is how long it takes until every verifier knows a new key: the function that publishes the set holds it for
// one cache age, and its callers keep the answer for another.
func (t Times) Spread() time.Duration { return 2 * t.orDefault().CacheAge }

// VerifierLife is how long a verifying function uses the keys that it holds, and the max-age of the published set.
func (t Times) VerifierLife() time.Duration { return t.orDefault().CacheAge }

// SignerLife is how long an issuing function uses the keys that it holds: a minute by default.
func (t Times) SignerLife() time.Duration { return t.orDefault().CacheAge / 5 }

// rereadEvery is the shortest time between two readings for key ids that are not held: 30 seconds by default.
func (t Times) rereadEvery() time.Duration { return t.orDefault().CacheAge / 10 }

// endOf is when a retired key stops verifying: when the last access token that it signed has expired, the last session
// whose refresh tokens it makes, or the last link.
func (t Times) endOf(e entry) time.Time {
	life := oauth.MaxAccessLife
	switch {
	case strings.HasPrefix(e.ID, LinkPrefix):
		life = MaxLinkLife
	case e.isMAC():
		life = oauth.MaxSessionLife
	}
	return e.RetiredAt.Add(t.SignerLife() + life + clockSkew)
}

func (t Times) orDefault() Times {
	if t.Period == 0 {
		t.Period = DefaultPeriod
	}
	if t.CacheAge == 0 {
		t.CacheAge = DefaultCacheAge
	}
	return t
}
