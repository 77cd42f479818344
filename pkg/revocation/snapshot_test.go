package revocation_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/revocation"
)

const bound = 5 * time.Second

func TestEveryKindDeniesItsOwnAndNothingElse(t *testing.T) {
	victim := revocation.Subject{TokenID: "t1", SessionID: "s1", AccountID: "a1", Epoch: 7, ClientID: "c1", KeyID: "k1"}
	bystander := revocation.Subject{TokenID: "t2", SessionID: "s2", AccountID: "a2", Epoch: 7, ClientID: "c2", KeyID: "k2"}
	for _, e := range []revocation.Entry{
		{Kind: revocation.Token, ID: "t1"},
		{Kind: revocation.Session, ID: "s1"},
		{Kind: revocation.Account, ID: "a1", MinEpoch: 8},
		{Kind: revocation.Client, ID: "c1"},
		{Kind: revocation.Key, ID: "k1"},
	} {
		t.Run(string(e.Kind), func(t *testing.T) {
			log, clock := &fakeLog{}, testclock.New(start)
			e.At = start
			_ = log.Append(context.Background(), e)
			s := revocation.NewSnapshot(log, bound, clock.Now)
			denied(t, s, victim)
			allowed(t, s, bystander)
			allowed(t, s, revocation.Subject{}) // an absent member matches nothing
		})
	}
}

// An id is looked up under its own kind only: a session named like a revoked client is another thing.
func TestKindsDoNotMix(t *testing.T) {
	for _, kind := range allKinds {
		log := &fakeLog{}
		_ = log.Append(context.Background(), revocation.Entry{At: start, Kind: kind, ID: "x", MinEpoch: 9})
		for other, subject := range map[revocation.Kind]revocation.Subject{
			revocation.Token: {TokenID: "x"}, revocation.Session: {SessionID: "x"},
			revocation.Account: {AccountID: "x", Epoch: 8}, revocation.Client: {ClientID: "x"}, revocation.Key: {KeyID: "x"},
		} {
			t.Run(string(kind)+" revoked, "+string(other)+" asked", func(t *testing.T) {
				s := revocation.NewSnapshot(log, bound, testclock.New(start).Now)
				if other == kind {
					denied(t, s, subject)
				} else {
					allowed(t, s, subject)
				}
			})
		}
	}
}

func TestAbsentMembersMatchNothing(t *testing.T) {
	for _, kind := range allKinds {
		log := &fakeLog{}
		_ = log.Append(context.Background(), revocation.Entry{At: start, Kind: kind, MinEpoch: 9})
		allowed(t, revocation.NewSnapshot(log, bound, testclock.New(start).Now), revocation.Subject{})
	}
}

func TestMinEpochDeniesOlderEpochsOnly(t *testing.T) {
	log := &fakeLog{}
	for _, epoch := range []int64{5, 9, 7} { // the highest counts, in whatever order they come
		_ = log.Append(context.Background(), revocation.Entry{At: start, Kind: revocation.Account, ID: "a", MinEpoch: epoch})
	}
	s := revocation.NewSnapshot(log, bound, testclock.New(start).Now)
	for _, epoch := range []int64{0, 4, 7, 8} {
		denied(t, s, revocation.Subject{AccountID: "a", Epoch: epoch})
	}
	for _, epoch := range []int64{9, 10} {
		allowed(t, s, revocation.Subject{AccountID: "a", Epoch: epoch})
	}
	allowed(t, s, revocation.Subject{AccountID: "b", Epoch: 0})
}

func TestColdStartReadsEverything(t *testing.T) {
	log, clock := &fakeLog{}, testclock.New(start)
	log.add(revocation.Token, "old", start.Add(-time.Hour))
	s := revocation.NewSnapshot(log, bound, clock.Now)
	asked(t, log, 0)
	denied(t, s, tokenOf("old"))
	if from := log.lastFrom(); !from.IsZero() {
		t.Errorf("the first query asked from %s, want the zero time: everything", from)
	}
	asked(t, log, 1)
}

func TestSnapshotIsUsedForLessThanTheBound(t *testing.T) {
	log, clock := &fakeLog{}, testclock.New(start)
	s := revocation.NewSnapshot(log, bound, clock.Now)
	allowed(t, s, tokenOf("x"))
	log.add(revocation.Token, "x", start)

	clock.Advance(bound - 1)
	allowed(t, s, tokenOf("x"))
	asked(t, log, 1)
	clock.Advance(1)
	denied(t, s, tokenOf("x"))
	asked(t, log, 2)
	clock.Advance(bound - 1)
	denied(t, s, tokenOf("x"))
	asked(t, log, 2)
}

func TestWithStalenessZeroEveryCheckAsks(t *testing.T) {
	log, clock := &fakeLog{}, testclock.New(start) // the clock stands still: even then
	s := revocation.NewSnapshot(log, 0, clock.Now)
	for i := range 3 {
		allowed(t, s, tokenOf("x"))
		asked(t, log, i+1)
	}
	log.add(revocation.Token, "x", start)
	denied(t, s, tokenOf("x"))
}

