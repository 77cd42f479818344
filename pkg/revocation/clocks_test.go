package revocation_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
)

// A frozen function wakes with an old snapshot, and its monotonic clock has not noticed.
func TestFrozenFunctionReadsTheLogWhenItWakes(t *testing.T) {
	log, asleep := &fakeLog{}, time.Now()
	clock := newClock(asleep)
	s := revocation.NewSnapshot(log, bound, clock.now)
	allowed(t, s, tokenOf("x"))
	log.add(revocation.Token, "x", asleep)

	clock.set(wallOnly(t, asleep, bound-1))
	allowed(t, s, tokenOf("x"))
	clock.set(wallOnly(t, asleep, bound))
	denied(t, s, tokenOf("x"))
}

func TestFunctionFrozenDuringTheQueryDoesNotUseTheAnswer(t *testing.T) {
	log, asleep := &fakeLog{}, time.Now()
	clock := newClock(asleep)
	s := revocation.NewSnapshot(log, bound, clock.now)
	log.during = func() { clock.set(wallOnly(t, asleep, time.Hour)) }
	unavailable(t, s, tokenOf("x"))
}

func TestFrozenFunctionReadsEverythingAfterFiveMinutes(t *testing.T) {
	log, asleep := &fakeLog{}, time.Now()
	log.add(revocation.Token, "x", asleep)
	clock := newClock(asleep)
	s := revocation.NewSnapshot(log, bound, clock.now)
	denied(t, s, tokenOf("x"))
	log.forget()
	clock.set(wallOnly(t, asleep, 5*time.Minute))
	allowed(t, s, tokenOf("x"))
}

// The wall clock says that no time has passed, or less than none; the monotonic one knows better.
func TestClockSetBackDoesNotKeepASnapshotAlive(t *testing.T) {
	for _, back := range []time.Duration{bound, time.Hour} {
		t.Run(back.String(), func(t *testing.T) {
			log, before := &fakeLog{}, time.Now()
			clock := newClock(before)
			s := revocation.NewSnapshot(log, bound, clock.now)
			allowed(t, s, tokenOf("x"))
			log.add(revocation.Token, "x", before.Add(bound-back)) // stamped by a clock set back alike
			// bound later by the monotonic clock, while the wall clock went back.
			clock.set(wallOnly(t, before.Add(bound), -back))
			if got := clock.now().Sub(before); got != bound {
				t.Fatalf("the monotonic clock says %s, want %s", got, bound)
			}
			denied(t, s, tokenOf("x"))
		})
	}
}

func TestClockSetBackLooksBackFromTheOwnClock(t *testing.T) {
	log, before := &fakeLog{}, time.Now()
	log.add(revocation.Token, "x", before)
	clock := newClock(before)
	s := revocation.NewSnapshot(log, bound, clock.now)
	denied(t, s, tokenOf("x"))
	after := wallOnly(t, before.Add(bound), -time.Minute)
	log.add(revocation.Token, "y", after.Round(0)) // 55 s before the newest entry
	clock.set(after)
	denied(t, s, tokenOf("y"))
}

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
			log, clock := &fakeLog{}, newClock(start)
			clock.tick = time.Microsecond
			entered, release := make(chan struct{}), make(chan struct{})
			var once sync.Once
			log.during = func() { once.Do(func() { close(entered); <-release }) }
			s := revocation.NewSnapshot(log, c.staleness, clock.now)

			first := checkAll(s, 1, tokenOf("x"))
			<-entered // the first request has looked at the clock twice: on arrival and before its query
			others := checkAll(s, together, tokenOf("x"))
			clock.waitLooks(2 + together) // all have arrived
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
	log, clock := &staleLog{}, newClock(start)
	clock.tick = time.Microsecond
	log.entered, log.release = make(chan struct{}), make(chan struct{})
	s := revocation.NewSnapshot(log, 0, clock.now)
	first := checkAll(s, 1, tokenOf("x"))
	<-log.entered // it has read an empty log
	log.add(revocation.Token, "x", start)
	second := checkAll(s, 1, tokenOf("x"))
	clock.waitLooks(3)
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
	log, clock := &fakeLog{}, newClock(start)
	clock.tick = time.Microsecond
	s := revocation.NewSnapshot(log, 0, clock.now)
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

func TestEntryOutlivesEveryTokenThatItDenies(t *testing.T) {
	e := revocation.Entry{At: start}
	// A token may be signed until the function that began before the entry is stopped.
	if least := start.Add(oauth.MaxAccessLife + time.Minute); e.ExpiresAt().Before(least) {
		t.Errorf("expires at %s, want at least %s", e.ExpiresAt(), least)
	}
	if want := start.Add(oauth.MaxAccessLife + 90*time.Second); !e.ExpiresAt().Equal(want) {
		t.Errorf("expires at %s, want access life + 30 s + 60 s: %s", e.ExpiresAt(), want)
	}
}
