package session_test

import (
	"context"
	"testing"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/session"
)

// meanwhile returns a hook that runs f just before the first RecordReplay.
func meanwhile(f func()) func(context.Context, string) error {
	first := true
	return func(_ context.Context, method string) error {
		if method == "RecordReplay" && first {
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
				w.wantRefused(4, session.BecauseEnded)
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
	w.wantRefused(4, "ended meanwhile")
	w.wantEvents(audit.RefreshRefused)
}

func TestTwoLateRetriesAtOnceCountOnce(t *testing.T) {
	w := newWorld(t, client.Native)
	w.rotatedLongAgo(5)
	w.store.Before = hooks.Meet(patience, "RecordReplay", "RecordReplay")
	refresher, presented := w.refresher(), w.token(4)
	type result struct {
		got session.Refreshed
		err error
	}
	results := make(chan result)
	for range 2 {
		go func() {
			got, err := refresher.Refresh(context.Background(), presented, w.client, session.Target{}, network)
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
		if method == "RecordReplay" { // old ones do not count, but the list is not as it was read
			w.change(func(s *session.Session) { s.Late = append(s.Late, session.Late{Generation: 1, At: start}) })
		}
		return nil
	}
	_, err := w.refresh(19)
	wantUnavailable(t, err)
	w.wantEvents()
	w.wantLive()
	if n := w.store.Count("RecordReplay"); n < 2 || n > 10 {
		t.Errorf("tried %d times, want a few", n)
	}
}

func TestLateRetryThatCannotBeRecordedIsUnavailableAndCanBeRetried(t *testing.T) {
	for name, fail := range map[string]func(*fakestore.Store){
		"not applied": func(s *fakestore.Store) { s.Before = hooks.Fail("RecordReplay") },
		"reply lost":  func(s *fakestore.Store) { s.After = hooks.Fail("RecordReplay") },
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
