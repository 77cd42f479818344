package account_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/oauth"
)

func TestClosedAccountIsReopenedUntilItsTime(t *testing.T) {
	w, _, editor := editorWorld(t)
	at := start.Add(account.Reopens)
	if got, err := editor.Close(t.Context(), w.ada, at); err != nil || !got.Equal(at) {
		t.Fatalf("close: %s, %v", got, err)
	}
	closed := w.account()
	if closed.Epoch <= w.ada.Epoch || !closed.Disabled || !closed.Closed(at.Add(-time.Second)) || closed.Closed(at) {
		t.Errorf("the closed account is %+v", closed)
	}
	if got, err := editor.Close(t.Context(), w.ada, at.Add(time.Hour)); err != nil || !got.Equal(at) || w.account().Epoch != closed.Epoch {
		t.Errorf("close again: %s, %v, epoch %d; want the first time and no change", got, err, w.account().Epoch)
	}
	if err := editor.Reopen(t.Context(), w.ada, ""); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("reopen an account that was open when it was read: %v", err)
	}
	w.clock.Advance(account.Reopens)
	if _, err := editor.Enable(t.Context(), w.ada.ID); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("enable at its time: %v, want ErrNotFound: the table may have removed a part of it", err)
	}
	if err := editor.Reopen(t.Context(), closed, ""); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("reopen at its time: %v, want ErrNotFound", err)
	}
	w.clock.Advance(-time.Second)
	if err := editor.Reopen(t.Context(), closed, ""); err != nil {
		t.Fatal(err)
	}
	if a := w.account(); a.Disabled || !a.RemoveAt.IsZero() || a.Epoch <= closed.Epoch {
		t.Errorf("the reopened account is %+v", a)
	}
}

// TestAccountWhoseTimeHasComeIsGone: the table may have removed its login name, which may be another account's by now.
func TestAccountWhoseTimeHasComeIsGone(t *testing.T) {
	w, _, editor := editorWorld(t)
	at := start.Add(account.Reopens)
	if _, err := editor.Close(t.Context(), w.ada, at); err != nil {
		t.Fatal(err)
	}
	closed := w.account()
	namesake := account.Account{ID: uuid.New(), Username: closed.Username, Epoch: 1}
	w.store.SetAccount(namesake, "another hash")
	w.clock.Advance(account.Reopens)
	for what, act := range map[string]func() error{
		"set a password": func() error {
			return editor.SetPassword(t.Context(), closed.ID, oauth.NewSecret(newPassword), account.PasswordRules{})
		},
		"set an address": func() error {
			return editor.SetEmail(t.Context(), closed.ID, account.Email{Address: "ada@example.org"})
		},
		"end its sessions": func() error { return editor.EndSessions(t.Context(), closed) },
		"close it":         func() error { _, err := editor.Close(t.Context(), closed, at.Add(time.Hour)); return err },
		"disable it":       func() error { _, err := editor.Disable(t.Context(), closed.ID); return err },
		"delete it":        func() error { return account.NewAdministrator(w.store, w.clock.Now).Delete(t.Context(), closed.ID) },
	} {
		if err := act(); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("%s: %v, want ErrNotFound", what, err)
		}
		if login, err := w.store.LoginName(t.Context(), namesake.Username); err != nil || login != (account.LoginName{AccountID: namesake.ID, Hash: "another hash"}) {
			t.Errorf("%s: the login name of another account is %+v, %v", what, login, err)
		}
	}
}

// An operator who enables a closed account reopens it. One who disables it keeps it for longer.
func TestOperatorsTakeAClosingBack(t *testing.T) {
	for what, test := range map[string]struct {
		act      func(*account.Editor, context.Context, *world) (bool, error)
		disabled bool
	}{
		"enable":  {func(e *account.Editor, ctx context.Context, w *world) (bool, error) { return e.Enable(ctx, w.ada.ID) }, false},
		"disable": {func(e *account.Editor, ctx context.Context, w *world) (bool, error) { return e.Disable(ctx, w.ada.ID) }, true},
	} {
		w, _, editor := editorWorld(t)
		if _, err := editor.Close(t.Context(), w.ada, start.Add(account.Reopens)); err != nil {
			t.Fatal(err)
		}
		if changed, err := test.act(editor, t.Context(), w); err != nil || !changed {
			t.Errorf("%s: changed %t, %v", what, changed, err)
		}
		if a := w.account(); a.Disabled != test.disabled || !a.RemoveAt.IsZero() {
			t.Errorf("%s: %+v; want disabled %t, and no removal", what, a, test.disabled)
		}
	}
}

// The password was proven for the account as it was: a change of it in between may be the owner's against a thief.
func TestAccountThatHasChangedIsNotClosed(t *testing.T) {
	w, _, editor := editorWorld(t)
	if err := editor.SetPassword(t.Context(), w.ada.ID, oauth.NewSecret(newPassword), account.PasswordRules{}); err != nil {
		t.Fatal(err)
	}
	if _, err := editor.Close(t.Context(), w.ada, start.Add(time.Hour)); !errors.Is(err, account.ErrConflict) || !w.account().RemoveAt.IsZero() {
		t.Errorf("close: %v, %+v; want ErrConflict and no removal", err, w.account())
	}
}

// An identity that is linked beside the closing goes with the account.
func TestIdentityThatIsLinkedMeanwhileIsClosedToo(t *testing.T) {
	w, _, editor := editorWorld(t)
	linked := w.account()
	linked.Identities = []account.Subject{{Directory: "idp:up", ID: "1"}}
	w.store.SetAccount(linked, "")
	if _, err := editor.Close(t.Context(), w.ada, start.Add(time.Hour)); err != nil || w.account().RemoveAt.IsZero() {
		t.Errorf("close: %v, %+v", err, w.account())
	}
}

// account is ada's as it is stored.
func (w *world) account() account.Account {
	w.t.Helper()
	a, err := w.store.Account(w.t.Context(), w.ada.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}
