package protocol_test

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/session"
)

// row is a row of the table in docs/design.md §6, or a set of them: near a limit, where the clocks of two hosts may
// disagree, more than one is right.
type row uint

const (
	rotate row = 1 << iota
	race
	late
	reuse
	restored
	gone
	young
	overtaken
	stale

	successes = rotate | race | late | young
	comeAgain = overtaken | stale
)

// rowOf says which rows an audit event belongs to.
var rowOf = map[string]row{
	audit.Refresh: rotate, audit.RaceReplay: race | young, audit.LateRetry: late, audit.Overtaken: overtaken, audit.StaleToken: stale,
	audit.ReuseDetected: reuse, audit.RestoredTable: restored, audit.RefreshRefused: gone,
}

// rowOfCase says which row a case of the rules is.
var rowOfCase = [...]row{
	session.Gone: gone, session.RestoredTable: restored, session.Young: young, session.Rotate: rotate, session.Race: race,
	session.LateAllowed: late, session.Overtaken: overtaken, session.StaleAllowed: stale, session.Reuse: reuse,
}

func (r row) String() string {
	text := ""
	for i, name := range []string{"rotate", "race", "late retry", "reuse", "restored table", "gone", "young", "overtaken", "stale"} {
		if r&(1<<i) != 0 {
			text += "|" + name
		}
	}
	return text + "|"
}

// truth is an answer that clocks may leave open.
type truth int

const (
	no truth = iota
	perhaps
	yes
)

// apart is how far a time that one host wrote and another reads may be off: twice its clock, the second
// that expiries are cut to, and rounding.
const apart = 2*hostSkew + time.Second + time.Millisecond

// before says whether limit is still to come.
func before(now, limit time.Time) truth {
	switch {
	case now.Before(limit.Add(-apart)):
		return yes
	case now.Before(limit.Add(apart)):
		return perhaps
	}
	return no
}

// model says what must be true of one account.
type model struct {
	account  uuid.UUID
	password string
	disabled bool
	changes  int // how often all sessions were ended
	sessions []*sessionModel
	access   []*accessModel
	failures []string
}

// sessionModel is one session, by the true time.
type sessionModel struct {
	id         uuid.UUID
	client     client.Client
	generation uint32
	minAge     time.Duration // of a token that is replaced
	rotatedAt  time.Time
	prior      time.Time // the rotation before; zero while there was none
	idle       time.Time // never after absolute
	absolute   time.Time
	expiry     time.Time // the absolute one as the login told it
	late       []session.Late
	stale      map[uint32]int    // how often the token of a generation came back stale, of the newest 16 that did
	texts      map[uint32]string // of the refresh token of each generation that has been seen
	revoked    bool              // by itself
	outdated   bool              // by a change of its account
	endedAt    time.Time         // by either: from then on its access tokens are denied
}

// accessModel is one access token.
type accessModel struct {
	text     string
	session  *sessionModel
	expiry   time.Time
	deniedAt time.Time // zero: nobody took it back
}

func (m *model) fail(format string, args ...any) {
	m.failures = append(m.failures, fmt.Sprintf(format, args...))
}

// lives says whether the session has neither expired nor been ended by itself.
func (s *sessionModel) lives(now time.Time) truth {
	if s.revoked {
		return no
	}
	return min(before(now, s.idle), before(now, s.absolute))
}

// permits returns the rows that are right for the token of generation g from client c: what the rules say of it, by every
// clock that a function may have. That the rules are those of docs/design.md §6 is tested in pkg/session.
func (s *sessionModel) permits(g uint32, c client.Client, now time.Time) (right row) {
	rules := session.Rules{Grace: grace, MinAge: s.minAge}
	for _, arrived := range []time.Time{now.Add(-apart), now, now.Add(apart)} {
		p := session.Presented{Generation: g, Client: c, Arrived: arrived, Now: now}
		right |= rowOfCase[rules.Decide(s.stored(now), account.Account{}, p)]
	}
	return right
}

// stored is the session as the table should have it.
func (s *sessionModel) stored(now time.Time) session.Session {
	stored := session.Session{
		ID: s.id, ClientID: s.client.ID, Generation: s.generation, RotatedAt: s.rotatedAt, PriorRotation: s.prior,
		IdleExpiry: s.idle, Expiry: s.absolute, Late: s.late,
	}
	for g, count := range s.stale {
		stored.Stale = append(stored.Stale, session.Stale{Generation: g, Count: count})
	}
	if s.revoked {
		stored.RevokedAt = now
	}
	return stored
}

// countStale counts a stale token; of more than 16 generations the oldest is forgotten.
func (s *sessionModel) countStale(g uint32) {
	if s.stale == nil {
		s.stale = map[uint32]int{}
	}
	s.stale[g]++
	if len(s.stale) > 16 {
		delete(s.stale, slices.Min(slices.Collect(maps.Keys(s.stale))))
	}
}

// rotated moves the session on by a generation. The idle expiry slides, the absolute one never moves.
func (s *sessionModel) rotated(now time.Time) {
	s.generation++
	s.prior, s.rotatedAt = s.rotatedAt, now
	s.idle = earliest(now.Add(s.client.IdleLife), s.absolute)
}

// end ends a session for good, by itself or with all others, and takes back its access tokens.
func (m *model) end(s *sessionModel, now time.Time) {
	if s.endedAt.IsZero() {
		s.endedAt = now
	}
	m.deny(s, now)
}

// deny takes back the access tokens that a session has so far.
func (m *model) deny(s *sessionModel, now time.Time) {
	for _, a := range m.access {
		if a.session == s && a.deniedAt.IsZero() {
			a.deniedAt = now
		}
	}
}

// endAll ends every session except one, which may be nil: that one only loses its access tokens.
func (m *model) endAll(except *sessionModel, now time.Time) {
	m.changes++
	for _, s := range m.sessions {
		if s == except {
			m.deny(s, now)
			continue
		}
		s.outdated = true
		m.end(s, now)
	}
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
