package session_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

func TestGoneSessionIsRefusedAndNothingRevoked(t *testing.T) {
	for name, test := range map[string]struct {
		spoil  func(*world)
		reason string
	}{
		"missing": {
			func(w *world) { w.store.DropSession(w.id) }, "no such session",
		},
		"idle expiry reached": {
			func(w *world) { w.change(func(s *session.Session) { s.IdleExpiry = w.clock.Now() }) }, session.BecauseIdle,
		},
		"absolute expiry reached": {
			func(w *world) {
				w.change(func(s *session.Session) { s.IdleExpiry, s.Expiry = w.clock.Now(), w.clock.Now() })
			}, session.BecauseAbsolute,
		},
		"revoked": {
			func(w *world) { w.change(func(s *session.Session) { s.RevokedAt, s.Reason = start, "client" }) }, session.BecauseEnded,
		},
		"epoch behind": {
			func(w *world) { w.account.Epoch = 101; w.store.SetAccount(w.account, "") }, session.BecauseEndedElsewhere,
		},
		"account disabled": {
			func(w *world) { w.account.Disabled = true; w.store.SetAccount(w.account, "") }, session.BecauseDisabled,
		},
		"account missing": {
			func(w *world) { w.store.DropAccount(w.account.ID) }, session.BecauseEndedElsewhere,
		},
	} {
		t.Run(name, func(t *testing.T) {
			for g := range uint32(8) { // whatever the token, the session is gone
				w := newWorld(t, client.Native)
				w.rotatedLongAgo(5)
				test.spoil(w)
				w.wantRefused(g, test.reason)
				w.wantEvents(audit.RefreshRefused)
				if n := w.store.Count("Revoke") + w.store.Count("RecordReplay"); n != 0 {
					t.Errorf("generation %d: %d writes beside the rotation", g, n)
				}
				if log := w.store.Log(); len(log) != 0 {
					t.Errorf("generation %d: revocation log %v, want it empty", g, log)
				}
			}
		})
	}
}

func TestRefusalsLookAlike(t *testing.T) {
	w := newWorld(t, client.Browser)
	w.store.DropSession(w.id)
	_, missing := w.refresh(0)
	_, forged := w.refresher().Refresh(t.Context(), oauth.NewSecret("wprt_forged"), w.client, session.Target{}, network)
	for _, err := range []error{missing, forged} {
		for _, other := range []error{session.ErrNotFound, session.ErrStale, session.ErrForeign, oauth.ErrUnavailable} {
			if !errors.Is(err, session.ErrRefused) || errors.Is(err, other) {
				t.Errorf("error %v, want ErrRefused alone", err)
			}
		}
	}
}

func TestTokenAtItsAbsoluteExpiryIsRefused(t *testing.T) {
	for _, after := range []time.Duration{0, time.Hour} {
		w := newWorld(t, client.Native)
		w.change(func(s *session.Session) { s.IdleExpiry = s.Expiry })
		w.clock.Set(w.first.Expiry.Add(after))
		w.wantUntouched(func() { w.wantRefused(0, session.BecauseAbsolute) })
		w.wantEvents(audit.RefreshRefused)
	}
	w := newWorld(t, client.Native)
	w.change(func(s *session.Session) { s.IdleExpiry = s.Expiry })
	w.clock.Set(w.first.Expiry.Add(-time.Millisecond))
	w.wantCase(0, session.Rotate)
}

func TestForgedTokenCostsNoStoreCall(t *testing.T) {
	w := newWorld(t, client.Native)
	_, err := w.refresher().Refresh(t.Context(), forge(w.token(0)), w.client, session.Target{}, network)
	wantRefusal(t, err, "not ours")
	w.wantCalls()
	w.wantEvents()
}

func TestRestampedSessionIsReadOnceMoreAndLives(t *testing.T) {
	for g, want := range map[uint32]session.Case{5: session.Rotate, 4: session.LateAllowed} {
		w := newWorld(t, client.Native)
		w.rotatedLongAgo(5)
		w.account.Epoch = 200
		w.store.SetAccount(w.account, "")
		w.store.Before = func(_ context.Context, method string) error {
			if method == "Session" { // "end others" re-stamped it between the two reads
				w.change(func(s *session.Session) { s.Epoch = 200 })
			}
			return nil
		}
		got := w.wantCase(g, want)
		if got.Session.Epoch != 200 {
			t.Errorf("generation %d: the answer has epoch %d, want the new one, 200", g, got.Session.Epoch)
		}
		if n := w.store.Count("Session"); n != 1 {
			t.Errorf("generation %d: the session was read %d times, want once", g, n)
		}
	}
}

