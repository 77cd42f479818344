package revocation

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/wavepass/wavepass/pkg/oauth"
)

const (
	// lookBack covers entries that were stamped earlier than they could be read: slow writes, clocks apart.
	lookBack = 3 * SlowWrite
	// wholeEvery is how often the log is read from its beginning, which also forgets expired entries.
	wholeEvery = 5 * time.Minute
)

// Subject is what a token says about itself, for Snapshot.Check. Fields that a token lacks are empty.
type Subject struct {
	TokenID   string
	SessionID string
	AccountID string
	Epoch     int64
	ClientID  string
	KeyID     string
}

type name struct {
	kind Kind
	id   string
}

// Snapshot answers from memory, refreshed from the log when it is older than the staleness that its owner
// allows. It never answers from an older state: when the log cannot be read it refuses. Safe for
// concurrent use; requests that arrive together share one query.
type Snapshot struct {
	log       Log
	staleness time.Duration
	now       func() time.Time

	mu      sync.Mutex
	asked   time.Time // before the last query was sent; zero when there was none
	whole   time.Time // the same, of the last query for everything
	newest  time.Time // stamp of the newest entry seen
	denied  map[name]struct{}
	minimum map[string]int64 // account id → lowest epoch still accepted
}

// NewSnapshot returns an empty snapshot that reads log before its first answer. With a staleness of 0
// every Check sees what was acknowledged before it was called.
func NewSnapshot(log Log, staleness time.Duration, now func() time.Time) *Snapshot {
	return &Snapshot{log: log, staleness: staleness, now: now}
}

// Check returns nil when nothing in the log denies s, ErrRevoked when something does, and
// oauth.ErrUnavailable when the log could not be read in time.
func (s *Snapshot) Check(ctx context.Context, subject Subject) error {
	arrived := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	// A query that another request sent after this one arrived is fresh enough, whatever the staleness.
	if s.asked.IsZero() || age(s.asked, arrived) >= s.staleness {
		if err := s.refresh(ctx); err != nil {
			return fmt.Errorf("revocation: read the log: %w", err)
		}
	}
	if s.denies(subject) {
		return ErrRevoked
	}
	return nil
}

func (s *Snapshot) denies(subject Subject) bool {
	return s.has(Token, subject.TokenID) ||
		s.has(Session, subject.SessionID) ||
		s.has(Client, subject.ClientID) ||
		s.has(Key, subject.KeyID) ||
		subject.AccountID != "" && subject.Epoch < s.minimum[subject.AccountID]
}

func (s *Snapshot) has(kind Kind, id string) bool {
	_, ok := s.denied[name{kind, id}]
	return ok
}

func (s *Snapshot) refresh(ctx context.Context) error {
	asked := s.now()
	whole := s.whole.IsZero() || age(s.whole, asked) >= wholeEvery
	var from time.Time
	if !whole && !s.newest.IsZero() {
		from = earlier(s.newest, asked).Add(-lookBack)
	}
	entries, err := s.log.Since(ctx, from)
	if err != nil {
		return err
	}
	if took := age(asked, s.now()); s.staleness > 0 && took > s.staleness {
		return fmt.Errorf("%w: the answer took %s", oauth.ErrUnavailable, took)
	}
	if whole {
		s.denied = map[name]struct{}{}
		s.minimum = map[string]int64{}
		s.newest = time.Time{}
		s.whole = asked
	}
	for _, e := range entries {
		s.add(e)
	}
	s.asked = asked
	return nil
}

func (s *Snapshot) add(e Entry) {
	if e.At.After(s.newest) {
		s.newest = e.At
	}
	if e.Kind == Account {
		s.minimum[e.ID] = max(s.minimum[e.ID], e.MinEpoch)
		return
	}
	s.denied[name{e.Kind, e.ID}] = struct{}{}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
