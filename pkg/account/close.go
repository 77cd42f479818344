package account

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Reopens is how long somebody can take it back that they have closed their account.
const Reopens = 7 * 24 * time.Hour

// Closed reports whether the person has closed the account, which can still be reopened at a time.
func (a Account) Closed(now time.Time) bool { return now.Before(a.RemoveAt) }

// Gone reports whether the account is being removed. Its login name and its address may be another account's by then, so nothing may be changed.
func (a Account) Gone(now time.Time) bool { return !a.RemoveAt.IsZero() && !a.Closed(now) }

// Close ends every session of an account that was just read, lets nobody log in, and has the account removed at a time in whole seconds. It
// returns when that is: another time when the account was closed meanwhile. Errors: ErrConflict when it has changed otherwise, ErrNotFound,
// oauth.ErrUnavailable when the change is not confirmed.
func (e *Editor) Close(ctx context.Context, a Account, at time.Time) (time.Time, error) {
	read := a.Epoch
	for range changeTries {
		err := e.try(a, edit{reason: ReasonDisabled, disable: new(true), remove: &at}, e.write(ctx))
		if !errors.Is(err, ErrConflict) {
			return at, err
		}
		if a, err = e.store.Account(ctx, a.ID); err != nil {
			return time.Time{}, fmt.Errorf("account: close: %w", err)
		}
		switch {
		case a.Closed(e.now()):
			return a.RemoveAt, nil
		case a.Epoch != read:
			return time.Time{}, ErrConflict
		}
		// An identity was linked meanwhile.
	}
	return time.Time{}, errTooManyChanges
}

// Reopen lets people log in again to a closed account that was just read. Errors: ErrConflict when it is not as it was read, ErrNotFound when it
// is being removed, oauth.ErrUnavailable. proof is the digest of what has allowed it.
func (e *Editor) Reopen(ctx context.Context, a Account, proof string) error {
	if !a.Closed(e.now()) {
		return ErrNotFound
	}
	return e.try(a, edit{reason: ReasonDisabled, disable: new(false), remove: &time.Time{}, proof: proof}, e.write(ctx))
}
