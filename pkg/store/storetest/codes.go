package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

var codeTests = []subtest{
	{"BeginsItsSession", useCodeBegins},
	{"RepeatedByTheSameExchangeIsTheSame", useCodeRepeated},
	{"WrongRequestBurnsNothing", useCodeRefused},
	{"OneOfManyParallelWins", useCodeParallel},
	{"RevokedStaysRevoked", useCodeRevoked},
	{"CancelledIsUnavailable", useCodeCancelled},
	{"ReleasedIsGoodAgain", useCodeReleased},
}

// pending is a stored session that waits for its code, and the use that begins it.
func (f fixture) pending(t *testing.T) (session.Session, session.CodeUse) {
	t.Helper()
	s := f.storedSession(t, func(s *session.Session) {
		s.Resource, s.CreatedAt = "https://api.example", f.clock.Now().Truncate(time.Millisecond)
		*s, _ = s.WaitForCode("https://app.example/cb", "a-challenge", "a nonce")
	})
	return s, session.CodeUse{
		AccountID: s.AccountID, SessionID: s.ID, ClientID: s.ClientID, CodeHash: s.Pending.CodeHash, Challenge: s.Pending.Challenge, Redirect: s.Pending.Redirect,
		UsedBy: fresh(t, "exchange"), Now: f.clock.Now().Add(77 * time.Millisecond).Truncate(time.Millisecond),
	}
}

// begun is s after u.
func begun(s session.Session, u session.CodeUse) session.Session {
	used := *s.Pending
	used.UsedBy = u.UsedBy
	s.Pending, s.RotatedAt = &used, u.Now
	return s
}

func useCodeBegins(t *testing.T, f fixture) {
	for _, resource := range []string{"", "https://api.example"} {
		s, u := f.pending(t)
		f.wantSession(t, "before", s)
		u.Resource = resource
		got, err := f.UseCode(t.Context(), u)
		wantErr(t, "use a code", err, nil)
		same(t, "session", got, begun(s, u))
		f.wantSession(t, "after", begun(s, u))
		// It lives on as any other.
		f.clock.Advance(2 * session.CodeLife)
		rotation := session.Rotation{AccountID: s.AccountID, SessionID: s.ID, ClientID: s.ClientID, Generation: s.Generation, Now: f.clock.Now(), Network: network, IdleExpiry: s.IdleExpiry}
		_, err = f.Rotate(t.Context(), rotation)
		wantErr(t, "rotate", err, nil)
	}
}

func useCodeRepeated(t *testing.T, f fixture) {
	s, u := f.pending(t)
	for range 2 { // the SDK sends a write again whose reply was lost
		got, err := f.UseCode(t.Context(), u)
		wantErr(t, "use a code", err, nil)
		same(t, "session", got, begun(s, u))
	}
	again := u
	again.UsedBy = fresh(t, "exchange")
	got, err := f.UseCode(t.Context(), again)
	wantErr(t, "another exchange", err, session.ErrStale)
	same(t, "session", got, begun(s, u))
}

func useCodeRefused(t *testing.T, f fixture) {
	s, u := f.pending(t)
	plain := f.storedSession(t, nil)
	for name, change := range map[string]func(*session.CodeUse){
		"another client":    func(u *session.CodeUse) { u.ClientID += "x" },
		"another code":      func(u *session.CodeUse) { u.CodeHash = make([]byte, 32) },
		"no code":           func(u *session.CodeUse) { u.CodeHash = []byte{} },
		"another challenge": func(u *session.CodeUse) { u.Challenge = "another" },
		"another redirect":  func(u *session.CodeUse) { u.Redirect += "/" },
		"another resource":  func(u *session.CodeUse) { u.Resource = "https://other.example" },
		"too late":          func(u *session.CodeUse) { u.Now = s.Pending.Until },
		"a session without a code": func(u *session.CodeUse) {
			u.AccountID, u.SessionID, u.ClientID = plain.AccountID, plain.ID, plain.ClientID
		},
	} {
		wrong := u
		change(&wrong)
		got, err := f.UseCode(t.Context(), wrong)
		wantErr(t, name, err, session.ErrStale)
		if wrong.SessionID == s.ID {
			same(t, name, got, s)
		} else {
			same(t, name, got, plain)
		}
		f.wantSession(t, name, s)
		f.wantSession(t, name, plain)
	}
	unknown := u
	unknown.SessionID = uuid.Max
	_, err := f.UseCode(t.Context(), unknown)
	wantErr(t, "unknown session", err, session.ErrNotFound)
	last := u
	last.Now = s.Pending.Until.Add(-time.Millisecond)
	_, err = f.UseCode(t.Context(), last)
	wantErr(t, "the right request in the last millisecond", err, nil)
}

