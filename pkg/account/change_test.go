package account_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
)

const newPassword = "a-newer-canary-wave"

// changes keeps what was asked for, also what failed.
type changes struct {
	*fakestore.Store
	asked []account.Change
}

func (c *changes) ChangeAccount(ctx context.Context, change account.Change) error {
	c.asked = append(c.asked, change)
	return c.Store.ChangeAccount(ctx, change)
}

// editorWorld has the account ada, whose epoch is the clock's time.
func editorWorld(t *testing.T) (*world, *changes, *account.Editor) {
	t.Helper()
	w := newWorld(t)
	w.ada.Scopes, w.ada.Epoch = []string{"read"}, start.Unix()-3600
	w.store.SetAccount(w.ada, cheap(password))
	store := &changes{Store: w.store}
	return w, store, account.NewEditor(store, w.clock.Now)
}

// edits are the three methods, each on the account ada as it is now.
var edits = map[string]func(*world, *account.Editor) error{
	"end sessions": func(w *world, e *account.Editor) error { return e.EndSessions(w.t.Context(), w.ada) },
	"disable":      func(w *world, e *account.Editor) error { _, err := e.Disable(w.t.Context(), w.ada.ID); return err },
	"set password": func(w *world, e *account.Editor) error {
		return e.SetPassword(w.t.Context(), w.ada.ID, oauth.NewSecret(newPassword), account.PasswordRules{})
	},
}

var reasons = map[string]string{
	"end sessions": account.ReasonEndedElsewhere, "disable": account.ReasonDisabled, "set password": account.ReasonPasswordChanged,
}

