package storetest

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"

	"github.com/wavepass/wavepass/pkg/account"
)

const hash = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2U"

var accountTests = []subtest{
	{"EveryFieldComesBack", accountRoundTrip},
	{"UnknownIsNotFound", accountUnknown},
	{"TakenLoginNameIsErrExistsAndStoresNothing", accountTaken},
	{"CreateAgainChangesNothing", accountCreateAgain},
	{"AccountWithAnIDThatIsTakenReplacesNone", accountSameID},
	{"OneOfManyParallelGetsTheLoginName", accountParallel},
	{"UsernamesNeverCollideWithOtherItems", accountNames},
	{"ValuesAreCopies", accountCopies},
	{"RehashReplacesTheHashAlone", rehash},
	{"RehashOfAnotherHashIsErrConflict", rehashConflict},
	{"OneOfManyParallelRehashesWins", rehashParallel},
}

// wantAccount reads the account and its login name and compares.
func (f fixture) wantAccount(t *testing.T, what string, want account.Account, hash string) {
	t.Helper()
	got, err := f.Account(t.Context(), want.ID)
	wantErr(t, what+": read account", err, nil)
	same(t, what+": account", got, want)
	name, err := f.LoginName(t.Context(), want.Username)
	wantErr(t, what+": read login name", err, nil)
	same(t, what+": login name", name, account.LoginName{AccountID: want.ID, Hash: hash})
	got, name, err = f.AccountAndLogin(t.Context(), want.ID, want.Username)
	wantErr(t, what+": read both", err, nil)
	same(t, what+": account read with its login name", got, want)
	same(t, what+": login name read with its account", name, account.LoginName{AccountID: want.ID, Hash: hash})
}

func accountRoundTrip(t *testing.T, f fixture) {
	for name, change := range map[string]func(*account.Account){
		"every field set": func(*account.Account) {},
		"every optional field empty": func(a *account.Account) {
			a.Roles, a.Scopes, a.Claims, a.Disabled, a.Epoch, a.Endings, a.Proof = nil, nil, "", false, 0, nil, account.Proof{}
		},
		"empty lists":         func(a *account.Account) { a.Roles, a.Scopes = []string{}, []string{} },
		"largest epoch":       func(a *account.Account) { a.Epoch = math.MaxInt64 },
		"one role, twice":     func(a *account.Account) { a.Roles = []string{"b", "a", "b"} },
		"longest of 254 byte": func(a *account.Account) { a.Username = fmt.Sprintf("%0*d%s", 254-36, 0, a.ID) },
	} {
		a := newAccount(t)
		change(&a)
		wantErr(t, name+": create", f.CreateAccount(t.Context(), a, hash), nil)
		f.wantAccount(t, name, a, hash)
	}
}

func accountUnknown(t *testing.T, f fixture) {
	a := storedAccount(t, f, hash)
	_, err := f.Account(t.Context(), newID(t))
	wantErr(t, "unknown account", err, account.ErrNotFound)
	_, _, err = f.AccountAndLogin(t.Context(), newID(t), a.Username)
	wantErr(t, "unknown account with a login name", err, account.ErrNotFound)
	for _, name := range []string{fresh(t, "nobody"), a.Username + "x", a.Username[1:], a.ID.String()} {
		_, err := f.LoginName(t.Context(), name)
		wantErr(t, fmt.Sprintf("login name %q", name), err, account.ErrNotFound)
		_, _, err = f.AccountAndLogin(t.Context(), a.ID, name)
		wantErr(t, fmt.Sprintf("login name %q with an account", name), err, account.ErrNotFound)
	}
}

func accountTaken(t *testing.T, f fixture) {
	first := storedAccount(t, f, hash)
	second := newAccount(t)
	second.Username = first.Username
	wantErr(t, "create with a taken name", f.CreateAccount(t.Context(), second, "other hash"), account.ErrExists)
	f.wantAccount(t, "the first", first, hash)
	_, err := f.Account(t.Context(), second.ID)
	wantErr(t, "read the second", err, account.ErrNotFound)
}

// accountCreateAgain is "write applied, reply lost". The second call brings another hash, so that it
// shows when the stored one is replaced.
func accountCreateAgain(t *testing.T, f fixture) {
	a := storedAccount(t, f, hash)
	wantErr(t, "create the same again", f.CreateAccount(t.Context(), a, hash), nil)
	f.wantAccount(t, "after the same again", a, hash)

	again := a
	again.Epoch, again.Disabled, again.Roles = a.Epoch+1, !a.Disabled, nil
	wantErr(t, "create the account again", f.CreateAccount(t.Context(), again, "other hash"), nil)
	f.wantAccount(t, "after the account again", a, hash)
}

