package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
)

var addressTests = []subtest{
	{"CreatedAccountHasItsAddress", addressCreated},
	{"TakenAddressIsErrAddressTakenAndStoresNothing", addressTaken},
	{"OneOfManyParallelGetsTheAddress", addressParallel},
	{"ChangeMovesTheAddressAndFreesTheOldOne", addressChanged},
	{"ChangeMovesALoginNameThatIsTheAddress", addressIsLoginName},
	{"RefusedChangeChangesNothing", addressRefused},
	{"ChangeWithoutAddressKeepsIt", addressKept},
	{"DeletionFreesTheAddress", addressDeleted},
	{"ChangeOfTheAddressAgainstAnotherChange", addressRace},
}

// withEmail stores an account with a verified address.
func (f fixture) withEmail(t *testing.T) account.Account {
	t.Helper()
	a := newAccount(t)
	a.Disabled, a.Email = false, account.Email{Address: fresh(t, "ada") + "@example.com", VerifiedAt: f.clock.Now()}
	wantErr(t, "create account", f.CreateAccount(t.Context(), a, hash), nil)
	return a
}

// moved changes the address of a.
func moved(f fixture, a account.Account, email account.Email) account.Change {
	c := changeOf(f, a, "")
	c.Account.Disabled, c.Disable = false, nil
	c.Account.Email, c.Email, c.OldEmail = email, &email, a.Email.Address
	return c
}

// wantOwner checks whose an address is; the zero id is nobody's.
func (f fixture) wantOwner(t *testing.T, what, address string, owner uuid.UUID) {
	t.Helper()
	var want error
	if owner == uuid.Nil {
		want = account.ErrNotFound
	}
	got, err := f.OwnerOf(t.Context(), address)
	wantErr(t, what+": owner of the address", err, want)
	same(t, what+": owner of the address", got, owner)
}

func addressCreated(t *testing.T, f fixture) {
	a := f.withEmail(t)
	f.wantAccount(t, "created", a, hash)
	f.wantOwner(t, "created", a.Email.Address, a.ID)
	unverified := newAccount(t)
	unverified.Email.Address = fresh(t, "ben") + "@example.com"
	wantErr(t, "create with an address that is not verified", f.CreateAccount(t.Context(), unverified, hash), nil)
	f.wantAccount(t, "not verified", unverified, hash)
	f.wantOwner(t, "not verified", unverified.Email.Address, unverified.ID)
	f.wantOwner(t, "unknown", fresh(t, "nobody")+"@example.com", uuid.Nil)
	f.wantOwner(t, "beginning of an address", a.Email.Address[1:], uuid.Nil)
	wantErr(t, "create the same again", f.CreateAccount(t.Context(), a, otherHash), nil)
	f.wantAccount(t, "after the same again", a, hash)
}

func addressTaken(t *testing.T, f fixture) {
	first, second := f.withEmail(t), newAccount(t)
	second.Email = first.Email
	wantErr(t, "create with a taken address", f.CreateAccount(t.Context(), second, otherHash), account.ErrAddressTaken)
	f.wantNoAccount(t, "the second", second)
	f.wantAccount(t, "the first", first, hash)
	second.Username = first.Username
	wantErr(t, "create with a taken name and address", f.CreateAccount(t.Context(), second, otherHash), account.ErrExists)
}

func addressParallel(t *testing.T, f fixture) {
	address := fresh(t, "ada") + "@example.com"
	accounts := make([]account.Account, 5)
	for i := range accounts {
		accounts[i] = newAccount(t)
		accounts[i].Email.Address = address
	}
	won := 0
	for i, err := range parallel(len(accounts), func(i int) error { return f.CreateAccount(t.Context(), accounts[i], hash) }) {
		switch {
		case err == nil:
			won++
			f.wantOwner(t, "the winner's", address, accounts[i].ID)
			f.wantAccount(t, "the winner", accounts[i], hash)
		case !errors.Is(err, account.ErrAddressTaken):
			t.Errorf("caller %d: %v, want ErrAddressTaken", i, err)
		default:
			f.wantNoAccount(t, "a loser", accounts[i])
		}
	}
	if won != 1 {
		t.Errorf("%d of %d callers got the address, want 1", won, len(accounts))
	}
}

func addressChanged(t *testing.T, f fixture) {
	a := f.withEmail(t)
	for i, email := range []account.Email{
		{Address: fresh(t, "new") + "@example.com", VerifiedAt: f.clock.Now().Add(time.Millisecond)},
		{Address: fresh(t, "newer") + "@example.com"},
		{},
		a.Email,
		{Address: a.Email.Address, VerifiedAt: f.clock.Now().Add(time.Second)}, // the same, verified again
	} {
		what := fmt.Sprint("change ", i)
		c := moved(f, a, email)
		if i > 0 {
			c.Account.Held = append(slices.Clone(a.Held), account.Held{From: f.clock.Now().Truncate(time.Millisecond)})
			if i > 1 {
				c.Account.Held[len(c.Account.Held)-2].Until = f.clock.Now().Truncate(time.Millisecond)
			}
		}
		wantErr(t, what, f.ChangeAccount(t.Context(), c), nil)
		f.wantAccount(t, what, c.Account, hash)
		same(t, what+": entries", f.entriesOf(t, a.ID.String(), time.Time{})[i], c.Entry)
		if a.Email.Address != "" && a.Email.Address != email.Address {
			f.wantOwner(t, what+": old", a.Email.Address, uuid.Nil)
		}
		if email.Address != "" {
			f.wantOwner(t, what+": new", email.Address, a.ID)
		}
		f.clock.Advance(time.Second)
		a = c.Account
	}
}

