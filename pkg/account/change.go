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

// Editor makes the changes that end every session of an account. Safe for concurrent use.
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
// the three methods: ErrNotFound; oauth.ErrUnavailable when the change is not confirmed.
func (e *Editor) EndSessions(ctx context.Context, a Account) error {
	return e.change(ctx, a, "", func(*Account) {})
}

// Disable ends every session and lets nobody log in.
func (e *Editor) Disable(ctx context.Context, id uuid.UUID) error {
	a, err := e.store.Account(ctx, id)
	if err != nil {
		return fmt.Errorf("account: disable: %w", err)
	}
	return e.change(ctx, a, "", func(a *Account) { a.Disabled = true })
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
	return e.change(ctx, a, hashPassword(prepared), func(*Account) {})
}

// change writes a back with a higher epoch, and reads it again when it has changed meanwhile. The epoch is
// the clock's seconds where that is more than one higher, so that an account restored from a backup still
// moves forward.
func (e *Editor) change(ctx context.Context, a Account, hash string, edit func(*Account)) error {
	for range changeTries {
		err := revocation.Stamp(e.now, func(at time.Time) error {
			changed := a
			edit(&changed)
			changed.Epoch = max(a.Epoch+1, at.Unix())
			return e.store.ChangeAccount(ctx, Change{
				Account: changed, From: a.Epoch, Hash: hash,
				Entry: revocation.Entry{At: at, Kind: revocation.Account, ID: a.ID.String(), MinEpoch: changed.Epoch},
			})
		})
		if !errors.Is(err, ErrConflict) {
			return err
		}
		if a, err = e.store.Account(ctx, a.ID); err != nil {
			return fmt.Errorf("account: read again: %w", err)
		}
	}
	return fmt.Errorf("%w: account: too many concurrent changes", oauth.ErrUnavailable)
}
