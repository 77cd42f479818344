package revocation_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
)

// checkAll runs n checks at once and returns how each ended.
func checkAll(s *revocation.Snapshot, n int, subject revocation.Subject) (wait func() []error) {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = s.Check(context.Background(), subject) })
	}
	return func() []error { wg.Wait(); return errs }
}

func TestRequestsThatArriveTogetherShareOneQuery(t *testing.T) {
	const together = 20
	for name, c := range map[string]struct {
		staleness time.Duration
		queries   int // that the later requests cost together
	}{
		// The query in flight was sent before they arrived and is too old for them; the next one is not.
		"staleness 0": {0, 1},
		"bounded":     {bound, 0},
	} {
		t.Run(name, func(t *testing.T) {
			log, clock := &fakeLog{}, testclock.New(start)
			clock.Tick(time.Microsecond)
			entered, release := make(chan struct{}), make(chan struct{})
			var once sync.Once
			log.during = func() { once.Do(func() { close(entered); <-release }) }
			s := revocation.NewSnapshot(log, c.staleness, clock.Now)

			first := checkAll(s, 1, tokenOf("x"))
			<-entered // the first request has looked at the clock twice: on arrival and before its query
			others := checkAll(s, together, tokenOf("x"))
			clock.WaitForLooks(2 + together) // all have arrived
			log.add(revocation.Token, "x", start)
			close(release)

			for _, err := range append(first(), others()...) {
				if !errors.Is(err, revocation.ErrRevoked) {
					t.Errorf("a check ended with %v, want ErrRevoked", err)
				}
			}
			asked(t, log, 1+c.queries)
		})
	}
}

// What was acknowledged before a request arrived must count, even while an older query is under way.
func TestWithStalenessZeroAnOlderQueryIsNotEnough(t *testing.T) {
	log, clock := &staleLog{}, testclock.New(start)
	clock.Tick(time.Microsecond)
	log.entered, log.release = make(chan struct{}), make(chan struct{})
	s := revocation.NewSnapshot(log, 0, clock.Now)
	first := checkAll(s, 1, tokenOf("x"))
	<-log.entered // it has read an empty log
	log.add(revocation.Token, "x", start)
	second := checkAll(s, 1, tokenOf("x"))
	clock.WaitForLooks(3)
	close(log.release)
	if err := first()[0]; err != nil {
		t.Errorf("the request before the revocation: %v, want it allowed", err)
	}
	if err := second()[0]; !errors.Is(err, revocation.ErrRevoked) {
		t.Errorf("the request after the revocation: %v, want ErrRevoked", err)
	}
}

// staleLog reads at once and answers its first query only when it is released.
type staleLog struct {
	fakeLog
	once             sync.Once
	entered, release chan struct{}
}

func (l *staleLog) Since(ctx context.Context, from time.Time) ([]revocation.Entry, error) {
	entries, err := l.fakeLog.Since(ctx, from)
	l.once.Do(func() { close(l.entered); <-l.release })
	return entries, err
}

func TestParallelChecksDuringAppendsAreSafe(t *testing.T) {
	log, clock := &fakeLog{}, testclock.New(start)
	clock.Tick(time.Microsecond)
	s := revocation.NewSnapshot(log, 0, clock.Now)
	wait := checkAll(s, 50, tokenOf("x"))
	for range 50 {
		log.add(revocation.Session, "other", start)
	}
	for _, err := range wait() {
		if err != nil {
			t.Errorf("got %v, want it allowed", err)
		}
	}
}

func TestFailureIsSharedByThoseWhoWaited(t *testing.T) {
	const together = 20
	log, clock := &fakeLog{}, testclock.New(start)
	clock.Tick(time.Microsecond)
	entered, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	log.during = func() { once.Do(func() { close(entered); <-release }) }
	log.fail(errOutage)
	s := revocation.NewSnapshot(log, bound, clock.Now)
	first := checkAll(s, 1, tokenOf("x"))
	<-entered
	others := checkAll(s, together, tokenOf("x"))
	clock.WaitForLooks(2 + together)
	close(release)
	for _, err := range append(first(), others()...) {
		if !errors.Is(err, oauth.ErrUnavailable) {
			t.Errorf("a check ended with %v, want ErrUnavailable", err)
		}
	}
	// Whoever had looked at the clock, but not yet for a query to wait for, has sent one more.
	if n := log.queries(); n > together/2 {
		t.Errorf("%d checks at once asked %d times, want them to share", 1+together, n)
	}
}

// hanging is a log whose first Since answers only when its context ends.
func hanging() (log *fakeLog, entered chan struct{}) {
	log, entered = &fakeLog{}, make(chan struct{})
	var once sync.Once
	log.hook = func(ctx context.Context, _ time.Time) (err error) {
		once.Do(func() { close(entered); <-ctx.Done(); err = errOutage })
		return err
	}
	return log, entered
}

func TestWaitingEndsWithTheRequest(t *testing.T) {
	log, entered := hanging()
	s := revocation.NewSnapshot(log, bound, testclock.New(start).Now)
	ctx, end := context.WithCancel(t.Context())
	first := make(chan error)
	go func() { first <- s.Check(ctx, tokenOf("x")) }()
	<-entered
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := s.Check(short, tokenOf("x")); !errors.Is(err, oauth.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a request whose time is over got %v, want ErrUnavailable for that reason", err)
	}
	end()
	if err := <-first; !errors.Is(err, oauth.ErrUnavailable) {
		t.Errorf("the first request got %v, want ErrUnavailable", err)
	}
	asked(t, log, 1)
}

// Somebody hung up while others waited for the query that he had sent.
func TestRequestThatGivesUpTakesNobodyAlong(t *testing.T) {
	log, entered := hanging()
	clock := testclock.New(start)
	clock.Tick(time.Microsecond)
	s := revocation.NewSnapshot(log, bound, clock.Now)
	ctx, end := context.WithCancel(t.Context())
	first := make(chan error)
	go func() { first <- s.Check(ctx, tokenOf("x")) }()
	<-entered
	others := checkAll(s, 5, tokenOf("x"))
	clock.WaitForLooks(2 + 5)
	end()
	if err := <-first; !errors.Is(err, oauth.ErrUnavailable) {
		t.Errorf("the request that gave up got %v, want ErrUnavailable", err)
	}
	for _, err := range others() {
		if err != nil {
			t.Errorf("another request got %v, want it allowed", err)
		}
	}
}

// A query that panics, as a damaged file may make it, is over as well.
func TestQueryThatPanicsLeavesNobodyWaiting(t *testing.T) {
	log := &fakeLog{}
	s := revocation.NewSnapshot(log, bound, testclock.New(start).Now)
	log.during = func() { panic("damaged") }
	func() {
		defer func() { _ = recover() }()
		_ = s.Check(t.Context(), tokenOf("x"))
		t.Error("the panic was swallowed")
	}()
	log.during = nil
	allowed(t, s, tokenOf("x"))
}
