package account_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// from tries a password from a network of its own for each number, on a device if it is given one.
func (w *world) from(n int, username, password string, device account.KnownDevice) error {
	_, err := w.auth.Authenticate(w.t.Context(), username, oauth.NewSecret(password), fmt.Sprintf("10.0.%d.0/24", n), device)
	return err
}

func known(name string) account.KnownDevice {
	return func(context.Context, account.LoginName) string { return name }
}

func limitedFor(err error) time.Duration {
	var limited *account.TooManyAttemptsError
	if errors.As(err, &limited) {
		return limited.RetryAfter
	}
	return 0
}

func TestAHundredFailuresInARowOverAllNetworksAreTheLast(t *testing.T) {
	w := newWorld(t)
	for n := range 100 {
		if err := w.from(n, "ada", "canary-wrong", nil); !errors.Is(err, account.ErrInvalidCredentials) {
			t.Fatalf("guess %d: %v, want invalid credentials", n+1, err)
		}
	}
	for n := 100; n < 110; n++ {
		if got := limitedFor(w.from(n, "ada", password, nil)); got != 24*time.Hour {
			t.Fatalf("the right password after 100 failures: retry after %s, want a day", got)
		}
	}
	w.clock.Advance(23 * time.Hour)
	if limitedFor(w.from(111, "ada", password, nil)) == 0 {
		t.Error("let in after 23 hours, want a day")
	}
	w.clock.Advance(time.Hour + time.Second)
	if err := w.from(112, "ada", password, nil); err != nil {
		t.Errorf("after a day: %v, want success", err)
	}
}

