package storetest

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
)

var keepTests = []subtest{
	{"KeptSessionGetsTheNewEpochAndNothingElse", keepReaches},
	{"EpochAheadIsKeptToo", keepAhead},
	{"DeadOrForeignIsErrNotKeptAndChangesNothing", keepDead},
	{"ConflictComesBeforeErrNotKept", keepConflict},
	{"RotationsAndKeepingDoNotHinderEachOther", keepAgainstRotations},
	{"RevokedSessionIsNeverKept", keepAgainstRevocation},
}

// keeping is a change of a, which keeps a session.
func keeping(f fixture, a account.Account, id uuid.UUID) account.Change {
	c := changeOf(f, a, otherHash)
	c.Account.Disabled, c.Disable, c.Keep = false, nil, id
	return c
}

// sessionOf stores a session of a that its next change can keep.
func (f fixture) sessionOf(t *testing.T, a account.Account) session.Session {
	t.Helper()
	return f.storedSession(t, func(s *session.Session) { s.AccountID, s.Epoch = a.ID, a.Epoch })
}

func keepReaches(t *testing.T, f fixture) {
	a := enabled(t, f)
	s, other := f.sessionOf(t, a), f.sessionOf(t, a)
	c := keeping(f, a, s.ID)
	wantErr(t, "change", f.ChangeAccount(t.Context(), c), nil)
	f.wantAccount(t, "after the change", c.Account, otherHash)
	same(t, "after the change"+": entries", f.entriesOf(t, a.ID.String(), time.Time{}), []revocation.Entry{c.Entry})
	s.Epoch = c.Account.Epoch
	f.wantSession(t, "the kept session", s)
	f.wantSession(t, "another session", other)
}

// keepAhead is an account that was restored from a backup.
func keepAhead(t *testing.T, f fixture) {
	a := enabled(t, f)
	s := f.storedSession(t, func(s *session.Session) { s.AccountID, s.Epoch = a.ID, a.Epoch+3 })
	c := keeping(f, a, s.ID)
	wantErr(t, "change", f.ChangeAccount(t.Context(), c), nil)
	s.Epoch = c.Account.Epoch
	f.wantSession(t, "the kept session", s)
}

func keepDead(t *testing.T, f fixture) {
	a := enabled(t, f)
	now := f.clock.Now()
	for name, change := range map[string]func(*session.Session){
		"revoked":              func(s *session.Session) { s.RevokedAt, s.Reason = now, session.ReasonReuse },
		"idle expiry reached":  func(s *session.Session) { s.IdleExpiry = now },
		"absolute one reached": func(s *session.Session) { s.Expiry = now },
		"epoch behind":         func(s *session.Session) { s.Epoch-- },
		"another account's":    func(s *session.Session) { s.AccountID = newID(t) },
	} {
		s := f.storedSession(t, func(s *session.Session) {
			s.AccountID, s.Epoch = a.ID, a.Epoch
			change(s)
		})
		wantErr(t, name, f.ChangeAccount(t.Context(), keeping(f, a, s.ID)), account.ErrNotKept)
		f.wantSession(t, name, s)
	}
	err := f.ChangeAccount(t.Context(), keeping(f, a, newID(t)))
	wantErr(t, "no such session", err, account.ErrNotKept)
	if errors.Is(err, oauth.ErrUnavailable) {
		t.Errorf("no such session: %v, which is an outage too", err)
	}
	f.wantAccount(t, "afterwards", a, hash)
	same(t, "afterwards"+": entries", f.entriesOf(t, a.ID.String(), time.Time{}), nil)
}

// keepConflict: after a conflict the caller reads again, and may then find that the session was not kept.
func keepConflict(t *testing.T, f fixture) {
	a := enabled(t, f)
	c := keeping(f, a, newID(t))
	c.From--
	err := f.ChangeAccount(t.Context(), c)
	wantErr(t, "change from another epoch", err, account.ErrConflict)
	if errors.Is(err, oauth.ErrUnavailable) {
		t.Errorf("conflict: %v, which is an outage too", err)
	}
	c.Account.ID = newID(t)
	wantErr(t, "unknown account", f.ChangeAccount(t.Context(), c), account.ErrNotFound)
}

