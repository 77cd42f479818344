package session

import (
	"cmp"
	"errors"
	"math"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
)

// The reasons for which a session cannot be used any more, in the words that clients are told.
const (
	BecauseIdle            = "idle"     // it was not used for too long
	BecauseAbsolute        = "absolute" // it has lasted as long as a session may
	BecauseEnded           = "ended"    // it was logged out or revoked by itself
	BecauseEndedElsewhere  = account.ReasonEndedElsewhere
	BecausePasswordChanged = account.ReasonPasswordChanged
	BecauseDisabled        = account.ReasonDisabled
	BecauseRestored        = "restored" // the table was restored from a backup
	BecauseReuse           = "reuse"    // an old refresh token came back: somebody has a copy
)

// EndedError is an ErrEnded that says why.
type EndedError struct{ Reason string }

func (e *EndedError) Error() string { return ErrEnded.Error() + ": " + e.Reason }

// Is makes every EndedError an ErrEnded.
func (e *EndedError) Is(target error) bool { return target == ErrEnded }

// RefusedError is an ErrRefused. Callers are told the Reason, or nothing when it is empty.
type RefusedError struct {
	Reason string
	Detail string // for logs
}

func (e *RefusedError) Error() string { return ErrRefused.Error() + ": " + e.Detail }

// Is makes every RefusedError an ErrRefused.
func (e *RefusedError) Is(target error) bool { return target == ErrRefused }

func refuse(detail string) error { return &RefusedError{Detail: detail} }

// Usable returns nil when a session of the account a may be used, and otherwise an *EndedError. It is the one
// rule for refreshes, lists of sessions and whatever else asks.
func Usable(s Session, a account.Account, now time.Time) error {
	switch {
	case !s.RevokedAt.IsZero():
		return &EndedError{s.Reason.told()}
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

// deletedAccount stands for an account that is gone: its deletion has ended every session.
var deletedAccount = account.Account{Epoch: math.MaxInt64}

// told is the reason that the client clientID is told when it presents a token of generation g: nothing unless the
// session is its own and the token was the newest or the one before.
func told(s Session, a account.Account, g uint32, clientID string, now time.Time) string {
	behind := int64(s.Generation) - int64(g)
	var ended *EndedError
	if s.ClientID != clientID || behind != 0 && behind != 1 || !errors.As(Usable(s, a, now), &ended) {
		return ""
	}
	return ended.Reason
}

// told is the reason of a revocation as clients are told it.
func (r Reason) told() string {
	switch r {
	case ReasonReuse:
		return BecauseReuse
	case ReasonEnded:
		return BecauseEndedElsewhere
	default:
		return BecauseEnded
	}
}
