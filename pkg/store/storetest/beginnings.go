package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
)

var beginningTests = []subtest{
	{"ChangeAndSessionAreBothThere", beginningReaches},
	{"ConflictStoresNeither", beginningConflict},
	{"UnknownAccountStoresNeither", beginningUnknown},
	{"OneOfManyParallelBeginningsWins", beginningParallel},
}

// beginning is a change of a that ends its sessions, and the session that begins with it.
func beginning(t *testing.T, f fixture, a account.Account, newHash string) (account.Change, session.Session) {
	t.Helper()
	c := changeOf(f, a, newHash)
	c.Account.Disabled, c.Disable = false, nil
	s := f.newSession(t)
	s.AccountID, s.Epoch = a.ID, c.Account.Epoch
	return c, s
}

// wantNoSession expects that a session was not stored.
func (f fixture) wantNoSession(t *testing.T, what string, s session.Session) {
	t.Helper()
	_, err := f.Session(t.Context(), s.AccountID, s.ID)
	wantErr(t, what+": read session", err, session.ErrNotFound)
}

func beginningReaches(t *testing.T, f fixture) {
	for name, test := range map[string]struct{ newHash, hash string }{
		"with a password": {otherHash, otherHash}, "without one": {"", hash},
	} {
		a := enabled(t, f)
		other := f.sessionOf(t, a)
		c, s := beginning(t, f, a, test.newHash)
		wantErr(t, name, f.CreateAfter(t.Context(), c, s), nil)
		f.wantAccount(t, name, c.Account, test.hash)
		f.wantSession(t, name, s)
		f.wantSession(t, name+": another session", other)
		same(t, name+": entries", f.entriesOf(t, a.ID.String(), time.Time{}), []revocation.Entry{c.Entry})
		page, err := f.SessionsOf(t.Context(), a.ID, s.ID, 10)
		wantErr(t, name+": sessions before it", err, nil)
		same(t, name+": sessions before it", page.Sessions, []session.Session{other})
	}
}

func beginningConflict(t *testing.T, f fixture) {
	a := enabled(t, f)
	for name, change := range map[string]func(*account.Change){
		"epoch behind":     func(c *account.Change) { c.From-- },
		"epoch ahead":      func(c *account.Change) { c.From++ },
		"another password": func(c *account.Change) { c.OldHash = "another hash" },
	} {
		c, s := beginning(t, f, a, otherHash)
		change(&c)
		wantErr(t, name, f.CreateAfter(t.Context(), c, s), account.ErrConflict)
		f.wantNoSession(t, name, s)
	}
	f.wantAccount(t, "afterwards", a, hash)
	same(t, "entries", f.entriesOf(t, a.ID.String(), time.Time{}), nil)
}

func beginningUnknown(t *testing.T, f fixture) {
	a := newAccount(t)
	for _, newHash := range []string{"", otherHash} {
		c, s := beginning(t, f, a, newHash)
		wantErr(t, "unknown account", f.CreateAfter(t.Context(), c, s), account.ErrNotFound)
		f.wantNoSession(t, "unknown account", s)
	}
	f.wantNoAccount(t, "afterwards", a)
	same(t, "entries", f.entriesOf(t, a.ID.String(), time.Time{}), nil)
}

func beginningParallel(t *testing.T, f fixture) {
	a := enabled(t, f)
	changes, sessions := make([]account.Change, 10), make([]session.Session, 10)
	for i := range changes {
		changes[i], sessions[i] = beginning(t, f, a, otherHash)
	}
	wins := 0
	for i, err := range parallel(len(changes), func(i int) error { return f.CreateAfter(t.Context(), changes[i], sessions[i]) }) {
		switch {
		case err == nil:
			wins++
			f.wantSession(t, "of the winner", sessions[i])
		case errors.Is(err, account.ErrConflict):
			f.wantNoSession(t, "of a loser", sessions[i])
		default:
			t.Errorf("caller %d: %v, want ErrConflict", i, err)
		}
	}
	if wins != 1 {
		t.Errorf("%d of 10 beginnings succeeded, want 1", wins)
	}
	f.wantAccount(t, "afterwards", changes[0].Account, otherHash)
}
