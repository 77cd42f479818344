package authorizer_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wavepass/wavepass/internal/faultproxy"
	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/revocation"
)

// revoke denies the caller's session.
func (f *fleet) revoke(c caller) {
	f.t.Helper()
	if err := f.store.Append(f.t.Context(), c.entry(revocation.Session, f.now())); err != nil {
		f.t.Fatal(err)
	}
}

// want fails the test unless the first copy answers so.
func (f *fleet) want(what string, c caller, accepted bool) {
	f.t.Helper()
	if got := f.accepts(f.copies[0], c); got != accepted {
		f.t.Errorf("%s: accepted %v, want %v", what, got, accepted)
	}
}

// The tokens are known by sight, and the keys fresh: the log alone decides.
func TestUnreadableLogRefusesEverybodyUntilItCanBeRead(t *testing.T) {
	clock := testclock.New(deployment.Start)
	store := fakestore.New(clock.Now)
	broken := false
	store.Before = func(ctx context.Context, method string) error {
		if broken {
			return hooks.Fail("Since")(ctx, method)
		}
		return nil
	}
	f := newFleet(t, store, 1, 5*time.Second, clock.Now)
	victim, bystander := f.newCaller(), f.newCaller()
	f.want("before", victim, true)
	f.want("before", bystander, true)
	f.revoke(victim)
	for _, asleep := range []time.Duration{5 * time.Second, time.Minute, 50 * time.Minute} { // frozen, as far as it knows
		broken = true
		clock.Advance(asleep)
		for range 2 {
			f.want("unreadable", victim, false)
			f.want("unreadable", bystander, false)
		}
		broken = false
		f.want("readable again", victim, false)
		f.want("readable again", bystander, true)
	}
}

func TestFaultsOfTheTableRefuseEverybodyUntilTheyAreOver(t *testing.T) {
	proxy := faultproxy.Start(t, engine(t))
	clock := testclock.New(deployment.Start)
	f := newFleet(t, openDynamoBy(t, engine(t), proxy.URL, 300*time.Millisecond, 2, clock.Now), 1, 5*time.Second, clock.Now)
	victim, bystander := f.newCaller(), f.newCaller()
	f.want("before", victim, true)
	f.want("before", bystander, true)
	f.revoke(victim)
	for name, fault := range map[string]faultproxy.Fault{
		"throttled": faultproxy.Throttle, "internal error": faultproxy.InternalError, "access denied": faultproxy.AccessDenied,
		"table missing": faultproxy.TableMissing, "request dropped": faultproxy.DropRequest, "response dropped": faultproxy.DropResponse,
		"hanging": faultproxy.Hang, "slow": faultproxy.Delay(time.Second),
	} {
		for _, shard := range []string{"REVOCATION#", "REVOCATION#1"} { // half a denylist is none
			t.Run(name+" "+shard, func(t *testing.T) {
				proxy.Inject(faultproxy.Rule{Operation: "Query", Key: shard, Fault: fault})
				clock.Advance(5 * time.Second)
				f.want(name, victim, false)
				f.want(name, bystander, false)
				proxy.Heal()
				f.want(name+", over", victim, false)
				f.recovers(bystander)
			})
		}
	}
}

// recovers asks until the answer is yes. The table's patience is short here, and the machine may be busy.
func (f *fleet) recovers(c caller) {
	f.t.Helper()
	for range 20 {
		if f.accepts(f.copies[0], c) {
			return
		}
	}
	f.t.Error("refused 20 times after the fault was over")
}

// A table that answers with one page of the log and then no more must not keep a cold function out for ever.
func TestColdStartOnALongLogEndsPageByPage(t *testing.T) {
	proxy := faultproxy.Start(t, engine(t))
	clock := testclock.New(deployment.Start)
	f := newFleet(t, openDynamoBy(t, engine(t), proxy.URL, 10*time.Second, 1, clock.Now), 1, 5*time.Second, clock.Now)
	victim, bystander := f.newCaller(), f.newCaller()
	f.fill(3000, 900) // three pages of 1 MB
	f.revoke(victim)
	proxy.Inject(faultproxy.Rule{Operation: "Query", Skip: 1, Times: 3, Fault: faultproxy.InternalError}) // all attempts
	f.want("one page", bystander, false)
	proxy.Inject(faultproxy.Rule{Operation: "Query", Skip: 1, Times: 3, Fault: faultproxy.InternalError})
	f.want("two pages", bystander, false)
	proxy.Forget()
	f.want("three pages", bystander, true)
	f.want("three pages", victim, false)
	if calls := len(proxy.Calls()); calls < 1 || calls > 2 {
		t.Errorf("the third reading took %d calls, want what is left of three pages", calls)
	}
}

// fill appends entries of about so many bytes, a second apart, the newest a minute old.
func (f *fleet) fill(entries, size int) {
	f.t.Helper()
	var writers sync.WaitGroup
	const parallel = 20
	for w := range parallel {
		writers.Go(func() {
			for i := w; i < entries; i += parallel {
				e := revocation.Entry{
					At: f.now().Add(-time.Minute - time.Duration(i)*time.Second), Kind: revocation.Token,
					ID: fmt.Sprint(i, strings.Repeat("x", size/2)), // it is in the key, too
				}
				if err := f.store.Append(f.t.Context(), e); err != nil {
					f.t.Error(err)
				}
			}
		})
	}
	writers.Wait()
}
