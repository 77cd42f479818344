package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/session"
)

var rotationTests = []subtest{
	{"SetsGenerationRotatedAtAndIdleExpiryOnly", rotateChanges},
	{"ConditionFailedComesWithTheSessionAndChangesNothing", rotateRefused},
	{"ExpiryIsExact", rotateExpiryBoundary},
	{"YoungTokenIsNotRotated", rotateYoung},
	{"FirstRotationRemembersTheLogin", rotateOlderThanTheField},
	{"MissingIsNotFound", rotateMissing},
	{"OneOfManyParallelWins", rotateParallel},
	{"AppliedButReplyLostIsStaleWithTheNextGeneration", rotateReplyLost},
	{"KeepsTheToken", rotateKeeps},
	{"KeptTokenIsNotedOnceAmongMany", rotateKeepsParallel},
}

func rotateChanges(t *testing.T, f fixture) {
	s := f.storedSession(t, nil)
	bystander := f.storedSession(t, func(b *session.Session) { b.AccountID = s.AccountID })
	for range 3 {
		r := rotation(s)
		got, err := f.Rotate(t.Context(), r)
		wantErr(t, "rotate", err, nil)
		s = rotated(s, r)
		same(t, "returned session", got, s)
		f.wantSession(t, "after rotating", s)
	}
	f.wantSession(t, "another session of the account", bystander)

	for name, c := range map[string]struct {
		session  func(*session.Session)
		rotation func(*session.Rotation)
	}{
		"for the session's resource":        {forResource, wanting("https://api.example", false)},
		"the same, one of the client's":     {forResource, wanting("https://api.example", true)},
		"for one of the client's":           {nil, wanting("https://api.example", true)},
		"for whatever the session is for":   {forResource, wanting("", false)},
		"for that of a session without one": {nil, wanting("", false)},
	} {
		s := f.storedSession(t, c.session)
		r := rotation(s)
		c.rotation(&r)
		got, err := f.Rotate(t.Context(), r)
		wantErr(t, "rotate "+name, err, nil)
		same(t, "session rotated "+name, got, rotated(s, r))
	}

	first := f.storedSession(t, func(s *session.Session) { s.Generation, s.Late, s.AMR = 0, nil, nil })
	r := rotation(first)
	got, err := f.Rotate(t.Context(), r)
	wantErr(t, "rotate generation 0", err, nil)
	same(t, "returned session", got, rotated(first, r))
}

// forResource gives a session its one audience.
func forResource(s *session.Session) { s.Resource = "https://api.example" }

func wanting(resource string, own bool) func(*session.Rotation) {
	return func(r *session.Rotation) { r.Target = session.Target{Resource: resource, Own: own} }
}

func rotateRefused(t *testing.T, f fixture) {
	now := f.clock.Now()
	for name, c := range map[string]struct {
		session  func(*session.Session)
		rotation func(*session.Rotation)
	}{
		"older generation":                      {rotation: func(r *session.Rotation) { r.Generation-- }},
		"newer generation":                      {rotation: func(r *session.Rotation) { r.Generation++ }},
		"another client":                        {rotation: func(r *session.Rotation) { r.ClientID += "x" }},
		"no client":                             {rotation: func(r *session.Rotation) { r.ClientID = "" }},
		"another resource":                      {forResource, wanting("https://other.example", false)},
		"another resource, one of the client's": {forResource, wanting("https://other.example", true)},
		"a resource of a session without one":   {nil, wanting("https://api.example", false)},
		"a resource whose name begins with that of the session's": {forResource, wanting("https://api.example/", false)},
		"revoked": {session: func(s *session.Session) {
			s.RevokedAt, s.Reason = now.Add(-time.Second), session.ReasonClient
		}},
		"idle expiry reached": {rotation: func(r *session.Rotation) {
			r.Now = now.Add(2*time.Hour + time.Minute)
		}},
		// The idle expiry is never after the absolute one; here it is, so that this check stands alone.
		"absolute expiry reached": {
			session:  func(s *session.Session) { s.IdleExpiry = s.Expiry.Add(time.Hour) },
			rotation: func(r *session.Rotation) { r.Now = now.Add(3*time.Hour + time.Minute) },
		},
	} {
		s := f.storedSession(t, c.session)
		r := rotation(s)
		if c.rotation != nil {
			c.rotation(&r)
		}
		got, err := f.Rotate(t.Context(), r)
		wantErr(t, name, err, session.ErrStale)
		same(t, name+": session as found", got, s)
		f.wantSession(t, name, s)
	}
}

