package session_test

import (
	"context"
	"errors"
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/session"
)

func TestOlderGenerationRevokesTheSessionAtOnce(t *testing.T) {
	for name, kind := range map[string]client.Kind{"browser": client.Browser, "native": client.Native} {
		for _, g := range []uint32{0, 1, 18} {
			t.Run(name+" "+strconv.Itoa(int(g)), func(t *testing.T) {
				w := newWorld(t, kind)
				w.change(func(s *session.Session) { s.Generation = 20 }) // rotated this very moment
				w.wantRefused(g, "reuse")
				w.wantRevoked(session.ReasonReuse)
				w.wantEvents(audit.ReuseDetected)
				w.wantCalls("Rotate", "Account", "Revoke")
				w.wantRefused(20, session.BecauseReuse) // nobody goes on with the newest either
			})
		}
	}
}

func TestReuseThatCannotBeRevokedIsUnavailable(t *testing.T) {
	for name, fail := range map[string]func(*fakestore.Store){
		"not applied": func(s *fakestore.Store) { s.Before = hooks.Fail("Revoke") },
		"reply lost":  func(s *fakestore.Store) { s.After = hooks.Fail("Revoke") },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, client.Browser)
			w.change(func(s *session.Session) { s.Generation = 20 })
			fail(w.store)
			_, err := w.refresh(3)
			wantUnavailable(t, err)
			w.wantEvents() // nothing is claimed that is not so
			w.store.Before, w.store.After = nil, nil
			_, err = w.refresh(3)
			wantRefusal(t, err, "")
			w.wantRevoked(session.ReasonReuse)
		})
	}
}

func TestReuseOfASessionThatVanishesIsRefused(t *testing.T) {
	w := newWorld(t, client.Browser)
	w.change(func(s *session.Session) { s.Generation = 20 })
	w.store.Before = func(_ context.Context, method string) error {
		if method == "Revoke" {
			w.store.DropSession(w.id)
		}
		return nil
	}
	w.wantRefused(3, "ended meanwhile")
}

// Two copies of an old token arrive together: one of them ends the session, and is the event.
func TestReuseOfASessionThatIsRevokedMeanwhileIsRefused(t *testing.T) {
	w := newWorld(t, client.Browser)
	w.change(func(s *session.Session) { s.Generation = 20 })
	w.store.Before = func(_ context.Context, method string) error {
		if method == "Revoke" {
			w.change(func(s *session.Session) {
				s.RevokedAt, s.Reason = w.clock.Now().Add(-time.Second), session.ReasonClient
			})
		}
		return nil
	}
	w.wantRefused(3, "ended meanwhile")
}

func TestSlowRevocationAfterReuseIsStampedAgain(t *testing.T) {
	w := newWorld(t, client.Browser)
	w.change(func(s *session.Session) { s.Generation = 20 })
	slow := true
	w.store.After = func(_ context.Context, method string) error {
		if method == "Revoke" && slow {
			slow = false
			w.clock.Advance(11 * time.Second)
		}
		return nil
	}
	w.wantRefused(3, "reuse")
	log := w.store.Log()
	if len(log) != 2 || !log[1].At.Equal(start.Add(11*time.Second)) {
		t.Errorf("log %v, want a second entry stamped after the slow write", log)
	}
	if s := w.stored(); !s.RevokedAt.Equal(start) {
		t.Errorf("revoked at %s, want the first stamp %s", s.RevokedAt, start)
	}
}

func TestTokenNewerThanTheTableIsRefusedAndNothingRevoked(t *testing.T) {
	for _, g := range []uint32{6, 7, 1000, math.MaxUint32} {
		w := newWorld(t, client.Native)
		w.change(func(s *session.Session) { s.Generation = 5 })
		w.wantUntouched(func() {
			_, err := w.refresh(g)
			wantRefusal(t, err, "newer than the table")
			if refused := new(session.RefusedError); !errors.As(err, &refused) || refused.Reason != session.BecauseRestored {
				t.Errorf("generation %d: %v, want the reason %q", g, err, session.BecauseRestored)
			}
		})
		w.wantEvents(audit.RestoredTable)
		w.wantCalls("Rotate", "Account")
		w.wantLive()
	}
}

func TestForeignClientNeverHarmsTheSession(t *testing.T) {
	for g := range uint32(8) { // every case: reuse, late retry, newest, newer than the table
		w := newWorld(t, client.Native)
		w.rotatedLongAgo(5)
		other := w.client
		other.ID = "other"
		w.wantUntouched(func() {
			_, err := w.refresher().Refresh(t.Context(), w.token(g), other, session.Target{}, network)
			wantRefusal(t, err, "another client's")
		})
		w.wantEvents(audit.RefreshRefused)
		if e := w.events()[0]; e.ClientID != "other" {
			t.Errorf("the event names client %q, want the foreign one", e.ClientID)
		}
		w.wantCalls("Rotate", "Account")
		w.wantCase(5, session.Rotate) // its own client goes on
	}
}
