package account

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
)

// changeTries bounds how often a change is tried again because of another one.
const changeTries = 4

// Editor makes the changes that end all sessions of an account, or all but one. Safe for concurrent use.
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
// every method: ErrNotFound, also once the account is being removed; oauth.ErrUnavailable when the change is not confirmed, and then it may be repeated.
func (e *Editor) EndSessions(ctx context.Context, a Account) error {
	return e.change(ctx, a, edit{reason: ReasonEndedElsewhere})
}

// EndOthers ends every session of an account that was just read, except the session keep, which gets the new epoch. The
// access tokens of all sessions are denied; the refresh tokens of the session keep are not. ErrNotKept when that session has
// ended, and then nothing is changed.
func (e *Editor) EndOthers(ctx context.Context, a Account, keep uuid.UUID) error {
	return e.change(ctx, a, edit{reason: ReasonEndedElsewhere, keep: keep})
}

// Disable ends every session and lets nobody log in. An account that its person has closed is not removed any more. It reports whether the account was enabled before.
func (e *Editor) Disable(ctx context.Context, id uuid.UUID) (bool, error) {
	return e.setDisabled(ctx, id, true)
}

// Enable takes Disable or Close back, and reports whether the account was disabled before. Sessions that have ended stay ended. ErrNotFound
// once the account is being removed.
func (e *Editor) Enable(ctx context.Context, id uuid.UUID) (bool, error) {
	return e.setDisabled(ctx, id, false)
}

// setDisabled reports whether this call changed Disabled. Of several calls at once exactly one does. To disable an account
// again denies its access tokens again, for a caller who repeats a change that was not confirmed.
func (e *Editor) setDisabled(ctx context.Context, id uuid.UUID, disabled bool) (changed bool, err error) {
	a, err := e.store.Account(ctx, id)
	if err != nil {
		return false, fmt.Errorf("account: set disabled to %t: %w", disabled, err)
	}
	err = e.untilSettled(ctx, a, func(a Account) error {
		if !disabled && !a.Disabled {
			return nil // raising the epoch would end the sessions that have begun since
		}
		change := edit{reason: ReasonDisabled, disable: &disabled}
		if !a.RemoveAt.IsZero() { // an operator who enables an account reopens it, and one who disables it keeps it
			change.remove = &time.Time{}
		}
		return e.try(a, change, func(c Change) error {
			err := e.store.ChangeAccount(ctx, c)
			changed = changed || err == nil && (a.Disabled != disabled || change.remove != nil)
			return err
		})
	})
	return changed, err
}

// SetPassword ends every session and replaces the password. Errors: those of PasswordRules.Accept, ErrNoLogin when
// the account cannot have one.
func (e *Editor) SetPassword(ctx context.Context, id uuid.UUID, password oauth.Secret, rules PasswordRules) error {
	a, err := e.store.Account(ctx, id)
	if err != nil {
		return fmt.Errorf("account: set password: %w", err)
	}
	if a.Username == "" {
		return ErrNoLogin
	}
	accepted, err := rules.Accept(password, a.Username, a.Email.Address)
	if err != nil {
		return err
	}
	hash := accepted.hash()
	return e.withLogin(ctx, a, edit{reason: ReasonPasswordChanged, hash: hash}, e.write(ctx))
}

// EndPassword ends every session of an account that was just read, and replaces its password, if it has one, by one that nobody knows.
// It does not try again, because the caller has decided by that state. It returns the account with its new epoch. Errors: ErrConflict
// when something has changed since, ErrNotFound, oauth.ErrUnavailable.
func (e *Editor) EndPassword(ctx context.Context, a Account) (Account, error) {
	change := edit{reason: ReasonEndedElsewhere}
	if a.Username != "" {
		_, login, err := e.store.AccountAndLogin(ctx, a.ID, a.Username)
		switch {
		case errors.Is(err, ErrNotFound):
			return a, ErrConflict
		case err != nil:
			return a, fmt.Errorf("account: end password: %w", err)
		}
		change = edit{reason: ReasonPasswordChanged, oldHash: login.Hash, hash: hashPassword(rand.Text())}
	}
	err := e.try(a, change, func(c Change) error {
		a = c.Account
		return e.store.ChangeAccount(ctx, c)
	})
	return a, err
}

// withLogin makes an edit that needs the password hash as it is, of an account with a login name.
func (e *Editor) withLogin(ctx context.Context, a Account, edit edit, write Begin) error {
	return e.untilSettled(ctx, a, func(a Account) error {
		a, login, err := e.store.AccountAndLogin(ctx, a.ID, a.Username)
		if err != nil {
			return fmt.Errorf("account: read account and login name: %w", err)
		}
		edit.oldHash = login.Hash
		return e.try(a, edit, write)
	})
}

// Begin stores a change together with a new session that has the change's epoch, both or neither. Its errors are those of
// Changer.ChangeAccount. It may be called again with a later change after it has failed.
type Begin func(Change) error

