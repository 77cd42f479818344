package session

import (
	"slices"
	"time"
)

const (
	// lateSpan is how many generations back a late retry is remembered.
	lateSpan = 5
	// staleSpan is of how many generations the stale tokens are counted: the newest that came back.
	staleSpan = 16
)

// lateReplay is the write that records a late retry of the token of generation g.
func lateReplay(s Session, g uint32, now time.Time) Replay {
	r := replay(s)
	r.Late = append(recentLate(s.Late, g), Late{g, now.Truncate(time.Millisecond)})
	return r
}

// staleReplay is the write that counts a stale token of generation g.
func staleReplay(s Session, g uint32) Replay {
	r := replay(s)
	r.Stale = countStale(s.Stale, g)
	return r
}

// replay is the write that changes nothing.
func replay(s Session) Replay {
	return Replay{
		AccountID: s.AccountID, SessionID: s.ID, ClientID: s.ClientID, Generation: s.Generation,
		WasLate: s.Late, Late: s.Late, WasStale: s.Stale, Stale: s.Stale,
	}
}

// recentLate returns a copy of the late retries of the last lateSpan generations before and with g.
func recentLate(late []Late, g uint32) []Late {
	return slices.DeleteFunc(slices.Clone(late), func(l Late) bool { return int64(l.Generation) <= int64(g)-lateSpan })
}

// lastLate returns when the token of generation g last came back late, zero when it never did.
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

// countStale returns the counts, oldest generation first, after that of g has grown by one.
func countStale(stale []Stale, g uint32) []Stale {
	counted := slices.Clone(stale)
	i, found := slices.BinarySearchFunc(counted, g, func(s Stale, g uint32) int { return int(int64(s.Generation) - int64(g)) })
	if !found {
		counted = slices.Insert(counted, i, Stale{Generation: g})
	}
	counted[i].Count++
	return counted[max(0, len(counted)-staleSpan):]
}
