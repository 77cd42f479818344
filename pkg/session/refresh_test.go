package session_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/session"
)

const patience = 10 * time.Second

func TestNewestTokenRotates(t *testing.T) {
	w := newWorld(t, client.Browser)
	w.client.IdleLife = time.Hour
	w.clock.Advance(90*time.Minute + 1234567*time.Nanosecond)
	w.change(func(s *session.Session) {
		s.Generation, s.IdleExpiry = 7, s.Expiry
		s.Late = []session.Late{{Generation: 3, At: start}}
	})

	got := w.wantCase(7, session.Rotate)

	now := w.clock.Now()
	s := w.stored()
	if s.Generation != 8 || !s.RotatedAt.Equal(now.Truncate(time.Millisecond)) {
		t.Errorf("generation %d rotated at %s, want 8 at %s", s.Generation, s.RotatedAt, now.Truncate(time.Millisecond))
	}
	if s.UsedFrom != network {
		t.Errorf("used from %q, want %q", s.UsedFrom, network)
	}
	if want := now.Add(time.Hour).Truncate(time.Second); !s.IdleExpiry.Equal(want) {
		t.Errorf("idle expiry %s, want it moved to %s", s.IdleExpiry, want)
	}
	if !s.Expiry.Equal(w.first.Expiry) {
		t.Errorf("absolute expiry %s, want it unmoved at %s", s.Expiry, w.first.Expiry)
	}
	if got.Session.Generation != 8 || got.Session.ID != w.id || got.Account.Username != "ada" {
		t.Errorf("answer names session %s generation %d of %q", got.Session.ID, got.Session.Generation, got.Account.Username)
	}
	w.wantEvents(audit.Refresh)
	w.wantCalls("Rotate", "Account")
	w.wantLive()
}

func TestIdleExpiryNeverPassesAbsoluteExpiry(t *testing.T) {
	w := newWorld(t, client.Native)
	w.change(func(s *session.Session) { s.IdleExpiry = s.Expiry })
	w.clock.Set(w.first.Expiry.Add(-time.Minute))
	w.wantCase(0, session.Rotate)
	if s := w.stored(); !s.IdleExpiry.Equal(w.first.Expiry) {
		t.Errorf("idle expiry %s, want it capped at the absolute expiry %s", s.IdleExpiry, w.first.Expiry)
	}
}

func TestReplayInsideGraceWindowGetsTheSameSuccessorAndWritesNothing(t *testing.T) {
	for name, kind := range map[string]client.Kind{"browser": client.Browser, "native": client.Native} {
		for _, since := range []time.Duration{
			-5 * time.Second, // this host's clock is behind the one that rotated
			0, time.Second, 60 * time.Second, 65 * time.Second,
		} {
			t.Run(name+" "+since.String(), func(t *testing.T) {
				w := newWorld(t, kind)
				rotated := start.Add(time.Hour)
				w.change(func(s *session.Session) { s.Generation, s.RotatedAt = 5, rotated })
				w.clock.Set(rotated.Add(since))
				w.wantUntouched(func() { w.wantCase(4, session.Race) })
				w.wantEvents(audit.RaceReplay)
				w.wantCalls("Rotate", "Account")
			})
		}
	}
}

func TestReplayOutsideGraceWindowIsReuseWithoutLateRetries(t *testing.T) {
	for _, since := range []time.Duration{
		-time.Hour, -5*time.Second - time.Nanosecond, 65*time.Second + time.Nanosecond, 66 * time.Second, time.Hour,
	} {
		t.Run(since.String(), func(t *testing.T) {
			w := newWorld(t, client.Browser)
			rotated := start.Add(2 * time.Hour)
			w.change(func(s *session.Session) { s.Generation, s.RotatedAt = 5, rotated })
			w.clock.Set(rotated.Add(since))
			w.wantRefused(4, "reuse")
			w.wantEvents(audit.ReuseDetected)
			if s := w.stored(); s.Reason != session.ReasonReuse || s.RevokedAt.IsZero() {
				t.Errorf("%s after the rotation: session not revoked", since)
			}
		})
	}
}

