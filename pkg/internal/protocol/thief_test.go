package protocol_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The sentences of "What holds" (docs/design.md §6) about those who hold a copy.

// outside is a pause after which the window is closed by every clock.
const outside = grace + 5*time.Second + apart

// wantEnded expects that none of the session's refresh tokens is good, nor, when staleness has passed, any of
// its access tokens.
func (w *world) wantEnded(t *rapid.T, s *sessionModel) {
	t.Helper()
	if s.endedAt.IsZero() {
		t.Fatalf("the session has not ended at generation %d", s.generation)
	}
	w.pass(staleness)
	w.authorizeAll()
	for g := range s.texts {
		w.mustRefuse(t, s, g)
	}
	w.verdict(t)
}

// TestTheSecondToRefreshOutsideTheWindowIsFound: thief and victim use one copy after the other. A
// browser's session ends the first time, a native one's the third.
func TestTheSecondToRefreshOutsideTheWindowIsFound(t *testing.T) {
	t.Parallel()
	for id, forgiven := range map[string]uint32{"app": 2, "web": 0} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				w, s := newSession(t, id)
				for g := range forgiven + 1 {
					w.pass(drawDuration(t, 0, 4*time.Hour, "pause"))
					w.otherwise(t, s)
					w.mustRefresh(t, s, g)
					w.pass(drawDuration(t, outside, 4*time.Hour, "behind"))
					if g < forgiven {
						w.mustRefresh(t, s, g) // the second gets the same successor
					} else {
						w.mustRefuse(t, s, g)
					}
				}
				w.wantEnded(t, s)
			})
		})
	}
}

// TestLateRetriesAreForgivenTwiceInFiveGenerations: a lossy network is forgiven for ever, as long as it does
// not lose more than two answers in five.
func TestLateRetriesAreForgivenTwiceInFiveGenerations(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w, s := newSession(t, "app")
		var lost []uint32
		for g := range uint32(rapid.IntRange(6, 20).Draw(t, "generations")) {
			w.pass(drawDuration(t, 0, 2*time.Hour, "pause"))
			w.otherwise(t, s)
			if before(w.clock.Now().Add(4*time.Hour), s.idle) != yes {
				return
			}
			w.mustRefresh(t, s, g)
			if rapid.IntRange(0, 2).Draw(t, "lost") != 0 {
				continue
			}
			recent := 0
			for _, l := range lost {
				if l+5 > g {
					recent++
				}
			}
			w.pass(drawDuration(t, outside, 2*time.Hour, "back after"))
			if recent == 2 {
				w.mustRefuse(t, s, g)
				w.wantEnded(t, s)
				return
			}
			w.mustRefresh(t, s, g)
			lost = append(lost, g)
			// The late retry has a window of its own: its answer may be lost too.
			w.pass(drawDuration(t, 0, grace, "again after"))
			w.mustRefresh(t, s, g)
		}
	})
}

// TestLateRetriesThatMeetCountOnce: two tabs that come back together are one late retry.
func TestLateRetriesThatMeetCountOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w, s := newSession(t, "app")
		for g := range uint32(2) {
			w.mustRefresh(t, s, g)
			w.pass(drawDuration(t, outside, 4*time.Hour, "back after"))
			tab := func() { w.refresh(presented{session: s, generation: g, function: 1}) }
			p := presented{session: s, generation: g, beforeWrite: tab}
			if rapid.Bool().Draw(t, "sooner") {
				p.meanwhile, p.beforeWrite = tab, nil
			}
			if !w.refresh(p) || len(s.late) != int(g)+1 {
				t.Fatalf("%d late retries after two that met %d times: %q", len(s.late), g+1, w.failures)
			}
		}
		w.mustRefresh(t, s, 2)
		w.pass(outside)
		w.mustRefuse(t, s, 2)
		w.wantEnded(t, s)
	})
}

// TestOlderGenerationEndsTheSessionAtOnce: also within every window.
func TestOlderGenerationEndsTheSessionAtOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w, s := newSession(t, aClient(t))
		last := uint32(rapid.IntRange(2, 7).Draw(t, "generations"))
		for g := range last {
			w.pass(drawDuration(t, 0, 10*time.Minute, "pause"))
			w.mustRefresh(t, s, g)
		}
		faults := map[string]fault{"Revoke": rapid.SampledFrom([]fault{fine, fails, replyLost, repeated}).Draw(t, "fault")}
		g := rapid.Uint32Range(0, last-2).Draw(t, "old")
		w.refresh(presented{session: s, generation: g, faults: faults})
		w.verdict(t)
		if faults["Revoke"] == fails {
			w.mustRefresh(t, s, last) // nothing was confirmed: nobody was harmed
			w.mustRefuse(t, s, g)
		}
		w.wantEnded(t, s)
	})
}

// TestReplaysDoNotMoveTheWindow: a thief who polls with one token is a second tab until the window closes,
// however often they come.
func TestReplaysDoNotMoveTheWindow(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w, s := newSession(t, "web")
		w.mustRefresh(t, s, 0)
		for w.clock.Now().Sub(s.rotatedAt) <= grace {
			w.mustRefresh(t, s, 0)
			w.pass(drawDuration(t, 5*time.Second, 55*time.Second, "poll"))
		}
		w.pass(outside - grace)
		w.mustRefuse(t, s, 0)
		w.wantEnded(t, s)
	})
}

// TestThiefWhoPollsIsFoundWhenTheVictimReturns: every few minutes they renew their copy.
func TestThiefWhoPollsIsFoundWhenTheVictimReturns(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w, s := newSession(t, aClient(t))
		thief := uint32(0)
		for range rapid.IntRange(2, 10).Draw(t, "polls") {
			w.pass(drawDuration(t, outside, 10*time.Minute, "poll"))
			w.mustRefresh(t, s, thief)
			thief++
		}
		w.mustRefuse(t, s, 0)
		w.wantEnded(t, s)
	})
}

// TestThiefWhoFollowsLooksLikeASecondTab states the gap that remains, and what shows it.
func TestThiefWhoFollowsLooksLikeASecondTab(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w, s := newSession(t, aClient(t))
		for g := range uint32(rapid.IntRange(1, 10).Draw(t, "refreshes")) {
			w.pass(drawDuration(t, 0, 4*time.Hour, "pause"))
			w.mustRefresh(t, s, g)
			w.pass(drawDuration(t, 0, grace, "behind"))
			w.mustRefresh(t, s, g)
		}
	})
}
