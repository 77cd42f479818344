package keyring

import (
	"fmt"
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

	clockSkew = 30 * time.Second // between the host that retires a key and one that verifies
)

// Times says how keys age. The zero value has the defaults. All functions of a deployment must agree.
type Times struct {
	// Period is how long a key signs; 0: 30 days. It has been published for as long before it does.
	Period time.Duration

	// CacheAge is how long a verifying function uses the keys that it holds, and how long others may keep
	// the published ones; 0: 5 minutes. What issuing functions hold lives a fifth of it, and a key id that
	// nobody knows has the keys read again at most once in a tenth.
	CacheAge time.Duration
}

// Check reports what is wrong with t, in words for whoever set it.
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

// Spread is how long it takes until every verifier knows a key that was published: the function that publishes
// holds its keys for one cache age, and who asked it keeps the answer for another.
func (t Times) Spread() time.Duration { return 2 * t.orDefault().CacheAge }

// VerifierLife is how long a verifying function uses what it holds, and the max-age of the published set.
func (t Times) VerifierLife() time.Duration { return t.orDefault().CacheAge }

// SignerLife is how long an issuing function uses what it holds: a minute by default.
func (t Times) SignerLife() time.Duration { return t.orDefault().CacheAge / 5 }

// rereadEvery is how often an unknown key id may have the keys read again: 30 seconds by default.
func (t Times) rereadEvery() time.Duration { return t.orDefault().CacheAge / 10 }

// overlap is how long a retired signing key verifies: until the last token that it signed has expired.
func (t Times) overlap() time.Duration { return t.SignerLife() + oauth.MaxAccessLife + clockSkew }

// macOverlap is the same for a MAC key: until the last session that began with it has ended.
func (t Times) macOverlap() time.Duration { return t.SignerLife() + oauth.MaxSessionLife + clockSkew }

func (t Times) orDefault() Times {
	if t.Period == 0 {
		t.Period = DefaultPeriod
	}
	if t.CacheAge == 0 {
		t.CacheAge = DefaultCacheAge
	}
	return t
}
