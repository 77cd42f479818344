package account_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/claims"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
)

var keptID = uuid.MustParse("0190b0e4-7e00-7000-8000-00000000000a")

// keepingWorld has a session of ada, too.
func keepingWorld(t *testing.T) (*world, *changes, *account.Editor) {
	t.Helper()
	w, store, editor := editorWorld(t)
	w.store.SetSession(session.Session{
		AccountID: w.ada.ID, ID: keptID, Epoch: w.ada.Epoch, IdleExpiry: start.Add(time.Hour), Expiry: start.Add(time.Hour),
	})
	return w, store, editor
}

func (w *world) checked() account.Authenticated {
	w.t.Helper()
	return w.wantIn("ada", password)
}

// begin carries out a change and keeps nothing, as the store would that begins a session with it.
func (w *world) begin(store *changes) account.Begin {
	return func(c account.Change) error { return store.ChangeAccount(w.t.Context(), c) }
}

// beginners are the edits that begin a session.
var beginners = map[string]func(*world, *account.Editor, *changes, account.Authenticated) error{
	"end and begin": func(w *world, e *account.Editor, s *changes, who account.Authenticated) error {
		return e.EndAndBegin(w.t.Context(), who, w.begin(s))
	},
	"change password": func(w *world, e *account.Editor, s *changes, who account.Authenticated) error {
		return e.ChangePassword(w.t.Context(), who, accepted(w.t, newPassword), w.begin(s))
	},
}

// keepers are the edits that keep a session.
var keepers = map[string]func(*world, *account.Editor) error{
	"end others": func(w *world, e *account.Editor) error { return e.EndOthers(w.t.Context(), w.ada, keptID) },
}

func TestKeptSessionHasTheNewEpoch(t *testing.T) {
	for name, edit := range keepers {
		w, store, editor := keepingWorld(t)
		if err := edit(w, editor); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		a, l := w.stored()
		kept, _ := w.store.GetSession(keptID)
		log := w.store.Log()
		if a.Epoch != start.Unix() || kept.Epoch != a.Epoch || len(log) != 1 || log[0].MinEpoch != a.Epoch {
			t.Errorf("%s: epoch %d of the account, %d of the session, log %v; want %d everywhere", name, a.Epoch, kept.Epoch, log, start.Unix())
		}
		if l.Hash != cheap(password) || len(store.asked) != 1 {
			t.Errorf("%s: password hash %s, %d changes", name, l.Hash, len(store.asked))
		}
	}
}

func TestSessionThatHasEndedIsNotKeptAndNothingChanges(t *testing.T) {
	for name, edit := range keepers {
		w, _, editor := keepingWorld(t)
		w.store.DropSession(keptID)
		w.wantUnchanged(func() {
			if err := edit(w, editor); !errors.Is(err, account.ErrNotKept) || errors.Is(err, oauth.ErrUnavailable) {
				t.Errorf("%s: error %v, want ErrNotKept", name, err)
			}
		})
	}
}

// Somebody else's change has raised the epoch just before: it has ended the session that was to be kept.
func TestEndOthersAfterAnotherEndedItsSessionKeepsNothing(t *testing.T) {
	w, _, editor := keepingWorld(t)
	meddle(w, 1, func(*account.Account) {})
	if err := keepers["end others"](w, editor); !errors.Is(err, account.ErrNotKept) {
		t.Errorf("error %v, want ErrNotKept", err)
	}
	if log := w.store.Log(); len(log) > 0 {
		t.Errorf("log %v, want nothing changed", log)
	}
}