func TestReplayDoesNotMoveTheWindow(t *testing.T) {
	w := newWorld(t, client.Browser)
	first := w.wantCase(0, session.Rotate)
	rotated := w.stored().RotatedAt
	for _, pause := range []time.Duration{30 * time.Second, 30 * time.Second, 5 * time.Second} {
		w.clock.Advance(pause)
		again := w.wantCase(0, session.Race)
		if again.Token.Reveal() != first.Token.Reveal() {
			t.Error("a replay got another successor than the rotation")
		}
	}
	if got := w.stored().RotatedAt; !got.Equal(rotated) {
		t.Errorf("rotated_at moved from %s to %s", rotated, got)
	}
	w.clock.Advance(time.Second)
	w.wantRefused(0, "reuse")
	w.wantEvents(audit.Refresh, audit.RaceReplay, audit.RaceReplay, audit.RaceReplay, audit.ReuseDetected)
}

func TestWindowNeverOutlivesAnExpiry(t *testing.T) {
	for name, expire := range map[string]func(*session.Session, time.Time){
		session.BecauseIdle:     func(s *session.Session, at time.Time) { s.IdleExpiry = at },
		session.BecauseAbsolute: func(s *session.Session, at time.Time) { s.IdleExpiry, s.Expiry = at, at },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, client.Native)
			w.change(func(s *session.Session) {
				s.Generation = 5
				expire(s, start.Add(30*time.Second))
			})
			w.clock.Advance(30*time.Second - time.Millisecond)
			w.wantCase(4, session.Race)
			w.clock.Advance(time.Millisecond)
			w.wantUntouched(func() { w.wantRefused(4, name) })
			w.wantEvents(audit.RaceReplay, audit.RefreshRefused)
		})
	}
}

func TestRotationAccountAndKeysShareOneRoundTrip(t *testing.T) {
	w := newWorld(t, client.Browser)
	meet := hooks.Meet(patience, "Rotate", "Account", "Renew")
	w.store.Before = meet
	w.keys.renew = func() error { return meet(t.Context(), "Renew") }
	w.wantCase(0, session.Rotate)
	w.wantCalls("Rotate", "Account")
}

func TestManyParallelRefreshesHaveOneSuccessor(t *testing.T) {
	const parallel = 100
	w := newWorld(t, client.Browser)
	refresher, presented := w.refresher(), w.token(0)
	results := make([]session.Refreshed, parallel)
	errs := make([]error, parallel)
	var wg sync.WaitGroup
	for i := range parallel {
		wg.Go(func() {
			results[i], errs[i] = refresher.Refresh(t.Context(), presented, w.client, session.Target{}, network)
		})
	}
	wg.Wait()

	rotations := 0
	for i, got := range results {
		if errs[i] != nil {
			t.Fatalf("refresh %d: %v", i, errs[i])
		}
		if got.Token.Reveal() != w.token(1).Reveal() {
			t.Errorf("refresh %d got another successor", i)
		}
		if got.Case == session.Rotate {
			rotations++
		}
	}
	if rotations != 1 || w.stored().Generation != 1 {
		t.Errorf("%d rotations to generation %d, want one to 1", rotations, w.stored().Generation)
	}
	w.wantLive()
	names := map[string]int{}
	for _, e := range w.events() {
		names[e.Name]++
	}
	if names[audit.Refresh] != 1 || names[audit.RaceReplay] != parallel-1 || len(names) != 2 {
		t.Errorf("events %v, want 1 refresh and %d race_replay", names, parallel-1)
	}
}

func TestRotationWhoseReplyWasLostCanBeRetried(t *testing.T) {
	w := newWorld(t, client.Browser)
	w.store.After = hooks.Fail("Rotate")
	_, err := w.refresh(0)
	wantUnavailable(t, err)
	w.wantEvents()
	w.store.After = nil
	w.clock.Advance(30 * time.Second)
	w.wantCase(0, session.Race)
	w.wantLive()
}

