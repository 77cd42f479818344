package session_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

// newTabsWorld is a world with the rules of a deployment, whose session has just rotated to generation 5.
func newTabsWorld(t *testing.T, kind client.Kind) *world {
	w := newWorld(t, kind)
	w.rules = rules
	w.change(func(s *session.Session) {
		s.Generation, s.RotatedAt, s.PriorRotation = 5, start, start.Add(-10*time.Second)
	})
	return w
}

func (w *world) wantOvertaken(g uint32) {
	w.t.Helper()
	got, err := w.refresh(g)
	if !errors.Is(err, session.ErrOvertaken) || errors.Is(err, oauth.ErrUnavailable) || errors.Is(err, session.ErrRefused) {
		w.t.Fatalf("refresh with generation %d: %v, want ErrOvertaken and nothing else", g, err)
	}
	if !got.Token.IsZero() {
		w.t.Errorf("refresh with generation %d: overtaken, and yet a token came", g)
	}
}

func TestYoungTokenIsAnsweredWithItselfAndWritesNothing(t *testing.T) {
	w := newTabsWorld(t, client.Browser)
	w.clock.Advance(10*time.Second - time.Millisecond)
	w.wantUntouched(func() {
		got, err := w.refresh(5)
		if err != nil || got.Case != session.Young || got.Token.Reveal() != w.token(5).Reveal() {
			t.Errorf("case %d, %v, want the token itself", got.Case, err)
		}
	})
	w.wantEvents(audit.RaceReplay)
	w.wantCalls("Rotate", "Account")
	w.clock.Advance(time.Millisecond)
	w.wantCase(5, session.Rotate)
}

// A clock that ran ahead when it stored a rotation must not keep the token young for ever.
func TestTokenOfAWrongClockRotatesAtTheSecondTry(t *testing.T) {
	w := newTabsWorld(t, client.Browser)
	w.change(func(s *session.Session) { s.RotatedAt = start.Add(time.Hour) })
	w.wantCase(5, session.Rotate)
	w.wantCalls("Rotate", "Account", "Rotate")
}

func TestOvertakenTokenIsAskedToComeAgainAndHarmsNothing(t *testing.T) {
	w := newTabsWorld(t, client.Browser)
	w.clock.Advance(5 * time.Second)
	w.wantUntouched(func() { w.wantOvertaken(3) })
	w.wantEvents(audit.Overtaken)
	w.clock.Advance(time.Millisecond)
	w.wantRefused(3, "reuse")
	w.wantRevoked(session.ReasonReuse)
}

// A racer that rotates all the time must not be able to hide: every rotation moves the times on.
func TestTwoRotationsForgetTheTokenBeforeThem(t *testing.T) {
	w := newTabsWorld(t, client.Browser)
	for g := range uint32(3) {
		w.clock.Advance(10 * time.Second)
		w.wantCase(5+g, session.Rotate)
	}
	if s := w.stored(); !s.PriorRotation.Equal(start.Add(20*time.Second)) || !s.RotatedAt.Equal(start.Add(30*time.Second)) {
		t.Errorf("prior rotation %s and rotation %s, want 10 s apart, the last this moment", s.PriorRotation, s.RotatedAt)
	}
	w.wantRefused(5, "reuse")
}

func TestStaleTokenOfASharedStoreIsCounted(t *testing.T) {
	w := newTabsWorld(t, client.Native)
	w.client.SharedStore = true
	w.clock.Advance(time.Hour)
	for range 16 {
		w.wantOvertaken(1)
	}
	w.wantOvertaken(2)
	want := []session.Stale{{Generation: 1, Count: 16}, {Generation: 2, Count: 1}}
	if diff := cmp.Diff(want, w.stored().Stale); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	for _, e := range w.events() {
		if e.Name != audit.StaleToken {
			t.Errorf("event %s, want %s", e.Name, audit.StaleToken)
		}
	}
	w.wantLive()
	w.wantRefused(1, "reuse")
	w.wantRevoked(session.ReasonReuse)
}

func TestStaleTokensAreCountedForTheNewestGenerations(t *testing.T) {
	w := newTabsWorld(t, client.Native)
	w.client.SharedStore = true
	w.change(func(s *session.Session) { s.Generation = 100 })
	w.clock.Advance(time.Hour)
	for _, g := range []uint32{30, 10, 20} {
		w.wantOvertaken(g)
	}
	for g := range uint32(14) {
		w.wantOvertaken(40 + g)
	}
	got := w.stored().Stale
	if len(got) != 16 || got[0].Generation != 20 || got[15].Generation != 53 {
		t.Errorf("counts %v, want 16, of the generations 20, 30 and 40 to 53", got)
	}
	w.wantLive()
}

func TestStaleTokenThatCannotBeCountedIsUnavailable(t *testing.T) {
	w := newTabsWorld(t, client.Native)
	w.client.SharedStore = true
	w.clock.Advance(time.Hour)
	w.store.Before = hooks.Fail("RecordReplay")
	_, err := w.refresh(1)
	wantUnavailable(t, err)
	w.wantEvents()
	w.wantLive()
}

// The reason reaches the caller: of the newest token, but not of the one that ended the session.
func TestRefusalOfAnEndedSessionSaysWhy(t *testing.T) {
	w := newTabsWorld(t, client.Browser)
	w.clock.Advance(time.Hour)
	for _, step := range []struct {
		generation uint32
		want       string
	}{{4, ""}, {5, session.BecauseReuse}, {4, ""}, {3, ""}} {
		_, err := w.refresh(step.generation)
		var refused *session.RefusedError
		if !errors.As(err, &refused) || refused.Reason != step.want {
			t.Errorf("generation %d: %v, want a refusal because of %q", step.generation, err, step.want)
		}
	}
	w.store.SetAccount(account.Account{ID: w.account.ID, Epoch: 100, Disabled: true}, "")
	w.store.DropSession(w.id)
	_, err := w.refresh(5)
	if refused := new(session.RefusedError); !errors.As(err, &refused) || refused.Reason != "" {
		t.Errorf("a session that is not there: %v, want a refusal without a reason", err)
	}
}
