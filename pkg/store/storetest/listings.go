package storetest

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/session"
)

var listingTests = []subtest{
	{"NewestFirstAndOfTheAccountAlone", listingOrder},
	{"PagesMeetWithoutGapOrRepetition", listingPages},
	{"DeadSessionsAreThereAsTheyAre", listingDead},
	{"NobodyHasNone", listingNone},
	{"AnyIDMayBeACursor", listingCursors},
	{"SeesWhatWasWrittenBefore", listingConsistent},
}

// storedSessions stores so many sessions of one account and returns them newest first.
func (f fixture) storedSessions(t *testing.T, account uuid.UUID, count int) []session.Session {
	t.Helper()
	all := make([]session.Session, count)
	for i := range all {
		all[i] = f.storedSession(t, func(s *session.Session) { s.AccountID = account })
	}
	slices.SortFunc(all, func(a, b session.Session) int { return bytes.Compare(b.ID[:], a.ID[:]) })
	return all
}

// listed pages through the sessions of an account to the end.
func (f fixture) listed(t *testing.T, account uuid.UUID, limit int) []session.Session {
	t.Helper()
	var all []session.Session
	for before, pages := uuid.Nil, 0; ; pages++ {
		page, err := f.SessionsOf(t.Context(), account, before, limit)
		wantErr(t, "list", err, nil)
		if len(page.Sessions) > limit {
			t.Fatalf("a page of %d sessions, want at most %d", len(page.Sessions), limit)
		}
		all = append(all, page.Sessions...)
		if page.Next == uuid.Nil {
			return all
		}
		if before = page.Next; pages > 1000 {
			t.Fatal("the list has no end")
		}
	}
}

// listingOrder has neighbours whose ids are the least and the most that come before and after the account's.
func listingOrder(t *testing.T, f fixture) {
	account := newID(t)
	want := f.storedSessions(t, account, 5)
	for _, neighbour := range neighbours(account) {
		for _, id := range []uuid.UUID{{15: 1}, newID(t), uuid.Max} {
			f.storedSession(t, func(s *session.Session) { s.AccountID, s.ID = neighbour, id })
		}
	}
	page, err := f.SessionsOf(t.Context(), account, uuid.Nil, 100)
	wantErr(t, "list", err, nil)
	same(t, "sessions", page, session.Page{Sessions: want})
}

// neighbours are the ids just before and after one.
func neighbours(id uuid.UUID) [2]uuid.UUID {
	before, after := id, id
	before[15]--
	after[15]++
	return [2]uuid.UUID{before, after}
}

func listingPages(t *testing.T, f fixture) {
	account := newID(t)
	want := f.storedSessions(t, account, 7)
	for _, limit := range []int{1, 2, 3, 6, 7, 8, 100} {
		same(t, "sessions", f.listed(t, account, limit), want)
	}
}

func listingDead(t *testing.T, f fixture) {
	account := newID(t)
	all := f.storedSessions(t, account, 4)
	e := ending(all[0], session.ReasonEnded, f.clock.Now())
	wantErr(t, "revoke", f.Revoke(t.Context(), e), nil)
	all[0] = ended(all[0], e)
	idle := f.storedSession(t, func(s *session.Session) {
		s.AccountID, s.IdleExpiry = account, f.clock.Now().Add(time.Minute)
	})
	f.clock.Advance(time.Hour) // the table has not deleted it yet
	same(t, "sessions", f.listed(t, account, 100), append([]session.Session{idle}, all...))
}

func listingNone(t *testing.T, f fixture) {
	s := f.storedSession(t, nil)
	for name, account := range map[string]uuid.UUID{"unknown": newID(t), "a session's id": s.ID, "zero": uuid.Nil, "last": uuid.Max} {
		page, err := f.SessionsOf(t.Context(), account, uuid.Nil, 10)
		wantErr(t, name, err, nil)
		same(t, name, page, session.Page{})
	}
}

// listingCursors asks with ids that nobody was given: whatever they are, only the account's sessions come.
func listingCursors(t *testing.T, f fixture) {
	account := newID(t)
	older := f.storedSessions(t, account, 2)
	stranger := f.storedSession(t, nil)
	newer := f.storedSessions(t, account, 2)
	for name, test := range map[string]struct {
		before uuid.UUID
		want   []session.Session
	}{
		"the least":           {uuid.UUID{15: 1}, nil},
		"the most":            {uuid.Max, append(slices.Clone(newer), older...)},
		"another account's":   {stranger.ID, older},
		"of no session":       {newID(t), append(slices.Clone(newer), older...)},
		"the account's own":   {account, nil},
		"the oldest":          {older[1].ID, nil},
		"the newest":          {newer[0].ID, append([]session.Session{newer[1]}, older...)},
		"one that has a next": {newer[1].ID, older},
	} {
		page, err := f.SessionsOf(t.Context(), account, test.before, 10)
		wantErr(t, name, err, nil)
		same(t, name, page.Sessions, test.want)
	}
}

func listingConsistent(t *testing.T, f fixture) {
	s := f.storedSession(t, nil)
	for range 5 {
		r := rotation(s)
		_, err := f.Rotate(t.Context(), r)
		wantErr(t, "rotate", err, nil)
		s = rotated(s, r)
		same(t, "after a rotation", f.listed(t, s.AccountID, 1), []session.Session{s})
	}
}
