package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
)

var endingTests = []subtest{
	{"EndsTheSessionAndAppendsItsEntry", revokeChanges},
	{"WorksOnAnExpiredSession", revokeExpired},
	{"AnotherClientsIsStaleAndAppendsNothing", revokeForeign},
	{"MissingIsNotFoundAndAppendsNothing", revokeMissing},
	{"AppliedButReplyLostKeepsTheFirst", revokeReplyLost},
	{"RepeatedWithALaterStampAppendsThatToo", revokeStampedAgain},
	{"RevokedBeforeItBeganIsErrRevokedAndAppendsNothing", revokeTwice},
	{"ManyParallelLeaveOneReasonAndEveryEntry", revokeParallel},
	{"NoRotationAfterIt", revokeAgainstRotations},
}

// ended is what s becomes by e.
func ended(s session.Session, e session.Ending) session.Session {
	s.RevokedAt, s.Reason = e.Entry.At, e.Reason
	return s
}

func revokeChanges(t *testing.T, f fixture) {
	at := f.clock.Now().Add(-time.Second + 987*time.Millisecond)
	for _, reason := range []session.Reason{session.ReasonReuse, session.ReasonClient} {
		s := f.storedSession(t, nil)
		bystander := f.storedSession(t, func(b *session.Session) { b.AccountID, b.ClientID = s.AccountID, s.ClientID })
		e := ending(s, reason, at)
		wantErr(t, "revoke", f.Revoke(t.Context(), e), nil)
		f.wantSession(t, "after revoking", ended(s, e))
		same(t, "entries of the session", f.entriesOf(t, s.ID.String(), time.Time{}), []revocation.Entry{e.Entry})
		f.wantSession(t, "another session of the account", bystander)
	}
}

func revokeExpired(t *testing.T, f fixture) {
	s := f.storedSession(t, func(s *session.Session) { s.IdleExpiry = f.clock.Now().Add(time.Minute) })
	f.clock.Advance(2 * time.Minute)
	e := ending(s, session.ReasonClient, f.clock.Now())
	wantErr(t, "revoke", f.Revoke(t.Context(), e), nil)
	f.wantSession(t, "after revoking", ended(s, e))
	same(t, "entries of the session", f.entriesOf(t, s.ID.String(), time.Time{}), []revocation.Entry{e.Entry})
}

func revokeForeign(t *testing.T, f fixture) {
	s := f.storedSession(t, nil)
	e := ending(s, session.ReasonClient, f.clock.Now())
	e.ClientID = fresh(t, "c")
	wantErr(t, "revoke as another client", f.Revoke(t.Context(), e), session.ErrStale)
	f.wantSession(t, "after that", s)
	same(t, "entries of the session", f.entriesOf(t, s.ID.String(), time.Time{}), nil)
}

func revokeMissing(t *testing.T, f fixture) {
	stored := f.storedSession(t, nil)
	for name, change := range map[string]func(*session.Session){
		"unknown session": func(s *session.Session) { s.ID = newID(t) },
		"another account": func(s *session.Session) { s.AccountID = newID(t) },
	} {
		s := stored
		change(&s)
		wantErr(t, name, f.Revoke(t.Context(), ending(s, session.ReasonReuse, f.clock.Now())), session.ErrNotFound)
		same(t, name+": entries", f.entriesOf(t, s.ID.String(), time.Time{}), nil)
		_, err := f.Session(t.Context(), s.AccountID, s.ID)
		wantErr(t, name+": read afterwards", err, session.ErrNotFound)
	}
	f.wantSession(t, "the stored session", stored)
}

func revokeReplyLost(t *testing.T, f fixture) {
	s := f.storedSession(t, nil)
	e := ending(s, session.ReasonReuse, f.clock.Now())
	wantErr(t, "revoke", f.Revoke(t.Context(), e), nil)
	wantErr(t, "the same again", f.Revoke(t.Context(), e), nil)
	f.wantSession(t, "after the same again", ended(s, e))
	same(t, "entries of the session", f.entriesOf(t, s.ID.String(), time.Time{}), []revocation.Entry{e.Entry})
}

