package authorizer_test

import (
	"os"
	"sync"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/endpoint/authorizer"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/revocation"
)

// copies of the authorizer, each with its own memory.
const copies = 20

var kinds = []revocation.Kind{revocation.Token, revocation.Session, revocation.Account, revocation.Client, revocation.Key}

// engine is the address of DynamoDB Local; without it the test is skipped.
func engine(t *testing.T) string {
	t.Helper()
	endpoint := os.Getenv("DYNAMODB_ENDPOINT")
	if endpoint == "" {
		t.Skip("DYNAMODB_ENDPOINT is not set: run it by scripts/dynamodb-local")
	}
	return endpoint
}

func TestRevokedIsRefusedWithinTheBoundByEveryCopy(t *testing.T) {
	eachBound(t, openBolt)
}

func TestRevokedIsRefusedWithinTheBoundByEveryCopyOnDynamoDB(t *testing.T) {
	endpoint := engine(t)
	eachBound(t, func(t *testing.T, now func() time.Time) fleetStore {
		return openDynamo(t, endpoint, 3, now)
	})
}

// eachBound revokes by every kind of entry under every staleness, on a clock that the test drives.
func eachBound(t *testing.T, open func(t *testing.T, now func() time.Time) fleetStore) {
	for _, staleness := range []time.Duration{0, time.Second, 5 * time.Second} {
		for _, kind := range kinds {
			t.Run(staleness.String()+" "+string(kind), func(t *testing.T) {
				clock := testclock.New(deployment.Start)
				f := newFleet(t, open(t, clock.Now), copies, staleness, clock.Now)
				f.holdsBound(clock, staleness, kind)
			})
		}
	}
}

func (f *fleet) holdsBound(clock *testclock.Clock, staleness time.Duration, kind revocation.Kind) {
	victim, bystander := f.newCaller(), f.newCaller()
	// The copies have read the log at different times, the oldest snapshot is just good enough.
	for i, ask := range f.copies {
		clock.Advance(staleness / copies)
		if !f.accepts(ask, victim) || !f.accepts(ask, bystander) {
			f.t.Fatalf("copy %d refuses before anything was revoked", i)
		}
	}
	if err := f.store.Append(f.t.Context(), victim.entry(kind, clock.Now())); err != nil {
		f.t.Fatal(err)
	}
	acknowledged := clock.Now()
	refused := make([]bool, copies)
	ask := func() (accepting int) {
		after := clock.Now().Sub(acknowledged)
		for i, ask := range f.copies {
			switch accepted := f.accepts(ask, victim); {
			case accepted && after >= staleness:
				f.t.Errorf("copy %d accepts %s after the revocation", i, after)
			case accepted && refused[i]:
				f.t.Errorf("copy %d accepts again %s after the revocation", i, after)
			case accepted:
				accepting++
			default:
				refused[i] = true
			}
		}
		return accepting
	}
	if accepting := ask(); (accepting > 0) != (staleness > 0) {
		f.t.Errorf("%d copies accept at the time of the revocation, with a staleness of %s", accepting, staleness)
	}
	for range 12 {
		clock.Advance(max(staleness/5, 100*time.Millisecond))
		ask()
	}
	if kind != revocation.Key && !f.accepts(f.copies[0], bystander) {
		f.t.Error("somebody else is refused as well")
	}
	// Until the token has expired, through the readings of the whole log and past the life of the keys.
	for clock.Now().Before(victim.claims.Expiry) {
		clock.Advance(7 * time.Minute)
		ask()
	}
}

// TestRevokedIsRefusedWithinASecondOfRealTime asks all copies all the time, by the clocks of the machine.
func TestRevokedIsRefusedWithinASecondOfRealTime(t *testing.T) {
	endpoint := engine(t)
	const staleness = time.Second
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			f := newFleet(t, openDynamo(t, endpoint, 1, time.Now), copies, staleness, time.Now)
			victim := f.newCaller()
			f.together(func(i int, ask authorizer.Function) {
				if !f.accepts(ask, victim) {
					t.Errorf("copy %d refuses before anything was revoked", i)
				}
			})
			if err := f.store.Append(t.Context(), victim.entry(kind, time.Now())); err != nil {
				t.Fatal(err)
			}
			acknowledged := time.Now()
			f.together(func(i int, ask authorizer.Function) {
				for after := time.Duration(0); after < 2*staleness; after = time.Since(acknowledged) {
					if f.accepts(ask, victim) && after >= staleness {
						t.Errorf("copy %d accepts a request that came %s after the revocation", i, after)
					}
					time.Sleep(10 * time.Millisecond) // leaves the machine to the others
				}
				if f.accepts(ask, victim) {
					t.Errorf("copy %d accepts in the end", i)
				}
			})
		})
	}
}

// together lets every copy run at once.
func (f *fleet) together(do func(i int, ask authorizer.Function)) {
	var all sync.WaitGroup
	for i, ask := range f.copies {
		all.Go(func() { do(i, ask) })
	}
	all.Wait()
}
