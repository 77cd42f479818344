package account

import (
	"context"
	"fmt"
	"time"
)

// Limit is the number of attempts that are allowed in one window.
type Limit struct {
	Count  int
	Window time.Duration
}

// Limits of docs/design.md §9.
type Limits struct {
	Account Limit // per login name and network
	Network Limit // per network
}

// DefaultLimits allow a person many typing errors and a guesser few guesses.
var DefaultLimits = Limits{
	Account: Limit{10, 15 * time.Minute},
	Network: Limit{300, 15 * time.Minute},
}

// Bucket counts the attempts of one subject in one window. Windows are aligned to the clock, so that
// counting is a single conditional write; a guesser who straddles a boundary gets at most twice the limit.
//
// A bucket in a row has no window. Each attempt that is counted moves the time when the count is forgotten, so that time alone takes no
// attempt off a count below its limit; once the time has passed, counting begins anew.
type Bucket struct {
	Kind   string // one of the Kind constants, or a word of another package
	Key    string // whose attempts are counted, any text
	Window int64  // number of the window since 1970; zero in a row
	Limit  int
	Until  time.Time // end of the window; in a row, when the count is forgotten
	Now    time.Time // only in a row
}

// Kinds of buckets.
const (
	KindAccount  = "account"  // login name and network
	KindNetwork  = "network"  // network
	KindPassword = "password" // password hash, in a row
	KindDevice   = "device"   // device that is known, in a row
)

// InRow reports whether the bucket has no window.
func (b Bucket) InRow() bool { return !b.Now.IsZero() }

const (
	maxInRow   = 100            // failures, over all networks (NIST SP 800-63B-4 §3.2.2)
	forgetting = 24 * time.Hour // since the last of them
)

func newBucketInRow(kind, key string, now time.Time) Bucket {
	return Bucket{Kind: kind, Key: key, Limit: maxInRow, Until: now.Add(forgetting), Now: now}
}

// NewBucket returns the bucket of a key in the window that now is in.
func NewBucket(kind, key string, limit Limit, now time.Time) Bucket {
	return newBucket(kind, key, limit, now)
}

func newBucket(kind, key string, limit Limit, now time.Time) Bucket {
	window := now.UnixNano() / int64(limit.Window)
	return Bucket{
		Kind:   kind,
		Key:    key,
		Window: window,
		Limit:  limit.Count,
		Until:  time.Unix(0, (window+1)*int64(limit.Window)).UTC(),
	}
}

// Attempts counts login attempts.
type Attempts interface {
	// Take counts one attempt in one conditional write if the bucket is below its limit, and reports whether it was.
	// When it is repeated after a lost reply, it counts twice. A bucket in a row whose time has passed takes two writes more.
	Take(ctx context.Context, b Bucket) (bool, error)
	// Refund takes one attempt back; never below zero.
	Refund(ctx context.Context, b Bucket) error
	// Clear empties the bucket.
	Clear(ctx context.Context, b Bucket) error
}

// TooManyAttemptsError says that the password was not checked.
type TooManyAttemptsError struct{ RetryAfter time.Duration }

func (e *TooManyAttemptsError) Error() string {
	return fmt.Sprintf("account: too many attempts, retry after %s", e.RetryAfter)
}
