package session_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
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
	w.wantCalls("Rotate", "Account", "RecordLate")
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

// meanwhile returns a hook that runs f just before the first RecordLate.
func meanwhile(f func()) func(context.Context, string) error {
	first := true
	return func(_ context.Context, method string) error {
		if method == "RecordLate" && first {
			first = false
			f()
		}
		return nil
	}
}

func TestConflictOnALateRetryIsDecidedAfresh(t *testing.T) {
	for name, test := range map[string]struct {
		meanwhile func(*session.Session)
		want      session.Case
		event     string
	}{
		"the same retry twice at once": {
			func(s *session.Session) { s.Late = []session.Late{{Generation: 4, At: start.Add(longAgo)}} },
			session.Race, audit.RaceReplay,
		},
		"another late retry": {
			func(s *session.Session) { s.Late = []session.Late{{Generation: 3, At: start}} },
			session.LateAllowed, audit.LateRetry,
		},
		"the last one allowed": {
			func(s *session.Session) {
				s.Late = []session.Late{{Generation: 2, At: start}, {Generation: 3, At: start}}
			},
			session.Reuse, audit.ReuseDetected,
		},
		"a rotation": {func(s *session.Session) { s.Generation++ }, session.Reuse, audit.ReuseDetected},
		"a revocation": {
			func(s *session.Session) { s.RevokedAt = start },
			session.Gone, audit.RefreshRefused,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, client.Native)
			w.rotatedLongAgo(5)
			w.store.Before = meanwhile(func() { w.change(test.meanwhile) })
			switch test.want {
			case session.Gone:
				w.wantRefused(4, "revoked")
			case session.Reuse:
				w.wantRefused(4, "reuse")
				w.wantRevoked(session.ReasonReuse)
			default:
				w.wantCase(4, test.want)
			}
			w.wantEvents(test.event)
		})
	}
}

func TestSessionThatVanishesBeforeALateRetryIsGone(t *testing.T) {
	w := newWorld(t, client.Native)
	w.rotatedLongAgo(5)
	w.store.Before = meanwhile(func() { w.store.DropSession(w.id) })
	w.wantRefused(4, "no such session")
	w.wantEvents(audit.RefreshRefused)
}

func TestTwoLateRetriesAtOnceCountOnce(t *testing.T) {
	w := newWorld(t, client.Native)
	w.rotatedLongAgo(5)
	w.store.Before = fakestore.Meet(patience, "RecordLate", "RecordLate")
	refresher, presented := w.refresher(), w.token(4)
	type result struct {
		got session.Refreshed
		err error
	}
	results := make(chan result)
	for range 2 {
		go func() {
			got, err := refresher.Refresh(context.Background(), presented, w.client)
			results <- result{got, err}
		}()
	}
	cases := map[session.Case]int{}
	for range 2 {
		r := <-results
		if r.err != nil || r.got.Token.Reveal() != w.token(5).Reveal() {
			t.Errorf("error %v, want the same successor", r.err)
		}
		cases[r.got.Case]++
	}
	if cases[session.LateAllowed] != 1 || cases[session.Race] != 1 || len(w.stored().Late) != 1 {
		t.Errorf("cases %v, late %v, want one late retry recorded and one race", cases, w.stored().Late)
	}
}

func TestEndlessConflictOnALateRetryIsUnavailable(t *testing.T) {
	w := newWorld(t, client.Native)
	w.rotatedLongAgo(20)
	w.store.Before = func(_ context.Context, method string) error {
		if method == "RecordLate" { // old ones do not count, but the list is not as it was read
			w.change(func(s *session.Session) { s.Late = append(s.Late, session.Late{Generation: 1, At: start}) })
		}
		return nil
	}
	_, err := w.refresh(19)
	wantUnavailable(t, err)
	w.wantEvents()
	w.wantLive()
	if n := w.store.Count("RecordLate"); n < 2 || n > 10 {
		t.Errorf("tried %d times, want a few", n)
	}
}

func TestLateRetryThatCannotBeRecordedIsUnavailableAndCanBeRetried(t *testing.T) {
	for name, fail := range map[string]func(*fakestore.Store){
		"not applied": func(s *fakestore.Store) { s.Before = fakestore.Fail("RecordLate") },
		"reply lost":  func(s *fakestore.Store) { s.After = fakestore.Fail("RecordLate") },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, client.Native)
			w.rotatedLongAgo(5)
			fail(w.store)
			got, err := w.refresh(4)
			wantUnavailable(t, err)
			if !got.Token.IsZero() {
				t.Error("a token came although the late retry is not recorded")
			}
			w.wantEvents()
			w.store.Before, w.store.After = nil, nil
			if again, err := w.refresh(4); err != nil || again.Token.Reveal() != w.token(5).Reveal() {
				t.Errorf("second try: %v, want the successor", err)
			}
			w.wantLive()
		})
	}
}

func TestLateRetryIsWrittenOnlyAfterTheAccountWasRead(t *testing.T) {
	for name, spoil := range map[string]func(*world){
		"unreadable": func(w *world) { w.store.Before = fakestore.Fail("Account") },
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
			if n := w.store.Count("RecordLate"); n != 0 {
				t.Errorf("a late retry was written %d times", n)
			}
		})
	}
}

func TestUnreadableAccountIsUnavailableWhateverTheCase(t *testing.T) {
	for g := range uint32(8) {
		w := newWorld(t, client.Native)
		w.rotatedLongAgo(5)
		w.store.Before = fakestore.Fail("Account")
		_, err := w.refresh(g)
		wantUnavailable(t, err)
		w.wantEvents()
		w.wantLive()
	}
}
