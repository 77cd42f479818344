package protocol_test

import (
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/session"
)

// Sentences that fit a table better than a walk. The clocks of these worlds are true.

// plain is a world with one session, whose functions all know the time, and rotate every token.
func plain(t *testing.T, clientID string) (*world, *sessionModel) {
	t.Helper()
	return plainWith(t, clientID, 0)
}

// plainWith is plain where tokens younger than minAge do not rotate.
func plainWith(t *testing.T, clientID string, minAge time.Duration) (*world, *sessionModel) {
	t.Helper()
	w := worldWith(t.Context(), nil, minAge)
	s := w.logIn(entry{client: clients[clientID], remember: true})
	w.verdict(t)
	return w, s
}

// wantRow presents a token now and expects one row of the table and nothing else.
func (w *world) wantRow(t *testing.T, s *sessionModel, g uint32, want row) {
	t.Helper()
	if got := s.permits(g, s.client, w.clock.Now()); got != want {
		t.Fatalf("generation %d of %d: the model says %v, the table %v", g, s.generation, got, want)
	}
	w.refresh(presented{session: s, generation: g})
	w.verdict(t)
}

// TestStaleTokenIsReuseTheSeventeenthTime: of one generation, however many others come back.
func TestStaleTokenIsReuseTheSeventeenthTime(t *testing.T) {
	t.Parallel()
	w, s := plainWith(t, "cli", session.DefaultMinAge)
	for g := range uint32(4) {
		w.pass(time.Minute)
		w.wantRow(t, s, g, rotate)
	}
	for range 16 {
		w.pass(time.Minute)
		w.wantRow(t, s, 0, stale)
		w.wantRow(t, s, 1, stale)
	}
	w.wantRow(t, s, 2, stale)
	w.wantRow(t, s, 1, reuse)
	w.wantRow(t, s, 4, gone)
}

// TestTableRestoredFromABackupRevokesNothing: a newer token is refused, and the session goes on
// from where the table stands.
func TestTableRestoredFromABackupRevokesNothing(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"app", "web"} {
		w, s := plain(t, id)
		w.wantRow(t, s, 0, rotate)
		stored, _ := w.store.GetSession(s.id)
		copied := *s
		w.wantRow(t, s, 1, rotate)
		w.wantRow(t, s, 2, rotate)
		w.store.SetSession(stored)
		s.generation, s.rotatedAt, s.idle = copied.generation, copied.rotatedAt, copied.idle
		w.wantRow(t, s, 3, restored)
		w.wantRow(t, s, 2, restored)
		w.wantRow(t, s, 1, rotate)
		w.wantRow(t, s, 2, rotate)
		w.authorizeAll()
		w.verdict(t)
	}
}

// TestKeysThatChangeKeepTheSuccessor: the answer to a retry is the same token, though the MAC key has changed
// in between, and a session keeps its key for as long as it lives.
func TestKeysThatChangeKeepTheSuccessor(t *testing.T) {
	t.Parallel()
	w, s := plain(t, "app")
	w.wantRow(t, s, 0, rotate)
	w.pass(keyTimes.Period + 2*hostSkew)
	w.rotateKeys()
	w.pass(time.Minute) // for so long a login may still begin with the key before
	w.boot("refresh 0")
	w.wantRow(t, s, 0, late)
	w.wantRow(t, s, 1, rotate)
	newer := w.logIn(entry{client: clients["app"]})
	if old, young := s.texts[0][6:9], newer.texts[0][6:9]; old == young {
		t.Fatalf("both sessions have the head %q: the key has not changed", old)
	}
	w.wantRow(t, newer, 0, rotate)
	w.pass(keyTimes.Period + 2*hostSkew)
	w.rotateKeys()
	w.pass(time.Minute)
	w.wantRow(t, s, 2, rotate)
	w.authorizeAll()
	w.verdict(t)
}

// TestNewSigningKeysReachEveryFunction: a function that still signed with a dropped key would be found out.
func TestNewSigningKeysReachEveryFunction(t *testing.T) {
	t.Parallel()
	w, s := plain(t, "app")
	for g := range uint32(5) {
		w.rotateKeys()
		w.wantRow(t, s, g, rotate)
		w.authorizeAll()
		w.pass(max(retirement, keyTimes.Period) + 2*hostSkew)
		w.verdict(t)
	}
}

// TestNoAccessTokenOutlivesItsSession: neither that of the login nor the last one.
func TestNoAccessTokenOutlivesItsSession(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"app", "web"} {
		w, s := plain(t, id)
		for g := range uint32(4) {
			left := s.absolute.Sub(w.clock.Now())
			w.pass(min(20*time.Hour, left-client.DefaultAccessLife/2))
			w.wantRow(t, s, g, rotate)
		}
		w.authorizeAll()
		w.pass(client.DefaultAccessLife/2 + apart)
		for _, a := range w.access {
			w.authorize(a, 0, nil)
		}
		w.verdict(t)
	}
}

// TestForeignClientIsToldNothing: whichever generation it holds, its answer is the refusal that everybody gets.
func TestForeignClientIsToldNothing(t *testing.T) {
	t.Parallel()
	w, s := plain(t, "app")
	for g := range uint32(3) {
		w.wantRow(t, s, g, rotate)
	}
	for _, other := range []client.Client{clients["other"], clients["web"]} {
		for g := range uint32(4) {
			w.refresh(presented{session: s, generation: g, client: other})
			w.takeBack(handedIn{session: s, generation: g, client: other})
			w.takeBack(handedIn{session: s, generation: g, client: other, logout: true})
			w.verdict(t)
		}
	}
	w.wantRow(t, s, 3, rotate)
}

// TestEverywhereWantsATokenThatIsStillGood: of the newest generation or the one before, and of a live session.
func TestEverywhereWantsATokenThatIsStillGood(t *testing.T) {
	t.Parallel()
	for g, want := range map[uint32]int{0: 0, 1: 0, 2: 1, 3: 1} {
		w, s := plain(t, "web")
		for used := range uint32(3) {
			w.wantRow(t, s, used, rotate)
		}
		w.everywhere(handedIn{session: s, generation: g})
		w.verdict(t)
		if w.changes != want {
			t.Errorf("generation %d of %d ended all sessions %d times, want %d", g, s.generation, w.changes, want)
		}
	}
	w, s := plain(t, "web")
	w.takeBack(handedIn{session: s})
	w.everywhere(handedIn{session: s})
	w.verdict(t)
	if w.changes != 0 {
		t.Error("the token of a session that has ended ended all others")
	}
}
