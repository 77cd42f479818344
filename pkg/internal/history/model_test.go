package history_test

import (
	"fmt"
	"time"

	"github.com/anishathalye/porcupine"
)

// The model of one session, written from docs/design.md §6 and §7 and not from the code: what a session answers to
// operations that come one at a time.

type kind string

const (
	login     kind = "login"
	refresh   kind = "refresh"
	foreign   kind = "foreign refresh" // another client presents the token
	end       kind = "end"             // a logout, or a refresh token handed in
	endAll    kind = "end all"         // the epoch of the account is raised
	mayEndAll kind = "may end all"     // the token is looked at before that
	authorize kind = "authorize"       // with a staleness of 0

	// mayRotate is the first half of a refresh that was refused. It rotates and reads the account at once, so the rotation
	// may stand although the account then forbids the refresh: other operations see it before the refusal is due.
	mayRotate kind = "may rotate"
)

type outcome string

const (
	ok      outcome = "ok"
	refused outcome = "refused"
	unknown outcome = "unknown" // unavailable: the operation may have been carried out
)

// input is an operation as it was called.
type input struct {
	kind       kind
	at         time.Duration // clock, which stands still while an operation runs
	generation uint32        // of the presented token
	late       int           // late retries that the client allows
}

// output is what came of it.
type output struct {
	outcome    outcome
	generation uint32 // of the refresh token that was returned
}

// state of a session. A dead one keeps what a repeated logout everywhere asks about, and forgets the rest.
type state struct {
	begun, dead bool
	allEnded    bool // with every other of its account
	generation  uint32
	rotatedAt   time.Duration
	late        [2]retry // no client of these tests may have more within lateSpan
}

type retry struct {
	made       bool
	generation uint32
	at         time.Duration
}

const (
	window    = 60 * time.Second
	clockSkew = 5 * time.Second // the window may be longer by as much
	lateSpan  = 5               // generations
)

// died is s without what no longer matters. A session that has ended together with all others says so to a repeated logout
// everywhere.
func (s state) died(withAll bool) state {
	return state{begun: true, dead: true, allEnded: s.allEnded || withAll, generation: s.generation}
}

// row is one thing that a refresh may do.
type row struct {
	next       state
	ok         bool
	generation uint32
}

// refreshed is the table of docs/design.md §6. It has several rows where a clock of another host could decide
// otherwise.
func (s state) refreshed(in input) []row {
	g := in.generation
	switch {
	case s.allEnded && g == s.generation:
		// The rotation does not know the account's epoch, so it may stand although the refresh is refused.
		return []row{{next: s}, {next: s.turned()}}
	case s.dead || g > s.generation:
		return []row{{next: s}}
	case g == s.generation:
		return []row{{s.rotated(in), true, g + 1}}
	case g+1 < s.generation:
		return []row{{next: s.died(false)}}
	}
	var rows []row
	since := in.at - s.lastSeen(g)
	if since <= window+clockSkew {
		rows = append(rows, row{s, true, g + 1})
	}
	if since > window {
		rows = append(rows, s.retriedLate(in))
	}
	return rows
}

// turned is a dead session whose token was rotated all the same.
func (s state) turned() state {
	s.generation++
	return s
}

func (s state) rotated(in input) state {
	s.generation, s.rotatedAt = in.generation+1, in.at
	return s
}

// lastSeen is when the window of the token before the newest opened.
func (s state) lastSeen(g uint32) time.Duration {
	at := s.rotatedAt
	for _, l := range s.late {
		if l.made && l.generation == g {
			at = max(at, l.at)
		}
	}
	return at
}

func (s state) retriedLate(in input) row {
	recent, free := 0, -1
	for i, l := range s.late {
		if l.made && in.generation < l.generation+lateSpan {
			recent++
		} else {
			free = i
		}
	}
	if recent >= in.late || free < 0 {
		return row{next: s.died(false)}
	}
	s.late[free] = retry{true, in.generation, in.at}
	return row{s, true, s.generation}
}

// step returns the states that the session may be in after the operation; none when it cannot have ended so.
func (s state) step(in input, out output) []state {
	switch in.kind {
	case login:
		return only(!s.begun && out.outcome == ok, state{begun: true, rotatedAt: in.at})
	case end, endAll:
		return s.ended(in, out)
	case mayEndAll:
		may := (!s.dead || s.allEnded) && (in.generation == s.generation || in.generation+1 == s.generation)
		return only(out.outcome == unknown || may == (out.outcome == ok), s)
	case mayRotate:
		switch {
		case in.generation != s.generation || s.dead && !s.allEnded:
			return []state{s}
		case s.allEnded:
			return []state{s, s.turned()}
		}
		return []state{s, s.rotated(in)}
	case authorize:
		return only(out.outcome == unknown || s.dead == (out.outcome == refused), s)
	case foreign:
		return only(out.outcome != ok, s)
	}
	var after []state
	for _, r := range s.refreshed(in) {
		if out.outcome == unknown || r.ok == (out.outcome == ok) && r.generation == out.generation {
			after = append(after, r.next)
		}
	}
	if out.outcome == unknown {
		after = append(after, s)
	}
	return after
}

func (s state) ended(in input, out output) []state {
	ended := s.died(in.kind == endAll)
	switch {
	case !s.begun: // of an account: this session comes later
		return []state{s}
	case out.outcome == unknown:
		return []state{s, ended}
	}
	return only(out.outcome == ok, ended)
}

func only(possible bool, s state) []state {
	if possible {
		return []state{s}
	}
	return nil
}

// sessionModel is the model as porcupine wants it.
func sessionModel() porcupine.Model {
	m := porcupine.NondeterministicModel{
		Init: func() []any { return []any{state{}} },
		Step: func(s, in, out any) []any {
			var after []any
			for _, next := range s.(state).step(in.(input), out.(output)) {
				after = append(after, next)
			}
			return after
		},
		DescribeOperation: func(in, out any) string { return describe(in.(input), out.(output)) },
	}
	return m.ToModel()
}

func describe(in input, out output) string {
	text := fmt.Sprintf("%8s %s", in.at, in.kind)
	switch in.kind {
	case refresh, foreign, mayRotate, mayEndAll:
		text += fmt.Sprintf(" with %d", in.generation)
	}
	text += ": " + string(out.outcome)
	if in.kind == refresh && out.outcome == ok {
		text += fmt.Sprintf(", got %d", out.generation)
	}
	return text
}