// stored is the account, and its login name beside it.
func (w *world) stored() (account.Account, account.LoginName) {
	w.t.Helper()
	a, err := w.store.Account(w.t.Context(), w.ada.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	l, err := w.store.LoginName(w.t.Context(), w.ada.Username)
	if err != nil {
		w.t.Fatal(err)
	}
	return a, l
}

// wantUnchanged expects account, login name and log to be as before.
func (w *world) wantUnchanged(f func()) {
	w.t.Helper()
	a, l := w.stored()
	log := w.store.Log()
	f()
	afterA, afterL := w.stored()
	if diff := cmp.Diff(a, afterA) + cmp.Diff(l, afterL) + cmp.Diff(log, w.store.Log()); diff != "" {
		w.t.Errorf("something was written (-before +after):\n%s", diff)
	}
}

func TestEveryEditRaisesTheEpochAndChangesWhatItSays(t *testing.T) {
	for name, edit := range edits {
		t.Run(name, func(t *testing.T) {
			w, store, editor := editorWorld(t)
			w.clock.Advance(1234567 * time.Nanosecond)
			if err := edit(w, editor); err != nil {
				t.Fatal(err)
			}
			want := w.ada
			want.Epoch, want.Disabled = start.Unix(), name == "disable"
			want.Endings = []account.Ending{{Epoch: want.Epoch, Reason: reasons[name]}}
			got, login := w.stored()
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("account (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(want, store.asked[0].Account); diff != "" {
				t.Errorf("account that the store was given (-want +got):\n%s", diff)
			}
			if login.AccountID != want.ID {
				t.Errorf("login name of account %s, want %s", login.AccountID, want.ID)
			}
			if changed := login.Hash != cheap(password); changed != (name == "set password") {
				t.Errorf("password hash changed: %t", changed)
			}
			wantLog := []revocation.Entry{{
				At: start.Add(time.Millisecond), Kind: revocation.Account, ID: w.ada.ID.String(), MinEpoch: want.Epoch,
			}}
			if diff := cmp.Diff(wantLog, w.store.Log()); diff != "" {
				t.Errorf("revocation log (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEpochMovesForwardWhateverTheClockSays(t *testing.T) {
	now := start.Unix()
	for name, test := range map[string]struct{ epoch, want int64 }{
		"long ago":                      {42, now},
		"two seconds ago":               {now - 2, now},
		"one second ago":                {now - 1, now},
		"in this second":                {now, now + 1},
		"clock a second behind":         {now + 1, now + 2},
		"clock a year behind":           {now + 365*86400, now + 365*86400 + 1},
		"an account that began at zero": {0, now},
	} {
		for how, edit := range edits {
			w, _, editor := editorWorld(t)
			w.clock.Advance(999 * time.Millisecond) // of the same second
			w.ada.Epoch = test.epoch
			w.store.SetAccount(w.ada, "")
			if err := edit(w, editor); err != nil {
				t.Fatalf("%s, %s: %v", name, how, err)
			}
			a, _ := w.stored()
			if log := w.store.Log(); a.Epoch != test.want || log[0].MinEpoch != test.want {
				t.Errorf("%s, %s: epoch %d of the account, %d in the log, want %d", name, how, a.Epoch, log[0].MinEpoch, test.want)
			}
		}
	}
}

func TestEditsInOneSecondHaveEpochsOfTheirOwn(t *testing.T) {
	w, _, editor := editorWorld(t)
	for i := range int64(5) {
		if _, err := editor.Disable(t.Context(), w.ada.ID); err != nil {
			t.Fatal(err)
		}
		if a, _ := w.stored(); a.Epoch != start.Unix()+i {
			t.Errorf("epoch %d after edit %d of one second, want %d", a.Epoch, i, start.Unix()+i)
		}
	}
}

func TestNewPasswordIsTheOnlyOneThatLogsIn(t *testing.T) {
	w, _, editor := editorWorld(t)
	w.wantIn("ada", password)
	if err := editor.SetPassword(t.Context(), w.ada.ID, oauth.NewSecret("cafe\u0301 wave"), account.PasswordRules{}); err != nil {
		t.Fatal(err)
	}
	w.wantInvalid("ada", password)
	success := w.wantIn("ada", "caf\u00e9 wave") // stored in its canonical form
	if success.Account.Epoch != start.Unix() {
		t.Errorf("a login that follows has epoch %d, want the new one, %d", success.Account.Epoch, start.Unix())
	}
	if _, l := w.stored(); !strings.HasPrefix(l.Hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("the hash is %.40s, want argon2id with 19 MiB, t=2, p=1", l.Hash)
	}
}

func TestDisabledAccountLogsNobodyIn(t *testing.T) {
	w, _, editor := editorWorld(t)
	if _, err := editor.Disable(t.Context(), w.ada.ID); err != nil {
		t.Fatal(err)
	}
	w.wantInvalid("ada", password)
}

func TestTextThatCannotBeAPasswordChangesNothing(t *testing.T) {
	for name, text := range map[string]string{
		"none": "", "7 characters": "1234567", "7 characters of several bytes": "äöüäöüä", "257 characters": strings.Repeat("x", 257),
		"control character": "canary-\x00-canary", "line feed": "canary-wave\n", "not UTF-8": "canary-\xff-canary",
	} {
		w, _, editor := editorWorld(t)
		w.store.ForgetCalls()
		err := editor.SetPassword(t.Context(), w.ada.ID, oauth.NewSecret(text), account.PasswordRules{})
		if !errors.Is(err, account.ErrPassword) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: error %v, want ErrPassword without the text", name, err)
		}
		w.wantCalls("Account")
		if _, l := w.stored(); l.Hash != cheap(password) {
			t.Errorf("%s: the password hash has changed", name)
		}
		w.wantIn("ada", password)
	}
	for _, text := range []string{"k7q2w9xz", "äöüäöüßö", strings.Repeat("wave-and-surfäng", 16)} {
		w, _, editor := editorWorld(t)
		if err := editor.SetPassword(t.Context(), w.ada.ID, oauth.NewSecret(text), account.PasswordRules{}); err != nil {
			t.Errorf("%d bytes: %v, want them taken", len(text), err)
		}
		w.wantIn("ada", text)
	}
}

func TestAccountThatIsNotThereCannotBeEdited(t *testing.T) {
	for name, edit := range edits {
		w, _, editor := editorWorld(t)
		w.store.DropAccount(w.ada.ID)
		if err := edit(w, editor); !errors.Is(err, account.ErrNotFound) || errors.Is(err, oauth.ErrUnavailable) {
			t.Errorf("%s: error %v, want ErrNotFound", name, err)
		}
		if log := w.store.Log(); len(log) > 0 {
			t.Errorf("%s: revocation log %v, want it empty", name, log)
		}
	}
}

func TestEditsTakeTheFewestRoundTrips(t *testing.T) {
	for name, want := range map[string][]string{
		"end sessions": {"ChangeAccount"}, // the account was just read
		"disable":      {"Account", "ChangeAccount"},
		"set password": {"Account", "AccountAndLogin", "ChangeAccount"},
	} {
		w, _, editor := editorWorld(t)
		w.store.ForgetCalls()
		if err := edits[name](w, editor); err != nil {
			t.Fatal(err)
		}
		if got := w.store.Calls(); !slices.Equal(got, want) {
			t.Errorf("%s: store calls %q, want %q", name, got, want)
		}
	}
}

func TestAccountKnowsWhyItsLastSessionsEnded(t *testing.T) {
	w, _, editor := editorWorld(t)
	began := w.ada.Epoch
	for i := range 10 {
		a, _ := w.stored()
		want := ""
		if 0 < i && i < 8 {
			want = account.ReasonDisabled // the first ending after it began
		}
		if got := a.EndedBecause(began); got != want {
			t.Errorf("after %d endings: %q, want %q", i, got, want)
		}
		if got := a.EndedBecause(a.Epoch); got != "" {
			t.Errorf("a session of now has ended because of %q", got)
		}
		if i == 0 {
			if _, err := editor.Disable(t.Context(), w.ada.ID); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := editor.EndSessions(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		if after, _ := w.stored(); after.EndedBecause(a.Epoch) != account.ReasonEndedElsewhere || len(after.Endings) > 8 {
			t.Errorf("endings %v, want at most 8, the last of them %s", after.Endings, account.ReasonEndedElsewhere)
		}
	}
}