func useCodeParallel(t *testing.T, f fixture) {
	s, u := f.pending(t)
	won := 0
	for _, err := range parallel(100, func(int) error {
		mine := u
		mine.UsedBy = fresh(t, "exchange")
		got, err := f.UseCode(t.Context(), mine)
		if err == nil && got.Pending.UsedBy != mine.UsedBy {
			err = errors.New("began for another exchange")
		}
		return err
	}) {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, session.ErrStale):
			t.Errorf("a use that came second: %v, want ErrStale", err)
		}
	}
	same(t, "uses that began the session "+s.ID.String(), won, 1)
}

func useCodeRevoked(t *testing.T, f fixture) {
	s, u := f.pending(t)
	end := ending(s, session.ReasonCode, f.clock.Now().Truncate(time.Millisecond))
	wantErr(t, "revoke", f.Revoke(t.Context(), end), nil)
	got, err := f.UseCode(t.Context(), u)
	wantErr(t, "use a code", err, session.ErrStale)
	if got.RevokedAt.IsZero() || got.HasBegun() {
		t.Errorf("got %+v, want it revoked and not begun", got)
	}
}

func useCodeCancelled(t *testing.T, f fixture) {
	_, u := f.pending(t)
	if _, err := f.UseCode(cancelled(t), u); !errors.Is(err, oauth.ErrUnavailable) {
		t.Errorf("use with a cancelled context: %v, want ErrUnavailable", err)
	}
}

func useCodeReleased(t *testing.T, f fixture) {
	s, u := f.pending(t)
	wantErr(t, "release what was not used", f.ReleaseCode(t.Context(), u, s.Pending.Until), session.ErrStale)
	f.wantSession(t, "still waiting", s)
	_, err := f.UseCode(t.Context(), u)
	wantErr(t, "use a code", err, nil)
	another := u
	another.UsedBy = fresh(t, "exchange")
	wantErr(t, "release by another exchange", f.ReleaseCode(t.Context(), another, s.Pending.Until), session.ErrStale)
	wantErr(t, "release", f.ReleaseCode(t.Context(), u, s.Pending.Until), nil)
	released := s
	released.RotatedAt = u.Now
	f.wantSession(t, "released", released)
	_, err = f.UseCode(t.Context(), another)
	wantErr(t, "use it by another exchange", err, nil)
	f.wantSession(t, "used again", begun(s, another))

	// Once the session was refreshed, somebody has its tokens.
	rotation := session.Rotation{AccountID: s.AccountID, SessionID: s.ID, ClientID: s.ClientID, Generation: s.Generation, Now: u.Now.Add(time.Minute), Network: network, IdleExpiry: s.IdleExpiry}
	_, err = f.Rotate(t.Context(), rotation)
	wantErr(t, "rotate", err, nil)
	wantErr(t, "release after a refresh", f.ReleaseCode(t.Context(), another, s.Pending.Until), session.ErrStale)
	unknown := u
	unknown.SessionID = uuid.Max
	wantErr(t, "release of an unknown session", f.ReleaseCode(t.Context(), unknown, s.Pending.Until), session.ErrNotFound)
}
