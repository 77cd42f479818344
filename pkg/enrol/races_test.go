package enrol_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/link"
	"github.com/wavepass/wavepass/pkg/oauth"
)

func TestOfManyWithOneProofOneIsServed(t *testing.T) {
	w := newWorld(t)
	proof, _ := w.mailed(link.SignUp, mailbox)
	count := func(do func(password oauth.Secret) error) (served int) {
		var all sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			all.Go(func() { errs[i] = do(oauth.NewSecret(fmt.Sprint(newPassword, i))) })
		}
		all.Wait()
		for _, err := range errs {
			switch {
			case err == nil:
				served++
			case !errors.Is(err, link.ErrDead):
				t.Errorf("%v, want ErrDead", err)
			}
		}
		return served
	}
	if n := count(func(password oauth.Secret) error { _, err := w.SignUp(t.Context(), proof, password); return err }); n != 1 {
		t.Errorf("%d signed up, want 1", n)
	}
	proof, _ = w.mailed(link.Recover, mailbox)
	if n := count(func(password oauth.Secret) error {
		_, err := w.Recover(t.Context(), proof, password, by)
		return err
	}); n != 1 {
		t.Errorf("%d recovered, want 1", n)
	}
}

func TestRecoveryDoesNotReplaceAPasswordThatWasChangedMeanwhile(t *testing.T) {
	w := newWorld(t)
	a := w.ada()
	proof, _ := w.mailed(link.Recover, mailbox)
	changed := false
	w.store.Before = func(ctx context.Context, method string) error {
		if method != "ChangeAccount" || changed {
			return nil
		}
		changed = true
		return account.NewEditor(w.store, w.clock.Now).SetPassword(ctx, a.ID, oauth.NewSecret("yet-another-canary"), account.PasswordRules{})
	}
	w.want("recover", w.recover(proof), link.ErrDead)
	w.wantPassword("yet-another-canary")
}

// TestFaultAtEveryCall: whatever call fails or loses its answer, the change is made whole or not at all, an outage is no dead
// link, and a proof that was not used can be used again.
func TestFaultAtEveryCall(t *testing.T) {
	for _, lost := range []bool{false, true} {
		for at := 1; ; at++ {
			w := newWorld(t)
			a := w.ada()
			proof, _ := w.mailed(link.Recover, mailbox)
			calls, method := 0, ""
			fault := func(ctx context.Context, name string) error {
				if calls++; calls != at {
					return nil
				}
				method = name
				return hooks.Fail(name)(ctx, name)
			}
			if lost {
				w.store.After = fault
			} else {
				w.store.Before = fault
			}
			err := w.recover(proof)
			w.store.Before, w.store.After = nil, nil
			if method == "" {
				if at < 5 {
					t.Fatalf("%d calls, want some", at-1)
				}
				break
			}
			what := fmt.Sprintf("%s, lost %t", method, lost)
			w.want(what, err, oauth.ErrUnavailable)
			now, _ := w.account(a.ID)
			switch made := now.Epoch != a.Epoch; {
			case made != (lost && method == "ChangeAccount"):
				t.Errorf("%s: changed %t", what, made)
			case made:
				w.wantPassword(newPassword)
				w.want(what+": again", w.recover(proof), nil)
				if after, _ := w.account(a.ID); after.Epoch != now.Epoch {
					t.Errorf("%s: the second time has changed the account", what)
				}
			default:
				w.wantPassword(password)
				w.want(what+": again", w.recover(proof), nil)
			}
		}
	}
}