func keepAgainstRotations(t *testing.T, f fixture) {
	const rounds = 10
	a := enabled(t, f)
	s := f.sessionOf(t, a)
	was := hash
	for range rounds {
		c, r := keeping(f, a, s.ID), rotation(s)
		c.OldHash, was = was, c.Hash
		for i, err := range parallel(2, func(i int) error {
			if i == 0 {
				return f.ChangeAccount(t.Context(), c)
			}
			_, err := f.Rotate(t.Context(), r)
			return err
		}) {
			wantErr(t, []string{"change", "rotate"}[i], err, nil)
		}
		a, s = c.Account, rotated(s, r)
		s.Epoch = a.Epoch
		f.wantSession(t, "after both", s)
	}
}

func keepAgainstRevocation(t *testing.T, f fixture) {
	for range 10 {
		a := enabled(t, f)
		s := f.sessionOf(t, a)
		c, e := keeping(f, a, s.ID), ending(s, session.ReasonEnded, f.clock.Now())
		errs := parallel(2, func(i int) error {
			if i == 0 {
				return f.ChangeAccount(t.Context(), c)
			}
			return f.Revoke(t.Context(), e)
		})
		wantErr(t, "revoke", errs[1], nil)
		s = ended(s, e)
		if errs[0] == nil {
			s.Epoch = c.Account.Epoch
		} else {
			wantErr(t, "change", errs[0], account.ErrNotKept)
		}
		f.wantSession(t, "after both", s)
	}
}

var deletionTests = []subtest{
	{"AccountAndLoginNameAreGoneAndTheLogKnows", deletionReaches},
	{"NameMayBeTakenAgain", deletionFreesTheName},
	{"OtherEpochIsErrConflictAndDeletesNothing", deletionConflict},
	{"OneOfManyParallelDeletes", deletionParallel},
}

func deletionReaches(t *testing.T, f fixture) {
	a, bystander := enabled(t, f), enabled(t, f)
	s := f.sessionOf(t, a)
	c := changeOf(f, a, "")
	wantErr(t, "delete", f.DeleteAccount(t.Context(), c), nil)
	f.wantNoAccount(t, "afterwards", a)
	same(t, "entries", f.entriesOf(t, a.ID.String(), time.Time{}), []revocation.Entry{c.Entry})
	f.wantSession(t, "its session", s)
	f.wantAccount(t, "another account", bystander, hash)
	err := f.DeleteAccount(t.Context(), c)
	wantErr(t, "delete again", err, account.ErrNotFound)
	wantErr(t, "change", f.ChangeAccount(t.Context(), changeOf(f, a, "")), account.ErrNotFound)
	same(t, "entries", f.entriesOf(t, a.ID.String(), time.Time{}), []revocation.Entry{c.Entry})
}

func deletionFreesTheName(t *testing.T, f fixture) {
	a := enabled(t, f)
	wantErr(t, "delete", f.DeleteAccount(t.Context(), changeOf(f, a, "")), nil)
	again := newAccount(t)
	again.Username = a.Username
	wantErr(t, "create with the same name", f.CreateAccount(t.Context(), again, otherHash), nil)
	f.wantAccount(t, "the new account", again, otherHash)
	_, err := f.Account(t.Context(), a.ID)
	wantErr(t, "the old account", err, account.ErrNotFound)
}

func deletionConflict(t *testing.T, f fixture) {
	a := enabled(t, f)
	c := changeOf(f, a, "")
	for _, from := range []int64{a.Epoch - 1, a.Epoch + 1, math.MaxInt64} {
		c.From = from
		wantErr(t, "delete from another epoch", f.DeleteAccount(t.Context(), c), account.ErrConflict)
	}
	f.wantAccount(t, "afterwards", a, hash)
	same(t, "entries", f.entriesOf(t, a.ID.String(), time.Time{}), nil)
}

func deletionParallel(t *testing.T, f fixture) {
	a := enabled(t, f)
	c := changeOf(f, a, "")
	deleted := 0
	for i, err := range parallel(10, func(int) error { return f.DeleteAccount(t.Context(), c) }) {
		switch {
		case err == nil:
			deleted++
		case !errors.Is(err, account.ErrNotFound):
			t.Errorf("caller %d: %v, want ErrNotFound", i, err)
		}
	}
	if deleted != 1 {
		t.Errorf("%d of 10 callers have deleted the account, want 1", deleted)
	}
	f.wantNoAccount(t, "afterwards", a)
}

