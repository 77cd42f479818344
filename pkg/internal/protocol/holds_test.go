package protocol_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The sentences of "What holds" (docs/design.md §6) about honest people.

// newSession is a world with one session of the client.
func newSession(t *rapid.T, clientID string) (*world, *sessionModel) {
	w := newWorld(t)
	s := w.logIn(entry{client: clients[clientID], remember: true})
	w.verdict(t)
	return w, s
}

func aClient(t *rapid.T) string { return rapid.SampledFrom([]string{"app", "web"}).Draw(t, "client") }

func drawDuration(t *rapid.T, least, most time.Duration, label string) time.Duration {
	return time.Duration(rapid.Int64Range(least.Milliseconds(), most.Milliseconds()).Draw(t, label)) * time.Millisecond
}

// mustRefresh refreshes undisturbed, in any order and at any function, and expects success.
func (w *world) mustRefresh(t *rapid.T, s *sessionModel, g uint32) {
	t.Helper()
	p := presented{session: s, generation: g, function: rapid.IntRange(0, 1).Draw(t, "function"), accountFirst: rapid.Bool().Draw(t, "account first")}
	if !w.refresh(p) {
		t.Fatalf("generation %d of %d was refused at %s:\n%q", g, s.generation, w.clock.Now(), w.failures)
	}
	w.verdict(t)
}

// mustRefuse refreshes undisturbed and expects a refusal.
func (w *world) mustRefuse(t *rapid.T, s *sessionModel, g uint32) {
	t.Helper()
	if w.refresh(presented{session: s, generation: g, function: rapid.IntRange(0, 1).Draw(t, "function")}) {
		t.Fatalf("generation %d of %d was accepted at %s", g, s.generation, w.clock.Now())
	}
	w.verdict(t)
}

// TestHonestClientIsNeverRefusedWhileItsSessionLives: tabs race, replies are lost and retried, functions crash
// and restart, keys change; nobody is ever logged out.
func TestHonestClientIsNeverRefusedWhileItsSessionLives(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newTabsWorld(t)
		s := w.logIn(entry{client: clients[aClient(t)], remember: true})
		held := uint32(0)
		for range rapid.IntRange(3, 15).Draw(t, "refreshes") {
			w.pass(drawDuration(t, 0, 8*time.Hour, "pause"))
			if before(w.clock.Now().Add(2*time.Minute), s.idle) != yes {
				return // it expires, as it should
			}
			w.otherwise(t, s)
			sent := w.clock.Now()
			for tries := 0; !w.honestTry(t, s, held, tries < 3); tries++ {
				// Every retry comes within the window of the first try.
				w.pass(drawDuration(t, 0, grace-w.clock.Now().Sub(sent), "wait"))
			}
			for range rapid.IntRange(0, 2).Draw(t, "more tabs") {
				w.pass(drawDuration(t, 0, max(0, grace-w.clock.Now().Sub(s.rotatedAt)), "on its way"))
				w.mustRefresh(t, s, held)
			}
			held = w.newest(s) // by whichever tab it came: an answer with the presented token brings nothing new
		}
	})
}

// otherwise lets something happen that is no concern of the session.
func (w *world) otherwise(t *rapid.T, s *sessionModel) {
	switch rapid.IntRange(0, 4).Draw(t, "otherwise") {
	case 0, 1:
		w.rotateKeys()
	case 2:
		w.boot(rapid.SampledFrom(functions).Draw(t, "restart"))
	case 3:
		w.endOthers(s)
	case 4:
		other := w.logIn(entry{client: clients["app"]})
		w.takeBack(handedIn{session: other})
	}
	w.verdict(t)
}

// honestTry refreshes once and reports whether the answer arrived. Nothing but a fault may keep it away.
func (w *world) honestTry(t *rapid.T, s *sessionModel, g uint32, mayFail bool) bool {
	p := presented{session: s, generation: g, function: rapid.IntRange(0, 1).Draw(t, "function"), accountFirst: rapid.Bool().Draw(t, "account first")}
	if mayFail {
		p.faults = drawFaults(t, "Rotate", "Account", "ReadPart")
	}
	switch rapid.IntRange(0, 3).Draw(t, "meanwhile") {
	case 0:
		p.meanwhile = func() { w.refresh(presented{session: s, generation: g, function: 1 - p.function}) }
	case 1:
		p.meanwhile = func() { w.endOthers(s) }
	}
	good := w.refresh(p)
	if !good && len(p.faults) == 0 {
		w.fail("an honest client was refused: generation %d of %d", g, s.generation)
	}
	if good {
		w.authorize(w.access[len(w.access)-1], p.function, nil)
	}
	w.verdict(t)
	return good && !(mayFail && one(t, 3, "answer lost"))
}

// TestUnavailableStoreNeverHarmsASession: after any fault the same token is good within the window.
func TestUnavailableStoreNeverHarmsASession(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w, s := newSession(t, aClient(t))
		for g := range uint32(rapid.IntRange(1, 6).Draw(t, "refreshes")) {
			w.pass(drawDuration(t, 0, 3*time.Hour, "pause"))
			if rapid.Bool().Draw(t, "restart") {
				w.boot("refresh 0")
			}
			first := w.clock.Now()
			for range rapid.IntRange(1, 4).Draw(t, "faults") {
				method := rapid.SampledFrom([]string{"Rotate", "Account", "ReadPart"}).Draw(t, "method")
				kind := rapid.SampledFrom([]fault{fails, replyLost}).Draw(t, "fault")
				w.refresh(presented{session: s, generation: g, faults: map[string]fault{method: kind}, accountFirst: rapid.Bool().Draw(t, "account first")})
				w.pass(drawDuration(t, 0, (grace-w.clock.Now().Sub(first))/2, "wait"))
			}
			w.mustRefresh(t, s, g)
		}
	})
}

// TestNobodyElseHarmsASession: foreign clients and forged tokens get nothing and end nothing.
func TestNobodyElseHarmsASession(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := &walk{world: newWorld(t), t: t}
		w.logInDevice()
		w.verdict(t)
		d := w.devices[0]
		for range rapid.IntRange(5, 20).Draw(t, "tries") {
			w.pass(drawDuration(t, 0, 30*time.Minute, "pause"))
			w.foreign()
			w.verdict(t)
			if rapid.Bool().Draw(t, "refresh") {
				w.mustRefresh(t, d.session, d.held)
				d.held++
			}
		}
		w.mustRefresh(t, d.session, d.held)
		w.authorizeAll()
		w.verdict(t)
	})
}

// TestIdleExpirySlidesAndAbsoluteExpiryStands: a client that comes back in time goes on, until the end that was set
// at the login.
func TestIdleExpirySlidesAndAbsoluteExpiryStands(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w, s := newSession(t, aClient(t))
		begun := w.clock.Now()
		for g := uint32(0); ; g++ {
			w.pass(drawDuration(t, 6*time.Hour, s.client.IdleLife+time.Hour, "pause"))
			now := w.clock.Now()
			idle, absolute := s.rotatedAt.Add(s.client.IdleLife), begun.Add(72*time.Hour)
			if before(now, idle) == yes && before(now, absolute) == yes {
				w.mustRefresh(t, s, g)
				continue
			}
			if before(now, idle) == no || before(now, absolute) == no {
				w.mustRefuse(t, s, g)
			}
			return
		}
	})
}