func TestSessionBeginsWithTheEpochOfTheChange(t *testing.T) {
	for name, edit := range beginners {
		w, store, editor := keepingWorld(t)
		if err := edit(w, editor, store, w.checked()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		a, l := w.stored()
		if c := store.asked[0]; c.Account.Epoch != a.Epoch || a.Epoch <= w.ada.Epoch || len(store.asked) != 1 {
			t.Errorf("%s: the change has epoch %d, the account %d after %d", name, c.Account.Epoch, a.Epoch, w.ada.Epoch)
		}
		if changed := l.Hash != cheap(password); changed != (name == "change password") {
			t.Errorf("%s: password hash changed: %t", name, changed)
		}
	}
}

// Somebody else has ended the sessions, and the password is still the one that was checked: there is nothing to wait for.
func TestCheckedPasswordIsGoodAfterAConflictWhileItIsThePassword(t *testing.T) {
	for name, edit := range beginners {
		w, store, editor := keepingWorld(t)
		checked := w.checked()
		meddle(w, 1, func(*account.Account) {})
		if err := edit(w, editor, store, checked); err != nil || len(store.asked) != 2 {
			t.Errorf("%s: error %v after %d changes, want none after 2", name, err, len(store.asked))
		}
	}
}

func TestCheckedPasswordThatIsNoLongerThePasswordChangesNothing(t *testing.T) {
	for name, edit := range beginners {
		for how, meanwhile := range map[string]func(*world){
			"password changed": func(w *world) { w.ada.Epoch++; w.store.SetAccount(w.ada, cheap("somebody-elses-wave")) },
			"disabled":         func(w *world) { w.ada.Epoch++; w.ada.Disabled = true; w.store.SetAccount(w.ada, "") },
		} {
			w, store, editor := keepingWorld(t)
			checked := w.checked()
			meanwhile(w)
			w.wantUnchanged(func() {
				if err := edit(w, editor, store, checked); !errors.Is(err, oauth.ErrUnavailable) {
					t.Errorf("%s, %s: error %v, want ErrUnavailable", name, how, err)
				}
			})
		}
	}
}

func TestEnableTakesDisableBackAndEndsNothingThatLives(t *testing.T) {
	w, store, editor := editorWorld(t)
	w.wantUnchanged(func() {
		if _, err := editor.Enable(t.Context(), w.ada.ID); err != nil {
			t.Errorf("enable an account that is enabled: %v", err)
		}
	})
	if _, err := editor.Disable(t.Context(), w.ada.ID); err != nil {
		t.Fatal(err)
	}
	disabled, _ := w.stored()
	if _, err := editor.Enable(t.Context(), w.ada.ID); err != nil {
		t.Fatal(err)
	}
	if a, _ := w.stored(); a.Disabled || a.Epoch <= disabled.Epoch || len(store.asked) != 2 {
		t.Errorf("disabled %t, epoch %d after %d, want it enabled with a higher one", a.Disabled, a.Epoch, disabled.Epoch)
	}
	w.wantIn("ada", password)
}

// Two administrators enable at once, and somebody logs in between: the second must not log them out.
func TestEnableThatMeetsAnotherChangesNothing(t *testing.T) {
	w, store, editor := editorWorld(t)
	w.ada.Disabled = true
	w.store.SetAccount(w.ada, "")
	meddle(w, 1, func(a *account.Account) { a.Disabled = false })
	if _, err := editor.Enable(t.Context(), w.ada.ID); err != nil {
		t.Fatal(err)
	}
	if log := w.store.Log(); len(store.asked) != 1 || len(log) > 0 {
		t.Errorf("%d changes were tried, log %v; want one that met a conflict", len(store.asked), log)
	}
}

// Two operators disable or enable an account at once: exactly one may say, and record, that they did it.
func TestOneOfTwoConcurrentCallsDisablesTheAccount(t *testing.T) {
	set := map[bool]func(*account.Editor, context.Context, uuid.UUID) (bool, error){
		true: (*account.Editor).Disable, false: (*account.Editor).Enable,
	}
	for disable, set := range set {
		w, _, editor := editorWorld(t)
		w.ada.Disabled = !disable
		w.store.SetAccount(w.ada, "")
		var other bool
		w.store.Before = hooks.Once("ChangeAccount", func(ctx context.Context) (err error) {
			other, err = set(account.NewEditor(w.store, w.clock.Now), ctx, w.ada.ID)
			return err
		})
		changed, err := set(editor, t.Context(), w.ada.ID)
		if a, _ := w.stored(); err != nil || a.Disabled != disable || changed || !other {
			t.Errorf("disable %t: changed %t, the other one changed %t, disabled %t, %v; want only the other to have changed it", disable, changed, other, a.Disabled, err)
		}
	}
}

// An entry that took too long to be written is stamped and written again, and the change is still this call's.
func TestDisableThatIsWrittenTwiceIsOneChange(t *testing.T) {
	w, store, editor := editorWorld(t)
	w.store.Before = hooks.Once("ChangeAccount", func(context.Context) error {
		w.clock.Advance(revocation.SlowWrite + time.Second)
		return nil
	})
	changed, err := editor.Disable(t.Context(), w.ada.ID)
	if log := w.store.Log(); err != nil || !changed || len(log) != 2 || !log[1].At.Equal(w.clock.Now()) {
		t.Errorf("changed %t, %v, log %v after %d writes; want a change with a second entry, stamped now", changed, err, log, len(store.asked))
	}
}

// administratorWorld is editorWorld with the administrator.
func administratorWorld(t *testing.T) (*world, *account.Administrator) {
	t.Helper()
	w, _, _ := editorWorld(t)
	return w, account.NewAdministrator(w.store, w.clock.Now)
}

func TestDeletedAccountIsGoneWithItsName(t *testing.T) {
	w, admin := administratorWorld(t)
	old := w.ada
	if err := admin.Delete(t.Context(), old.ID); err != nil {
		t.Fatal(err)
	}
	w.wantInvalid("ada", password)
	if log := w.store.Log(); len(log) != 1 || log[0].MinEpoch <= old.Epoch || log[0].ID != old.ID.String() {
		t.Errorf("log %v, want one entry that denies every token of the account", log)
	}
	if err := admin.Delete(t.Context(), old.ID); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("delete again: %v, want ErrNotFound", err)
	}
	again, hash, err := account.New("ada", accepted(t, newPassword), w.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.store.CreateAccount(t.Context(), again, hash); err != nil {
		t.Fatal(err)
	}
	w.wantInvalid("ada", password)
	if who := w.wantIn("ada", newPassword); who.Account.ID == old.ID {
		t.Error("the name leads to the deleted account")
	}
}

func TestDeleteMeetsConflictsAndFaults(t *testing.T) {
	w, admin := administratorWorld(t)
	conflicts := 2
	w.store.Before = func(_ context.Context, method string) error {
		if method == "DeleteAccount" && conflicts > 0 {
			conflicts--
			w.ada.Epoch++
			w.store.SetAccount(w.ada, "")
		}
		return nil
	}
	if err := admin.Delete(t.Context(), w.ada.ID); err != nil {
		t.Errorf("delete after 2 conflicts: %v", err)
	}
	w, admin = administratorWorld(t)
	w.store.Before = hooks.Fail("DeleteAccount")
	w.wantUnchanged(func() {
		if err := admin.Delete(t.Context(), w.ada.ID); !errors.Is(err, oauth.ErrUnavailable) {
			t.Errorf("delete with a fault: %v, want ErrUnavailable", err)
		}
	})
}

func TestAccessIsSetWithoutEndingAnything(t *testing.T) {
	w, admin := administratorWorld(t)
	if err := admin.SetAccess(t.Context(), w.ada.ID, w.ada.Access(), account.Access{Roles: []string{"editor"}, Scopes: []string{"read", "write"}, Claims: `{"plan":"pro"}`}); err != nil {
		t.Fatal(err)
	}
	want := w.ada
	want.Roles, want.Scopes, want.Claims = []string{"editor"}, []string{"read", "write"}, `{"plan":"pro"}`
	got, _ := w.stored()
	if diff := cmp.Diff(want, got); diff != "" || len(w.store.Log()) > 0 {
		t.Errorf("log %v, account (-want +got)\n%s", w.store.Log(), diff)
	}
	if err := admin.SetAccess(t.Context(), keptID, w.ada.Access(), account.Access{}); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("unknown account: %v, want ErrNotFound", err)
	}
}

