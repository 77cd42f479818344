package revocation_test

import (
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
)

// A frozen function wakes with an old snapshot, and its monotonic clock has not noticed.
func TestFrozenFunctionReadsTheLogWhenItWakes(t *testing.T) {
	log, asleep := &fakeLog{}, time.Now()
	clock := testclock.New(asleep)
	s := revocation.NewSnapshot(log, bound, clock.Now)
	allowed(t, s, tokenOf("x"))
	log.add(revocation.Token, "x", asleep)

	clock.Set(testclock.WallOnly(t, asleep, bound-1))
	allowed(t, s, tokenOf("x"))
	clock.Set(testclock.WallOnly(t, asleep, bound))
	denied(t, s, tokenOf("x"))
}

func TestFunctionFrozenDuringTheQueryDoesNotUseTheAnswer(t *testing.T) {
	log, asleep := &fakeLog{}, time.Now()
	clock := testclock.New(asleep)
	s := revocation.NewSnapshot(log, bound, clock.Now)
	log.during = func() { clock.Set(testclock.WallOnly(t, asleep, time.Hour)) }
	unavailable(t, s, tokenOf("x"))
}

func TestFrozenFunctionReadsEverythingAfterFiveMinutes(t *testing.T) {
	log, asleep := &fakeLog{}, time.Now()
	log.add(revocation.Token, "x", asleep)
	clock := testclock.New(asleep)
	s := revocation.NewSnapshot(log, bound, clock.Now)
	denied(t, s, tokenOf("x"))
	log.add(revocation.Token, "y", asleep.Add(-time.Minute)) // by a clock that is wrong
	clock.Set(testclock.WallOnly(t, asleep, 5*time.Minute))
	denied(t, s, tokenOf("y"))
}

// The wall clock says that no time has passed, or less than none; the monotonic one knows better.
func TestClockSetBackDoesNotKeepASnapshotAlive(t *testing.T) {
	for _, back := range []time.Duration{bound, time.Hour} {
		t.Run(back.String(), func(t *testing.T) {
			log, before := &fakeLog{}, time.Now()
			clock := testclock.New(before)
			s := revocation.NewSnapshot(log, bound, clock.Now)
			allowed(t, s, tokenOf("x"))
			log.add(revocation.Token, "x", before.Add(bound-back)) // stamped by a clock set back alike
			// bound later by the monotonic clock, while the wall clock went back.
			clock.Set(testclock.WallOnly(t, before.Add(bound), -back))
			if got := clock.Now().Sub(before); got != bound {
				t.Fatalf("the monotonic clock says %s, want %s", got, bound)
			}
			denied(t, s, tokenOf("x"))
		})
	}
}

// Every clock goes back alike, and the writer is slow.
func TestClockSetBackLooksBackFromTheOwnClock(t *testing.T) {
	for _, back := range []time.Duration{25 * time.Second, time.Minute} {
		t.Run(back.String(), func(t *testing.T) {
			log, before := &fakeLog{}, time.Now()
			log.add(revocation.Token, "x", before)
			clock := testclock.New(before)
			s := revocation.NewSnapshot(log, bound, clock.Now)
			denied(t, s, tokenOf("x"))
			after := testclock.WallOnly(t, before.Add(bound), -back)
			log.add(revocation.Token, "y", after.Add(-revocation.SlowWrite-5*time.Second))
			clock.Set(after)
			denied(t, s, tokenOf("y"))
		})
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
