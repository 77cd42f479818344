package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
)

// changeTries bounds how often a change may meet another one.
const changeTries = 4

// Editor makes the changes that end the sessions of an account, all or all but one. Safe for concurrent use.
type Editor struct {
	store interface {
		Store
		Changer
	}
	now func() time.Time
}

// NewEditor returns an Editor over store.
func NewEditor(store interface {
	Store
	Changer
}, now func() time.Time) *Editor {
	return &Editor{store, now}
}

// EndSessions ends every session of an account that was just read, and denies its access tokens. Errors of
// every method: ErrNotFound; oauth.ErrUnavailable when the change is not confirmed, and may be repeated.
func (e *Editor) EndSessions(ctx context.Context, a Account) error {
	return e.change(ctx, a, edit{})
}

// EndOthers ends every session of an account that was just read but one, which gets the new epoch. Its
// access tokens are denied with those of the others; its refresh tokens are not. ErrNotKept when it has
// ended, and the others then live on.
func (e *Editor) EndOthers(ctx context.Context, a Account, keep uuid.UUID) error {
	return e.change(ctx, a, edit{keep: keep})
}

// Disable ends every session and lets nobody log in.
func (e *Editor) Disable(ctx context.Context, id uuid.UUID) error {
	a, err := e.store.Account(ctx, id)
	if err != nil {
		return fmt.Errorf("account: disable: %w", err)
	}
	return e.change(ctx, a, edit{account: func(a *Account) { a.Disabled = true }})
}

// Enable takes Disable back. What was ended stays ended. An account that is not disabled stays as it is.
func (e *Editor) Enable(ctx context.Context, id uuid.UUID) error {
	a, err := e.store.Account(ctx, id)
	if err != nil {
		return fmt.Errorf("account: enable: %w", err)
	}
	return untilSettled(ctx, e.store, a, func(a Account) error {
		if !a.Disabled {
			return nil // to raise the epoch again would end what has begun since
		}
		return e.try(ctx, a, edit{account: func(a *Account) { a.Disabled = false }})
	})
}

// SetPassword ends every session and replaces the password. ErrPassword when it cannot be one.
func (e *Editor) SetPassword(ctx context.Context, id uuid.UUID, password oauth.Secret) error {
	prepared, err := preparePassword(password.Reveal())
	if err != nil {
		return err
	}
	a, err := e.store.Account(ctx, id)
	if err != nil {
		return fmt.Errorf("account: set password: %w", err)
	}
	return e.change(ctx, a, edit{hash: hashPassword(prepared)})
}

// ChangePassword replaces the password that was just checked, and ends every session but one, as EndOthers.
// ErrPassword when the new one cannot be one. Once anything else has ended the account's sessions meanwhile,
// the password that was checked may no longer be the password: then nothing is changed, and the error is
// oauth.ErrUnavailable.
func (e *Editor) ChangePassword(ctx context.Context, checked Authenticated, password oauth.Secret, keep uuid.UUID) error {
	prepared, err := preparePassword(password.Reveal())
	if err != nil {
		return err
	}
	a := checked.Account
	a.Epoch = checked.Epoch // as it stood beside the hash that was checked
	err = e.try(ctx, a, edit{hash: hashPassword(prepared), keep: keep})
	if errors.Is(err, ErrConflict) {
		return fmt.Errorf("%w: %w", oauth.ErrUnavailable, err)
	}
	return err
}

// edit is what a change does beside ending sessions.
type edit struct {
	account func(*Account) // nil for nothing
	hash    string         // the new one, empty to keep the old one
	keep    uuid.UUID      // the session that lives on, zero for none
}

// change tries an edit until no other change comes between.
func (e *Editor) change(ctx context.Context, a Account, edit edit) error {
	return untilSettled(ctx, e.store, a, func(a Account) error { return e.try(ctx, a, edit) })
}

func (e *Editor) try(ctx context.Context, a Account, edit edit) error {
	return stamped(e.now, a, func(c Change) error {
		c.Hash, c.Keep = edit.hash, edit.keep
		if edit.account != nil {
			edit.account(&c.Account)
		}
		return e.store.ChangeAccount(ctx, c)
	})
}

// stamped calls write with the change that ends every session of a. The epoch becomes the clock's seconds
// where that is more than one higher, so that an account restored from a backup still moves forward.
func stamped(now func() time.Time, a Account, write func(Change) error) error {
	return revocation.Stamp(now, func(at time.Time) error {
		changed := a
		changed.Epoch = max(a.Epoch+1, at.Unix())
		return write(Change{
			Account: changed, From: a.Epoch,
			Entry: revocation.Entry{At: at, Kind: revocation.Account, ID: a.ID.String(), MinEpoch: changed.Epoch},
		})
	})
}

// untilSettled tries a change of an account, and reads the account again when it has changed meanwhile.
func untilSettled(ctx context.Context, store Store, a Account, try func(Account) error) error {
	for range changeTries {
		err := try(a)
		if !errors.Is(err, ErrConflict) {
			return err
		}
		if a, err = store.Account(ctx, a.ID); err != nil {
			return fmt.Errorf("account: read again: %w", err)
		}
	}
	return fmt.Errorf("%w: account: too many concurrent changes", oauth.ErrUnavailable)
}