// twice carries out every rotation two times, as a client library does that lost the first reply.
type twice struct{ *fakestore.Store }

func (s twice) Rotate(ctx context.Context, r session.Rotation) (session.Session, error) {
	_, _ = s.Store.Rotate(ctx, r)
	return s.Store.Rotate(ctx, r)
}

func TestRepeatedUpdateOfTheStoreIsARaceAndNotTheft(t *testing.T) {
	w := newWorld(t, client.Browser)
	got, err := w.refresherOver(twice{w.store}).Refresh(t.Context(), w.token(0), w.client, session.Target{}, network)
	if err != nil || got.Case != session.Race || got.Token.Reveal() != w.token(1).Reveal() {
		t.Errorf("case %d, error %v, want the same successor as a race", got.Case, err)
	}
	w.wantLive()
}

// behind answers the first rotations as if another write were in the way that has gone by now.
type behind struct {
	*fakestore.Store
	w    *world
	left int
}

func (s *behind) Rotate(ctx context.Context, r session.Rotation) (session.Session, error) {
	if s.left--; s.left >= 0 {
		return s.w.stored(), session.ErrStale
	}
	return s.Store.Rotate(ctx, r)
}

func TestFailedConditionIsDecidedAfreshFromWhatCameBack(t *testing.T) {
	w := newWorld(t, client.Browser)
	got, err := w.refresherOver(&behind{w.store, w, 2}).Refresh(t.Context(), w.token(0), w.client, session.Target{}, network)
	if err != nil || got.Case != session.Rotate || w.stored().Generation != 1 {
		t.Errorf("case %d, error %v, generation %d, want a rotation to 1", got.Case, err, w.stored().Generation)
	}
	w.wantEvents(audit.Refresh)
}

func TestEndlessConflictIsUnavailable(t *testing.T) {
	w := newWorld(t, client.Browser)
	w.wantUntouched(func() {
		_, err := w.refresherOver(&behind{w.store, w, 1000}).Refresh(t.Context(), w.token(0), w.client, session.Target{}, network)
		wantUnavailable(t, err)
	})
	w.wantEvents()
}

func TestNoTokenTextInEventsOrErrors(t *testing.T) {
	w := newWorld(t, client.Browser)
	var said strings.Builder
	for _, g := range []uint32{0, 0, 9, 1, 0, 1} { // rotate, race, restored table, rotate, reuse, gone
		if _, err := w.refresh(g); err != nil {
			said.WriteString(err.Error() + "\n")
		}
	}
	w.wantEvents(audit.Refresh, audit.RaceReplay, audit.RestoredTable, audit.Refresh, audit.ReuseDetected, audit.RefreshRefused)
	said.WriteString(w.trail.String())
	for g := range uint32(12) {
		text := strings.TrimPrefix(w.token(g).Reveal(), "wprt_")
		// The first half says whose token it is; the MAC is what must never appear.
		if strings.Contains(said.String(), text) || strings.Contains(said.String(), text[60:]) {
			t.Errorf("the token of generation %d is in what was logged:\n%s", g, said.String())
		}
	}
	if strings.Contains(said.String(), "wprt_") {
		t.Errorf("something that looks like a refresh token was logged:\n%s", said.String())
	}
}

func TestEventNamesClientAndGeneration(t *testing.T) {
	w := newWorld(t, client.Native)
	w.change(func(s *session.Session) { s.Generation = 7 })
	w.wantCase(7, session.Rotate)
	e := w.events()[0]
	if e.ClientID != "app" || e.Generation != 7 || !e.Time.Equal(start) {
		t.Errorf("event of client %q, generation %d at %s, want app, 7, %s", e.ClientID, e.Generation, e.Time, start)
	}
}
