package revocation_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/revocation"
)

// fill appends count entries, a second apart, the last of them before end.
func (l *fakeLog) fill(count int, end time.Time) {
	for i := range count {
		l.add(revocation.Token, fmt.Sprint("filler ", i), end.Add(time.Duration(i-count)*time.Second))
	}
}

func TestColdStartGoesOnWhereItBrokeOff(t *testing.T) {
	log, clock := &fakeLog{page: 300}, testclock.New(start)
	log.fill(1000, start)
	s := revocation.NewSnapshot(log, bound, clock.Now)
	for piece := range 3 {
		unavailable(t, s, tokenOf("filler 0")) // part of a denylist is none
		if want := start.Add(time.Duration(269*piece-1000) * time.Second); piece > 0 && !log.lastFrom().Equal(want) {
			t.Errorf("piece %d asked from %s on, want %s: the rest was read", piece, log.lastFrom(), want)
		}
		clock.Advance(10 * time.Second)
	}
	log.add(revocation.Token, "meanwhile", clock.Now().Add(-revocation.SlowWrite))
	allowed(t, s, tokenOf("x"))
	asked(t, log, 4)
	for _, id := range []string{"filler 0", "filler 500", "filler 999", "meanwhile"} {
		denied(t, s, tokenOf(id))
	}
}

// An entry may be appended between two pieces, with a stamp that is older than where the first has ended.
func TestPieceThatEndsInTheLastSecondsIsReadAgain(t *testing.T) {
	log, clock := &fakeLog{page: 95}, testclock.New(start)
	log.fill(100, start)
	s := revocation.NewSnapshot(log, bound, clock.Now)
	unavailable(t, s, tokenOf("x")) // the piece ends 5 s ago
	log.add(revocation.Token, "meanwhile", start.Add(-revocation.SlowWrite))
	clock.Advance(time.Second)
	allowed(t, s, tokenOf("x"))
	denied(t, s, tokenOf("meanwhile"))
	asked(t, log, 2)
}

func TestAnswerThatCameTooLateIsKept(t *testing.T) {
	log, clock := &fakeLog{}, testclock.New(start)
	log.fill(100, start)
	log.during = func() { clock.Advance(bound + 1) }
	s := revocation.NewSnapshot(log, bound, clock.Now)
	unavailable(t, s, tokenOf("x"))
	log.during = nil
	denied(t, s, tokenOf("filler 0"))
	if want := start.Add(-31 * time.Second); !log.lastFrom().Equal(want) {
		t.Errorf("asked from %s on, want %s: the rest was read", log.lastFrom(), want)
	}
}

// The clock of one writer is an hour ahead; then nobody asks for a while.
func TestEntryStampedAheadHidesNothingOfALongPause(t *testing.T) {
	log, clock := &fakeLog{}, testclock.New(start)
	log.add(revocation.Token, "ahead", start.Add(time.Hour))
	s := revocation.NewSnapshot(log, bound, clock.Now)
	denied(t, s, tokenOf("ahead"))
	log.add(revocation.Token, "x", start.Add(time.Minute))
	clock.Advance(4 * time.Minute) // no sweep yet
	denied(t, s, tokenOf("x"))
}

// The function's clock is a quarter of an hour ahead of everybody else's.
func TestOwnClockAheadHidesNothing(t *testing.T) {
	log, clock := &fakeLog{}, testclock.New(start.Add(15*time.Minute))
	s := revocation.NewSnapshot(log, bound, clock.Now)
	for i := range 5 {
		id := fmt.Sprint("x", i)
		allowed(t, s, tokenOf(id))
		log.add(revocation.Token, id, clock.Now().Add(-15*time.Minute))
		clock.Advance(bound)
		denied(t, s, tokenOf(id))
	}
}

func TestSweepFindsWhatWasStampedTooFarBack(t *testing.T) {
	log, clock := &fakeLog{}, testclock.New(start)
	log.add(revocation.Token, "x", start)
	s := revocation.NewSnapshot(log, bound, clock.Now)
	denied(t, s, tokenOf("x"))
	log.add(revocation.Token, "y", start.Add(-time.Minute)) // by a clock that is a minute behind
	clock.Advance(5*time.Minute - 1)
	allowed(t, s, tokenOf("y"))
	asked(t, log, 2)
	clock.Advance(bound)
	denied(t, s, tokenOf("y"))
	asked(t, log, 4) // beside the answer
}

func TestLogIsSweptEveryFiveMinutes(t *testing.T) {
	log, clock := &fakeLog{}, testclock.New(start)
	log.add(revocation.Token, "x", start)
	s := revocation.NewSnapshot(log, bound, clock.Now)
	for range 121 { // ten minutes
		denied(t, s, tokenOf("x"))
		clock.Advance(bound)
	}
	whole := len(slices.DeleteFunc(log.asked, func(from time.Time) bool { return !from.IsZero() }))
	if whole != 3 {
		t.Errorf("everything was read %d times in ten minutes, want 3: at 0, 5 and 10", whole)
	}
}

func TestSweepGoesOnWhereItBrokeOff(t *testing.T) {
	log, clock := &fakeLog{}, testclock.New(start)
	log.fill(1000, start)
	s := revocation.NewSnapshot(log, bound, clock.Now)
	denied(t, s, tokenOf("filler 0"))
	log.add(revocation.Token, "early", start.Add(-900*time.Second))
	log.add(revocation.Token, "late", start.Add(-200*time.Second))
	clock.Advance(5 * time.Minute)
	log.page = 300
	for piece := range 3 {
		denied(t, s, tokenOf("early"))
		allowed(t, s, tokenOf("x"))
		if piece < 2 {
			allowed(t, s, tokenOf("late"))
		}
		clock.Advance(bound)
	}
	denied(t, s, tokenOf("late"))
	n := log.queries()
	clock.Advance(bound)
	allowed(t, s, tokenOf("x"))
	asked(t, log, n+1) // the sweep is over
}

