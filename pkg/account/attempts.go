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
type Bucket struct {
	Kind   string // "account", "network" or "document"
	Key    string // whose attempts are counted, any text
	Window int64  // number of the window since 1970
	Limit  int
	Until  time.Time // end of the window
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
	// When it is repeated after a lost reply, it counts twice.
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