// The age counts from before the query: what was appended while it ran may be missing from its answer.
func TestAgeCountsFromBeforeTheQuery(t *testing.T) {
	log, clock := &fakeLog{}, testclock.New(start)
	log.during = func() { clock.Advance(3 * time.Second) }
	s := revocation.NewSnapshot(log, bound, clock.Now)
	allowed(t, s, tokenOf("x")) // asked at 0 s, answered at 3 s
	clock.Advance(bound - 3*time.Second - 1)
	allowed(t, s, tokenOf("x"))
	asked(t, log, 1)
	clock.Advance(1)
	allowed(t, s, tokenOf("x"))
	asked(t, log, 2)
}

func TestQueriesLookBackThirtySeconds(t *testing.T) {
	for name, c := range map[string]struct{ newest, want time.Duration }{ // from the start of the first query
		"before the newest entry":                               {-10 * time.Second, -40 * time.Second},
		"before the last query, when an entry is stamped ahead": {time.Hour, -30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			log, clock := &fakeLog{}, testclock.New(start)
			log.add(revocation.Token, "oldest", start.Add(-time.Minute))
			log.add(revocation.Token, "newest", start.Add(c.newest))
			s := revocation.NewSnapshot(log, bound, clock.Now)
			denied(t, s, tokenOf("newest"))
			clock.Advance(bound)
			allowed(t, s, tokenOf("x"))
			if got, want := log.lastFrom(), start.Add(c.want); !got.Equal(want) {
				t.Errorf("asked from %s, want %s", got, want)
			}
			denied(t, s, tokenOf("oldest")) // not in the second answer, and yet not forgotten
		})
	}
}

// A slow writer stamps up to SlowWrite before its entry can be read, on a clock that is a little behind.
func TestEntryStampedIntoThePastIsSeen(t *testing.T) {
	log, clock := &fakeLog{}, testclock.New(start)
	log.add(revocation.Token, "first", start)
	s := revocation.NewSnapshot(log, bound, clock.Now)
	denied(t, s, tokenOf("first"))
	log.add(revocation.Token, "late", start.Add(-revocation.SlowWrite-5*time.Second))
	clock.Advance(bound)
	denied(t, s, tokenOf("late"))
}

func TestUnreadableLogLetsNobodyIn(t *testing.T) {
	log, clock := &fakeLog{}, testclock.New(start)
	s := revocation.NewSnapshot(log, bound, clock.Now)
	log.fail(errOutage)
	unavailable(t, s, tokenOf("x")) // nothing was ever read
	unavailable(t, s, tokenOf("x"))
	asked(t, log, 2)
	log.fail(nil)
	allowed(t, s, tokenOf("x"))

	log.add(revocation.Token, "x", start)
	log.fail(errOutage)
	clock.Advance(bound - 1)
	allowed(t, s, tokenOf("x")) // still inside the bound
	clock.Advance(1)
	unavailable(t, s, tokenOf("x"))
	unavailable(t, s, tokenOf("y"))
	log.fail(nil)
	denied(t, s, tokenOf("x"))
	allowed(t, s, tokenOf("y"))
}

func TestAnswerSlowerThanTheBoundIsNotUsed(t *testing.T) {
	for _, c := range []struct {
		took time.Duration
		ok   bool
	}{{bound, true}, {bound + 1, false}, {time.Hour, false}} {
		t.Run(c.took.String(), func(t *testing.T) {
			log, clock := &fakeLog{}, testclock.New(start)
			log.during = func() { clock.Advance(c.took) }
			s := revocation.NewSnapshot(log, bound, clock.Now)
			if c.ok {
				allowed(t, s, tokenOf("x"))
				return
			}
			unavailable(t, s, tokenOf("x"))
			log.during = nil
			allowed(t, s, tokenOf("x"))
			asked(t, log, 2)
		})
	}
}

// With staleness 0 the bound is one query, however long: refusing a slow one would refuse every one.
func TestWithStalenessZeroASlowAnswerIsUsed(t *testing.T) {
	log, clock := &fakeLog{}, testclock.New(start)
	log.add(revocation.Token, "x", start)
	log.during = func() { clock.Advance(time.Second) }
	s := revocation.NewSnapshot(log, 0, clock.Now)
	denied(t, s, tokenOf("x"))
	allowed(t, s, tokenOf("y"))
}

func TestOldestAnswerIsToldWithTheNextQuery(t *testing.T) {
	log, clock := &fakeLog{}, testclock.New(start)
	s := revocation.NewSnapshot(log, 5*time.Second, clock.Now)
	var told []time.Duration
	s.Aged = func(_ context.Context, oldest time.Duration) { told = append(told, oldest) }
	for _, wait := range []time.Duration{0, time.Second, 2 * time.Second, 9 * time.Second, 9 * time.Second, time.Second, 9 * time.Second} {
		clock.Advance(wait)
		if err := s.Check(t.Context(), tokenOf("x")); err != nil {
			t.Fatal(err)
		}
	}
	// The third query answered none but the request that sent it.
	if want := []time.Duration{3 * time.Second, time.Second}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
}
