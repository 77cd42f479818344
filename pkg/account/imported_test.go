package account_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// imported is a hash of bcrypt as an import stores it.
func imported(t *testing.T, password string) string {
	t.Helper()
	made, err := bcrypt.GenerateFromPassword([]byte(password[:min(72, len(password))]), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := account.Imported(string(made))
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

// importedWorld has ada's hash imported, and room for many attempts.
func importedWorld(t *testing.T, typed string) (w *world, foreign string) {
	t.Helper()
	w, foreign = newWorld(t), imported(t, typed)
	w.auth = account.NewAuthenticator(w.store, w.store, account.DefaultLimits, w.clock.Now)
	w.store.SetAccount(w.ada, foreign)
	return w, foreign
}

func (w *world) hash() string {
	w.t.Helper()
	login, err := w.store.LoginName(w.t.Context(), "ada")
	if err != nil {
		w.t.Fatal(err)
	}
	return login.Hash
}

func TestImportedHashIsReplacedAtTheFirstLogin(t *testing.T) {
	w, foreign := importedWorld(t, password)
	w.wantInvalid("ada", password+"x")
	if w.hash() != foreign {
		t.Fatal("a wrong password has changed the hash")
	}
	in := w.wantIn("ada", password)
	if !strings.HasPrefix(w.hash(), "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("after the login the hash is %.20s…", w.hash())
	}
	if in.Account.Epoch != w.ada.Epoch {
		t.Errorf("the epoch is %d, want %d: no session ends", in.Account.Epoch, w.ada.Epoch)
	}
	w.store.ForgetCalls()
	w.wantIn("ada", password)
	w.wantInvalid("ada", password+"x")
	w.wantCalls("AccountAndLogin", "AccountAndLogin", "LoginName", "LoginName", "Take", "Take", "Take", "Take", "Take", "Take")
}

// TestRehashTakesTheWholePassword, of which bcrypt has only seen 72 bytes.
func TestRehashTakesTheWholePassword(t *testing.T) {
	long := strings.Repeat("0123456789", 8)
	w, _ := importedWorld(t, long)
	w.wantIn("ada", long)
	w.wantIn("ada", long)
	w.wantInvalid("ada", long[:72])
	w.wantInvalid("ada", long+"0")
}

// TestImportedHashIsOfThePasswordAsItWasTyped, and its replacement of the form that is hashed here.
func TestImportedHashIsOfThePasswordAsItWasTyped(t *testing.T) {
	const decomposed, composed = "rene\u0301\u00a0surfs a wave", "ren\u00e9 surfs a wave"
	w, _ := importedWorld(t, decomposed)
	w.wantInvalid("ada", composed)
	w.wantIn("ada", decomposed)
	w.wantIn("ada", composed)
}

// TestPasswordThatHasNoFormHereStaysImported: nobody is locked out because their password has a control character.
func TestPasswordThatHasNoFormHereStaysImported(t *testing.T) {
	const typed = "surf\tthe canary wave"
	w, foreign := importedWorld(t, typed)
	w.wantIn("ada", typed)
	w.wantIn("ada", typed)
	if w.hash() != foreign {
		t.Error("the hash was replaced")
	}
}

func TestHashThatCannotBeReadFitsNothing(t *testing.T) {
	for _, stored := range []string{"imported:", "imported:$2b$31$" + strings.Repeat("a", 53), "imported:" + cheap(password)[:40], "imported:imported:" + cheap(password)} {
		w := newWorld(t)
		w.store.SetAccount(w.ada, stored)
		if n := hashes(func() { w.wantInvalid("ada", password) }); n != 1 {
			t.Errorf("%.20s…: %d hashes were computed, want that of nobody", stored, n)
		}
	}
}

func TestEndlessPasswordIsNotHashed(t *testing.T) {
	w, _ := importedWorld(t, strings.Repeat("x", 72))
	w.wantInvalid("ada", strings.Repeat("x", 1025))
	w.wantIn("ada", strings.Repeat("x", 72))
}

// justBeforeTheRehash has something happen once, when a login is about to replace the hash.
func (w *world) justBeforeTheRehash(happens func()) {
	happened := false
	w.store.Before = func(_ context.Context, method string) error {
		if method == "Rehash" && !happened {
			happened = true
			happens()
		}
		return nil
	}
}

func TestConcurrentPasswordChangeIsNotLostToARehash(t *testing.T) {
	w, _ := importedWorld(t, password)
	w.justBeforeTheRehash(func() {
		if err := account.NewEditor(w.store, w.clock.Now).SetPassword(t.Context(), w.ada.ID, oauth.NewSecret(newPassword), account.PasswordRules{}); err != nil {
			t.Error(err)
		}
	})
	w.wantInvalid("ada", password)
	w.wantIn("ada", newPassword)
}

func TestTwoFirstLoginsAtOnceBothSucceed(t *testing.T) {
	w, _ := importedWorld(t, password)
	var other string
	w.justBeforeTheRehash(func() {
		w.wantIn("ada", password)
		other = w.hash()
	})
	w.wantIn("ada", password)
	if w.hash() != other {
		t.Error("the second login has replaced the hash of the first")
	}
}

func TestDeletionJustBeforeARehashIsNotUndone(t *testing.T) {
	w, _ := importedWorld(t, password)
	w.justBeforeTheRehash(func() { w.store.DropAccount(w.ada.ID); w.store.DropLoginName("ada") })
	w.wantInvalid("ada", password)
	if _, err := w.store.LoginName(t.Context(), "ada"); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("the login name is there again: %v", err)
	}
}

func TestRehashThatFailsLeavesTheHashAndTheAttempts(t *testing.T) {
	w, foreign := importedWorld(t, password)
	w.store.Before = hooks.Fail("Rehash")
	w.wantUnavailable("ada", password)
	w.wantAttempts(0, 0)
	w.store.Before = nil
	if w.hash() != foreign {
		t.Fatal("the hash has changed")
	}
	w.store.After = hooks.Fail("Rehash") // the write was made, and its answer is lost
	w.wantUnavailable("ada", password)
	w.store.After = nil
	w.wantIn("ada", password)
}