// ChangePassword replaces the password that was just checked, ends every session and begins a new one. The error is oauth.ErrUnavailable
// also when another change has replaced the checked password meanwhile; then nothing is changed.
func (e *Editor) ChangePassword(ctx context.Context, checked Authenticated, password NewPassword, begin Begin) error {
	return e.changeChecked(ctx, checked, edit{
		reason: ReasonPasswordChanged, hash: password.hash(), oldHash: checked.hash,
	}, begin)
}

// EndAndBegin ends every session of an account whose password was just checked and begins a new one. Errors as
// ChangePassword.
func (e *Editor) EndAndBegin(ctx context.Context, checked Authenticated, begin Begin) error {
	return e.changeChecked(ctx, checked, edit{reason: ReasonEndedElsewhere}, begin)
}

// changeChecked makes an edit after a password was checked. When another change has come between, it makes the edit only if
// that password is still the one of the account.
func (e *Editor) changeChecked(ctx context.Context, checked Authenticated, edit edit, begin Begin) error {
	a := checked.Account
	for range changeTries {
		err := e.try(a, edit, begin)
		if !errors.Is(err, ErrConflict) {
			return err
		}
		var login LoginName
		a, login, err = e.store.AccountAndLogin(ctx, a.ID, a.Username)
		switch {
		case err != nil:
			return fmt.Errorf("account: read again: %w", err)
		case login.AccountID != a.ID || login.Hash != checked.hash || a.Disabled:
			return fmt.Errorf("%w: account: the password was changed meanwhile", oauth.ErrUnavailable)
		}
	}
	return errTooManyChanges
}

// edit is what a change does besides raising the epoch.
type edit struct {
	reason        string     // one of the Reason constants
	hash, oldHash string     // hash is empty to keep oldHash
	disable       *bool      // nil to leave it as it is
	keep          uuid.UUID  // the session that lives on, zero for none
	email         *Email     // nil to leave it as it is
	had           time.Time  // when the account had the address before, if it is given back
	remove        *time.Time // nil to leave it as it is
	unlink        bool       // no identity leads to the account any more
	proof         string     // the digest of the link or the code by which it is made; empty: by none
}

// change makes an edit, and repeats it when another change has come between.
func (e *Editor) change(ctx context.Context, a Account, edit edit) error {
	return e.untilSettled(ctx, a, func(a Account) error { return e.try(a, edit, e.write(ctx)) })
}

func (e *Editor) write(ctx context.Context) Begin {
	return func(c Change) error { return e.store.ChangeAccount(ctx, c) }
}

// try makes an edit of the account as it was read. The new epoch is the time in seconds, or one more than the old epoch if that
// is higher. So the epoch of an account that was restored from a backup becomes higher than any that it had.
func (e *Editor) try(a Account, edit edit, write Begin) error {
	return revocation.Stamp(e.now, func(at time.Time) error {
		if a.Gone(at) {
			return ErrNotFound
		}
		changed := a
		changed.Epoch = max(a.Epoch+1, at.Unix())
		changed.Endings = append(slices.Clone(a.Endings), Ending{changed.Epoch, edit.reason})
		changed.Endings = changed.Endings[max(0, len(changed.Endings)-maxEndings):]
		if edit.proof != "" {
			changed.Proof = Proof{edit.proof, changed.Epoch}
		}
		if edit.disable != nil {
			changed.Disabled = *edit.disable
		}
		c := Change{
			From: a.Epoch, Hash: edit.hash, OldHash: edit.oldHash, Disable: edit.disable, Keep: edit.keep, OldEmail: a.Email.Address,
			Entry: revocation.Entry{At: at, Kind: revocation.Account, ID: a.ID.String(), MinEpoch: changed.Epoch},
		}
		if edit.email != nil {
			c.Email, changed.Email = edit.email, *edit.email
			c.OldUsername, changed.Username = usernameFor(a, *edit.email)
			switch {
			case !edit.had.IsZero():
				changed.Held = a.gaveBack(edit.had, at)
			case edit.email.Address != a.Email.Address:
				changed.Held = a.moved(at)
			}
		}
		if edit.remove != nil {
			c.Remove, changed.RemoveAt, c.OldIdentities = edit.remove, *edit.remove, a.Identities
		}
		if edit.unlink {
			c.Unlink, c.OldIdentities, changed.Identities = true, a.Identities, nil
		}
		c.Account = changed
		return write(c)
	})
}

var errTooManyChanges = fmt.Errorf("%w: account: too many concurrent changes", oauth.ErrUnavailable)

// untilSettled tries a change of an account. When the account has changed meanwhile, it reads it and tries again.
func (e *Editor) untilSettled(ctx context.Context, a Account, try func(Account) error) error {
	for range changeTries {
		err := try(a)
		if !errors.Is(err, ErrConflict) {
			return err
		}
		if a, err = e.store.Account(ctx, a.ID); err != nil {
			return fmt.Errorf("account: read again: %w", err)
		}
	}
	return errTooManyChanges
}