// rotateExpiryBoundary checks that a session is dead at its expiry and alive a millisecond before.
func rotateExpiryBoundary(t *testing.T, f fixture) {
	for name, sooner := range map[string]func(*session.Session) time.Time{
		"idle": func(s *session.Session) time.Time { return s.IdleExpiry },
		"absolute": func(s *session.Session) time.Time {
			s.IdleExpiry = s.Expiry.Add(time.Hour)
			return s.Expiry
		},
	} {
		var end time.Time
		s := f.storedSession(t, func(s *session.Session) { end = sooner(s) })
		r := rotation(s)
		r.Now = end
		got, err := f.Rotate(t.Context(), r)
		wantErr(t, name+" expiry: rotate at it", err, session.ErrStale)
		same(t, name+" expiry: session as found", got, s)

		r.Now = end.Add(-time.Millisecond)
		got, err = f.Rotate(t.Context(), r)
		wantErr(t, name+" expiry: rotate a millisecond before", err, nil)
		same(t, name+" expiry: rotated", got, rotated(s, r))
	}
}

// rotateYoung checks that a token which must be old enough rotates from the very millisecond on, and that no age
// is asked for where MinAge is zero, also when another host's clock is ahead.
func rotateYoung(t *testing.T, f fixture) {
	const minAge = 10 * time.Second
	for _, c := range []struct {
		minAge, age time.Duration
		want        error
	}{
		{minAge, 0, session.ErrStale},
		{minAge, -time.Hour, session.ErrStale},
		{minAge, minAge - time.Millisecond, session.ErrStale},
		{minAge, minAge, nil},
		{minAge, time.Hour, nil},
		{0, 0, nil},
		{0, -time.Hour, nil},
	} {
		s := f.storedSession(t, nil)
		r := rotation(s)
		r.MinAge, r.Now = c.minAge, s.RotatedAt.Add(c.age)
		want := s
		if c.want == nil {
			want = rotated(s, r)
		}
		name := "age " + c.age.String() + " of " + c.minAge.String()
		got, err := f.Rotate(t.Context(), r)
		wantErr(t, name, err, c.want)
		same(t, name+": returned session", got, want)
		f.wantSession(t, name, want)
	}
}

// rotateOlderThanTheField has a session that does not know when the token before the newest was made: after a
// rotation it does.
func rotateOlderThanTheField(t *testing.T, f fixture) {
	s := f.storedSession(t, func(s *session.Session) { s.Generation, s.PriorRotation = 0, time.Time{} })
	made := s.RotatedAt
	got, err := f.Rotate(t.Context(), rotation(s))
	wantErr(t, "rotate", err, nil)
	if !got.PriorRotation.Equal(made) {
		t.Errorf("prior rotation %v, want the login's time %v", got.PriorRotation, made)
	}
}

func rotateMissing(t *testing.T, f fixture) {
	s := f.storedSession(t, nil)
	for name, change := range map[string]func(*session.Rotation){
		"unknown session": func(r *session.Rotation) { r.SessionID = newID(t) },
		"another account": func(r *session.Rotation) { r.AccountID = newID(t) },
	} {
		r := rotation(s)
		change(&r)
		_, err := f.Rotate(t.Context(), r)
		wantErr(t, name, err, session.ErrNotFound)
		_, err = f.Session(t.Context(), r.AccountID, r.SessionID)
		wantErr(t, name+": read afterwards", err, session.ErrNotFound)
	}
	f.wantSession(t, "the session itself", s)
}

