package protocol_test

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
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
	late       []lateModel
	stale      map[uint32]int    // how often the token of a generation came back stale, of the newest 16 that did
	texts      map[uint32]string // of the refresh token of each generation that has been seen
	revoked    bool              // by itself
	outdated   bool              // by a change of its account
	endedAt    time.Time         // by either: from then on its access tokens are denied
}

type lateModel struct {
	generation uint32
	at         time.Time
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

// permits returns the rows that are right for the token of generation g from client c.
func (s *sessionModel) permits(g uint32, c client.Client, now time.Time) row {
	if c.ID != s.client.ID || s.lives(now) == no {
		return gone
	}
	var right row
	if s.lives(now) == perhaps {
		right = gone
	}
	switch {
	case g > s.generation:
		return right | restored
	case g == s.generation:
		return right | s.permitsNewest(now)
	case g+1 == s.generation:
		return right | s.permitsPrevious(g, now)
	case g+2 == s.generation && s.minAge > 0:
		return right | s.permitsOvertaken(g, now)
	}
	return right | s.permitsOlder(g)
}

// permitsNewest is for the newest token, which has to be old enough before it is replaced.
func (s *sessionModel) permitsNewest(now time.Time) row {
	switch before(now, s.rotatedAt.Add(s.minAge)) {
	case yes:
		return young
	case perhaps:
		if s.minAge > 0 {
			return young | rotate
		}
	}
	return rotate
}

// permitsOvertaken is for the token whose successor was replaced in turn: for 15 seconds after that successor was made
// the token may still be on its way.
func (s *sessionModel) permitsOvertaken(g uint32, now time.Time) row {
	switch before(now, s.prior.Add(15*time.Second)) {
	case yes:
		return overtaken
	case perhaps:
		return overtaken | s.permitsOlder(g)
	}
	return s.permitsOlder(g)
}

// permitsOlder is for a token that nobody should have any more, unless several processes share one store of tokens.
func (s *sessionModel) permitsOlder(g uint32) row {
	if s.client.SharedStore && s.stale[g] < 16 {
		return stale
	}
	return reuse
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

// permitsPrevious is for a token that was replaced once. The window opens at the rotation or at the late
// retry of this very token, and no replay moves it.
func (s *sessionModel) permitsPrevious(g uint32, now time.Time) row {
	opened, recent := s.rotatedAt, 0
	for _, l := range s.late {
		if l.generation == g {
			opened = l.at
		}
		if l.generation+5 > g {
			recent++
		}
	}
	outside := s.permitsOlder(g)
	if recent < s.client.LateRetries {
		outside = late
	}
	switch since := now.Sub(opened); {
	case since <= grace:
		return race
	case since <= grace+5*time.Second+apart:
		return race | outside // a difference of the clocks up to 5 s counts as inside
	}
	return outside
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
