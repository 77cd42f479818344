package access_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/access"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/token"
)

// newCold is a world whose checker has read nothing, and whose log may be 5 s old.
func newCold(t *testing.T) *world {
	w := newWorld(t)
	verifier := token.NewVerifier(keyring.NewPublicKeys(w.store, keyring.Times{}, w.clock.Now), w.clock.Now)
	w.Checker = access.NewChecker(verifier, revocation.NewSnapshot(w.store, 5*time.Second, w.clock.Now))
	return w
}

func TestFirstCheckReadsKeysAndLogAtOnce(t *testing.T) {
	w := newCold(t)
	var both sync.WaitGroup
	both.Add(2)
	w.store.Before = func(ctx context.Context, method string) error {
		both.Done() // a third reading would panic
		met := make(chan struct{})
		go func() { both.Wait(); close(met) }()
		select {
		case <-met:
			return nil
		case <-time.After(time.Minute):
			t.Errorf("%s is read alone, want the keys and the log read at the same time", method)
			return errors.New("alone")
		}
	}
	for range 2 { // the second needs neither
		if err := w.check(w.claims(nil)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTextOfAnotherFormReadsNothing(t *testing.T) {
	w := newCold(t)
	w.store.ForgetCalls()
	for _, text := range []string{"", "x", "x.y", "x.y.z.w", "x.y!.z"} {
		if _, err := w.Check(t.Context(), oauth.NewSecret(text), token.Expect{Issuer: issuer, Audience: api}); !errors.Is(err, token.ErrInvalid) {
			t.Errorf("%q: %v, want it invalid", text, err)
		}
	}
	if calls := w.store.Calls(); len(calls) > 0 {
		t.Errorf("asked the store: %v", calls)
	}
}

func TestRefusalWaitsForTheReadingThatItBegan(t *testing.T) {
	w := newCold(t)
	var ended atomic.Bool
	w.store.After = func(_ context.Context, method string) error {
		if method == "Since" {
			time.Sleep(20 * time.Millisecond) // longer than a refusal takes
			ended.Store(true)
		}
		return nil
	}
	if err := w.check(w.claims(func(c *token.Claims) { c.Issuer = "https://evil.example" })); !errors.Is(err, token.ErrInvalid) {
		t.Errorf("%v, want it invalid", err)
	}
	if !ended.Load() {
		t.Error("the answer did not wait for the log: what still runs when a function answers is frozen with it")
	}
}