func TestSweepThatCannotBeReadRefusesNobody(t *testing.T) {
	for name, sweep := range map[string]func(context.Context) error{
		"fails": func(context.Context) error { return errOutage },
		"hangs": func(ctx context.Context) error { <-ctx.Done(); return errOutage },
	} {
		t.Run(name, func(t *testing.T) {
			const short = 200 * time.Millisecond // a sweep hangs for half of it
			log, clock := &fakeLog{}, testclock.New(start)
			log.add(revocation.Token, "x", start)
			s := revocation.NewSnapshot(log, short, clock.Now)
			denied(t, s, tokenOf("x"))
			log.hook = func(ctx context.Context, from time.Time) error {
				deadline, limited := ctx.Deadline()
				if limited != from.IsZero() || limited && time.Until(deadline) > short/2 {
					t.Errorf("from %s until %s: want a deadline within half of the bound for the sweep alone", from, deadline)
				}
				if limited {
					return sweep(ctx)
				}
				return nil
			}
			clock.Advance(5 * time.Minute)
			log.add(revocation.Token, "z", clock.Now())
			denied(t, s, tokenOf("z"))
			allowed(t, s, tokenOf("y"))
			clock.Advance(short)
			allowed(t, s, tokenOf("y"))
			asked(t, log, 4) // it is not tried again at once
		})
	}
}

func TestNobodyElseWaitsForASweep(t *testing.T) {
	log, clock := &fakeLog{}, testclock.New(start)
	log.add(revocation.Token, "x", start)
	s := revocation.NewSnapshot(log, bound, clock.Now)
	denied(t, s, tokenOf("x"))
	clock.Advance(5 * time.Minute)
	release, answered := make(chan struct{}), make(chan struct{})
	log.hook = func(_ context.Context, from time.Time) error {
		if from.IsZero() {
			<-release // whatever its time
		} else {
			close(answered)
		}
		return nil
	}
	first := checkAll(s, 1, tokenOf("y"))
	<-answered
	allowed(t, s, tokenOf("y")) // or the test hangs here
	close(release)
	if err := first()[0]; err != nil {
		t.Errorf("the request that waited: %v, want it allowed", err)
	}
}

// The memory must not grow for as long as a function lives.
func TestWhatHasExpiredIsForgotten(t *testing.T) {
	log, clock := &fakeLog{}, testclock.New(start)
	log.add(revocation.Token, "x", start)
	_ = log.Append(context.Background(), revocation.Entry{At: start, Kind: revocation.Account, ID: "a-y", MinEpoch: 8})
	s := revocation.NewSnapshot(log, bound, clock.Now)
	denied(t, s, tokenOf("x"))
	denied(t, s, tokenOf("y"))
	log.forget()

	life := revocation.Entry{At: start}.ExpiresAt().Sub(start)
	for clock.Now().Before(start.Add(life)) {
		denied(t, s, tokenOf("x"))
		denied(t, s, tokenOf("y"))
		clock.Advance(time.Minute)
	}
	clock.Advance(5 * time.Minute)
	allowed(t, s, tokenOf("x"))
	allowed(t, s, tokenOf("y"))
}

// expiring is a log that leaves out what has expired by the function's own clock, as stores do.
type expiring struct {
	fakeLog
	now func() time.Time
}

func (l *expiring) Since(ctx context.Context, from time.Time) ([]revocation.Entry, error) {
	entries, err := l.fakeLog.Since(ctx, from)
	return slices.DeleteFunc(entries, func(e revocation.Entry) bool { return !l.now().Before(e.ExpiresAt()) }), err
}

func TestClockThatWasAheadForAWhileHidesNothing(t *testing.T) {
	for name, when := range map[string]struct{ before, ahead bool }{ // when the log is read
		"read before":             {true, false},
		"cold start while ahead":  {false, true},
		"read before and forgot":  {true, true},
		"set back before it read": {false, false},
	} {
		t.Run(name, func(t *testing.T) {
			clock := testclock.New(start)
			log := &expiring{now: clock.Now}
			log.add(revocation.Token, "x", start.Add(-10*time.Minute))
			log.add(revocation.Token, "newer", start)
			s := revocation.NewSnapshot(log, bound, clock.Now)
			if when.before {
				denied(t, s, tokenOf("x"))
			}
			clock.Advance(2 * time.Hour)
			if when.ahead {
				_ = s.Check(t.Context(), tokenOf("y"))
				log.add(revocation.Token, "y", start.Add(time.Second))
			}
			clock.Advance(time.Second - 2*time.Hour)
			denied(t, s, tokenOf("x"))
			clock.Advance(bound)
			denied(t, s, tokenOf("x"))
		})
	}
}

func TestClockThatWasAheadDuringAQueryHidesNothing(t *testing.T) {
	clock := testclock.New(start)
	log := &expiring{now: clock.Now}
	log.add(revocation.Token, "x", start.Add(-50*time.Minute))
	log.add(revocation.Token, "newer", start)
	log.during = func() { clock.Advance(30 * time.Minute) } // x has expired by that
	s := revocation.NewSnapshot(log, bound, clock.Now)
	unavailable(t, s, tokenOf("x"))
	log.during = nil
	clock.Advance(time.Second - 30*time.Minute)
	denied(t, s, tokenOf("x"))
}
