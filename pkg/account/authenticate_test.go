package account_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/oauth"
)

const patience = 10 * time.Second

func TestLoginReturnsTheAccountAndItsEpoch(t *testing.T) {
	w := newWorld(t)
	got := w.wantIn("Ada", password)
	if diff := cmp.Diff(w.ada, got.Account); diff != "" {
		t.Errorf("account (-want +got):\n%s", diff)
	}
	w.wantCalls("Take", "Take", "Take", "LoginName", "AccountAndLogin")
}

// meanwhile does f after the login name was read, before it is read again beside the hash, the first n times.
func (w *world) meanwhile(n int, f func()) {
	w.store.Before = func(_ context.Context, method string) error {
		if method == "AccountAndLogin" && n > 0 {
			n--
			f()
		}
		return nil
	}
}

// The epoch is only raised: the hash that was checked is still the password, and the epoch is read with it.
func TestEpochRaisedDuringALoginIsTheLogins(t *testing.T) {
	w := newWorld(t)
	w.meanwhile(1, func() {
		w.ada.Epoch = 43
		w.store.SetAccount(w.ada, "")
	})
	if got := w.wantIn("ada", password); got.Account.Epoch != 43 {
		t.Errorf("epoch %d, want the new one, 43", got.Account.Epoch)
	}
}

func TestPasswordChangedDuringALoginIsTheOneThatCounts(t *testing.T) {
	for _, tried := range []string{password, newPassword} {
		w := newWorld(t)
		w.meanwhile(1, func() {
			w.ada.Epoch = 43
			w.store.SetAccount(w.ada, cheap(newPassword))
		})
		if tried == password {
			w.wantInvalid("ada", tried)
			continue
		}
		if got := w.wantIn("ada", tried); got.Account.Epoch != 43 {
			t.Errorf("epoch %d, want the new one, 43", got.Account.Epoch)
		}
		w.wantCalls("Take", "Take", "Take", "Take", "LoginName", "AccountAndLogin", "AccountAndLogin")
	}
}

// The name was given to another account: the password that was checked says nothing about that one.
func TestLoginNameThatLeadsElsewhereMeanwhileLetsNobodyIn(t *testing.T) {
	w := newWorld(t)
	w.meanwhile(1, func() {
		other := w.ada
		other.ID = keptID
		w.store.SetAccount(other, cheap(newPassword))
	})
	w.wantInvalid("ada", password)
}

func TestPasswordThatChangesAllTheTimeIsUnavailableAndCostsNothing(t *testing.T) {
	w := newWorld(t)
	n := 0
	w.meanwhile(1000, func() {
		n++
		w.store.SetAccount(w.ada, cheap(fmt.Sprint(password, n)))
	})
	w.wantUnavailable("ada", password)
	w.wantAttempts(0, 0)
	if n > 5 {
		t.Errorf("the login began %d times", n)
	}
}

func TestAccountDeletedDuringALoginLetsNobodyIn(t *testing.T) {
	w := newWorld(t)
	w.meanwhile(1, func() { w.store.DropAccount(w.ada.ID) })
	w.wantInvalid("ada", password)
}

func TestFailedLoginSaysWhoseItWas(t *testing.T) {
	w := newWorld(t)
	for name, want := range map[string]uuid.UUID{"ada": w.ada.ID, "nobody": {}} {
		_, err := w.try(name, "wrong-canary-wave")
		if failed, ok := errors.AsType[*account.FailedError](err); !ok || failed.AccountID != want {
			t.Errorf("%s: error %#v, want a FailedError of %s", name, err, want)
		}
	}
}

func TestUsernameAndPasswordAreComparedInTheirCanonicalForm(t *testing.T) {
	w := newWorld(t)
	w.ada.Username = "ren\u00e9"
	w.store.SetAccount(w.ada, cheap("caf\u00e9 wave"))
	for _, try := range [][2]string{
		{"ren\u00e9", "caf\u00e9 wave"}, {"RENE\u0301", "cafe\u0301 wave"}, {"ＲEN\u00c9", "caf\u00e9\u00a0wave"},
	} {
		success := w.wantIn(try[0], try[1])
		w.auth.Settle(t.Context(), success)
	}
	w.wantInvalid("ren\u00e9", "CAF\u00c9 wave") // case counts in a password
	w.wantInvalid("rene", "caf\u00e9 wave")
}

// unwelcome are all the ways to be nobody. The accounts' hashes cost what our own cost.
func unwelcome(t *testing.T) (*world, map[string][2]string) {
	t.Helper()
	w := newWorld(t)
	w.auth = account.NewAuthenticator(w.store, w.store, account.DefaultLimits, w.clock.Now)
	full := phc(password, 19*1024, 2, 1, 32)
	w.store.SetAccount(w.ada, full)
	disabled, orphan := w.ada, w.ada
	disabled.ID[15], disabled.Username, disabled.Disabled = 2, "disabled", true
	orphan.ID[15], orphan.Username = 3, "orphan"
	w.store.SetAccount(disabled, full)
	w.store.SetAccount(orphan, full)
	w.store.DropAccount(orphan.ID)
	return w, map[string][2]string{
		"wrong password":                    {"ada", "canary-wrong"},
		"no password":                       {"ada", ""},
		"password that cannot be one":       {"ada", "canary\x00"},
		"password far too long":             {"ada", strings.Repeat("x", 1<<16)},
		"unknown username":                  {"nobody", password},
		"unknown username, no password":     {"nobody", ""},
		"unknown username, the decoy's key": {"nobody", string(make([]byte, 32))},
		"text that cannot be a username":    {"a da", password},
		"no username":                       {"", password},
		"disabled account, right password":  {"disabled", password},
		"disabled account, wrong password":  {"disabled", "canary-wrong"},
		"login name whose account is gone":  {"orphan", password},
		"the username as the password":      {"ada", "ada"},
	}
}

