package session_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
)

func (w *world) revoke(clientID string) (bool, error) {
	return session.NewRevoker(w.store, w.clock.Now).Revoke(w.t.Context(), w.first, clientID, session.ReasonClient)
}

func TestRevokeEndsTheSessionWhateverTheGeneration(t *testing.T) {
	for _, generation := range []uint32{0, 1, 20} {
		w := newWorld(t, client.Native)
		w.rotatedLongAgo(generation)
		if ended, err := w.revoke("app"); !ended || err != nil {
			t.Fatalf("session of generation %d: ended %t, error %v, want it ended", generation, ended, err)
		}
		w.wantRevoked(session.ReasonClient)
		w.wantRefused(generation, session.BecauseEnded)
	}
}

func TestRevokeAgainKeepsTheFirstTimeAndReason(t *testing.T) {
	w := newWorld(t, client.Native)
	w.change(func(s *session.Session) { s.Generation = 9 })
	w.wantRefused(3, "reuse")
	w.clock.Advance(time.Minute)
	if _, err := w.revoke("app"); err != nil {
		t.Fatal(err)
	}
	if s := w.stored(); !s.RevokedAt.Equal(start) || s.Reason != session.ReasonReuse {
		t.Errorf("revoked at %s because of %q, want the first: %s, reuse", s.RevokedAt, s.Reason, start)
	}
}

func TestRevokeRecordsWhy(t *testing.T) {
	for _, reason := range []session.Reason{session.ReasonClient, session.ReasonLogout} {
		w := newWorld(t, client.Native)
		if _, err := session.NewRevoker(w.store, w.clock.Now).Revoke(t.Context(), w.first, "app", reason); err != nil {
			t.Fatal(err)
		}
		w.wantRevoked(reason)
	}
}

func TestRevokeOfAnotherClientsTokenIsForeign(t *testing.T) {
	w := newWorld(t, client.Native)
	w.wantUntouched(func() {
		if ended, err := w.revoke("other"); ended || !errors.Is(err, session.ErrForeign) {
			t.Errorf("ended %t, error %v, want ErrForeign", ended, err)
		}
	})
	w.wantCase(0, session.Rotate)
}

func TestRevokeOfADeadTokenIsNoError(t *testing.T) {
	t.Run("no session", func(t *testing.T) {
		w := newWorld(t, client.Native)
		w.store.DropSession(w.id)
		if ended, err := w.revoke("app"); ended || err != nil {
			t.Errorf("ended %t, error %v, want neither", ended, err)
		}
	})
	t.Run("expired", func(t *testing.T) {
		w := newWorld(t, client.Native)
		w.clock.Set(w.first.Expiry)
		if ended, err := w.revoke("app"); ended || err != nil {
			t.Errorf("ended %t, error %v, want neither", ended, err)
		}
		w.wantCalls()
	})
	t.Run("a moment before it expires", func(t *testing.T) {
		w := newWorld(t, client.Native)
		w.clock.Set(w.first.Expiry.Add(-time.Millisecond))
		if ended, err := w.revoke("app"); !ended || err != nil {
			t.Errorf("ended %t, error %v, want it ended", ended, err)
		}
	})
}

func TestRevokeThatIsNotConfirmedIsUnavailable(t *testing.T) {
	for name, fail := range map[string]func(*fakestore.Store){
		"not applied": func(s *fakestore.Store) { s.Before = hooks.Fail("Revoke") },
		"reply lost":  func(s *fakestore.Store) { s.After = hooks.Fail("Revoke") },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, client.Native)
			fail(w.store)
			ended, err := w.revoke("app")
			wantUnavailable(t, err)
			if ended {
				t.Error("reported as ended")
			}
			w.store.Before, w.store.After = nil, nil
			if ended, err := w.revoke("app"); !ended || err != nil {
				t.Errorf("second try: ended %t, error %v, want it ended", ended, err)
			}
			w.wantRevoked(session.ReasonClient)
		})
	}
}

func TestSlowRevokeIsStampedAgainAndGivenUpWhenItStaysSlow(t *testing.T) {
	stamp := func(at time.Duration, w *world) revocation.Entry {
		return revocation.Entry{At: start.Add(at), Kind: revocation.Session, ID: w.id.String()}
	}
	for name, test := range map[string]struct {
		slow    int // how many writes take 11 s
		ended   bool
		stamped []time.Duration
	}{
		"fast": {0, true, []time.Duration{0}},
		"once": {1, true, []time.Duration{0, 11 * time.Second}},
		"always": {
			100, false, []time.Duration{0, 11 * time.Second, 22 * time.Second},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, client.Native)
			left := test.slow
			w.store.After = func(context.Context, string) error {
				if left--; left >= 0 {
					w.clock.Advance(11 * time.Second)
				}
				return nil
			}
			ended, err := w.revoke("app")
			if ended != test.ended {
				t.Errorf("ended %t, error %v, want ended %t", ended, err, test.ended)
			}
			if !test.ended {
				wantUnavailable(t, err)
			}
			var want []revocation.Entry
			for _, at := range test.stamped {
				want = append(want, stamp(at, w))
			}
			if diff := cmp.Diff(want, w.store.Log()); diff != "" {
				t.Errorf("revocation log (-want +got):\n%s", diff)
			}
		})
	}
}