// TestUnknownNameHasTheSameCount fills the bucket of the name in one step, because each failure of an unknown name costs a whole hash.
func TestUnknownNameHasTheSameCount(t *testing.T) {
	w := newWorld(t)
	for range 99 {
		if ok, err := w.store.Take(t.Context(), account.NewBucketInRow(account.KindPassword, "nobody", w.clock.Now())); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	if err := w.from(1, "nobody", password, known("laptop")); !errors.Is(err, account.ErrInvalidCredentials) {
		t.Errorf("failure 100: %v, want invalid credentials", err)
	}
	if got := limitedFor(w.from(2, "nobody", password, known("laptop"))); got != 24*time.Hour {
		t.Errorf("after 100 failures: retry after %s, want a day", got)
	}
}

func TestSuccessBeginsTheCountAnew(t *testing.T) {
	w := newWorld(t)
	for n := range 99 {
		_ = w.from(n, "ada", "canary-wrong", nil)
	}
	got, err := w.auth.Authenticate(t.Context(), "ada", oauth.NewSecret(password), elsewhere, nil)
	if err != nil {
		t.Fatalf("after 99 failures: %v", err)
	}
	w.auth.Settle(t.Context(), got)
	for n := range 99 {
		if err := w.from(100+n, "ada", "canary-wrong", nil); limitedFor(err) != 0 {
			t.Fatalf("failure %d after a success: %v", n+1, err)
		}
	}
}

func TestKnownDeviceIsLetInWhateverOthersDo(t *testing.T) {
	w := newWorld(t)
	for range limits.Network.Count + 5 { // neighbours in the person's own network, with and without the name
		_, _ = w.try("ada", "canary-wrong")
	}
	for n := range 120 { // and a botnet that knows the name
		_ = w.from(n, "ada", "canary-wrong", nil)
	}
	for range 3 {
		got, err := w.auth.Authenticate(t.Context(), "ada", oauth.NewSecret(password), network, known("laptop"))
		if err != nil {
			t.Fatalf("on a known device: %v, want success", err)
		}
		w.auth.Settle(t.Context(), got)
	}
	if limitedFor(w.from(200, "ada", password, nil)) == 0 {
		t.Error("the login on the known device has given the botnet its guesses back")
	}
	w.wantTooManyIn(network) // nor the neighbours theirs
}

// wantTooManyIn reports a right password of ada's that is let in from a network.
func (w *world) wantTooManyIn(network string) {
	w.t.Helper()
	if _, err := w.auth.Authenticate(w.t.Context(), "ada", oauth.NewSecret(password), network, nil); limitedFor(err) == 0 {
		w.t.Errorf("from %s: %v, want too many attempts", network, err)
	}
}

func TestSuccessOnAKnownDeviceLeavesTheCountsOfOthers(t *testing.T) {
	w := newWorld(t)
	for range 2 {
		w.wantInvalid("ada", "canary-wrong")
	}
	got, err := w.auth.Authenticate(t.Context(), "ada", oauth.NewSecret(password), network, known("laptop"))
	if err != nil {
		t.Fatal(err)
	}
	w.auth.Settle(t.Context(), got)
	w.wantAttempts(2, 2)
	if row, device := w.store.Attempts(account.KindPassword), w.store.Attempts(account.KindDevice); row != 2 || device != 0 {
		t.Errorf("in a row: %d of the password and %d of the device, want 2 and 0", row, device)
	}
}

func TestKnownDeviceIsUnknownAfterAHundredFailures(t *testing.T) {
	w := newWorld(t)
	for n := range 100 {
		if err := w.from(n, "ada", "canary-wrong", known("laptop")); !errors.Is(err, account.ErrInvalidCredentials) {
			t.Fatalf("guess %d on the device: %v", n+1, err)
		}
	}
	if n := w.store.Attempts(account.KindPassword); n != 0 {
		t.Errorf("%d of them count for everybody, want none", n)
	}
	for n := range 100 { // like any stranger
		if err := w.from(100+n, "ada", "canary-wrong", known("laptop")); !errors.Is(err, account.ErrInvalidCredentials) {
			t.Fatalf("guess %d as a stranger: %v", n+1, err)
		}
	}
	if limitedFor(w.from(200, "ada", password, known("laptop"))) == 0 {
		t.Error("let in after 200 failures")
	}
	if err := w.from(201, "ada", password, known("phone")); err != nil {
		t.Errorf("on another known device: %v, want success", err)
	}
}

func TestNewPasswordHasACountOfItsOwn(t *testing.T) {
	w := newWorld(t)
	for n := range 101 {
		_ = w.from(n, "ada", "canary-wrong", nil)
	}
	w.store.SetAccount(w.ada, cheap("recovered-canary-wave"))
	if err := w.from(102, "ada", "recovered-canary-wave", nil); err != nil {
		t.Errorf("after a recovery: %v, want success", err)
	}
}

func TestParallelGuessersAreToldNoMoreThanAHundredAnswers(t *testing.T) {
	w := newWorld(t)
	var wg sync.WaitGroup
	told := make(chan error, 64*4)
	for caller := range 64 {
		wg.Go(func() {
			for n := range 4 {
				told <- w.from(caller*4+n, "ada", "canary-wrong", nil)
			}
		})
	}
	wg.Wait()
	close(told)
	answered := 0
	for err := range told {
		if errors.Is(err, account.ErrInvalidCredentials) {
			answered++
		}
	}
	if answered != 100 {
		t.Errorf("%d of 256 parallel guesses were answered, want 100", answered)
	}
}

// The count costs no round trip: it is taken beside the hash and the reading of the account, and nothing is told before it is.
func TestNothingIsToldBeforeItIsCounted(t *testing.T) {
	w := newWorld(t)
	takes := 0
	var mu sync.Mutex
	w.store.Before = func(_ context.Context, method string) error {
		mu.Lock()
		defer mu.Unlock()
		if method != "Take" {
			return nil
		}
		if takes++; takes == 3 {
			return oauth.ErrUnavailable
		}
		return nil
	}
	w.wantUnavailable("ada", password)
}

func TestZeroLimitsAreTheDefaults(t *testing.T) {
	w := newWorld(t)
	w.auth = account.NewAuthenticator(w.store, w.store, account.Limits{}, w.clock.Now)
	for n := range account.DefaultLimits.Account.Count {
		if _, err := w.try("ada", "canary-wrong"); !errors.Is(err, account.ErrInvalidCredentials) {
			t.Fatalf("failure %d: %v", n+1, err)
		}
	}
	if _, err := w.try("ada", password); limitedFor(err) == 0 {
		t.Error("no limit, want the default")
	}
}
