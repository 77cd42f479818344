package session

import (
	"slices"
	"time"
)

// lateSpan is how many generations back a late retry is remembered.
const lateSpan = 5

// lateRetry is the write that records a late retry of the token of generation g.
func lateRetry(s Session, g uint32, now time.Time) LateRetry {
	return LateRetry{
		AccountID: s.AccountID, SessionID: s.ID, ClientID: s.ClientID, Generation: s.Generation,
		Was: s.Late,
		Now: append(recentLate(s.Late, g), Late{g, now.Truncate(time.Millisecond)}),
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
