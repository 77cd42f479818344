package storetest

import (
	"testing"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

var scanTests = []subtest{
	{"EveryAccountOnceAndWhole", listsAccounts},
	{"ListingMayBeBrokenOff", listsAccountsInPart},
	{"CancelledListingIsErrUnavailable", listsAccountsCancelled},
	{"SessionIsFoundByItsIDAlone", findsSession},
}

func listsAccounts(t *testing.T, f fixture) {
	want := map[uuid.UUID]account.Account{}
	for range 3 {
		a := storedAccount(t, f, hash)
		f.storedSession(t, func(s *session.Session) { s.AccountID = a.ID })
		want[a.ID] = a
	}
	gone := storedAccount(t, f, hash)
	wantErr(t, "delete", f.DeleteAccount(t.Context(), changeOf(f, gone, "")), nil)
	got := map[uuid.UUID]account.Account{}
	for a, err := range f.Accounts(t.Context()) {
		wantErr(t, "list", err, nil)
		if _, twice := got[a.ID]; twice {
			t.Errorf("%s comes twice", a.ID)
		}
		got[a.ID] = a
	}
	for id, a := range want {
		same(t, "listed account", got[id], a)
	}
	if _, listed := got[gone.ID]; listed {
		t.Error("a deleted account is listed")
	}
}

func listsAccountsInPart(t *testing.T, f fixture) {
	storedAccount(t, f, hash)
	storedAccount(t, f, hash)
	for _, err := range f.Accounts(t.Context()) {
		wantErr(t, "list", err, nil)
		break
	}
}

func listsAccountsCancelled(t *testing.T, f fixture) {
	storedAccount(t, f, hash)
	calls := 0
	for _, err := range f.Accounts(cancelled(t)) {
		calls++
		wantErr(t, "list", err, oauth.ErrUnavailable)
	}
	same(t, "how often it yields", calls, 1)
}

func findsSession(t *testing.T, f fixture) {
	s := f.storedSession(t, nil)
	f.storedSession(t, func(other *session.Session) { other.AccountID = s.AccountID })
	got, err := f.FindSession(t.Context(), s.ID)
	wantErr(t, "find", err, nil)
	same(t, "found session", got, s)
	_, err = f.FindSession(t.Context(), newID(t))
	wantErr(t, "find what is not there", err, session.ErrNotFound)
}
