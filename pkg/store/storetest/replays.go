package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/session"
)

var replayTests = []subtest{
	{"ReplacesTheListOnly", recordReplayChanges},
	{"ComparesTheListExactlyAsRead", recordReplayCompares},
	{"ComparesAndReplacesTheCountsToo", recordReplayStale},
	{"ConditionFailedComesWithTheSessionAndChangesNothing", recordReplayRefused},
	{"MissingIsNotFound", recordReplayMissing},
	{"OneOfManyParallelWins", recordReplayParallel},
	{"AppliedButReplyLostIsStaleWithTheNewList", recordReplayReplyLost},
}

func recordReplayChanges(t *testing.T, f fixture) {
	s := f.storedSession(t, func(s *session.Session) { s.Late = nil })
	one := session.Late{Generation: 2, At: f.clock.Now().Add(7 * time.Millisecond)}
	two := session.Late{Generation: 2, At: f.clock.Now().Add(8 * time.Millisecond)}
	for _, now := range [][]session.Late{{one}, {one, two}, {two}, {}} {
		got, err := f.RecordReplay(t.Context(), lateReplay(s, now...))
		wantErr(t, "record replay", err, nil)
		s.Late = now
		same(t, "returned session", got, s)
		f.wantSession(t, "after recording", s)
	}
}

func recordReplayCompares(t *testing.T, f fixture) {
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
		l := lateReplay(s, session.Late{Generation: 2, At: at.Add(time.Minute)})
		l.WasLate = c.was
		got, err := f.RecordReplay(t.Context(), l)
		wantErr(t, name, err, c.want)
		want := s
		if c.want == nil {
			want.Late = l.Late
		}
		same(t, name+": returned session", got, want)
		f.wantSession(t, name, want)
	}
}

// recordReplayStale begins with a session that has no counts, as those have that are older than the field.
func recordReplayStale(t *testing.T, f fixture) {
	s := f.storedSession(t, func(s *session.Session) { s.Stale = nil })
	one := []session.Stale{{Generation: 1, Count: 1}}
	two := []session.Stale{{Generation: 1, Count: 2}, {Generation: 2, Count: 1}}
	for _, step := range []struct {
		was, now []session.Stale
		want     error
	}{
		{one, two, session.ErrStale},
		{nil, one, nil},
		{nil, two, session.ErrStale},
		{two, nil, session.ErrStale},
		{one, two, nil},
		{one, one, session.ErrStale},
		{two, nil, nil},
		{two, one, session.ErrStale},
		{[]session.Stale{}, one, nil},
	} {
		r := lateReplay(s, s.Late...)
		r.WasStale, r.Stale = step.was, step.now
		got, err := f.RecordReplay(t.Context(), r)
		wantErr(t, "record replay", err, step.want)
		if step.want == nil {
			s.Stale = step.now
		}
		same(t, "returned session", got, s)
		f.wantSession(t, "after recording", s)
	}
}

func recordReplayRefused(t *testing.T, f fixture) {
	for name, c := range map[string]struct {
		session func(*session.Session)
		late    func(*session.Replay)
	}{
		"older generation": {late: func(l *session.Replay) { l.Generation-- }},
		"newer generation": {late: func(l *session.Replay) { l.Generation++ }},
		"another client":   {late: func(l *session.Replay) { l.ClientID += "x" }},
		"revoked": {session: func(s *session.Session) {
			s.RevokedAt, s.Reason = f.clock.Now(), session.ReasonReuse
		}},
	} {
		s := f.storedSession(t, c.session)
		l := lateReplay(s, session.Late{Generation: 2, At: f.clock.Now()})
		if c.late != nil {
			c.late(&l)
		}
		got, err := f.RecordReplay(t.Context(), l)
		wantErr(t, name, err, session.ErrStale)
		same(t, name+": session as found", got, s)
		f.wantSession(t, name, s)
	}
}

func recordReplayMissing(t *testing.T, f fixture) {
	s := f.storedSession(t, func(s *session.Session) { s.Late = nil })
	for name, change := range map[string]func(*session.Replay){
		"unknown session": func(l *session.Replay) { l.SessionID = newID(t) },
		"another account": func(l *session.Replay) { l.AccountID = newID(t) },
	} {
		l := lateReplay(s, session.Late{Generation: 2, At: f.clock.Now()})
		change(&l)
		_, err := f.RecordReplay(t.Context(), l)
		wantErr(t, name, err, session.ErrNotFound)
		_, err = f.Session(t.Context(), l.AccountID, l.SessionID)
		wantErr(t, name+": read afterwards", err, session.ErrNotFound)
	}
}

func recordReplayParallel(t *testing.T, f fixture) {
	const callers = 20
	s := f.storedSession(t, nil)
	retry := func(i int) session.Replay {
		return lateReplay(s, session.Late{Generation: 2, At: f.clock.Now().Add(time.Duration(i) * time.Millisecond)})
	}
	returned := make([]session.Session, callers)
	errs := parallel(callers, func(i int) (err error) {
		returned[i], err = f.RecordReplay(t.Context(), retry(i))
		return err
	})
	want, winners := s, 0
	for i, err := range errs {
		switch {
		case err == nil:
			winners++
			want.Late = retry(i).Late
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

func recordReplayReplyLost(t *testing.T, f fixture) {
	s := f.storedSession(t, nil)
	l := lateReplay(s, session.Late{Generation: 2, At: f.clock.Now().Add(time.Millisecond)})
	_, err := f.RecordReplay(t.Context(), l)
	wantErr(t, "record replay", err, nil)
	got, err := f.RecordReplay(t.Context(), l)
	wantErr(t, "the same again", err, session.ErrStale)
	s.Late = l.Late
	same(t, "session as found", got, s)
	f.wantSession(t, "after the same again", s)
}
