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

// OvertakenWithin is how long after its own successor was made a token that was replaced twice is not reuse.
const OvertakenWithin = 15 * time.Second

const (
	clockSkew = 5 * time.Second // by which the clocks of two hosts may differ; it widens the grace window at both ends
	readAgain = 2               // how often the last token but one of a shared store is refused before it is a late retry
	maxStale  = 16              // how often the stale token of one generation may come from a shared store
)

// Rules decide what happens to a refresh token that a client presents. They use no store, no clock and no log.
type Rules struct {
	Grace  time.Duration // for how long a token that was replaced is answered with its successor again
	MinAge time.Duration // a younger token is not replaced; 0: every token is, and none is Overtaken
}

// Presented describes a refresh token whose MAC is good, and the request that it came with.
type Presented struct {
	Generation uint32
	Client     client.Client
	Target     Target
	Arrived    time.Time
	Now        time.Time // when the session was read that decides; it may have changed since the token arrived
}

// Target is what a client asks a new access token to be for (RFC 8707 §2.2).
type Target struct {
	Resource string // empty: whatever the session is for
	Own      bool   // it is one of the client's own audiences, which a session without a resource is for
}

// covers reports whether tokens of s are for the target.
func (t Target) covers(s Session) bool {
	return t.Resource == "" || t.Resource == s.Resource || t.Own && s.Resource == ""
}

// Case is a row of the table in docs/design.md §6.
type Case int

const (
	Gone          Case = iota // the session cannot be used, by this client or at all: refused
	RestoredTable             // newer than the table, which was restored from a backup: refused, and an alarm
	Young                     // the newest, made a moment ago: answered with itself
	Rotate                    // the newest: answered with a successor
	Kept                      // the newest, of a client that keeps its token: answered with itself
	Race                      // the one before, just replaced: answered with its successor again
	LateAllowed               // the one before, replaced longer ago, and the client may come late: like Race, and recorded
	Overtaken                 // replaced twice while it was on its way: the client should come again with the newest
	StaleAllowed              // older, from a shared credential store: like Overtaken, and counted
	Reuse                     // any other: somebody has a copy, so the session ends
	OtherTarget               // it would be good, but for a resource that the session is not for: refused
)

// Decide returns the case of a token of the session s of the account a.
func (r Rules) Decide(s Session, a account.Account, p Presented) Case {
	if s.ClientID != p.Client.ID || Usable(s, a, p.Client, p.Arrived) != nil {
		return Gone
	}
	outcome := r.byGeneration(s, p)
	switch outcome {
	case Young, Rotate, Kept, Race, LateAllowed:
		if !p.Target.covers(s) {
			return OtherTarget
		}
	}
	return outcome
}

func (r Rules) byGeneration(s Session, p Presented) Case {
	behind := int64(s.Generation) - int64(p.Generation)
	switch {
	case behind < 0:
		return RestoredTable
	case behind == 0 && p.Client.KeepsRefreshToken():
		return Kept
	case behind == 0 && p.since(s.RotatedAt) < r.MinAge:
		return Young
	case behind == 0:
		return Rotate
	case behind == 1 && min(p.since(s.RotatedAt), p.since(lastLate(s.Late, p.Generation))) <= r.Grace+clockSkew:
		return Race
	case behind == 1 && len(recentLate(s.Late, p.Generation)) < p.Client.LateRetries && !p.storeMayHaveNewer(s):
		return LateAllowed
	case behind == 2 && r.MinAge > 0 && p.since(s.PriorRotation) <= OvertakenWithin:
		return Overtaken
	case p.Client.SharedStore && staleCount(s.Stale, p.Generation) < maxStale:
		return StaleAllowed
	default:
		return Reuse
	}
}

// storeMayHaveNewer reports whether a late retry should rather read its credential store again, where another process may have put the successor.
// It need not do so more than readAgain times: the successor may be lost.
func (p Presented) storeMayHaveNewer(s Session) bool {
	return p.Client.SharedStore && staleCount(s.Stale, p.Generation) < readAgain
}

// Reason returns what a client is told about a token that is Gone; empty: nothing. A client whose token would itself be
// reuse is not told that the session ended because of reuse.
func (r Rules) Reason(s Session, a account.Account, p Presented) string {
	reason := reasonFor(s, a, p.Generation, p.Client, p.Arrived)
	if reason == BecauseReuse && r.byGeneration(s, p) == Reuse {
		return ""
	}
	return reason
}

// since is the time from at until the token arrived. It is very long when at is not known: when it is zero, or in the future
// by more than clocks may differ.
func (p Presented) since(at time.Time) time.Duration {
	if at.After(p.Now.Add(clockSkew)) {
		return math.MaxInt64
	}
	return max(0, p.Arrived.Sub(at))
}
