package protocol_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The promises of docs/design.md §7: what is ended stays ended, wherever it was just then.

// TestEndingAllSessionsEndsEveryEarlierOne: refreshes and logins that race with it included.
func TestEndingAllSessionsEndsEveryEarlierOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w, s := newSession(t, aClient(t))
		w.mustRefresh(t, s, 0)
		w.authorizeAll() // every gate has answered from memory just before
		w.pass(drawDuration(t, 0, time.Hour, "pause"))
		raced := w.endInTheMiddle(t, s)
		w.verdict(t)
		if w.changes == 0 {
			return // it failed, and said so
		}
		w.wantEnded(t, s)
		if raced != nil {
			w.wantEnded(t, raced)
		}
		if w.disabled {
			if w.logIn(entry{client: clients["app"]}) != nil {
				t.Fatal("a disabled account logged in")
			}
			w.enable()
			w.wantEnded(t, s)
		}
		next := w.logIn(entry{client: clients["app"]})
		w.verdict(t)
		w.mustRefresh(t, next, 0)
		w.authorizeAll()
		w.changeAccount(endSessions, nil) // again, often within the same second
		w.wantEnded(t, next)
	})
}

// endInTheMiddle ends all sessions, in the middle of a refresh of s or of a login, or on its own. It returns
// the session of that login.
func (w *world) endInTheMiddle(t *rapid.T, s *sessionModel) *sessionModel {
	how := rapid.SampledFrom(endings).Draw(t, "ending")
	faults := drawFaults(t, "ChangeAccount", "Account")
	end := func() { w.changeAccount(how, faults) }
	if rapid.Bool().Draw(t, "by token") {
		end = func() { w.everywhere(handedIn{session: s, generation: 1, faults: faults}) }
	}
	switch rapid.SampledFrom([]string{"refresh", "login", "nothing"}).Draw(t, "in the middle of") {
	case "refresh":
		w.refresh(presented{session: s, generation: 1, accountFirst: rapid.Bool().Draw(t, "account first"), meanwhile: end})
	case "login":
		point := rapid.SampledFrom([]string{"AccountAndLogin", "Create"}).Draw(t, "point")
		raced := w.logIn(entry{client: clients["app"], point: point, meanwhile: end})
		if point == "Create" {
			return raced // it was checked before: with the other point, the login follows the ending
		}
	default:
		end()
	}
	return nil
}

// TestEndOthersSparesTheCallersSession: its access tokens die, one refresh renews them, also one that was
// on its way.
func TestEndOthersSparesTheCallersSession(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w, own := newSession(t, aClient(t))
		other := w.logIn(entry{client: clients["app"]})
		w.authorizeAll()
		p := presented{session: own, accountFirst: rapid.Bool().Draw(t, "account first"), meanwhile: func() { w.endOthers(own) }}
		if !w.refresh(p) {
			t.Fatalf("the caller's own session was refused: %q", w.failures)
		}
		w.pass(staleness)
		w.authorizeAll()
		w.verdict(t)
		w.mustRefresh(t, own, 1)
		w.authorizeAll()
		w.wantEnded(t, other)
	})
}

// TestRevokedSessionIsDeadWithinTheBound: by its client, by logout or by reuse, whatever raced with it.
func TestRevokedSessionIsDeadWithinTheBound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w, s := newSession(t, aClient(t))
		bystander := w.logIn(entry{client: clients["app"]})
		w.mustRefresh(t, s, 0)
		w.authorizeAll()
		faults := drawFaults(t, "Revoke")
		h := handedIn{session: s, generation: rapid.Uint32Range(0, 1).Draw(t, "generation"), logout: rapid.Bool().Draw(t, "logout"), faults: faults}
		if rapid.Bool().Draw(t, "race") {
			w.refresh(presented{session: s, generation: 1, accountFirst: rapid.Bool().Draw(t, "account first"), meanwhile: func() { w.takeBack(h) }})
		} else {
			w.takeBack(h)
		}
		w.verdict(t)
		if s.revoked {
			w.wantEnded(t, s)
		} else {
			w.authorizeAll()
			w.mustRefresh(t, s, s.generation)
		}
		w.mustRefresh(t, bystander, 0)
		w.authorizeAll()
		w.verdict(t)
	})
}

// TestGatesSeeEveryRevocationWhicheverClockStampedIt: the stamps of two functions need not be in the order in
// which they were written.
func TestGatesSeeEveryRevocationWhicheverClockStampedIt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		for range rapid.IntRange(2, 6).Draw(t, "sessions") {
			s := w.logIn(entry{client: clients["web"]})
			for g := range uint32(2) {
				w.refresh(presented{session: s, generation: g})
			}
			w.pass(drawDuration(t, 0, 2*staleness, "pause"))
			if rapid.Bool().Draw(t, "handed in") {
				w.takeBack(handedIn{session: s})
			} else {
				w.refresh(presented{session: s, function: rapid.IntRange(0, 1).Draw(t, "function")})
			}
			for gate := range w.gates { // which reads what was stamped until now, when that is due
				w.authorize(w.access[0], gate, nil)
			}
			w.verdict(t)
		}
		w.pass(staleness)
		w.authorizeAll()
		w.verdict(t)
	})
}

// TestDenylistThatCannotBeReadLetsNobodyIn: a gate answers from memory for as long as staleness, no longer.
func TestDenylistThatCannotBeReadLetsNobodyIn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w, s := newSession(t, aClient(t))
		access := w.access[0]
		w.authorize(access, 0, nil)
		w.takeBack(handedIn{session: s})
		for range rapid.IntRange(1, 8).Draw(t, "looks") {
			w.pass(drawDuration(t, 0, 2*staleness, "pause"))
			w.authorize(access, 0, drawFaults(t, "Since"))
			w.verdict(t)
		}
	})
}
