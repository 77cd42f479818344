package account_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/oauth"
)

func email(address string) account.Email { return account.Email{Address: address, VerifiedAt: start} }

func TestSettingAnAddressEndsEverySession(t *testing.T) {
	w, store, editor := editorWorld(t)
	for i, address := range []string{"ada@example.com", "ada@example.org", ""} {
		if err := editor.SetEmail(t.Context(), w.ada.ID, email(address)); err != nil {
			t.Fatal(err)
		}
		got, login := w.stored()
		if got.Email != email(address) || got.Epoch <= w.ada.Epoch || got.Username != "ada" || login.Hash == "" {
			t.Errorf("after %q: %+v, %+v, want the address, a higher epoch and the old login name", address, got, login)
		}
		c := store.asked[i]
		if c.OldEmail != w.ada.Email.Address || c.OldHash != login.Hash || c.Entry.MinEpoch != got.Epoch || c.OldUsername != "" {
			t.Errorf("the change to %q: %+v, want the old address and hash, the entry and no other login name", address, c)
		}
		w.ada = got
	}
}

// Somebody who has signed up logs in by their address.
func TestALoginNameThatIsTheAddressMovesWithIt(t *testing.T) {
	w, _, editor := editorWorld(t)
	w.ada.Username, w.ada.Email = "ada@example.com", email("ada@example.com")
	w.store.SetAccount(w.ada, cheap(password))
	if err := editor.SetEmail(t.Context(), w.ada.ID, email("ada@example.org")); err != nil {
		t.Fatal(err)
	}
	w.wantIn("Ada@Example.org", password)
	w.wantInvalid("ada@example.com", password)
	if err := editor.SetEmail(t.Context(), w.ada.ID, account.Email{}); err != nil {
		t.Fatal(err)
	}
	w.wantIn("ada@example.org", password) // without an address they keep the name
}

func TestALoginNameIsAlsoFoundByItsDomainInUnicode(t *testing.T) {
	w := newWorld(t)
	w.ada.Username = "ada@xn--mller-kva.example"
	w.store.SetAccount(w.ada, cheap(password))
	w.wantIn("Ada@MÜLLER.example", password)
}

func TestAnAddressThatIsNotCanonicalIsNotSet(t *testing.T) {
	w, store, editor := editorWorld(t)
	for _, address := range []string{"Ada@example.com", "ada", "ada@müller.example"} {
		if err := editor.SetEmail(t.Context(), w.ada.ID, email(address)); !errors.Is(err, account.ErrAddress) {
			t.Errorf("%q: %v, want ErrAddress", address, err)
		}
	}
	if got, _ := w.stored(); len(store.asked) != 0 || cmp.Diff(got, w.ada) != "" {
		t.Errorf("%d changes, account %+v; want none", len(store.asked), got)
	}
}

func TestAnAddressIsSetAfterAnotherChangeThatCameBetween(t *testing.T) {
	w, _, editor := editorWorld(t)
	between := false
	w.store.Before = func(ctx context.Context, method string) error {
		if method != "ChangeAccount" || between {
			return nil
		}
		between = true
		return editor.SetPassword(ctx, w.ada.ID, oauth.NewSecret(newPassword), account.PasswordRules{})
	}
	if err := editor.SetEmail(t.Context(), w.ada.ID, email("ada@example.com")); err != nil {
		t.Fatal(err)
	}
	w.wantIn("ada", newPassword)
	if got, _ := w.stored(); got.Email != email("ada@example.com") {
		t.Errorf("address %+v, want the new one", got.Email)
	}
}