func TestAccessHasLimits(t *testing.T) {
	long := make([]byte, 64)
	for i := range long {
		long[i] = 'x'
	}
	many := make([]string, 101)
	for i := range many {
		many[i] = "x"
	}
	w, admin := administratorWorld(t)
	for name, list := range map[string][]string{
		"empty name": {""}, "65 bytes": {string(long) + "x"}, "101 names": many, "space": {"a b"}, "quote": {`a"`}, "backslash": {`a\`},
		"line feed": {"a\n"}, "beyond ASCII": {"ä"}, "DEL": {"a\x7f"}, "one of several": {"a", ""},
	} {
		w.wantUnchanged(func() {
			for _, access := range []account.Access{{Roles: list}, {Scopes: list}} {
				if err := admin.SetAccess(t.Context(), w.ada.ID, w.ada.Access(), access); !errors.Is(err, account.ErrAccess) {
					t.Errorf("%s: error %v, want ErrAccess", name, err)
				}
			}
		})
	}
	if err := admin.SetAccess(t.Context(), w.ada.ID, w.ada.Access(), account.Access{Roles: []string{string(long), "!#[]~"}, Scopes: many[:100]}); err != nil {
		t.Errorf("within the limits: %v", err)
	}
	for _, claim := range []claims.Set{`{"Plan":1}`, `{"plan":null}`, `{"plan": "not canonical"}`, "{}", "x"} {
		w.wantUnchanged(func() {
			if err := admin.SetAccess(t.Context(), w.ada.ID, w.ada.Access(), account.Access{Claims: claim}); !errors.Is(err, claims.ErrInvalid) {
				t.Errorf("%s: error %v, want claims.ErrInvalid", claim, err)
			}
		})
	}
}
