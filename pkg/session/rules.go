package session

import (
	"math"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/client"
)

// Defaults of the Rules.
const (
	DefaultGrace  = time.Minute
	DefaultMinAge = 10 * time.Second
)

const (
	clockSkew       = 5 * time.Second  // the clocks of two hosts may differ by it: it widens both ends of the grace window
	overtakenWithin = 15 * time.Second // after its successor was made a token may be overtaken by a second successor
	maxStale        = 16               // times that the stale token of one generation may come from a shared store
)

// Rules decide what becomes of a refresh token. They know no store, no clock and no log.
type Rules struct {
	Grace  time.Duration // a token replaced no longer ago is answered with its successor again
	MinAge time.Duration // a token younger than this is not replaced; 0: every token is, and none is overtaken
}

// Presented is a refresh token whose MAC is good, and the circumstances in which it came.
type Presented struct {
	Generation uint32
	Client     client.Client
	Arrived    time.Time
	Now        time.Time // when it is judged: the session may have changed since the token arrived
}

// Case is a row of the table in docs/design.md §6.
type Case int

const (
	Gone          Case = iota // the session cannot be used, by this client or at all: refused
	RestoredTable             // newer than the table, which was set back: refused, and an alarm
	Young                     // the newest, made a moment ago: answered with itself
	Rotate                    // the newest: answered with a successor
	Race                      // the one before, just replaced: answered with its successor again
	LateAllowed               // the one before, long replaced, and the client may come late: the same, and recorded
	Overtaken                 // replaced twice while it was on its way: asked to come again with the newest
	StaleAllowed              // older, from a shared credential store: the same, and counted
	Reuse                     // any other: somebody has a copy, so the session ends
)

// Decide returns the case of a token of the session s, whose account is a.
func (r Rules) Decide(s Session, a account.Account, p Presented) Case {
	if s.ClientID != p.Client.ID || Usable(s, a, p.Arrived) != nil {
		return Gone
	}
	return r.byGeneration(s, p)
}

func (r Rules) byGeneration(s Session, p Presented) Case {
	behind := int64(s.Generation) - int64(p.Generation)
	switch {
	case behind < 0:
		return RestoredTable
	case behind == 0 && p.since(s.RotatedAt) < r.MinAge:
		return Young
	case behind == 0:
		return Rotate
	case behind == 1 && min(p.since(s.RotatedAt), p.since(lastLate(s.Late, p.Generation))) <= r.Grace+clockSkew:
		return Race
	case behind == 1 && len(recentLate(s.Late, p.Generation)) < p.Client.LateRetries:
		return LateAllowed
	case behind == 2 && r.MinAge > 0 && p.since(s.PriorRotation) <= overtakenWithin:
		return Overtaken
	case p.Client.SharedStore && staleCount(s.Stale, p.Generation) < maxStale:
		return StaleAllowed
	default:
		return Reuse
	}
}

// Told is the reason that the presenter of a token is told when its case is Gone; empty: none. A token that would
// itself be reuse does not learn that the session ended because of reuse.
func (r Rules) Told(s Session, a account.Account, p Presented) string {
	reason := told(s, a, p.Generation, p.Client.ID, p.Arrived)
	if reason == BecauseReuse && r.byGeneration(s, p) == Reuse {
		return ""
	}
	return reason
}

// since is how long before the token arrived something happened: centuries, when the time is not known. A time that
// lies in the future even now, by more than clocks may differ, is not known either.
func (p Presented) since(at time.Time) time.Duration {
	if at.After(p.Now.Add(clockSkew)) {
		return math.MaxInt64
	}
	return max(0, p.Arrived.Sub(at))
}
