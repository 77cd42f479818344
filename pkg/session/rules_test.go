package session_test

import (
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/session"
)

var rules = session.Rules{Grace: session.DefaultGrace, MinAge: session.DefaultMinAge}

// situation is a session of generation 20 and a token that comes to it.
type situation struct {
	rules     session.Rules
	session   session.Session
	presented session.Presented
}

// newSituation has all clocks right: token g of a client of the kind comes this long after the last rotation, which
// came 10 seconds after the one before.
func newSituation(kind client.Kind, g uint32, after time.Duration) situation {
	now := start.Add(after)
	return situation{rules, session.Session{
		ClientID: "app", Generation: 20, RotatedAt: start, PriorRotation: start.Add(-10 * time.Second),
		IdleExpiry: start.Add(1000 * time.Hour), Expiry: start.Add(1000 * time.Hour),
	}, session.Presented{Generation: g, Client: client.New("app", kind), Arrived: now, Now: now}}
}

func (s situation) decide() session.Case {
	return s.rules.Decide(s.session, account.Account{}, s.presented)
}

func TestRules(t *testing.T) {
	const ms = time.Millisecond
	for _, test := range []struct {
		name       string
		kind       client.Kind
		generation uint32
		after      time.Duration // the last rotation
		change     func(*situation)
		want       session.Case
	}{
		{"newest, old enough", client.Browser, 20, 10 * time.Second, nil, session.Rotate},
		{"newest, a millisecond too young", client.Browser, 20, 10*time.Second - ms, nil, session.Young},
		{"newest, made this moment", client.Native, 20, 0, nil, session.Young},
		{"newest, made by a clock that is ahead", client.Native, 20, -5 * time.Second, nil, session.Young},
		{"newest, made by a clock that is wrong", client.Native, 20, -5*time.Second - ms, nil, session.Rotate},
		{"newest, no age is asked for", client.Browser, 20, 0, withMinAge(0), session.Rotate},
		{"newest, no age, a clock that is ahead", client.Browser, 20, -5 * time.Second, withMinAge(0), session.Rotate},

		{"newest, of a server", client.Server, 20, 0, nil, session.Kept},
		{"newest, of a server, after a long time", client.Server, 20, 900 * time.Hour, nil, session.Kept},
		{"newest, of a server, no age is asked for", client.Server, 20, 0, withMinAge(0), session.Kept},
		{"newer than the table, of a server", client.Server, 21, 0, nil, session.RestoredTable},
		{"an older one, of a server", client.Server, 19, time.Hour, nil, session.Reuse},
		{"of a server, idle", client.Server, 20, 1000 * time.Hour, nil, session.Gone},

		{"the one before, just replaced", client.Browser, 19, 0, nil, session.Race},
		{"the end of the window", client.Browser, 19, 65 * time.Second, nil, session.Race},
		{"after the window", client.Browser, 19, 65*time.Second + ms, nil, session.Reuse},
		{"after the window, native", client.Native, 19, 65*time.Second + ms, nil, session.LateAllowed},
		{"long after the window, native", client.Native, 19, 900 * time.Hour, nil, session.LateAllowed},
		{"rotated while it waited", client.Browser, 19, -time.Hour, func(s *situation) { s.presented.Now = start }, session.Race},
		{"in the window of its late retry", client.Native, 19, time.Hour, withLate(start.Add(time.Hour-time.Minute), 19, 18), session.Race},
		{"late retries spent", client.Native, 19, time.Hour, withLate(start.Add(-time.Hour), 17, 15), session.Reuse},
		{"late retries long ago", client.Native, 19, time.Hour, withLate(start.Add(-time.Hour), 14, 14), session.LateAllowed},

		{"overtaken by two", client.Browser, 18, 0, nil, session.Overtaken},
		{"the last moment of being overtaken", client.Native, 18, 5 * time.Second, nil, session.Overtaken},
		{"too long on its way", client.Browser, 18, 5*time.Second + ms, nil, session.Reuse},
		{"too long on its way, native", client.Native, 18, 5*time.Second + ms, nil, session.Reuse},
		{"two behind, the prior rotation unknown", client.Browser, 18, 0, withPrior(time.Time{}), session.Reuse},
		{"two behind, counted from the later rotation", client.Browser, 18, time.Second, withPrior(start.Add(-time.Hour)), session.Reuse},
		{"two behind, the prior rotation in the future", client.Browser, 18, 0, withPrior(start.Add(time.Minute)), session.Reuse},
		{"two behind, no age is asked for", client.Browser, 18, 0, withMinAge(0), session.Reuse},
		{"three behind", client.Browser, 17, 0, nil, session.Reuse},
		{"the first token", client.Native, 0, 0, nil, session.Reuse},

		{"shared store, just replaced", client.Native, 19, time.Second, shared, session.Race},
		{"shared store, a late retry", client.Native, 19, time.Hour, shared, session.StaleAllowed},
		{"shared store, a late retry again", client.Native, 19, time.Hour, both(shared, withStale(19, 1)), session.StaleAllowed},
		{"shared store, a late retry that has read it again twice", client.Native, 19, time.Hour, both(shared, withStale(19, 2)), session.LateAllowed},
		{"shared store, in the window of its late retry", client.Native, 19, time.Hour, both(shared, withLate(start.Add(time.Hour-time.Minute), 19)), session.Race},
		{"shared store, late retries spent", client.Native, 19, time.Hour, both(shared, withLate(start, 18, 18)), session.StaleAllowed},
		{"shared store, overtaken", client.Native, 18, 0, shared, session.Overtaken},
		{"shared store, an old token", client.Native, 3, time.Hour, shared, session.StaleAllowed},
		{"shared store, the sixteenth time", client.Native, 3, time.Hour, both(shared, withStale(3, 15)), session.StaleAllowed},
		{"shared store, the seventeenth time", client.Native, 3, time.Hour, both(shared, withStale(3, 16)), session.Reuse},
		{"shared store, another's seventeenth time", client.Native, 3, time.Hour, both(shared, withStale(4, 16)), session.StaleAllowed},
		{"no shared store, an old token", client.Native, 3, time.Hour, nil, session.Reuse},

		{"for the session's resource", client.Native, 20, time.Hour, both(withResource(api), wanting(api, false)), session.Rotate},
		{"for the session's resource, which is the client's too", client.Native, 20, time.Hour, both(withResource(api), wanting(api, true)), session.Rotate},
		{"for one of the client's", client.Native, 20, time.Hour, wanting(api, true), session.Rotate},
		{"for one that is nobody's", client.Native, 20, time.Hour, wanting(api, false), session.OtherTarget},
		{"for another resource", client.Native, 20, time.Hour, both(withResource(api), wanting(api+"/", false)), session.OtherTarget},
		{"for another of the client's", client.Native, 20, time.Hour, both(withResource(api), wanting("https://other.example", true)), session.OtherTarget},
		{"for another resource, young", client.Native, 20, 0, both(withResource(api), wanting("https://other.example", true)), session.OtherTarget},
		{"for another resource, of a server", client.Server, 20, time.Hour, wanting(api, false), session.OtherTarget},
		{"for another resource, the one before", client.Browser, 19, 0, wanting(api, false), session.OtherTarget},
		{"for another resource, late", client.Native, 19, time.Hour, wanting(api, false), session.OtherTarget},
		{"for another resource, overtaken", client.Browser, 18, 0, wanting(api, false), session.Overtaken},
		{"for another resource, an old token", client.Native, 3, time.Hour, wanting(api, false), session.Reuse},
		{"for another resource, shared store, an old token", client.Native, 3, time.Hour, both(shared, wanting(api, false)), session.StaleAllowed},
		{"for another resource, idle", client.Browser, 20, 1000 * time.Hour, wanting(api, false), session.Gone},

		{"newer than the table", client.Browser, 21, 0, nil, session.RestoredTable},
		{"much newer than the table", client.Native, 1<<32 - 1, 0, shared, session.RestoredTable},
		{"another client's", client.Browser, 20, time.Hour, func(s *situation) { s.session.ClientID = "other" }, session.Gone},
		{"another client's, of a restored table", client.Browser, 21, 0, func(s *situation) { s.session.ClientID = "other" }, session.Gone},
		{"revoked", client.Browser, 20, time.Hour, func(s *situation) { s.session.RevokedAt = start }, session.Gone},
		{"idle", client.Browser, 20, 1000 * time.Hour, nil, session.Gone},
	} {
		s := newSituation(test.kind, test.generation, test.after)
		if test.change != nil {
			test.change(&s)
		}
		if got := s.decide(); got != test.want {
			t.Errorf("%s: case %d, want %d", test.name, got, test.want)
		}
	}
}