func rotateParallel(t *testing.T, f fixture) {
	const callers = 100
	s := f.storedSession(t, nil)
	returned := make([]session.Session, callers)
	errs := parallel(callers, func(i int) (err error) {
		r := rotation(s)
		r.Now = r.Now.Add(time.Duration(i) * time.Millisecond) // tells whose rotation was stored
		returned[i], err = f.Rotate(t.Context(), r)
		return err
	})
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner < 0:
			winner = i
		case err == nil:
			t.Errorf("callers %d and %d have both rotated generation %d", winner, i, s.Generation)
		case !errors.Is(err, session.ErrStale):
			t.Errorf("caller %d: error = %v, want ErrStale", i, err)
		}
	}
	if winner < 0 {
		t.Fatalf("nobody of %d has rotated generation %d", callers, s.Generation)
	}
	r := rotation(s)
	r.Now = r.Now.Add(time.Duration(winner) * time.Millisecond)
	want := rotated(s, r)
	f.wantSession(t, "after the race", want)
	for i := range returned {
		same(t, "session returned to one of the callers", returned[i], want)
	}
}

func rotateReplyLost(t *testing.T, f fixture) {
	s := f.storedSession(t, nil)
	r := rotation(s)
	_, err := f.Rotate(t.Context(), r)
	wantErr(t, "rotate", err, nil)
	got, err := f.Rotate(t.Context(), r)
	wantErr(t, "the same again", err, session.ErrStale)
	same(t, "session as found", got, rotated(s, r))
	f.wantSession(t, "after the same again", rotated(s, r))
}

// rotateKeeps checks that a use of a token which is kept is noted under every condition of a rotation, and moves no generation.
func rotateKeeps(t *testing.T, f fixture) {
	const age = 5 * time.Minute
	s := f.storedSession(t, nil)
	for _, refused := range []func(*session.Rotation){
		func(r *session.Rotation) { r.Now = s.RotatedAt.Add(age - time.Millisecond) },
		func(r *session.Rotation) { r.Generation-- },
		func(r *session.Rotation) { r.ClientID += "x" },
		func(r *session.Rotation) { r.Now = s.IdleExpiry },
	} {
		r := noting(s, age)
		refused(&r)
		got, err := f.Rotate(t.Context(), r)
		wantErr(t, "keep", err, session.ErrStale)
		same(t, "session as found", got, s)
	}
	f.wantSession(t, "after what was refused", s)
	for range 2 {
		r := noting(s, age)
		s = kept(s, r)
		got, err := f.Rotate(t.Context(), r)
		wantErr(t, "keep", err, nil)
		same(t, "returned session", got, s)
		got, err = f.Rotate(t.Context(), r)
		wantErr(t, "the same again", err, session.ErrStale)
		same(t, "session as found again", got, s)
	}
	f.wantSession(t, "afterwards", s)
}

func rotateKeepsParallel(t *testing.T, f fixture) {
	s := f.storedSession(t, nil)
	r := noting(s, 5*time.Minute)
	noted := 0
	for _, err := range parallel(100, func(int) error { _, err := f.Rotate(t.Context(), r); return err }) {
		switch {
		case err == nil:
			noted++
		case !errors.Is(err, session.ErrStale):
			t.Errorf("error %v, want ErrStale", err)
		}
	}
	if noted != 1 {
		t.Errorf("noted %d times, want once", noted)
	}
	f.wantSession(t, "afterwards", kept(s, r))
}

// noting is the use of the token of s at the first moment at which it may be noted again.
func noting(s session.Session, age time.Duration) session.Rotation {
	r := rotation(s)
	r.Keep, r.MinAge, r.Now = true, age, s.RotatedAt.Add(age)
	return r
}

// kept is what s becomes by r.
func kept(s session.Session, r session.Rotation) session.Session {
	s.RotatedAt, s.UsedFrom, s.IdleExpiry = r.Now, r.Network, r.IdleExpiry
	return s
}
