package session

import (
	"cmp"
	"slices"
	"time"
)

const (
	lateSpan  = 5  // generations for which a late retry is remembered
	staleSpan = 16 // generations, the newest that came back, whose stale tokens are counted
)

// lateReplay returns the write that records a late retry of the token of generation g.
func lateReplay(s Session, g uint32, now time.Time) Replay {
	r := unchanged(s)
	r.Late = append(recentLate(s.Late, g), Late{g, now.Truncate(time.Millisecond)})
	return r
}

// staleReplay returns the write that counts a stale token of generation g.
func staleReplay(s Session, g uint32) Replay {
	r := unchanged(s)
	r.Stale = countStale(s.Stale, g)
	return r
}

// unchanged returns a write that changes nothing.
func unchanged(s Session) Replay {
	return Replay{
		AccountID: s.AccountID, SessionID: s.ID, ClientID: s.ClientID, Generation: s.Generation,
		WasLate: s.Late, Late: s.Late, WasStale: s.Stale, Stale: s.Stale,
	}
}

// recentLate returns a copy of the late retries of generation g and the lateSpan-1 before it.
func recentLate(late []Late, g uint32) []Late {
	return slices.DeleteFunc(slices.Clone(late), func(l Late) bool { return int64(l.Generation) <= int64(g)-lateSpan })
}

// lastLate returns when the token of generation g last came back late; zero: never.
func lastLate(late []Late, g uint32) (at time.Time) {
	for _, l := range late {
		if l.Generation == g && l.At.After(at) {
			at = l.At
		}
	}
	return at
}

// staleCount returns how often the token of generation g came back stale.
func staleCount(stale []Stale, g uint32) int {
	for _, s := range stale {
		if s.Generation == g {
			return s.Count
		}
	}
	return 0
}

// countStale returns a copy of the counts, oldest generation first, with the count of g increased by one.
func countStale(stale []Stale, g uint32) []Stale {
	others := slices.DeleteFunc(slices.Clone(stale), func(s Stale) bool { return s.Generation == g })
	counted := append(others, Stale{g, staleCount(stale, g) + 1})
	slices.SortFunc(counted, func(a, b Stale) int { return cmp.Compare(a.Generation, b.Generation) })
	return counted[max(0, len(counted)-staleSpan):]
}
