package history_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
	"github.com/wavepass/wavepass/pkg/store/storetest"
)

// Stores that break their contract, each in one way: what TestManyClients looks for can be seen.

// careless rotates whatever the generation is.
type careless struct{ *fakestore.Store }

func (s careless) Rotate(ctx context.Context, r session.Rotation) (session.Session, error) {
	if found, known := s.GetSession(r.SessionID); known && r.Generation < found.Generation {
		r.Generation = found.Generation
	}
	return s.Store.Rotate(ctx, r)
}

// generous lets the second of two rotations of one generation win as well.
type generous struct{ *fakestore.Store }

func (s generous) Rotate(ctx context.Context, r session.Rotation) (session.Session, error) {
	found, err := s.Store.Rotate(ctx, r)
	if err != nil && found.Generation == r.Generation+1 && found.Live(r.Now) {
		return found, nil
	}
	return found, err
}

// halfway ends a session and appends the log entry some time later, although it says at once that both
// are done.
type halfway struct {
	*fakestore.Store
	mu      sync.Mutex
	pending []revocation.Entry
}

func (s *halfway) Revoke(ctx context.Context, e session.Ending) error {
	found, known := s.GetSession(e.SessionID)
	switch {
	case !known:
		return session.ErrNotFound
	case found.ClientID != e.ClientID:
		return session.ErrStale
	}
	if found.RevokedAt.IsZero() {
		found.RevokedAt, found.Reason = e.Entry.At, e.Reason
		s.SetSession(found)
	}
	s.mu.Lock()
	s.pending = append(s.pending, e.Entry)
	var due []revocation.Entry
	if len(s.pending) > 5 {
		due, s.pending = s.pending, nil
	}
	s.mu.Unlock()
	for _, entry := range due {
		if err := s.Append(ctx, entry); err != nil {
			return err
		}
	}
	return nil
}

// sluggish answers with the log as it was some readings ago.
type sluggish struct {
	*fakestore.Store
	mu   sync.Mutex
	seen []int // how long the log was
}

func (s *sluggish) Since(context.Context, time.Time) ([]revocation.Entry, error) {
	log := s.Log()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, len(log))
	return log[:s.seen[max(0, len(s.seen)-6)]], nil
}

// forgetful does not say when a session was rotated, so that every race looks like a theft.
type forgetful struct{ *fakestore.Store }

func (s forgetful) Rotate(ctx context.Context, r session.Rotation) (session.Session, error) {
	found, err := s.Store.Rotate(ctx, r)
	found.RotatedAt = time.Time{}
	return found, err
}

// lossy drops a rotation although it says that it was done.
type lossy struct{ *fakestore.Store }

func (s lossy) Rotate(ctx context.Context, r session.Rotation) (session.Session, error) {
	found, err := s.Store.Rotate(ctx, r)
	if err == nil && found.Generation%3 == 2 {
		back := found
		back.Generation--
		s.SetSession(back)
	}
	return found, err
}

// deaf reads every session as if it had begun after any change of its account.
type deaf struct{ *fakestore.Store }

func (s deaf) Session(ctx context.Context, account, id uuid.UUID) (session.Session, error) {
	found, err := s.Store.Session(ctx, account, id)
	found.Epoch = 1 << 60
	return found, err
}

func TestBrokenStoresAreFoundOut(t *testing.T) {
	for _, test := range []struct {
		name string
		wrap func(*fakestore.Store) storetest.Store
		want string // the promise that must be seen broken, whatever else is
	}{
		{"a rotation without its condition", func(s *fakestore.Store) storetest.Store { return careless{s} }, linearizable},
		{"two winners of one rotation", func(s *fakestore.Store) storetest.Store { return generous{s} }, oneRotation},
		{"a rotation that does not last", func(s *fakestore.Store) storetest.Store { return lossy{s} }, linearizable},
		{"a revocation in two steps", func(s *fakestore.Store) storetest.Store { return &halfway{Store: s} }, linearizable},
		{"the same, by the bound", func(s *fakestore.Store) storetest.Store { return &halfway{Store: s} }, revokedInTime},
		{"a stale log", func(s *fakestore.Store) storetest.Store { return &sluggish{Store: s} }, revokedInTime},
		{"an epoch that is not compared", func(s *fakestore.Store) storetest.Store { return deaf{s} }, revokedInTime},
		{"races taken for theft", func(s *fakestore.Store) storetest.Store { return forgetful{s} }, honestStayIn},
	} {
		t.Run(test.name, func(t *testing.T) {
			// Chance decides whether a history meets the broken promise. Most histories do; that six in a row do not is no chance.
			for range 6 {
				clock := testclock.New(start)
				w := play(t, plan{store: test.wrap(fakestore.New(clock.Now)), clock: clock, seed: seed(t), operations: 1500, clients: 16})
				if slices.ContainsFunc(w.problems(), func(p problem) bool { return p.rule == test.want }) {
					return
				}
			}
			t.Errorf("in none of the histories a problem is found that says that %q is broken", test.want)
		})
	}
}
