package account_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/oauth"
)

func TestDefaultLimits(t *testing.T) {
	want := account.Limits{
		Account: account.Limit{Count: 10, Window: 15 * time.Minute},
		Network: account.Limit{Count: 300, Window: 15 * time.Minute},
	}
	if account.DefaultLimits != want {
		t.Errorf("default limits %+v, want %+v", account.DefaultLimits, want)
	}
}

func TestAttemptIsCountedBeforeThePasswordIsLookedAt(t *testing.T) {
	w := newWorld(t)
	begun := 0
	w.store.Before = func(_ context.Context, method string) error {
		if method == "Account" { // read beside the hash
			begun++
			w.wantAttempts(begun, begun)
		}
		return nil
	}
	w.wantIn("ada", password)
	w.wantInvalid("nobody", password)
	w.wantAttempts(2, 2)
}

func TestOverTheAccountLimitThePasswordIsNotEvenChecked(t *testing.T) {
	w := newWorld(t)
	for range limits.Account.Count {
		w.wantInvalid("ada", "canary-wrong")
	}
	w.clock.Advance(4 * time.Minute)
	w.store.ForgetCalls()
	for range 20 {
		if got := hashes(func() { w.wantTooMany("ADA", password, 11*time.Minute) }); got != 0 {
			t.Fatalf("%d hashes computed, want none", got)
		}
	}
	if n := w.store.Count("Account"); n != 0 {
		t.Errorf("the account was read %d times, want never", n)
	}
	w.wantAttempts(3, 3) // refused tries give back what the network counted

	if _, err := w.auth.Authenticate(t.Context(), "ada", oauth.NewSecret(password), elsewhere, nil); err != nil {
		t.Errorf("from another network: %v, want success: nobody is locked out for good", err)
	}
	w.wantInvalid("grace", password) // another name from the same network is only refused
}

func TestOverTheNetworkLimitNoNameIsTried(t *testing.T) {
	w := newWorld(t)
	for _, username := range []string{"a", "b", "c", "d", "e"} {
		w.wantInvalid(username, password)
	}
	w.clock.Advance(4 * time.Minute)
	w.wantTooMany("ada", password, 6*time.Minute)
	w.wantTooMany("f", password, 6*time.Minute)
	w.wantAttempts(5, 5) // refused tries give back what the account counted
	if _, err := w.auth.Authenticate(t.Context(), "ada", oauth.NewSecret(password), elsewhere, nil); err != nil {
		t.Errorf("from another network: %v, want success", err)
	}
}

func TestOverBothLimitsTheLaterEndCounts(t *testing.T) {
	w := newWorld(t)
	for range limits.Account.Count {
		w.wantInvalid("ada", "canary-wrong")
	}
	w.wantInvalid("b", password)
	w.wantInvalid("c", password)
	w.clock.Advance(time.Minute)
	w.wantTooMany("ada", password, 14*time.Minute)
}

func TestUnknownNamesAreThrottledLikeKnownOnes(t *testing.T) {
	for _, username := range []string{"nobody", "a da", ""} {
		w := newWorld(t)
		for range limits.Account.Count {
			w.wantInvalid(username, password)
		}
		w.wantTooMany(username, password, 15*time.Minute)
	}
}

func TestNextWindowStartsFromNothing(t *testing.T) {
	w := newWorld(t)
	for range limits.Account.Count {
		w.wantInvalid("ada", "canary-wrong")
	}
	w.clock.Set(start.Add(15*time.Minute - time.Millisecond))
	w.wantTooMany("ada", password, time.Millisecond)
	w.clock.Advance(time.Millisecond)
	w.wantIn("ada", password)
}

func TestSuccessClearsTheAccountAndRefundsTheNetwork(t *testing.T) {
	w := newWorld(t)
	w.wantInvalid("ada", "canary-wrong")
	w.wantInvalid("ada", "canary-wrong")
	success := w.wantIn("ada", password)
	w.wantAttempts(3, 3)
	w.auth.Settle(t.Context(), success)
	w.wantAttempts(0, 2)
}

func TestManySuccessesNeverReachALimit(t *testing.T) {
	w := newWorld(t)
	for range 3 * limits.Network.Count {
		w.auth.Settle(t.Context(), w.wantIn("ada", password))
	}
	w.wantAttempts(0, 0)
}

func TestParallelGuessesStopExactlyAtTheLimit(t *testing.T) {
	const guesses = 50
	w := newWorld(t)
	wide := account.Limits{Account: limits.Account, Network: account.Limit{Count: 1000, Window: time.Hour}}
	auth := account.NewAuthenticator(w.store, w.store, wide, w.clock.Now)
	errs := make([]error, guesses)
	var wg sync.WaitGroup
	for i := range guesses {
		wg.Go(func() {
			_, errs[i] = auth.Authenticate(t.Context(), "ada", oauth.NewSecret("canary-wrong"), network, nil)
		})
	}
	wg.Wait()
	checked, limited := 0, 0
	for _, err := range errs {
		var tooMany *account.TooManyAttemptsError
		switch {
		case errors.Is(err, account.ErrInvalidCredentials):
			checked++
		case errors.As(err, &tooMany):
			limited++
		default:
			t.Errorf("error %v", err)
		}
	}
	if checked != limits.Account.Count || limited != guesses-checked {
		t.Errorf("%d guesses checked and %d refused, want %d and %d", checked, limited, limits.Account.Count, guesses-limits.Account.Count)
	}
	w.wantAttempts(limits.Account.Count, limits.Account.Count)
}

func TestBucketsOfALogin(t *testing.T) {
	at := start.Add(7*time.Minute + 3*time.Second)
	got := buckets(t, "ADA", network, at)
	for i, want := range []account.Bucket{
		{Kind: "account", Window: start.Unix() / 900, Limit: 3, Until: start.Add(15 * time.Minute)},
		{Kind: "network", Key: network, Window: start.Unix() / 600, Limit: 5, Until: start.Add(10 * time.Minute)},
	} {
		b := got[i]
		if want.Kind == "account" { // how name and network are joined is nobody's business
			b.Key = ""
		}
		if b != want {
			t.Errorf("bucket %+v, want %+v", b, want)
		}
	}
	if key := got[0].Key; !strings.Contains(key, "ada") || !strings.Contains(key, network) {
		t.Errorf("the account's bucket counts %q, want the canonical name and the network in it", key)
	}
}

func TestBucketsThatAreOneAndBucketsThatAreNot(t *testing.T) {
	base := buckets(t, "ada", network, start)
	for name, test := range map[string]struct {
		username, network string
		at                time.Time
		account, also     bool // same bucket of account, of network
	}{
		"other case":            {"ADA", network, start, true, true},
		"other password try":    {"ada", network, start.Add(time.Minute), true, true},
		"other name":            {"grace", network, start, false, true},
		"name that looks alike": {"ada" + network, "", start, false, false},
		"other network":         {"ada", elsewhere, start, false, false},
		"next network window":   {"ada", network, start.Add(10 * time.Minute), true, false},
		"next windows":          {"ada", network, start.Add(15 * time.Minute), false, false},
		"name that cannot be":   {"ada\x00", network, start, false, true},
	} {
		got := buckets(t, test.username, test.network, test.at)
		if same := got[0] == base[0]; same != test.account {
			t.Errorf("%s: same account bucket %t, want %t", name, same, test.account)
		}
		if same := got[1] == base[1]; same != test.also {
			t.Errorf("%s: same network bucket %t, want %t", name, same, test.also)
		}
	}
}
