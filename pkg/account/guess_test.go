package account_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// guess tries wrong passwords at the same moment and returns how many were looked at.
func (w *world) guess(n int, username string) int {
	w.t.Helper()
	var looked, limited atomic.Int64
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			_, err := w.auth.Authenticate(w.t.Context(), username, oauth.NewSecret("canary-wrong"), network, nil)
			var over *account.TooManyAttemptsError
			switch {
			case errors.Is(err, account.ErrInvalidCredentials):
				looked.Add(1)
			case errors.As(err, &over):
				limited.Add(1)
			default:
				w.t.Errorf("guess at %s: %v, want ErrInvalidCredentials or TooManyAttemptsError", username, err)
			}
		})
	}
	wg.Wait()
	if got := looked.Load() + limited.Load(); got != int64(n) {
		w.t.Errorf("%d answers to %d guesses", got, n)
	}
	return int(looked.Load())
}

// guessLimits are far enough apart that the network's never keeps a guess at one account out.
var guessLimits = account.Limits{
	Account: account.Limit{Count: 10, Window: 15 * time.Minute},
	Network: account.Limit{Count: 10_000, Window: 15 * time.Minute},
}

func TestParallelGuessesAtOneAccountGetExactlyTheLimit(t *testing.T) {
	w := newWorld(t)
	w.auth = account.NewAuthenticator(w.store, w.store, guessLimits, w.clock.Now)
	if looked := w.guess(5000, "ada"); looked != 10 || w.store.Count("AccountAndLogin") != 10 {
		t.Errorf("%d passwords looked at, %d accounts read, want 10", looked, w.store.Count("AccountAndLogin"))
	}
	w.wantAttempts(10, 10) // who was refused did not count for the network
	w.wantTooMany("ada", password, 15*time.Minute)
}

// The slack: a window ends at a time that everybody knows, so its last moment and the first of the next are
// good for twice the limit, and no more.
func TestGuessesOnBothSidesOfABoundaryGetTwiceTheLimit(t *testing.T) {
	w := newWorld(t)
	w.auth = account.NewAuthenticator(w.store, w.store, guessLimits, w.clock.Now)
	w.clock.Set(start.Add(15*time.Minute - 1))
	looked := w.guess(2500, "ada")
	w.clock.Advance(1)
	looked += w.guess(2500, "ada")
	w.clock.Advance(15*time.Minute - 1)
	looked += w.guess(100, "ada")
	if looked != 20 {
		t.Errorf("%d passwords looked at, want 20", looked)
	}
}

func TestParallelGuessesOfOneNetworkGetItsLimitAndNoMore(t *testing.T) {
	w := newWorld(t)
	tight := account.Limits{Account: guessLimits.Account, Network: account.Limit{Count: 25, Window: 15 * time.Minute}}
	w.auth = account.NewAuthenticator(w.store, w.store, tight, w.clock.Now)
	names := []string{"ada", "grace", "mary", "joan", "radia"}
	for i, username := range names {
		other := w.ada
		other.ID[15], other.Username = byte(10+i), username
		w.store.SetAccount(other, cheap(password))
	}
	looked := 0
	for _, username := range names {
		looked += w.guess(1000, username)
	}
	// A refused guess holds a place for a moment, which keeps others out; one after another the rest is taken.
	for range tight.Account.Count {
		for _, username := range names {
			looked += w.guess(1, username)
		}
	}
	if looked != 25 {
		t.Errorf("%d passwords looked at, want 25", looked)
	}
	w.wantTooMany("nobody", password, 15*time.Minute)
}