func shared(s *situation) { s.presented.Client.SharedStore = true }

const api = "https://api.example"

func withResource(uri string) func(*situation) {
	return func(s *situation) { s.session.Resource = uri }
}

func wanting(resource string, own bool) func(*situation) {
	return func(s *situation) { s.presented.Target = session.Target{Resource: resource, Own: own} }
}

func both(one, two func(*situation)) func(*situation) { return func(s *situation) { one(s); two(s) } }

func withMinAge(age time.Duration) func(*situation) {
	return func(s *situation) { s.rules.MinAge = age }
}

func withPrior(at time.Time) func(*situation) {
	return func(s *situation) { s.session.PriorRotation = at }
}

func withStale(g uint32, count int) func(*situation) {
	return func(s *situation) { s.session.Stale = []session.Stale{{Generation: g, Count: count}} }
}

func withLate(at time.Time, generations ...uint32) func(*situation) {
	return func(s *situation) {
		for _, g := range generations {
			s.session.Late = append(s.session.Late, session.Late{Generation: g, At: at})
		}
	}
}

// Reasons are for the newest token and the one before, of the session's own client, and not for a token that would
// itself be reuse.
func TestReasonsAreToldToThePeopleOfTheSessionOnly(t *testing.T) {
	reuse := func(s *session.Session) { s.RevokedAt, s.Reason = start, session.ReasonReuse }
	idle := func(s *session.Session) { s.IdleExpiry = start }
	for _, test := range []struct {
		name       string
		generation uint32
		after      time.Duration
		end        func(*session.Session)
		client     string
		want       string
	}{
		{"the newest", 20, time.Hour, idle, "app", session.BecauseIdle},
		{"the one before", 19, time.Hour, idle, "app", session.BecauseIdle},
		{"two before", 18, time.Hour, idle, "app", ""},
		{"the first", 0, time.Hour, idle, "app", ""},
		{"newer than the table", 21, time.Hour, idle, "app", ""},
		{"another client", 20, time.Hour, idle, "other", ""},
		{"the newest, after a reuse", 20, time.Hour, reuse, "app", session.BecauseReuse},
		{"the one before, in the window, after a reuse", 19, time.Minute, reuse, "app", session.BecauseReuse},
		{"the one before, which is the reuse", 19, time.Hour, reuse, "app", ""},
		{"two before, after a reuse", 18, 0, reuse, "app", ""},
		{"a live session", 20, time.Hour, func(*session.Session) {}, "app", ""},
	} {
		s := newSituation(client.Browser, test.generation, test.after)
		s.presented.Client.ID = test.client
		test.end(&s.session)
		if got := s.rules.Reason(s.session, account.Account{}, s.presented); got != test.want {
			t.Errorf("%s: told %q, want %q", test.name, got, test.want)
		}
	}
}
