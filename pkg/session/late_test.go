package session_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/session"
)

// longAgo is a rotation whose window closed hours ago.
const longAgo = 6 * time.Hour

// rotatedLongAgo brings the session to generation g with these late retries, and the clock past the window.
func (w *world) rotatedLongAgo(g uint32, late ...session.Late) {
	w.t.Helper()
	w.change(func(s *session.Session) { s.Generation, s.Late = g, late })
	w.clock.Set(start.Add(longAgo))
}

func TestLateRetryGetsTheSameSuccessorAndIsRecorded(t *testing.T) {
	w := newWorld(t, client.Native)
	w.rotatedLongAgo(1)
	w.clock.Advance(1234567 * time.Nanosecond)
	before := w.stored()

	got := w.wantCase(0, session.LateAllowed)

	before.Late = []session.Late{{Generation: 0, At: w.clock.Now().Truncate(time.Millisecond)}}
	if diff := cmp.Diff(before, w.stored()); diff != "" {
		t.Errorf("only the late retry should have been recorded (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, got.Session); diff != "" {
		t.Errorf("session of the answer (-want +got):\n%s", diff)
	}
	w.wantEvents(audit.LateRetry)
	w.wantCalls("Rotate", "Account", "RecordReplay")
	w.wantLive()
}

func TestLateRetriesThatAClientMayHave(t *testing.T) {
	at := func(g uint32) session.Late { return session.Late{Generation: g, At: start} }
	for _, test := range []struct {
		name    string
		kind    client.Kind
		allowed int // 0: the kind's default
		late    []session.Late
		want    session.Case
	}{
		{"native, none before", client.Native, 0, nil, session.LateAllowed},
		{"native, one before", client.Native, 0, []session.Late{at(17)}, session.LateAllowed},
		{"native, one of the same token before", client.Native, 0, []session.Late{at(19)}, session.LateAllowed},
		{"native, two before", client.Native, 0, []session.Late{at(16), at(18)}, session.Reuse},
		{"native, two of the same token before", client.Native, 0, []session.Late{at(19), at(19)}, session.Reuse},
		{"native, the oldest just within the span", client.Native, 0, []session.Late{at(15), at(17)}, session.Reuse},
		{"native, the oldest just outside the span", client.Native, 0, []session.Late{at(14), at(17)}, session.LateAllowed},
		{"native with one allowed, one before", client.Native, 1, []session.Late{at(17)}, session.Reuse},
		{"native with three allowed, two before", client.Native, 3, []session.Late{at(17), at(18)}, session.LateAllowed},
		{"browser, none before", client.Browser, 0, nil, session.Reuse},
		{"site, none before", client.Site, 0, nil, session.Reuse},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, test.kind)
			if test.allowed > 0 {
				w.client.LateRetries = test.allowed
			}
			w.rotatedLongAgo(20, test.late...)
			if test.want == session.LateAllowed {
				w.wantCase(19, session.LateAllowed)
				w.wantLive()
				return
			}
			w.wantRefused(19, "reuse")
			w.wantRevoked(session.ReasonReuse)
			w.wantEvents(audit.ReuseDetected)
		})
	}
}

func TestThirdLateRetryWithinFiveGenerationsIsReuse(t *testing.T) {
	w := newWorld(t, client.Native)
	late := func(g uint32) {
		t.Helper()
		w.wantCase(g, session.Rotate)
		w.clock.Advance(longAgo)
		w.wantCase(g, session.LateAllowed)
	}
	late(0)
	late(1)
	for g := uint32(2); g < 5; g++ {
		w.wantCase(g, session.Rotate)
	}
	late(5) // generation 0 is six behind and forgotten
	w.wantCase(6, session.Rotate)
	w.clock.Advance(longAgo)
	w.wantCase(6, session.LateAllowed) // so is 1
	w.wantCase(7, session.Rotate)
	w.clock.Advance(longAgo)
	w.wantRefused(7, "reuse") // 5 and 6 are not
	w.wantRevoked(session.ReasonReuse)
}

func TestLateRetriesOutsideTheSpanAreDropped(t *testing.T) {
	w := newWorld(t, client.Native)
	old, kept := session.Late{Generation: 14, At: start}, session.Late{Generation: 15, At: start}
	w.rotatedLongAgo(20, old, kept)
	w.wantCase(19, session.LateAllowed)
	want := []session.Late{kept, {Generation: 19, At: w.clock.Now()}}
	if diff := cmp.Diff(want, w.stored().Late); diff != "" {
		t.Errorf("late retries kept (-want +got):\n%s", diff)
	}
}

func TestLateRetryOpensAWindowForThatVeryToken(t *testing.T) {
	w := newWorld(t, client.Native)
	w.rotatedLongAgo(5)
	w.wantCase(4, session.LateAllowed)
	for _, since := range []time.Duration{-5 * time.Second, 0, 30 * time.Second, 65 * time.Second} {
		w.clock.Set(start.Add(longAgo + since))
		w.wantUntouched(func() { w.wantCase(4, session.Race) })
	}
	w.clock.Set(start.Add(longAgo + 66*time.Second))
	w.wantCase(4, session.LateAllowed) // the second of two
	w.clock.Advance(66 * time.Second)
	w.wantRefused(4, "reuse")
}

func TestLateRetryOpensNoWindowForAnotherToken(t *testing.T) {
	w := newWorld(t, client.Browser)
	w.rotatedLongAgo(6, session.Late{Generation: 4, At: start.Add(longAgo - time.Second)})
	w.wantRefused(5, "reuse")
	w.wantEvents(audit.ReuseDetected)
}

func TestLateRetryOpensNoWindowForOlderGenerations(t *testing.T) {
	w := newWorld(t, client.Native)
	w.rotatedLongAgo(6, session.Late{Generation: 4, At: start.Add(longAgo - time.Second)})
	w.wantRefused(4, "reuse")
	w.wantRevoked(session.ReasonReuse)
}

func TestNewestLateRetryOfATokenOpensTheWindow(t *testing.T) {
	w := newWorld(t, client.Native)
	now := start.Add(longAgo)
	w.rotatedLongAgo(5, session.Late{Generation: 4, At: now}, session.Late{Generation: 4, At: now.Add(-time.Hour)})
	w.wantCase(4, session.Race) // the hosts that recorded them have different clocks
}

func TestLateRetryIsWrittenOnlyAfterTheAccountWasRead(t *testing.T) {
	for name, spoil := range map[string]func(*world){
		"unreadable": func(w *world) { w.store.Before = hooks.Fail("Account") },
		"disabled":   func(w *world) { w.account.Disabled = true; w.store.SetAccount(w.account, "") },
		"ended":      func(w *world) { w.account.Epoch++; w.store.SetAccount(w.account, "") },
		"missing":    func(w *world) { w.store.DropAccount(w.account.ID) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, client.Native)
			w.rotatedLongAgo(5)
			spoil(w)
			w.wantUntouched(func() {
				if got, err := w.refresh(4); err == nil {
					t.Errorf("case %d, want an error", got.Case)
				}
			})
			if n := w.store.Count("RecordReplay"); n != 0 {
				t.Errorf("a late retry was written %d times", n)
			}
		})
	}
}

func TestUnreadableAccountIsUnavailableWhateverTheCase(t *testing.T) {
	for g := range uint32(8) {
		w := newWorld(t, client.Native)
		w.rotatedLongAgo(5)
		w.store.Before = hooks.Fail("Account")
		_, err := w.refresh(g)
		wantUnavailable(t, err)
		w.wantEvents()
		w.wantLive()
	}
}