func addressIsLoginName(t *testing.T, f fixture) {
	for _, newHash := range []string{"", otherHash} {
		a := newAccount(t)
		a.Email = account.Email{Address: fresh(t, "ada") + "@example.com", VerifiedAt: f.clock.Now()}
		a.Username, a.Disabled = a.Email.Address, false
		wantErr(t, "create", f.CreateAccount(t.Context(), a, hash), nil)
		c := moved(f, a, account.Email{Address: fresh(t, "new") + "@example.com", VerifiedAt: f.clock.Now()})
		c.Hash, c.OldUsername, c.Account.Username = newHash, a.Username, c.Email.Address
		want := hash
		if newHash != "" {
			want = newHash
		}
		wantErr(t, "change", f.ChangeAccount(t.Context(), c), nil)
		f.wantAccount(t, "afterwards", c.Account, want)
		_, err := f.LoginName(t.Context(), a.Username)
		wantErr(t, "the old login name", err, account.ErrNotFound)
		wantErr(t, "the change again", f.ChangeAccount(t.Context(), c), account.ErrConflict)
		f.wantAccount(t, "after the change again", c.Account, want)
	}
}

func addressRefused(t *testing.T, f fixture) {
	a, other := f.withEmail(t), f.withEmail(t)
	fresh := account.Email{Address: fresh(t, "new") + "@example.com"}
	for name, test := range map[string]struct {
		change func(*account.Change)
		want   error
	}{
		"taken address": {func(c *account.Change) { c.Email = &other.Email }, account.ErrAddressTaken},
		"other epoch":   {func(c *account.Change) { c.From++ }, account.ErrConflict},
		"taken login name": {func(c *account.Change) {
			c.OldUsername, c.Account.Username = a.Username, other.Username
		}, account.ErrExists},
		"login name with another hash": {func(c *account.Change) {
			c.OldUsername, c.Account.Username, c.OldHash = a.Username, fresh.Address, otherHash
		}, account.ErrConflict},
	} {
		c := moved(f, a, fresh)
		test.change(&c)
		wantErr(t, name, f.ChangeAccount(t.Context(), c), test.want)
		f.wantAccount(t, name, a, hash)
		f.wantAccount(t, name+": the other", other, hash)
		f.wantOwner(t, name+": old", a.Email.Address, a.ID)
		f.wantOwner(t, name+": the other's", other.Email.Address, other.ID)
		f.wantOwner(t, name+": new", fresh.Address, uuid.Nil)
		same(t, name+": entries", f.entriesOf(t, a.ID.String(), time.Time{}), nil)
	}
}

func addressKept(t *testing.T, f fixture) {
	a := f.withEmail(t)
	c := changeOf(f, a, otherHash)
	c.OldEmail = a.Email.Address // every change has it
	wantErr(t, "change", f.ChangeAccount(t.Context(), c), nil)
	f.wantAccount(t, "afterwards", c.Account, otherHash)
	f.wantOwner(t, "afterwards", a.Email.Address, a.ID)
}

func addressDeleted(t *testing.T, f fixture) {
	a := f.withEmail(t)
	c := changeOf(f, a, "")
	c.OldEmail = a.Email.Address
	wantErr(t, "delete", f.DeleteAccount(t.Context(), c), nil)
	f.wantOwner(t, "afterwards", a.Email.Address, uuid.Nil)
	again := newAccount(t)
	again.Email = a.Email
	wantErr(t, "create with the same address", f.CreateAccount(t.Context(), again, hash), nil)
	f.wantOwner(t, "created again", a.Email.Address, again.ID)
	wantErr(t, "delete again", f.DeleteAccount(t.Context(), c), account.ErrNotFound)
	f.wantOwner(t, "after a deletion that was refused", a.Email.Address, again.ID)
}

// addressRace: of two changes that have read the same state one is made, whole.
func addressRace(t *testing.T, f fixture) {
	for range 5 {
		a := f.withEmail(t)
		changes := []account.Change{moved(f, a, account.Email{Address: fresh(t, "new") + "@example.com"}), changeOf(f, a, otherHash)}
		changes[1].Entry.At = changes[1].Entry.At.Add(time.Millisecond)
		errs := parallel(2, func(i int) error { return f.ChangeAccount(t.Context(), changes[i]) })
		switch {
		case errs[0] == nil && errors.Is(errs[1], account.ErrConflict):
			f.wantAccount(t, "the new address", changes[0].Account, hash)
			f.wantOwner(t, "the old one's", a.Email.Address, uuid.Nil)
		case errs[1] == nil && errors.Is(errs[0], account.ErrConflict):
			f.wantAccount(t, "the new password", changes[1].Account, otherHash)
			f.wantOwner(t, "the new one's", changes[0].Email.Address, uuid.Nil)
		default:
			t.Errorf("errors = %v, want one nil and one ErrConflict", errs)
		}
	}
}