func TestWhoIsNotLetInLearnsNothingAndCostsOneHash(t *testing.T) {
	w, tries := unwelcome(t)
	for name, try := range tries {
		t.Run(name, func(t *testing.T) {
			w.t = t
			if got := hashes(func() { w.wantInvalid(try[0], try[1]) }); got != 1 {
				t.Errorf("%d hashes computed, want exactly one", got)
			}
		})
	}
	t.Run("right password", func(t *testing.T) {
		w.t = t
		if got := hashes(func() { w.wantIn("ada", password) }); got != 1 {
			t.Errorf("%d hashes computed, want exactly one", got)
		}
	})
}

func TestKnownNamesThatAreRefusedCostTheSameStoreCalls(t *testing.T) {
	w, tries := unwelcome(t)
	for name, try := range tries {
		if slices.Contains([]string{"nobody", "a da", ""}, try[0]) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			w.t = t
			w.store.ForgetCalls()
			w.wantInvalid(try[0], try[1])
			w.wantCalls("Take", "Take", "Take", "LoginName", "AccountAndLogin")
		})
	}
}

func TestUnknownNameCostsTheStoreCallsOfAKnownOne(t *testing.T) {
	w, _ := unwelcome(t)
	for _, username := range []string{"nobody", "a da", ""} {
		w.store.ForgetCalls()
		w.wantInvalid(username, password)
		w.wantCalls("Take", "Take", "Take", "LoginName", "AccountAndLogin")
	}
}

func TestAttemptsAndLoginNameShareOneRoundTrip(t *testing.T) {
	w := newWorld(t)
	w.store.Before = hooks.Meet(patience, "Take", "Take", "LoginName")
	w.wantIn("ada", password)
}

func TestAccountIsReadWhileTheHashIsComputed(t *testing.T) {
	w := newWorld(t)
	w.store.SetAccount(w.ada, phc(password, 19*1024, 2, 1, 32))
	before := allocated()
	w.store.Before = func(_ context.Context, method string) error {
		if method != "AccountAndLogin" {
			return nil
		}
		deadline := time.Now().Add(patience)
		for allocated()-before < 18<<20 { // the hash takes its memory at once
			if time.Now().After(deadline) {
				return oauth.ErrUnavailable
			}
			runtime.Gosched()
		}
		return nil
	}
	w.wantIn("ada", password)
}

func TestFaultIsUnavailableAndCostsTheCallerNothing(t *testing.T) {
	for _, method := range []string{"LoginName", "AccountAndLogin"} {
		t.Run(method, func(t *testing.T) {
			w := newWorld(t)
			w.store.Before = hooks.Fail(method)
			for range limits.Account.Count + limits.Network.Count {
				w.wantUnavailable("ada", password)
			}
			w.wantAttempts(0, 0)
			w.store.Before = nil
			w.wantIn("ada", password)
		})
	}
}

func TestAttemptsThatCannotBeCountedLetNobodyIn(t *testing.T) {
	for _, kind := range []string{"account", "network"} {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t)
			w.auth = account.NewAuthenticator(w.store, failing{w.store, kind}, limits, w.clock.Now)
			got := hashes(func() { w.wantUnavailable("ada", password) })
			if got != 0 || w.store.Count("Account") != 0 {
				t.Errorf("%d hashes, %d account reads, want neither", got, w.store.Count("Account"))
			}
			w.wantAttempts(0, 0) // what the other bucket counted went back
		})
	}
}

// failing cannot count in buckets of one kind.
type failing struct {
	*fakestore.Store
	kind string
}

func (f failing) Take(ctx context.Context, b account.Bucket) (bool, error) {
	if b.Kind == f.kind {
		return false, oauth.ErrUnavailable
	}
	return f.Store.Take(ctx, b)
}

func TestRefundsThatFailChangeNoAnswer(t *testing.T) {
	w := newWorld(t)
	w.store.Before = hooks.Fail("Refund", "Clear")
	success := w.wantIn("ada", password)
	w.auth.Settle(t.Context(), success)
	w.wantInvalid("ada", "canary-wrong")
	w.wantInvalid("ada", "canary-wrong")
	w.wantTooMany("ada", password, 15*time.Minute)
}

func TestCallerWhoHangsUpIsNotLetIn(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got, err := w.auth.Authenticate(ctx, "ada", oauth.NewSecret(password), network, nil)
	w.wantNobody(got)
	if !errors.Is(err, oauth.ErrUnavailable) {
		t.Errorf("error %v, want ErrUnavailable", err)
	}
}

func TestPasswordIsInNoError(t *testing.T) {
	w := newWorld(t)
	errs := []error{}
	for _, fail := range []func(context.Context, string) error{
		nil, hooks.Fail("LoginName"), hooks.Fail("AccountAndLogin"), hooks.Fail("Take"), nil, nil, nil, nil,
	} {
		w.store.Before = fail
		for _, password := range []string{"canary-wrong", "canary\x00", "canary\xff"} {
			_, err := w.try("ada", password)
			errs = append(errs, err)
		}
	}
	for _, err := range errs {
		if err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("error %v, want one without the password", err)
		}
	}
}