var accessTests = []subtest{
	{"RolesScopesAndClaimsAreReplacedAndNothingElse", accessReaches},
	{"UnknownAccountIsErrNotFound", accessUnknown},
	{"WhatSomebodyElseHasChangedMeanwhileIsErrConflict", accessConflict},
	{"OneOfManyParallelOnes", accessParallel},
	{"ChangesBesideItAreNotLost", accessAgainstChanges},
}

func accessReaches(t *testing.T, f fixture) {
	a := enabled(t, f)
	for _, test := range []account.Access{
		{Roles: []string{"b", "a"}, Scopes: []string{"x"}, Claims: `{"a":1}`}, {Scopes: []string{"y"}, Claims: `{"a":"1"}`}, {Roles: []string{"c"}}, {},
		{Claims: `{"b":true}`},
	} {
		for range 2 { // it may be repeated
			wantErr(t, "set access", f.SetAccess(t.Context(), a.ID, a.Access(), test), nil)
		}
		a = a.With(test)
		f.wantAccount(t, "afterwards", a, hash)
	}
	same(t, "entries", f.entriesOf(t, a.ID.String(), time.Time{}), nil)
}

func accessUnknown(t *testing.T, f fixture) {
	a := newAccount(t)
	wantErr(t, "set access", f.SetAccess(t.Context(), a.ID, a.Access(), account.Access{}), account.ErrNotFound)
	f.wantNoAccount(t, "afterwards", a)
}

// accessConflict: each part counts alone.
func accessConflict(t *testing.T, f fixture) {
	before := enabled(t, f)
	a := before.With(account.Access{Roles: []string{"r", "s"}, Scopes: []string{"x"}, Claims: `{"a":1}`})
	wantErr(t, "set access", f.SetAccess(t.Context(), a.ID, before.Access(), a.Access()), nil)
	for name, read := range map[string]account.Access{
		"other roles":   {Roles: []string{"r"}, Scopes: a.Scopes, Claims: a.Claims},
		"their order":   {Roles: []string{"s", "r"}, Scopes: a.Scopes, Claims: a.Claims},
		"other scopes":  {Roles: a.Roles, Scopes: []string{"y"}, Claims: a.Claims},
		"other claims":  {Roles: a.Roles, Scopes: a.Scopes, Claims: `{"a":2}`},
		"nothing there": {},
	} {
		err := f.SetAccess(t.Context(), a.ID, read, account.Access{Roles: []string{"new"}})
		wantErr(t, name, err, account.ErrConflict)
		if errors.Is(err, oauth.ErrUnavailable) {
			t.Errorf("%s: %v, which is an outage too", name, err)
		}
	}
	f.wantAccount(t, "afterwards", a, hash)
	wantErr(t, "claims away", f.SetAccess(t.Context(), a.ID, a.Access(), account.Access{}), nil)
	wantErr(t, "without claims", f.SetAccess(t.Context(), a.ID, account.Access{}, a.Access()), nil)
	f.wantAccount(t, "in the end", a, hash)
}

func accessParallel(t *testing.T, f fixture) {
	a := enabled(t, f)
	wanted := func(i int) account.Access { return account.Access{Roles: []string{fmt.Sprint("r", i)}} }
	won := -1
	for i, err := range parallel(10, func(i int) error { return f.SetAccess(t.Context(), a.ID, a.Access(), wanted(i)) }) {
		switch {
		case err == nil && won < 0:
			won = i
		case !errors.Is(err, account.ErrConflict):
			t.Errorf("caller %d: %v, want ErrConflict of all but one", i, err)
		}
	}
	if won < 0 {
		t.Fatal("nobody has set the access")
	}
	f.wantAccount(t, "afterwards", a.With(wanted(won)), hash)
}

func accessAgainstChanges(t *testing.T, f fixture) {
	a := enabled(t, f)
	for i := range 10 {
		c := changeOf(f, a, "")
		c.Account.Disabled, c.Disable = i%2 == 0, new(i%2 == 0)
		c.Account = c.Account.With(account.Access{Roles: []string{"r"}, Scopes: []string{"s", "t"}, Claims: `{"a":1}`})
		for i, err := range parallel(2, func(i int) error {
			if i == 0 {
				return f.ChangeAccount(t.Context(), c)
			}
			return f.SetAccess(t.Context(), a.ID, a.Access(), c.Account.Access())
		}) {
			wantErr(t, []string{"change", "set access"}[i], err, nil)
		}
		a = c.Account
		f.wantAccount(t, "after both", a, hash)
	}
}
