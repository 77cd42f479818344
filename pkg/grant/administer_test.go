package grant_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/wavepass/wavepass/internal/eventlines"
	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/operate"
)

func (w *world) operate() *operate.Operator {
	return operate.New(w.store, audit.NewTrail(eventlines.Watch(w.t, &w.trail), w.clock.Now), w.clock.Now)
}

func second(_ bool, err error) error { return err }

// administrations are the five changes, each with the event that it records.
var administrations = map[string]func(*world) error{
	audit.AccountDisabled: func(w *world) error { return second(w.operate().Disable(w.t.Context(), w.ada.ID)) },
	audit.AccountEnabled: func(w *world) error {
		if a, err := w.store.Account(w.t.Context(), w.ada.ID); err == nil && !a.Disabled {
			a.Disabled = true
			w.store.SetAccount(a, "")
		}
		return second(w.operate().Enable(w.t.Context(), w.ada.ID))
	},
	audit.AccountDeleted: func(w *world) error { return w.operate().Delete(w.t.Context(), w.ada.ID) },
	audit.PasswordSet: func(w *world) error {
		return w.operate().SetPassword(w.t.Context(), w.ada.ID, oauth.NewSecret(newPassword))
	},
	audit.AccessSet: func(w *world) error {
		return second(w.operate().SetAccess(w.t.Context(), w.ada, account.Access{Roles: []string{"guest"}, Scopes: []string{"read"}}))
	},
}

func TestAdministrationIsRecordedOnceItIsDone(t *testing.T) {
	for name, change := range administrations {
		w := newWorld(t)
		if err := change(w); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if events := w.events(); len(events) != 1 || events[0].Name != name || events[0].Subject != w.ada.ID.String() {
			t.Errorf("%s: events %+v, want one that names the account", name, events)
		}
		w = newWorld(t)
		w.store.Before = hooks.Fail("Account", "SetAccess")
		if err := change(w); !errors.Is(err, oauth.ErrUnavailable) {
			t.Errorf("%s with a fault: %v, want ErrUnavailable", name, err)
		}
		w.wantEvents()
		w = newWorld(t)
		w.store.DropAccount(w.ada.ID)
		if err := change(w); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("%s of nobody: %v, want ErrNotFound", name, err)
		}
		w.wantEvents()
	}
}

func TestAdministrationEndsSessionsForGood(t *testing.T) {
	for _, name := range []string{audit.AccountDisabled, audit.AccountDeleted, audit.PasswordSet} {
		w := newWorld(t)
		chain := w.chain(2)
		if err := administrations[name](w); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, held := range chain {
			w.wantDead(held)
		}
		_, err := w.tryLogin("native", password)
		if !errors.Is(err, account.ErrInvalidCredentials) {
			t.Errorf("%s: login: %v, want ErrInvalidCredentials", name, err)
		}
		switch name {
		case audit.AccountDisabled:
			if err := administrations[audit.AccountEnabled](w); err != nil {
				t.Fatal(err)
			}
		case audit.AccountDeleted:
			accepted, err := account.PasswordRules{}.Accept(oauth.NewSecret(password), "ada")
			if err != nil {
				t.Fatal(err)
			}
			again, hash, err := account.New("ada", accepted, w.clock.Now())
			if err != nil {
				t.Fatal(err)
			}
			if err := w.store.CreateAccount(t.Context(), again, hash); err != nil {
				t.Fatal(err)
			}
		case audit.PasswordSet:
			if _, err := w.tryLogin("native", newPassword); err != nil {
				t.Errorf("%s: login with the new password: %v", name, err)
			}
			continue
		}
		later := w.mustLogin()
		w.wantAccepted(later)
		w.mustRefresh(later.RefreshToken)
		for _, held := range chain {
			w.wantDead(held)
		}
	}
}

// What an access token says stays so until it expires; the next one says what the account may now.
func TestAccessThatIsSetShowsWithTheNextRefresh(t *testing.T) {
	w := newWorld(t)
	before := w.mustLogin()
	if err := administrations[audit.AccessSet](w); err != nil {
		t.Fatal(err)
	}
	w.wantAccepted(before)
	if old := w.claims(before); old.Scope != "read write" || !slices.Equal(old.Roles, w.ada.Roles) {
		t.Errorf("the old access token has scope %q and roles %q", old.Scope, old.Roles)
	}
	after := w.mustRefresh(before.RefreshToken)
	if now := w.claims(after); now.Scope != "read" || !slices.Equal(now.Roles, []string{"guest"}) {
		t.Errorf("the next access token has scope %q and roles %q, want read and guest", now.Scope, now.Roles)
	}
}
