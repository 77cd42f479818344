// Package revocation owns the denylist: the append-only log of what must no longer be accepted, and the
// snapshot of it that answers "is this token revoked?" from memory. It does not end sessions and it does
// not know what a token looks like.
package revocation

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/wavepass/wavepass/pkg/oauth"
)

// Kind says what an entry's id names.
type Kind string

const (
	Token   Kind = "jti"     // one access token
	Session Kind = "sid"     // every access token of a session
	Account Kind = "account" // every access token of an account with an older epoch
	Client  Kind = "client"  // every access token of a client, or those of before a time
	Key     Kind = "kid"     // every access token signed by a key
)

// Entry is one revocation. It is never changed or withdrawn; it disappears when no token that it denies
// can be alive any more.
type Entry struct {
	At       time.Time // the writer's clock, milliseconds
	Kind     Kind
	ID       string
	MinEpoch int64 // Account only: the lowest epoch that is still accepted
	Before   int64 // Client only, unix seconds: tokens of sessions that began before are denied; 0: every token is
}

// functionTimeout is longer than any function runs: a token signed at its start may leave at its end.
const functionTimeout = 30 * time.Second

// ExpiresAt is when no token that e denies can be alive any more.
func (e Entry) ExpiresAt() time.Time {
	return e.At.Add(oauth.MaxAccessLife + functionTimeout + time.Minute)
}

// ErrRevoked says that the token was revoked.
var ErrRevoked = errors.New("revocation: revoked")

// Log stores entries.
type Log interface {
	// Append stores e; once it returns nil, every later Since sees e. Appending the same entry again
	// changes nothing. Any error is oauth.ErrUnavailable: e may or may not be stored.
	Append(ctx context.Context, e Entry) error

	Reader
}

// Reader reads the log.
type Reader interface {
	// Since returns the entries of all shards that are stamped at or after from and not yet expired,
	// strongly consistent: an entry whose Append had returned before Since was called is among them.
	// The zero time asks for all. An error is oauth.ErrUnavailable, and what had been read by then comes with
	// it, as a beginning of the log without gaps: all that are stamped before the newest of them.
	Since(ctx context.Context, from time.Time) ([]Entry, error)
}

// Once stores entries that anybody may ask for again and again.
type Once interface {
	// AppendOnce is Log.Append for a revocation that anybody may ask for again and again. It stores e, unless another call has
	// stored an entry of this kind and id less than SlowWrite before e.At: that one denies as much, and stored is false. call
	// names the caller's call, which may stamp and store its entry again.
	AppendOnce(ctx context.Context, e Entry, call string) (stored bool, err error)
}

// SlowWrite is how long a write may take before its stamp is too old for readers to be sure to see it.
// They look back by three times as much.
const SlowWrite = 10 * time.Second

// Stamp calls write with the time to stamp an entry with, and again with a new stamp when the call took
// longer than SlowWrite; it gives up after three. The write must be repeatable.
func Stamp(now func() time.Time, write func(at time.Time) error) error {
	const tries = 3
	for range tries {
		at := now()
		if err := write(at.Truncate(time.Millisecond)); err != nil {
			return err
		}
		if age(at, now()) <= SlowWrite {
			return nil
		}
	}
	return oauth.ErrUnavailable
}

// Deny appends an entry that names id, stamped as readers need it. Any error is oauth.ErrUnavailable.
func Deny(ctx context.Context, log Log, now func() time.Time, kind Kind, id string) error {
	return Stamp(now, func(at time.Time) error { return log.Append(ctx, Entry{At: at, Kind: kind, ID: id}) })
}

// DenyClient appends an entry that denies the access tokens of the client's sessions that began before that time, in whole
// seconds. Errors as Deny.
func DenyClient(ctx context.Context, log Log, now func() time.Time, id string, before time.Time) error {
	return Stamp(now, func(at time.Time) error {
		return log.Append(ctx, Entry{At: at, Kind: Client, ID: id, Before: before.Unix()})
	})
}

// DenyOnce is Deny for a revocation that anybody may ask for again and again: it appends at most one entry in SlowWrite, and
// reports whether it did.
func DenyOnce(ctx context.Context, log Once, now func() time.Time, kind Kind, id string) (stored bool, err error) {
	call := rand.Text()
	err = Stamp(now, func(at time.Time) (err error) {
		stored, err = log.AppendOnce(ctx, Entry{At: at, Kind: kind, ID: id}, call)
		return err
	})
	return stored, err
}

// age is how long ago from was, by whichever of wall clock and monotonic clock says more: the monotonic
// clock stands still while a function is frozen, the wall clock can be set back.
func age(from, now time.Time) time.Duration {
	return max(now.Sub(from), now.Round(0).Sub(from.Round(0)))
}
