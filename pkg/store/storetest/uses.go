package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/session"
)

var useTests = []subtest{
	{"ChangesThreeFieldsOnly", recordUseChanges},
	{"ConditionFailedIsStaleAndChangesNothing", recordUseRefused},
	{"RevokedStaysRevoked", recordUseRevoked},
	{"OneOfManyParallelWins", recordUseParallel},
	{"AppliedButReplyLostIsStale", recordUseReplyLost},
}

// visited is a stored session with a handle.
func (f fixture) visited(t *testing.T, change func(*session.Session)) session.Session {
	t.Helper()
	return f.storedSession(t, func(s *session.Session) {
		*s, _ = s.GiveHandle(session.NewHandleSecret())
		if change != nil {
			change(s)
		}
	})
}

func use(s session.Session) session.Use {
	return session.Use{
		AccountID: s.AccountID, SessionID: s.ID, Before: s.UsedAt, Now: s.UsedAt.Add(5*time.Minute + 77*time.Millisecond),
		Network: "198.51.100.0/24", IdleExpiry: s.IdleExpiry.Add(5 * time.Minute),
	}
}

func recordUseChanges(t *testing.T, f fixture) {
	s := f.visited(t, nil)
	for range 3 {
		u := use(s)
		wantErr(t, "record a use", f.RecordUse(t.Context(), u), nil)
		s.UsedAt, s.UsedFrom, s.IdleExpiry = u.Now, u.Network, u.IdleExpiry
		f.wantSession(t, "after the use", s)
	}
}

func recordUseRefused(t *testing.T, f fixture) {
	s, plain := f.visited(t, nil), f.storedSession(t, nil)
	for name, change := range map[string]func(*session.Use){
		"used meanwhile":  func(u *session.Use) { u.Before = u.Before.Add(-time.Millisecond) },
		"read later":      func(u *session.Use) { u.Before = u.Before.Add(time.Millisecond) },
		"never used":      func(u *session.Use) { u.Before = time.Time{} },
		"another account": func(u *session.Use) { u.AccountID = uuid.Max },
		"another session": func(u *session.Use) { u.SessionID = uuid.Max },
		"a session without a handle": func(u *session.Use) {
			u.AccountID, u.SessionID, u.Before = plain.AccountID, plain.ID, plain.UsedAt
		},
	} {
		u := use(s)
		change(&u)
		wantErr(t, name, f.RecordUse(t.Context(), u), session.ErrStale)
		f.wantSession(t, name, s)
		f.wantSession(t, name, plain)
		if u.SessionID == uuid.Max || u.AccountID == uuid.Max {
			_, err := f.Session(t.Context(), u.AccountID, u.SessionID)
			wantErr(t, name+": a session was made", err, session.ErrNotFound)
		}
	}
}

func recordUseRevoked(t *testing.T, f fixture) {
	s := f.visited(t, func(s *session.Session) {
		s.RevokedAt, s.Reason = f.clock.Now(), session.ReasonLogout
	})
	u := use(s)
	wantErr(t, "record a use", f.RecordUse(t.Context(), u), nil)
	s.UsedAt, s.UsedFrom, s.IdleExpiry = u.Now, u.Network, u.IdleExpiry
	f.wantSession(t, "after the use", s)
}

func recordUseParallel(t *testing.T, f fixture) {
	s := f.visited(t, nil)
	won := 0
	for _, err := range parallel(20, func(int) error { return f.RecordUse(t.Context(), use(s)) }) {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, session.ErrStale):
			t.Errorf("a use that came second: %v, want ErrStale", err)
		}
	}
	if won != 1 {
		t.Errorf("%d of 20 uses were recorded, want 1", won)
	}
}

// The caller repeats what was written: the condition fails, and nothing is worse for it.
func recordUseReplyLost(t *testing.T, f fixture) {
	s := f.visited(t, nil)
	u := use(s)
	wantErr(t, "record a use", f.RecordUse(t.Context(), u), nil)
	wantErr(t, "record it again", f.RecordUse(t.Context(), u), session.ErrStale)
	s.UsedAt, s.UsedFrom, s.IdleExpiry = u.Now, u.Network, u.IdleExpiry
	f.wantSession(t, "after both", s)
}
