package session_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

// wantKept refreshes with the session's only token, and expects it back.
func (w *world) wantKept() session.Refreshed {
	w.t.Helper()
	got, err := w.refresh(0)
	if err != nil || got.Case != session.Kept || got.Token.Reveal() != w.token(0).Reveal() {
		w.t.Errorf("case %d, %v, want %d with the token itself", got.Case, err, session.Kept)
	}
	return got
}

func TestServerKeepsItsRefreshTokenAndTheIdleExpirySlidesOnceInFiveMinutes(t *testing.T) {
	w := newWorld(t, client.Server)
	w.rules = rules
	w.clock.Advance(5*time.Minute - time.Millisecond)
	w.wantUntouched(func() { w.wantKept() })
	w.wantCalls("Rotate", "Account")
	w.clock.Advance(time.Millisecond)

	got := w.wantKept()

	now, s := w.clock.Now(), w.stored()
	if s.Generation != 0 || !s.PriorRotation.IsZero() || got.Session.Generation != 0 {
		t.Errorf("generation %d, prior rotation %v; want the first token kept", s.Generation, s.PriorRotation)
	}
	if !s.LastUsed().Equal(now) || s.UsedFrom != network || !s.IdleExpiry.Equal(now.Add(w.client.IdleLife)) || !s.Expiry.Equal(w.first.Expiry) {
		t.Errorf("last used %v from %q, idle until %v, at most until %v; want now, from %s, the idle life from now on, and the end unmoved", s.LastUsed(), s.UsedFrom, s.IdleExpiry, s.Expiry, network)
	}
	w.wantUntouched(func() { w.wantKept() })
	w.wantEvents(audit.Refresh, audit.Refresh, audit.Refresh)
}

// Every instance of an application may refresh when it likes: there is one token for all of them, and nobody is logged out.
func TestServerRefreshesAHundredTimesAtOnce(t *testing.T) {
	w := newWorld(t, client.Server)
	w.clock.Advance(time.Hour)
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() { w.wantKept() })
	}
	wg.Wait()
	w.wantLive()
	if s := w.stored(); s.Generation != 0 || !s.RotatedAt.Equal(w.clock.Now()) {
		t.Errorf("generation %d, noted at %v; want 0, now", s.Generation, s.RotatedAt)
	}
}

func TestServerMayRepeatARefreshWhoseAnswerWasLost(t *testing.T) {
	w := newWorld(t, client.Server)
	w.clock.Advance(time.Hour)
	w.store.After = hooks.Once("Rotate", func(context.Context) error { return oauth.ErrUnavailable })
	_, err := w.refresh(0)
	wantUnavailable(t, err)
	w.wantUntouched(func() { w.wantKept() })
	w.wantEvents(audit.Refresh)
}

// A clock that ran ahead when it noted a use must not keep the idle expiry where it is for ever.
func TestUseNotedByAWrongClockIsNotedAnew(t *testing.T) {
	w := newWorld(t, client.Server)
	w.clock.Advance(time.Minute)
	w.change(func(s *session.Session) { s.RotatedAt = start.Add(24 * time.Hour) })
	w.wantKept()
	if s := w.stored(); !s.RotatedAt.Equal(w.clock.Now()) {
		t.Errorf("noted at %v, want now", s.RotatedAt)
	}
	w.wantCalls("Rotate", "Account", "Rotate")
}

func TestServerIsRefusedWhenItsSessionHasEnded(t *testing.T) {
	for name, tc := range map[string]struct {
		end  func(*world)
		want string
	}{
		"revoked": {func(w *world) {
			w.change(func(s *session.Session) { s.RevokedAt, s.Reason = start, session.ReasonLogout })
		}, session.BecauseEnded},
		"idle":          {func(w *world) { w.clock.Advance(w.client.IdleLife) }, session.BecauseIdle},
		"disabled":      {func(w *world) { w.store.SetAccount(account.Account{ID: w.account.ID, Epoch: 100, Disabled: true}, "") }, session.BecauseDisabled},
		"all ended":     {func(w *world) { w.store.SetAccount(account.Account{ID: w.account.ID, Epoch: 101}, "") }, session.BecauseEndedElsewhere},
		"another kind":  {func(w *world) { w.client.Since = start.Add(time.Second) }, session.BecauseEnded},
		"another's":     {func(w *world) { w.client.ID = "other" }, ""},
		"a newer token": {func(w *world) { w.first.Generation = 1 }, session.BecauseRestored},
	} {
		w := newWorld(t, client.Server)
		w.clock.Advance(time.Hour)
		tc.end(w)
		got, err := w.refresh(w.first.Generation)
		var refused *session.RefusedError
		if !errors.As(err, &refused) || refused.Reason != tc.want || !got.Token.IsZero() {
			t.Errorf("%s: %v, want a refusal because of %q", name, err, tc.want)
		}
	}
}