func accountParallel(t *testing.T, f fixture) {
	for range 5 {
		one, two := newAccount(t), newAccount(t)
		two.Username = one.Username
		both := []account.Account{one, two}
		errs := parallel(len(both), func(i int) error {
			return f.CreateAccount(t.Context(), both[i], fmt.Sprint("hash ", i))
		})
		winner, loser := 0, 1
		if errs[0] != nil {
			winner, loser = 1, 0
		}
		if errs[winner] != nil || !errors.Is(errs[loser], account.ErrExists) {
			t.Fatalf("errors = %v, want one nil and one ErrExists", errs)
		}
		f.wantAccount(t, "the winner", both[winner], fmt.Sprint("hash ", winner))
		_, err := f.Account(t.Context(), both[loser].ID)
		wantErr(t, "read the loser's account", err, account.ErrNotFound)
	}
}

// accountNames creates accounts whose usernames look like parts of keys, and sees that all are apart.
func accountNames(t *testing.T, f fixture) {
	base := fresh(t, "u")
	owner := storedAccount(t, f, hash)
	names := []string{
		base, base + "#", base + "##", "#" + base, base + "#LOGIN", base + "#ACCOUNT", "LOGIN#" + base,
		"ACCOUNT#" + owner.ID.String(), "LOGIN#" + owner.Username, owner.ID.String(), "#" + owner.ID.String(),
		"SESSIONS#" + owner.ID.String(), base + "%23", base + "\\#", base + "/..", base + "=", base + "\u0130",
	}
	accounts := make([]account.Account, len(names))
	for i, name := range names {
		accounts[i] = newAccount(t)
		accounts[i].Username = name
		err := f.CreateAccount(t.Context(), accounts[i], fmt.Sprint("hash ", i))
		wantErr(t, fmt.Sprintf("create %q", name), err, nil)
	}
	for i, a := range accounts {
		f.wantAccount(t, fmt.Sprintf("username %q", a.Username), a, fmt.Sprint("hash ", i))
	}
	f.wantAccount(t, "the account that the names allude to", owner, hash)
}

func accountCopies(t *testing.T, f fixture) {
	want := newAccount(t)
	given := want
	given.Roles = append([]string(nil), want.Roles...)
	given.Scopes = append([]string(nil), want.Scopes...)
	wantErr(t, "create", f.CreateAccount(t.Context(), given, hash), nil)
	given.Roles[0], given.Scopes[0] = "spoiled", "spoiled"
	f.wantAccount(t, "after changing what was passed in", want, hash)

	read, err := f.Account(t.Context(), want.ID)
	wantErr(t, "read", err, nil)
	read.Roles[0], read.Scopes[0] = "spoiled", "spoiled"
	f.wantAccount(t, "after changing what was handed out", want, hash)
}

// wantNoAccount checks that neither the account nor its login name is stored.
func (f fixture) wantNoAccount(t *testing.T, what string, a account.Account) {
	t.Helper()
	_, err := f.Account(t.Context(), a.ID)
	wantErr(t, what+": read account", err, account.ErrNotFound)
	_, err = f.LoginName(t.Context(), a.Username)
	wantErr(t, what+": read login name", err, account.ErrNotFound)
}

func accountSameID(t *testing.T, f fixture) {
	a := storedAccount(t, f, hash)
	other := newAccount(t)
	other.ID = a.ID
	wantErr(t, "create with the id of another", f.CreateAccount(t.Context(), other, "another hash"), account.ErrExists)
	f.wantAccount(t, "the other", a, hash)
	_, err := f.LoginName(t.Context(), other.Username)
	wantErr(t, "its login name", err, account.ErrNotFound)
}

func rehash(t *testing.T, f fixture) {
	a := storedAccount(t, f, "imported:"+hash)
	wantErr(t, "rehash", f.Rehash(t.Context(), a.Username, "imported:"+hash, hash), nil)
	f.wantAccount(t, "rehashed", a, hash)
	wantErr(t, "rehash again", f.Rehash(t.Context(), a.Username, "imported:"+hash, "another"), account.ErrConflict)
	f.wantAccount(t, "rehashed twice", a, hash)
}

func rehashConflict(t *testing.T, f fixture) {
	a := storedAccount(t, f, hash)
	wantErr(t, "rehash of a hash that it is not", f.Rehash(t.Context(), a.Username, "imported:"+hash, "another"), account.ErrConflict)
	f.wantAccount(t, "after it", a, hash)
	other := newAccount(t)
	wantErr(t, "rehash of an unknown login name", f.Rehash(t.Context(), other.Username, hash, "another"), account.ErrConflict)
	_, err := f.LoginName(t.Context(), other.Username)
	wantErr(t, "the unknown login name", err, account.ErrNotFound)
}

func rehashParallel(t *testing.T, f fixture) {
	a := storedAccount(t, f, hash)
	const callers = 8
	won := make(chan string, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			to := fmt.Sprint("hash of ", i)
			switch err := f.Rehash(t.Context(), a.Username, hash, to); {
			case err == nil:
				won <- to
			case !errors.Is(err, account.ErrConflict):
				t.Errorf("parallel rehash: %v", err)
			}
		})
	}
	wg.Wait()
	if len(won) != 1 {
		t.Fatalf("%d of %d rehashes won, want 1", len(won), callers)
	}
	f.wantAccount(t, "after parallel rehashes", a, <-won)
}
