package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/session"
)

var lateRetryTests = []subtest{
	{"ReplacesTheListOnly", recordLateChanges},
	{"ComparesTheListExactlyAsRead", recordLateCompares},
	{"ConditionFailedComesWithTheSessionAndChangesNothing", recordLateRefused},
	{"MissingIsNotFound", recordLateMissing},
	{"OneOfManyParallelWins", recordLateParallel},
	{"AppliedButReplyLostIsStaleWithTheNewList", recordLateReplyLost},
}

func recordLateChanges(t *testing.T, f fixture) {
	s := f.storedSession(t, func(s *session.Session) { s.Late = nil })
	one := session.Late{Generation: 2, At: f.clock.Now().Add(7 * time.Millisecond)}
	two := session.Late{Generation: 2, At: f.clock.Now().Add(8 * time.Millisecond)}
	for _, now := range [][]session.Late{{one}, {one, two}, {two}, {}} {
		got, err := f.RecordLate(t.Context(), lateRetry(s, now...))
		wantErr(t, "record late", err, nil)
		s.Late = now
		same(t, "returned session", got, s)
		f.wantSession(t, "after recording", s)
	}
}

func recordLateCompares(t *testing.T, f fixture) {
	at := f.clock.Now().Add(123 * time.Millisecond)
	a := session.Late{Generation: 1, At: at}
	b := session.Late{Generation: 2, At: at.Add(time.Second)}
	for name, c := range map[string]struct {
		stored, was []session.Late
		want        error
	}{
		"both nil":                  {nil, nil, nil},
		"none stored, empty read":   {nil, []session.Late{}, nil},
		"empty stored, none read":   {[]session.Late{}, nil, nil},
		"one":                       {[]session.Late{a}, []session.Late{a}, nil},
		"two":                       {[]session.Late{a, b}, []session.Late{a, b}, nil},
		"none stored, one read":     {nil, []session.Late{a}, session.ErrStale},
		"one stored, none read":     {[]session.Late{a}, nil, session.ErrStale},
		"one more stored":           {[]session.Late{a, b}, []session.Late{a}, session.ErrStale},
		"one more read":             {[]session.Late{a}, []session.Late{a, b}, session.ErrStale},
		"another order":             {[]session.Late{a, b}, []session.Late{b, a}, session.ErrStale},
		"another generation":        {[]session.Late{a}, []session.Late{{Generation: 2, At: at}}, session.ErrStale},
		"another time by 1 ms":      {[]session.Late{a}, []session.Late{{Generation: 1, At: at.Add(time.Millisecond)}}, session.ErrStale},
		"the same one, twice":       {[]session.Late{a, a}, []session.Late{a}, session.ErrStale},
		"the same in another zone":  {[]session.Late{a}, []session.Late{{Generation: 1, At: at.In(time.FixedZone("", 3600))}}, nil},
		"another one of the same n": {[]session.Late{a}, []session.Late{b}, session.ErrStale},
	} {
		s := f.storedSession(t, func(s *session.Session) { s.Late = c.stored })
		l := lateRetry(s, session.Late{Generation: 2, At: at.Add(time.Minute)})
		l.Was = c.was
		got, err := f.RecordLate(t.Context(), l)
		wantErr(t, name, err, c.want)
		want := s
		if c.want == nil {
			want.Late = l.Now
		}
		same(t, name+": returned session", got, want)
		f.wantSession(t, name, want)
	}
}

func recordLateRefused(t *testing.T, f fixture) {
	for name, c := range map[string]struct {
		session func(*session.Session)
		late    func(*session.LateRetry)
	}{
		"older generation": {late: func(l *session.LateRetry) { l.Generation-- }},
		"newer generation": {late: func(l *session.LateRetry) { l.Generation++ }},
		"another client":   {late: func(l *session.LateRetry) { l.ClientID += "x" }},
		"revoked": {session: func(s *session.Session) {
			s.RevokedAt, s.Reason = f.clock.Now(), session.ReasonReuse
		}},
	} {
		s := f.storedSession(t, c.session)
		l := lateRetry(s, session.Late{Generation: 2, At: f.clock.Now()})
		if c.late != nil {
			c.late(&l)
		}
		got, err := f.RecordLate(t.Context(), l)
		wantErr(t, name, err, session.ErrStale)
		same(t, name+": session as found", got, s)
		f.wantSession(t, name, s)
	}
}

func recordLateMissing(t *testing.T, f fixture) {
	s := f.storedSession(t, func(s *session.Session) { s.Late = nil })
	for name, change := range map[string]func(*session.LateRetry){
		"unknown session": func(l *session.LateRetry) { l.SessionID = newID(t) },
		"another account": func(l *session.LateRetry) { l.AccountID = newID(t) },
	} {
		l := lateRetry(s, session.Late{Generation: 2, At: f.clock.Now()})
		change(&l)
		_, err := f.RecordLate(t.Context(), l)
		wantErr(t, name, err, session.ErrNotFound)
		_, err = f.Session(t.Context(), l.AccountID, l.SessionID)
		wantErr(t, name+": read afterwards", err, session.ErrNotFound)
	}
}

func recordLateParallel(t *testing.T, f fixture) {
	const callers = 20
	s := f.storedSession(t, nil)
	retry := func(i int) session.LateRetry {
		return lateRetry(s, session.Late{Generation: 2, At: f.clock.Now().Add(time.Duration(i) * time.Millisecond)})
	}
	returned := make([]session.Session, callers)
	errs := parallel(callers, func(i int) (err error) {
		returned[i], err = f.RecordLate(t.Context(), retry(i))
		return err
	})
	want, winners := s, 0
	for i, err := range errs {
		switch {
		case err == nil:
			winners++
			want.Late = retry(i).Now
		case !errors.Is(err, session.ErrStale):
			t.Errorf("caller %d: error = %v, want ErrStale", i, err)
		}
	}
	if winners != 1 {
		t.Fatalf("%d of %d callers have recorded on one list, want 1", winners, callers)
	}
	f.wantSession(t, "after the race", want)
	for i := range returned {
		same(t, "session returned to one of the callers", returned[i], want)
	}
}

func recordLateReplyLost(t *testing.T, f fixture) {
	s := f.storedSession(t, nil)
	l := lateRetry(s, session.Late{Generation: 2, At: f.clock.Now().Add(time.Millisecond)})
	_, err := f.RecordLate(t.Context(), l)
	wantErr(t, "record late", err, nil)
	got, err := f.RecordLate(t.Context(), l)
	wantErr(t, "the same again", err, session.ErrStale)
	s.Late = l.Now
	same(t, "session as found", got, s)
	f.wantSession(t, "after the same again", s)
}