// revokeTwice is one token handed in again and again: the log must not grow by it.
func revokeTwice(t *testing.T, f fixture) {
	s := f.storedSession(t, nil)
	first := ending(s, session.ReasonReuse, f.clock.Now())
	first.Began = first.Entry.At
	wantErr(t, "revoke", f.Revoke(t.Context(), first), nil)
	wantErr(t, "the same attempt again", f.Revoke(t.Context(), first), nil)

	later := ending(s, session.ReasonClient, f.clock.Now().Add(time.Millisecond))
	later.Began = later.Entry.At
	wantErr(t, "a later attempt", f.Revoke(t.Context(), later), session.ErrRevoked)
	f.wantSession(t, "the first stamp and reason stay", ended(s, first))
	same(t, "entries of the session", f.entriesOf(t, s.ID.String(), time.Time{}), []revocation.Entry{first.Entry})

	foreign := later
	foreign.ClientID = fresh(t, "c")
	wantErr(t, "a later attempt of another client", f.Revoke(t.Context(), foreign), session.ErrStale)
}

// revokeStampedAgain is what revocation.Stamp does after a slow write: readers that look back only a
// little find the second entry.
func revokeStampedAgain(t *testing.T, f fixture) {
	s := f.storedSession(t, nil)
	first := ending(s, session.ReasonReuse, f.clock.Now())
	second := ending(s, session.ReasonClient, f.clock.Now().Add(11*time.Second))
	wantErr(t, "revoke", f.Revoke(t.Context(), first), nil)
	wantErr(t, "revoke with a later stamp", f.Revoke(t.Context(), second), nil)
	f.wantSession(t, "the first stamp and reason stay", ended(s, first))
	same(t, "entries of the session", f.entriesOf(t, s.ID.String(), time.Time{}),
		[]revocation.Entry{first.Entry, second.Entry})
	same(t, "entries since the later stamp", f.entriesOf(t, s.ID.String(), second.Entry.At),
		[]revocation.Entry{second.Entry})
}

// revokeParallel allows oauth.ErrUnavailable: transactions on one item may get in each other's way.
func revokeParallel(t *testing.T, f fixture) {
	const callers = 10
	s := f.storedSession(t, nil)
	nth := func(i int) session.Ending {
		return ending(s, session.Reason(fmt.Sprint("reason ", i)), f.clock.Now().Add(time.Duration(i)*time.Millisecond))
	}
	errs := parallel(callers, func(i int) error { return f.Revoke(t.Context(), nth(i)) })

	got, err := f.Session(t.Context(), s.AccountID, s.ID)
	wantErr(t, "read", err, nil)
	logged := map[int64]bool{}
	for _, e := range f.entriesOf(t, s.ID.String(), time.Time{}) {
		logged[e.At.UnixMilli()] = true
	}
	confirmed, matches := 0, 0
	for i, err := range errs {
		e := nth(i)
		if err != nil && !errors.Is(err, oauth.ErrUnavailable) {
			t.Errorf("caller %d: error = %v, want nil", i, err)
		}
		if err == nil {
			confirmed++
			if !logged[e.Entry.At.UnixMilli()] {
				t.Errorf("caller %d: the revocation was confirmed, but its entry is not in the log", i)
			}
		}
		if got.RevokedAt.Equal(e.Entry.At) && got.Reason == e.Reason {
			matches++
		}
	}
	if confirmed == 0 {
		t.Errorf("none of %d parallel revocations was confirmed", callers)
	}
	if matches != 1 {
		t.Errorf("stamp %v and reason %q are not of one of the callers", got.RevokedAt, got.Reason)
	}
}

// revokeAgainstRotations gives the revocation a race that it must win in the end: a rotation that read the
// session before must not write it back alive.
func revokeAgainstRotations(t *testing.T, f fixture) {
	const callers = 20
	s := f.storedSession(t, nil)
	e := ending(s, session.ReasonClient, f.clock.Now())
	errs := parallel(callers, func(i int) error {
		var err error
		if i == callers/2 {
			err = f.Revoke(t.Context(), e)
		} else {
			_, err = f.Rotate(t.Context(), rotation(s))
		}
		if errors.Is(err, session.ErrStale) || errors.Is(err, oauth.ErrUnavailable) {
			return nil
		}
		return err
	})
	for i, err := range errs {
		wantErr(t, fmt.Sprint("caller ", i), err, nil)
	}
	wantErr(t, "revoke again, in case it was unavailable", f.Revoke(t.Context(), e), nil)
	now, err := f.Session(t.Context(), s.AccountID, s.ID)
	wantErr(t, "read", err, nil)
	if now.RevokedAt.IsZero() {
		t.Fatalf("a rotation has undone the revocation: %+v", now)
	}
	got, err := f.Rotate(t.Context(), rotation(now))
	wantErr(t, "rotate after the revocation", err, session.ErrStale)
	same(t, "session as found", got, now)
	same(t, "entries of the session", f.entriesOf(t, s.ID.String(), time.Time{}), []revocation.Entry{e.Entry})
}