func TestSessionWhoseEpochStaysBehindIsReadOnceAndRefused(t *testing.T) {
	for name, test := range map[string]struct {
		reason    string
		meanwhile func(*world)
	}{
		"as it was":             {session.BecauseEndedElsewhere, func(*world) {}},
		"re-stamped too little": {session.BecauseEndedElsewhere, func(w *world) { w.change(func(s *session.Session) { s.Epoch = 199 }) }},
		"deleted in between":    {"no such session", func(w *world) { w.store.DropSession(w.id) }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, client.Browser)
			w.account.Epoch = 200
			w.store.SetAccount(w.account, "")
			w.store.Before = func(_ context.Context, method string) error {
				if method == "Session" {
					test.meanwhile(w)
				}
				return nil
			}
			w.wantRefused(0, test.reason)
			if n := w.store.Count("Session"); n != 1 {
				t.Errorf("the session was read %d times, want once", n)
			}
		})
	}
}

func TestSessionThatCannotBeReadOnceMoreIsUnavailable(t *testing.T) {
	w := newWorld(t, client.Browser)
	w.account.Epoch = 200
	w.store.SetAccount(w.account, "")
	w.store.Before = hooks.Fail("Session")
	_, err := w.refresh(0)
	wantUnavailable(t, err)
	w.wantEvents()
}

func TestSessionOfANewerEpochThanTheAccountReadLives(t *testing.T) {
	w := newWorld(t, client.Browser)
	w.change(func(s *session.Session) { s.Epoch = 300 })
	w.wantCase(0, session.Rotate)
	w.wantCalls("Rotate", "Account")
}

func TestFaultIsUnavailableAndTheTokenStaysGood(t *testing.T) {
	for name, test := range map[string]struct {
		fail   func(*world)
		writes bool // whether the rotation may have happened
	}{
		"rotation":     {func(w *world) { w.store.Before = hooks.Fail("Rotate") }, false},
		"account":      {func(w *world) { w.store.Before = hooks.Fail("Account") }, true},
		"keys missing": {func(w *world) { w.keys.err = oauth.ErrUnavailable }, false},
		"everything":   {func(w *world) { w.store.Before = hooks.Fail("Rotate", "Account", "Session") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, client.Browser)
			presented, refresher := w.token(0), w.refresher()
			test.fail(w)
			got, err := refresher.Refresh(t.Context(), presented, w.client, session.Target{}, network)
			wantUnavailable(t, err)
			if !got.Token.IsZero() {
				t.Error("a token came with the error")
			}
			if rotated := w.stored().Generation == 1; rotated != test.writes {
				t.Errorf("rotated: %t, want %t", rotated, test.writes)
			}
			w.wantEvents()

			w.store.Before, w.keys.err = nil, nil
			w.clock.Advance(10 * time.Second)
			again, err := refresher.Refresh(t.Context(), presented, w.client, session.Target{}, network)
			if err != nil || again.Token.Reveal() != w.token(1).Reveal() {
				t.Errorf("second try: %v, want the successor", err)
			}
			w.wantLive()
		})
	}
}

func TestKeysThatCannotBeReadPreventEveryStoreCall(t *testing.T) {
	w := newWorld(t, client.Browser)
	presented := w.token(0)
	w.keys.err = oauth.ErrUnavailable
	_, err := w.refresher().Refresh(t.Context(), presented, w.client, session.Target{}, network)
	wantUnavailable(t, err)
	w.wantCalls()
}

func TestTokenWhoseKeyIsRetiredIsRefused(t *testing.T) {
	w := newWorld(t, client.Browser)
	presented := w.token(0)
	delete(w.keys.byVersion, 1)
	w.wantUntouched(func() {
		_, err := w.refresher().Refresh(t.Context(), presented, w.client, session.Target{}, network)
		wantRefusal(t, err, "unknown key version")
	})
	w.wantCalls()
}

// A key that `key reset` took away ends its sessions, also when that is found out beside the rotation.
func TestKeyThatIsTakenAwayMeanwhileIsRefused(t *testing.T) {
	w := newWorld(t, client.Browser)
	w.keys.renew = func() error { return keyring.ErrUnknownKey }
	w.wantRefused(0, "no such session")
	w.wantEvents(audit.RefreshRefused)
}
