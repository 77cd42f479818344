package account_test

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// stored gives every username an account that is stored under exactly that form, with the form as its password.
func stored(w *world, usernames ...string) map[string]uuid.UUID {
	ids := map[string]uuid.UUID{}
	for _, username := range usernames {
		ids[username] = uuid.New()
		w.store.SetAccount(account.Account{ID: ids[username], Username: username}, cheap(username+" wave"))
	}
	return ids
}

func TestNamesOfTheOldFoldingStillLogIn(t *testing.T) {
	for name, test := range map[string]struct {
		stored []string // as UsernameCaseMapped made them
		typed  string
		want   string
	}{
		"as it was typed":                     {[]string{"νικος"}, "νικος", "νικος"},
		"with a capital":                      {[]string{"νικος"}, "Νικος", "νικος"},
		"in capitals":                         {[]string{"νικος"}, "ΝΙΚΟΣ", "νικος"},
		"registered in capitals":              {[]string{"νικοσ"}, "νικος", "νικοσ"},
		"the one with a final sigma of two":   {[]string{"νικος", "νικοσ"}, "νικος", "νικος"},
		"the one without a final sigma":       {[]string{"νικος", "νικοσ"}, "ΝΙΚΟΣ", "νικοσ"},
		"an address":                          {[]string{"οδυσσευς@ιθακης.gr"}, "ΟΔΥΣΣΕΥΣ@ιθακης.GR", "οδυσσευς@ιθακης.gr"},
		"an old Cyrillic letter form":         {[]string{"\u1c80ада"}, "\u1c80ада", "\u1c80ада"},
		"under the canonical form, old typed": {[]string{"вада"}, "\u1c80ада", "вада"},
	} {
		w := newWorld(t)
		ids := stored(w, test.stored...)
		form, login, err := account.FindLogin(t.Context(), w.store, test.typed)
		if err != nil || form != test.want || login.AccountID != ids[test.want] {
			t.Errorf("%s: %q leads to %q, account %s, error %v; want %q", name, test.typed, form, login.AccountID, err, test.want)
		}
		who, err := w.auth.Authenticate(t.Context(), test.typed, oauth.NewSecret(test.want+" wave"), network, nil)
		if err != nil || who.Account.ID != ids[test.want] {
			t.Errorf("%s: login as %q: account %s, error %v", name, test.typed, who.Account.ID, err)
		}
	}
}

func TestOneReadFindsANameThatHasOneForm(t *testing.T) {
	w := newWorld(t)
	for typed, want := range map[string]int{"ada": 1, "Ada@Example.com": 1, "علي@example.com": 1, "νικοσ": 2, "νικος": 2, "\u1c80σ": 3} {
		w.store.ForgetCalls()
		_, _, _ = account.FindLogin(t.Context(), w.store, typed)
		if got := w.store.Count("LoginName"); got != want {
			t.Errorf("%q was looked up %d times, want %d", typed, got, want)
		}
	}
}

func TestOutageOfOneFormIsNoOtherAccount(t *testing.T) {
	w := newWorld(t)
	stored(w, "νικος", "νικοσ")
	down := oauth.ErrUnavailable
	w.store.After = hooks.Fail("LoginName")
	if form, _, err := account.FindLogin(t.Context(), w.store, "νικος"); !errors.Is(err, down) {
		t.Errorf("leads to %q, error %v; want the outage", form, err)
	}
}

func TestRegisterRefusesANameInEveryFormOfIt(t *testing.T) {
	for name, test := range map[string]struct {
		stored, typed string
		want          error
	}{
		"free":                          {"someone", "νικος", nil},
		"the same":                      {"νικοσ", "νικος", account.ErrExists},
		"the old form":                  {"νικος", "νικος", account.ErrExists},
		"the old form, now in capitals": {"νικος", "ΝΙΚΟΣ", account.ErrExists},
		"an old Cyrillic letter form":   {"\u1c80ада", "\u1c80ада", account.ErrExists},
	} {
		w := newWorld(t)
		stored(w, test.stored)
		a, hash, err := account.New(test.typed, accepted(t, password), start)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // a repetition of one's own is no conflict
			if err := account.Register(t.Context(), w.store, test.typed, a, hash); !errors.Is(err, test.want) {
				t.Errorf("%s: register %q: error %v, want %v", name, test.typed, err, test.want)
			}
		}
	}
	w := newWorld(t)
	w.store.Before = hooks.Fail("LoginName")
	a, hash, err := account.New("bob", accepted(t, password), start)
	if err != nil {
		t.Fatal(err)
	}
	if err := account.Register(t.Context(), w.store, "bob", a, hash); !errors.Is(err, oauth.ErrUnavailable) {
		t.Errorf("register while names cannot be read: error %v, want ErrUnavailable", err)
	}
}
