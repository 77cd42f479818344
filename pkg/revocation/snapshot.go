package revocation

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/wavepass/wavepass/pkg/oauth"
)

// Subject is what a token says about itself, for Snapshot.Check. Fields that a token lacks are empty.
type Subject struct {
	TokenID   string
	SessionID string
	AccountID string
	Epoch     int64
	ClientID  string
	Began     int64 // unix seconds: when the token's session did, or the token was issued where it has none
	KeyID     string
}

// Snapshot answers from memory. It reads the log again when it is older than the staleness that its owner allows, and never
// answers from an older state: when the log cannot be read it refuses. Safe for concurrent use. Requests that arrive together
// share one query, and a request that needs no query does not wait for those of others.
type Snapshot struct {
	// Aged is told, after each query, how old the state before it was when it answered last. nil: nobody is. Set it before the first Check.
	Aged func(ctx context.Context, oldest time.Duration)

	log       Reader
	staleness time.Duration
	now       func() time.Time

	reading reading

	mu     sync.Mutex // held for moments, never during a query
	query  *query     // the one that is running; nil: none
	asked  time.Time  // when the query was sent that last made denied complete; zero: it has never been complete
	denied denied
	oldest time.Duration // how old denied was at the last Check that it answered; negative: it has answered none
}

// query is one reading of the log, which many requests may wait for.
type query struct {
	asked time.Time // when it was sent
	done  chan struct{}

	// Set before done is closed.
	err       error
	abandoned bool // it failed because the request that sent it had no time left
}

// NewSnapshot returns an empty snapshot that reads log before its first answer. With a staleness of 0
// every Check sees what was acknowledged before it was called.
func NewSnapshot(log Reader, staleness time.Duration, now func() time.Time) *Snapshot {
	return &Snapshot{log: log, staleness: staleness, now: now, denied: newDenied(), oldest: -1}
}

// Check returns nil when nothing in the log denies s, ErrRevoked when something does, and
// oauth.ErrUnavailable when the log could not be read in time.
func (s *Snapshot) Check(ctx context.Context, subject Subject) error {
	if err := s.current(ctx, s.now()); err != nil {
		return fmt.Errorf("revocation: read the log: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.denied.denies(subject) {
		return ErrRevoked
	}
	return nil
}

// ReadFirst begins the first reading of the log beside what else a new process has to read for its first answer. The function that it returns
// waits for the reading, because a Lambda function that has answered is frozen with all that it has begun. What came of it is Check's to say.
func (s *Snapshot) ReadFirst(ctx context.Context) (wait func()) {
	var first sync.WaitGroup
	arrived := s.now()
	first.Go(func() { _ = s.current(ctx, arrived) })
	return first.Wait
}

// WantsReadFirst reports whether ReadFirst spares the next Check a wait: not once the log has been read, nor where each Check reads it.
func (s *Snapshot) WantsReadFirst() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.staleness > 0 && s.asked.IsZero()
}

// current returns when the snapshot is new enough for a request that arrived at that time.
func (s *Snapshot) current(ctx context.Context, arrived time.Time) error {
	for {
		q, own := s.join(arrived)
		switch {
		case q == nil:
			return nil
		case own:
			return s.run(ctx, q)
		}
		select {
		case <-q.done:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", oauth.ErrUnavailable, ctx.Err())
		}
		if q.err != nil && !q.abandoned && s.covers(q.asked, arrived) {
			return q.err
		}
	}
}

// join returns the query to wait for, or nil when the snapshot is new enough. When no query is running, it returns a new one,
// which is the caller's own to run.
func (s *Snapshot) join(arrived time.Time) (q *query, own bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.asked.IsZero() && s.covers(s.asked, arrived):
		s.oldest = max(s.oldest, age(s.asked, arrived))
		return nil, false
	case s.query != nil:
		return s.query, false
	}
	s.query = &query{asked: s.now(), done: make(chan struct{})}
	return s.query, true
}

// covers reports whether an answer to a query that was sent at asked is new enough for a request that arrived later. With any
// staleness it is, when the query was sent after the request arrived. It is not when the clock was set back since.
func (s *Snapshot) covers(asked, arrived time.Time) bool {
	return age(asked, arrived) < s.staleness && !setBack(asked, arrived)
}

func (s *Snapshot) run(ctx context.Context, q *query) (err error) {
	defer func() {
		s.change(func() { s.query = nil })
		q.err, q.abandoned = err, ctx.Err() != nil
		close(q.done)
	}()
	return s.refresh(ctx, q.asked)
}

func (s *Snapshot) change(what func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	what()
}
