package history_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/internal/testclock"
)

// TestRefusedRefreshMayHaveRotated makes the history that a run on DynamoDB met once: a refresh rotates, and before its
// reading of the account is over, an older token comes back and is reuse because of the rotation, and everything is
// ended. The refresh is then refused. Without the rotation as a step of its own the reuse cannot be explained.
func TestRefusedRefreshMayHaveRotated(t *testing.T) {
	clock := testclock.New(start)
	store := fakestore.New(clock.Now)
	w := play(t, plan{store: store, clock: clock, seed: 1, clients: perPerson})
	a := w.client(0)
	a.who.honest = false // somebody has copies of the tokens
	first, _ := a.login()
	another, _ := a.login()
	second, out := a.renew(first, a.client)
	if out != ok {
		t.Fatalf("the first refresh: %s", out)
	}
	clock.Advance(100 * time.Second)

	rotated, reading, release := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var held, done atomic.Bool // the first call of each kind is the victim's
	store.Before = func(_ context.Context, method string) error {
		if method == "Account" && held.CompareAndSwap(false, true) {
			close(reading)
			<-release
		}
		return nil
	}
	store.After = func(_ context.Context, method string) error {
		if method == "Rotate" && done.CompareAndSwap(false, true) {
			close(rotated)
		}
		return nil
	}
	var victim outcome
	var wg sync.WaitGroup
	wg.Go(func() { _, victim = a.renew(second, a.client) })
	<-rotated
	<-reading // else the next request may be the one that is held
	_, reuse := a.renew(first, a.client)
	everything := a.endEverything(another)
	close(release)
	wg.Wait()
	if victim != refused || reuse != refused || everything != ok {
		t.Fatalf("the refresh was %s, the older token %s, ending everything %s; want refused, refused, ok", victim, reuse, everything)
	}

	for _, p := range w.problems() {
		t.Errorf("%s, but: %s", p.rule, p.text)
	}
	w.log.records = slices.DeleteFunc(w.log.records, func(r record) bool { return r.in.kind == mayRotate })
	if len(w.checkSessions()) == 0 {
		t.Error("the history is linearizable without the rotation as a step: it proves nothing")
	}
}
