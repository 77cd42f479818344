package storetest

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
)

var removalTests = []subtest{
	{"RemovalIsSetAndTakenBack", removalSet},
	{"RemovalOfAnAccountWithoutALoginName", removalWithoutName},
	{"RemovalTakenBackWithTheAddressAndTheIdentities", removalTakenBack},
	{"IdentityThatIsLinkedBesideIsAConflict", removalBesideLink},
	{"ForgetMayBeRepeatedAndEndsNothingNow", forgetRepeats},
}

// closing is the change by which a person closes the account, or with the zero time reopens it.
func closing(f fixture, a account.Account, at time.Time) account.Change {
	c := changeOf(f, a, "")
	closed := !at.IsZero()
	c.Disable, c.Account.Disabled = &closed, closed
	c.Remove, c.Account.RemoveAt, c.OldIdentities, c.OldEmail = &at, at, a.Identities, a.Email.Address
	return c
}

func removalSet(t *testing.T, f fixture) {
	a := newAccount(t)
	a.Disabled, a.Email = false, account.Email{Address: fresh(t, "ada") + "@example.com"}
	wantErr(t, "create account", f.CreateAccount(t.Context(), a, hash), nil)
	closed := closing(f, a, f.clock.Now().Add(time.Hour).Truncate(time.Second))
	wantErr(t, "close", f.ChangeAccount(t.Context(), closed), nil)
	f.wantAccount(t, "after it was closed", closed.Account, hash)
	wantErr(t, "close again", f.ChangeAccount(t.Context(), closed), account.ErrConflict)
	opened := closing(f, closed.Account, time.Time{})
	wantErr(t, "reopen", f.ChangeAccount(t.Context(), opened), nil)
	f.wantAccount(t, "after it was reopened", opened.Account, hash)
	owner, err := f.OwnerOf(t.Context(), a.Email.Address)
	wantErr(t, "owner of the address", err, nil)
	same(t, "owner of the address", owner, a.ID)
}

func removalWithoutName(t *testing.T, f fixture) {
	b := f.begin(t, subjectOwner(t), true, "")
	for _, at := range []time.Time{f.clock.Now().Add(time.Hour).Truncate(time.Second), {}} {
		a, err := f.Account(t.Context(), b.Account.ID)
		wantErr(t, "read", err, nil)
		wantErr(t, "close or reopen", f.ChangeAccount(t.Context(), closing(f, a, at)), nil)
		a, err = f.Account(t.Context(), b.Account.ID)
		wantErr(t, "read", err, nil)
		if !a.RemoveAt.Equal(at) || a.Disabled == at.IsZero() {
			t.Errorf("removed at %s, disabled %t; want %s", a.RemoveAt, a.Disabled, at)
		}
	}
}

// removalTakenBack is the change by which a person takes back an address that somebody has replaced, who then has closed the account.
func removalTakenBack(t *testing.T, f fixture) {
	a := f.withEmail(t)
	b := f.linking(t, a)
	_, err := f.BeginSession(t.Context(), b)
	wantErr(t, "link", err, nil)
	a.Identities = b.Account.Identities
	closed := closing(f, a, f.clock.Now().Add(time.Hour).Truncate(time.Second))
	wantErr(t, "close", f.ChangeAccount(t.Context(), closed), nil)
	c := moved(f, closed.Account, account.Email{Address: fresh(t, "back") + "@example.com", VerifiedAt: f.clock.Now()})
	c.Disable, c.Account.Disabled = new(false), false
	c.Remove, c.Account.RemoveAt = &time.Time{}, time.Time{}
	c.Unlink, c.OldIdentities, c.Account.Identities = true, a.Identities, nil
	wantErr(t, "take back", f.ChangeAccount(t.Context(), c), nil)
	f.wantAccount(t, "after it was taken back", c.Account, hash)
	f.wantOwner(t, "old address", a.Email.Address, uuid.Nil)
	f.wantOwner(t, "new address", c.Email.Address, a.ID)
	_, _, err = f.Subject(t.Context(), a.Identities[0], "")
	wantErr(t, "the identity", err, account.ErrNotFound)
}

func removalBesideLink(t *testing.T, f fixture) {
	a := enabled(t, f)
	stale := a
	stale.Identities = []account.Subject{{Directory: "idp:up", ID: "1"}}
	for what, err := range map[string]error{
		"close":  f.ChangeAccount(t.Context(), closing(f, stale, f.clock.Now().Add(time.Hour))),
		"delete": f.DeleteAccount(t.Context(), changeOf(f, stale, "")),
	} {
		wantErr(t, what+" with other identities than it has", err, account.ErrConflict)
	}
	f.wantAccount(t, "after the conflicts", a, hash)
	same(t, "entries", len(f.entriesOf(t, a.ID.String(), time.Time{})), 0)
}

func forgetRepeats(t *testing.T, f fixture) {
	a := enabled(t, f)
	stored := f.storedSessions(t, a.ID, 3)
	for range 2 {
		wantErr(t, "forget", f.Forget(t.Context(), a.ID, f.clock.Now().Add(time.Hour)), nil)
		wantErr(t, "forget consents", f.ForgetConsents(t.Context(), a.ID, f.clock.Now().Add(time.Hour)), nil)
	}
	same(t, "sessions", f.listed(t, a.ID, 10), stored)
}
