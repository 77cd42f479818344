// Package hooks lets a test count, fail, delay, repeat or lose the calls to a store.
package hooks

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wavepass/wavepass/pkg/oauth"
)

// Hooks are what a test does to the calls of a store, which they count. Set them before the first call.
type Hooks struct {
	// Before, when set, is called with the method's name before a call is carried out, outside the
	// store's lock: it may block. Its error becomes the call's, and nothing is carried out.
	Before func(ctx context.Context, method string) error
	// After is the same once the call has been carried out: its error is a lost reply.
	After func(ctx context.Context, method string) error
	// Around, when set, is given the call itself, and may carry it out once, several times or not at all. Where it
	// returns another error than the call did last, the reply is lost.
	Around func(ctx context.Context, method string, carryOut func() error) error

	counting sync.Mutex
	calls    []string
}

// Calls returns the names of the methods called so far, sorted, each as often as it was called.
func (h *Hooks) Calls() []string {
	h.counting.Lock()
	defer h.counting.Unlock()
	return slices.Sorted(slices.Values(h.calls))
}

// Count returns how often the method was called, failed calls included.
func (h *Hooks) Count(method string) int {
	n := 0
	for _, call := range h.Calls() {
		if call == method {
			n++
		}
	}
	return n
}

// ForgetCalls starts the count again.
func (h *Hooks) ForgetCalls() {
	h.counting.Lock()
	defer h.counting.Unlock()
	h.calls = nil
}

// Do carries out a call between the hooks. It is for stores that embed them.
func (h *Hooks) Do(ctx context.Context, method string, carryOut func() error) error {
	h.counting.Lock()
	h.calls = append(h.calls, method)
	h.counting.Unlock()
	if h.Before != nil {
		if err := h.Before(ctx, method); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", oauth.ErrUnavailable, ctx.Err())
	}
	around := h.Around
	if around == nil {
		around = func(_ context.Context, _ string, carryOut func() error) error { return carryOut() }
	}
	err := around(ctx, method, carryOut)
	if h.After != nil {
		if lost := h.After(ctx, method); lost != nil {
			return lost
		}
	}
	return err
}

// Fail returns a hook that makes the named methods unavailable.
func Fail(methods ...string) func(context.Context, string) error {
	return func(_ context.Context, method string) error {
		if slices.Contains(methods, method) {
			return fmt.Errorf("%w: %s fails in this test", oauth.ErrUnavailable, method)
		}
		return nil
	}
}

// Once returns a hook that runs do at the first call of method and at no other, also when do or another
// goroutine calls the store meanwhile.
func Once(method string, do func(context.Context) error) func(context.Context, string) error {
	var met atomic.Bool
	return func(ctx context.Context, called string) error {
		if called != method || met.Swap(true) {
			return nil
		}
		return do(ctx)
	}
}

// Meet returns a hook that lets the named methods go on only when all of them have been called; a name
// that is given twice has to be called twice. A call that waits longer than patience fails: the methods
// do not run side by side. Later calls go straight on.
func Meet(patience time.Duration, methods ...string) func(context.Context, string) error {
	var mu sync.Mutex
	missing := slices.Clone(methods)
	all := make(chan struct{})
	return func(_ context.Context, method string) error {
		mu.Lock()
		i := slices.Index(missing, method)
		if i >= 0 {
			if missing = slices.Delete(missing, i, i+1); len(missing) == 0 {
				close(all)
			}
		}
		mu.Unlock()
		if i < 0 {
			return nil
		}
		select {
		case <-all:
			return nil
		case <-time.After(patience):
			return fmt.Errorf("%w: %s waited in vain for the others of %v", oauth.ErrUnavailable, method, methods)
		}
	}
}
