package history_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/oauth"
)

type fault string

const (
	none      fault = ""
	dropped   fault = "request dropped"
	replyLost fault = "reply lost after the write"
	repeated  fault = "reply lost, request repeated below the store"
	throttled fault = "throttled three times"
	conflict  fault = "conflict"
	delayed   fault = "delayed"
)

// errInjected is what a call fails with here. It tells these failures, whose effect is over when they
// return, from those of the store itself.
var errInjected = errors.New("fault of this test")

// faulty makes the calls to a table fail now and then.
type faulty struct {
	mu       sync.Mutex
	random   *rand.Rand
	on       bool
	throttle int // calls that are still refused
	injected map[fault]int
}

func newFaulty(seed uint64) *faulty {
	return &faulty{random: rand.New(rand.NewPCG(seed, 1)), injected: map[fault]int{}}
}

func (f *faulty) enable(on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.on, f.throttle = on, 0
}

// draw decides what befalls a call, and how long it is delayed.
func (f *faulty) draw() (fault, time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.on {
		return none, 0
	}
	drawn := none
	if f.throttle > 0 {
		f.throttle--
		return throttled, 0
	}
	switch p := f.random.Float64(); {
	case p < 0.02:
		drawn = dropped
	case p < 0.04:
		drawn = replyLost
	case p < 0.06:
		drawn = repeated
	case p < 0.063:
		drawn, f.throttle = throttled, 2
	case p < 0.075:
		drawn = conflict
	case p < 0.12:
		drawn = delayed
	}
	if drawn != none {
		f.injected[drawn]++
	}
	return drawn, time.Duration(f.random.IntN(3_000)) * time.Microsecond
}

// conflicting is what a conflict looks like to the caller, where it does not look like an outage.
var conflicting = map[string]error{"ChangeAccount": account.ErrConflict, "CreateAfter": account.ErrConflict}

// raisedKey is the key of an *atomic.Bool in a context that learns whether a change of the account was tried.
type raisedKey struct{}

// around carries out one call, or not.
func (f *faulty) around(ctx context.Context, method string, carryOut func() error) error {
	if raised, asked := ctx.Value(raisedKey{}).(*atomic.Bool); asked && method == "ChangeAccount" {
		raised.Store(true)
	}
	befallen, wait := f.draw()
	lost := fmt.Errorf("%w: %s: %s: %w", oauth.ErrUnavailable, method, befallen, errInjected)
	switch befallen {
	case dropped, throttled:
		return lost
	case replyLost:
		_ = carryOut()
		return lost
	case repeated:
		_ = carryOut()
	case conflict:
		if err, ok := conflicting[method]; ok {
			return err
		}
		return lost
	case delayed:
		time.Sleep(wait)
	}
	return carryOut()
}
