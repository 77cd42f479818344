package policy_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/policy"
)

const api = "abc123"

type sourceWorld struct {
	*testing.T
	clock  *testclock.Clock
	store  *fakestore.Store
	source *policy.Source
}

func newSourceWorld(t *testing.T) *sourceWorld {
	w := &sourceWorld{T: t, clock: testclock.New(now)}
	w.store = fakestore.New(w.clock.Now)
	w.restart()
	return w
}

// restart is a function that starts cold.
func (w *sourceWorld) restart() { w.source = policy.NewSource(w.store, w.clock.Now) }

// put stores a document that lets in everybody with the role, or nobody: "allow" and "deny" are documents without lines, "" is a removed one,
// "broken" is none.
func (w *sourceWorld) put(name, document string) {
	w.Helper()
	before, err := w.store.Policy(w.Context(), name)
	if err != nil && !errors.Is(err, policy.ErrNone) {
		w.Fatal(err)
	}
	r := policy.Record{Version: before.Version + 1}
	switch document {
	case "":
	case "broken":
		r.Document = []byte(`{"unlisted":"maybe"}`)
	default:
		if r.Document, err = json.Marshal(policy.Document{Unlisted: document}); err != nil {
			w.Fatal(err)
		}
	}
	if err := w.store.PutPolicy(w.Context(), name, r); err != nil {
		w.Fatal(err)
	}
}

// want expects a policy that allows or denies, or with "unusable" none.
func (w *sourceWorld) want(what, want string) {
	w.Helper()
	w.wantOf(w.source.Ask, what, want)
}

// wantNow is want of AskNow.
func (w *sourceWorld) wantNow(what, want string) {
	w.Helper()
	w.wantOf(w.source.AskNow, what, want)
}

func (w *sourceWorld) wantOf(ask func(context.Context, string) policy.Reading, what, want string) {
	w.Helper()
	w.wantOfAsked(ask(w.Context(), api), what, want)
}

func (w *sourceWorld) wantOfAsked(asked policy.Reading, what, want string) {
	w.Helper()
	got := "unusable"
	p, err := asked.Policy()
	if err == nil {
		got = "allow"
		if p.Decide(policy.Request{Route: "GET /x", Method: "GET"}, policy.Caller{}, now) != nil {
			got = "deny"
		}
	} else if !errors.Is(err, policy.ErrUnusable) {
		w.Errorf("%s: error %v, want ErrUnusable", what, err)
	}
	if got != want {
		w.Errorf("%s: %s (%v), want %s", what, got, err, want)
	}
}

func TestAPIWithoutADocumentHasTheDefaultOne(t *testing.T) {
	w := newSourceWorld(t)
	w.want("no document", "allow")
	w.put(policy.Default, "deny")
	w.restart()
	w.want("the default", "deny")
	w.put(api, "allow")
	w.restart()
	w.want("its own", "allow")
	w.put(api, "")
	w.restart()
	w.want("its own removed", "deny")
	w.put(policy.Default, "")
	w.restart()
	w.want("both removed", "allow")
	w.put("another", "deny")
	w.restart()
	w.want("another's", "allow")
}

func TestNewPolicyIsFeltWithinAMinute(t *testing.T) {
	w := newSourceWorld(t)
	w.clock.Set(time.Now()) // with a monotonic reading
	w.want("before", "allow")
	w.put(api, "deny")
	w.clock.Advance(policy.Age)
	w.want("after a minute", "deny")
	w.put(api, "allow")
	w.clock.Set(testclock.WallOnly(t, w.clock.Now(), policy.Age)) // frozen
	w.want("frozen for a minute", "allow")
	w.put(api, "deny")
	w.clock.Advance(-time.Hour)
	w.want("the clock set back", "deny")
}

func TestPolicyIsReadTwiceAMinuteAtMost(t *testing.T) {
	w := newSourceWorld(t)
	for range 120 {
		w.want("warm", "allow")
		w.clock.Advance(time.Second)
	}
	if n := w.store.Count("Policy"); n != 8 {
		t.Errorf("%d reads in two minutes, want two every half a minute", n)
	}
}

func TestPolicyThatCannotBeReadIsTheLastOneForAMinute(t *testing.T) {
	for name, fail := range map[string]func(w *sourceWorld){
		"unreadable": func(w *sourceWorld) { w.store.Before = hooks.Fail("Policy") },
		"broken":     func(w *sourceWorld) { w.put(api, "broken") },
		"lost":       func(w *sourceWorld) { w.store.DropPolicy(api) },
		"default broken": func(w *sourceWorld) {
			w.put(api, "")
			w.put(policy.Default, "broken")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newSourceWorld(t)
			w.put(api, "allow")
			w.want("before", "allow")
			fail(w)
			w.clock.Advance(policy.Age - time.Millisecond)
			w.want("young", "allow")
			w.clock.Advance(time.Millisecond)
			w.want("old", "unusable")
			w.want("again", "unusable")
		})
	}
}

func TestColdFunctionRefusesByAPolicyThatItCannotRead(t *testing.T) {
	w := newSourceWorld(t)
	w.put(api, "broken")
	w.want("broken", "unusable")
	w.restart()
	w.put(api, "allow")
	w.store.Before = hooks.Fail("Policy")
	if _, err := w.source.Ask(t.Context(), api).Policy(); !errors.Is(err, oauth.ErrUnavailable) {
		t.Errorf("error %v, want that of the store too", err)
	}
	w.store.Before = nil
	w.want("recovered", "allow")
}

func TestBothRecordsAreReadAtOnce(t *testing.T) {
	w := newSourceWorld(t)
	w.store.Before = hooks.Meet(10*time.Second, "Policy", "Policy")
	w.want("read", "allow")
}

// Many requests at once share one reading; those that have a young policy wait for none.
func TestRequestsShareAReading(t *testing.T) {
	w := newSourceWorld(t)
	var reads atomic.Int64
	hold := make(chan struct{})
	w.store.Before = func(context.Context, string) error {
		reads.Add(1)
		<-hold
		return nil
	}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { w.want("cold", "allow") })
	}
	close(hold)
	wg.Wait()
	if n := reads.Load(); n != 2 {
		t.Errorf("%d reads, want one of each record", n)
	}

	w.clock.Advance(policy.Age / 2)
	started, hold2 := make(chan struct{}, 2), make(chan struct{})
	w.store.Before = func(context.Context, string) error {
		started <- struct{}{}
		<-hold2
		return nil
	}
	slow := w.source.Ask(t.Context(), api)
	<-started
	w.want("while another reads", "allow")
	close(hold2)
	if _, err := slow.Policy(); err != nil {
		t.Error(err)
	}
}

func TestManyAPIsAreForgotten(t *testing.T) {
	w := newSourceWorld(t)
	for i := range 250 {
		if _, err := w.source.Ask(t.Context(), "api"+string(rune('a'+i%26))+time.Duration(i).String()).Policy(); err != nil {
			t.Fatal(err)
		}
	}
	w.put(api, "deny")
	w.want("still read", "deny")
}
