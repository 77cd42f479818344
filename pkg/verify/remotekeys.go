package verify

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
)

const (
	refetchEvery = 30 * time.Second // at most, while there are keys that may be used
	retryEvery   = 3 * time.Second  // at most, while there are none
	patience     = time.Second      // a caller waits for a new set at most, while there are keys that may be used
)

// remoteKeys is an issuer's key set as it is kept in memory. It implements token.VerifyKeys.
type remoteKeys struct {
	source   keySource
	maxStale time.Duration
	now      func() time.Time

	mu      sync.Mutex
	set     map[string]keyring.VerifyKey // by header segment; nil: none yet
	life    time.Duration
	readAt  time.Time     // wall clock: the monotonic one stands still while a machine sleeps
	triedAt time.Time     // the same, of the last fetch, also one that failed
	failure error         // of the last fetch
	flight  chan struct{} // closed when the fetch in progress has ended; nil: none
}

// ByHeader returns the key whose tokens have exactly this encoded header segment. A known key of a young set is returned
// without asking. When the set has reached its age, callers wait for a new one, but only for patience while the old one may be used.
func (k *remoteKeys) ByHeader(ctx context.Context, segment string) (keyring.VerifyKey, error) {
	k.mu.Lock()
	key, known := k.set[segment]
	if known && k.younger(k.life) {
		k.mu.Unlock()
		return key, nil
	}
	flight := k.flight
	if flight == nil && k.mayAsk() {
		flight = k.ask(ctx)
	}
	usable := known && k.younger(k.life+k.maxStale)
	k.mu.Unlock()
	if flight != nil {
		if err := waitForFetch(ctx, flight, usable); err != nil {
			return keyring.VerifyKey{}, err
		}
	}
	return k.answer(segment)
}

// waitForFetch returns when the fetch has ended, or after patience when the caller's key may be used as it is.
func waitForFetch(ctx context.Context, flight <-chan struct{}, usable bool) error {
	var enough <-chan time.Time
	if usable {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		enough = timer.C
	}
	select {
	case <-flight:
	case <-enough:
	case <-ctx.Done():
		if !usable {
			return fmt.Errorf("%w: waiting for keys: %w", oauth.ErrUnavailable, ctx.Err())
		}
	}
	return nil
}

// answer returns the key if it is held, after everything was tried that may be tried now.
func (k *remoteKeys) answer(segment string) (keyring.VerifyKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key, known := k.set[segment]
	switch usable := k.younger(k.life + k.maxStale); {
	case known && usable:
		return key, nil
	case k.failure != nil: // the key may be in the set that could not be read
		return keyring.VerifyKey{}, fmt.Errorf("%w: keys of %s: %w", oauth.ErrUnavailable, k.source.issuer, k.failure)
	case !usable:
		return keyring.VerifyKey{}, fmt.Errorf("%w: keys of %s: too old", oauth.ErrUnavailable, k.source.issuer)
	}
	return keyring.VerifyKey{}, keyring.ErrUnknownKey
}

// younger reports whether there is a set that is younger than life. A set from the future, which was read before the clock
// was set back, does not count.
func (k *remoteKeys) younger(life time.Duration) bool {
	age := k.now().Round(0).Sub(k.readAt)
	return k.set != nil && 0 <= age && age < life
}

// mayAsk bounds how often the issuer is asked, whatever tokens arrive and whether it answers or not.
func (k *remoteKeys) mayAsk() bool {
	pause := retryEvery
	if k.younger(k.life + k.maxStale) {
		pause = refetchEvery
	}
	since := k.now().Round(0).Sub(k.triedAt)
	return since < 0 || since >= pause
}

// ask begins a fetch. It does not end when the caller that began it goes away, because others wait for it too.
func (k *remoteKeys) ask(ctx context.Context) chan struct{} {
	flight, began := make(chan struct{}), k.now().Round(0)
	k.flight, k.triedAt = flight, began
	go func() {
		set, life, err := k.source.fetch(context.WithoutCancel(ctx))
		k.mu.Lock()
		defer k.mu.Unlock()
		if err == nil {
			k.set, k.life, k.readAt = set, life, began
		}
		k.failure, k.flight = err, nil
		close(flight)
	}()
	return flight
}
