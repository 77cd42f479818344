package session

import (
	"cmp"
	"errors"
	"math"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/client"
)

// Reasons why a session cannot be used any more, in the words that clients are told (docs/design.md §6).
const (
	BecauseIdle            = "idle"     // it was not used for too long
	BecauseAbsolute        = "absolute" // it has lasted as long as a session may
	BecauseEnded           = "ended"    // it alone was logged out or revoked
	BecauseEndedElsewhere  = account.ReasonEndedElsewhere
	BecausePasswordChanged = account.ReasonPasswordChanged
	BecauseDisabled        = account.ReasonDisabled
	BecauseRestored        = "restored" // the table was restored from a backup
	BecauseReuse           = "reuse"    // an old refresh token came back: somebody has a copy
)

// EndedError is an ErrEnded with its reason.
type EndedError struct{ Reason string } // one of the Because constants

func (e *EndedError) Error() string { return ErrEnded.Error() + ": " + e.Reason }

// Is makes every EndedError an ErrEnded.
func (e *EndedError) Is(target error) bool { return target == ErrEnded }

// RefusedError is an ErrRefused.
type RefusedError struct {
	Reason   string // what clients are told: one of the Because constants, or nothing
	Detail   string // for logs
	AllEnded bool   // it is an ErrAllEnded, too
}

func (e *RefusedError) Error() string { return ErrRefused.Error() + ": " + e.Detail }

// Is makes every RefusedError an ErrRefused, and some of them an ErrAllEnded.
func (e *RefusedError) Is(target error) bool {
	return target == ErrRefused || e.AllEnded && target == ErrAllEnded
}

func refuse(detail string) error { return &RefusedError{Detail: detail} }

// Usable returns nil when a session of the account a at the client c may be used, and an *EndedError otherwise. It is the one
// rule for all who ask: refreshes, lists of sessions and people who change their account. A client that is not registered any
// more is the zero one. A session that began before its client did belongs to another client that had the same id, or to this
// one before it was revoked.
func Usable(s Session, a account.Account, c client.Client, now time.Time) error {
	switch {
	case !s.RevokedAt.IsZero():
		return &EndedError{s.Reason.because()}
	case !s.HasBegun():
		return &EndedError{BecauseEnded} // its code was not used yet
	case c.ID != s.ClientID || s.CreatedAt.Before(c.Since):
		return &EndedError{BecauseEnded}
	case a.Disabled:
		return &EndedError{BecauseDisabled}
	case s.Epoch < a.Epoch:
		return &EndedError{cmp.Or(a.EndedBecause(s.Epoch), BecauseEndedElsewhere)}
	case !now.Before(s.Expiry) && !s.IdleExpiry.Before(s.Expiry):
		return &EndedError{BecauseAbsolute}
	case !s.Live(now):
		return &EndedError{BecauseIdle}
	}
	return nil
}

// deletedAccount takes the place of an account that was deleted. Its epoch is above that of every session.
var deletedAccount = account.Account{Epoch: math.MaxInt64}

// reasonFor returns the reason why the session ended, for a client that presents a token of generation g. It is empty unless
// the session is that client's and the token is the newest or the one before.
func reasonFor(s Session, a account.Account, g uint32, c client.Client, now time.Time) string {
	behind := int64(s.Generation) - int64(g)
	var ended *EndedError
	if s.ClientID != c.ID || behind != 0 && behind != 1 || !errors.As(Usable(s, a, c, now), &ended) {
		return ""
	}
	return ended.Reason
}

// because translates the reason of a revocation into what clients are told.
func (r Reason) because() string {
	switch r {
	case ReasonReuse:
		return BecauseReuse
	case ReasonEnded:
		return BecauseEndedElsewhere
	default:
		return BecauseEnded
	}
}
