// Package account owns who may log in: accounts, the checking of passwords, and the throttle on
// guessing them. It does not know clients or tokens, and of sessions no more than that an epoch ends them.
package account

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/revocation"
)

var (
	// ErrNotFound says that there is no such account or login name.
	ErrNotFound = errors.New("account: not found")
	// ErrExists says that the login name is taken.
	ErrExists = errors.New("account: login name taken")
	// ErrConflict says that an account has been changed by somebody else.
	ErrConflict = errors.New("account: changed meanwhile")
	// ErrNotKept says that a session that a change was to keep has ended; nothing was changed.
	ErrNotKept = errors.New("account: the session to keep has ended")
	// ErrInvalidCredentials is the one answer to a wrong password, an unknown username and a disabled
	// account.
	ErrInvalidCredentials = errors.New("account: invalid credentials")
)

// Account is a person or a machine that can log in.
type Account struct {
	ID       uuid.UUID
	Username string // canonical, see CanonicalUsername
	Roles    []string
	Scopes   []string // what its tokens may carry, of what the client allows
	Disabled bool
	Epoch    int64 // raising it ends every session of the account
}

// LoginName is what a username leads to. It repeats the epoch, so that a login reads it in the same
// instant as the password hash: a login that races with a password change is dead on arrival.
type LoginName struct {
	AccountID uuid.UUID
	Hash      string // PHC string format
	Epoch     int64
}

// Store reads accounts. Both reads are strongly consistent and return ErrNotFound or oauth.ErrUnavailable.
type Store interface {
	Account(ctx context.Context, id uuid.UUID) (Account, error)
	LoginName(ctx context.Context, username string) (LoginName, error)
}

// Creator stores new accounts.
type Creator interface {
	// CreateAccount stores the account, whose id is fresh, and its login name, both or neither. ErrExists
	// when the login name is taken by another account; the same account again changes nothing.
	CreateAccount(ctx context.Context, a Account, hash string) error
}

// Change raises the epoch of an account, which ends every session that began before, but for one that it may
// keep.
type Change struct {
	Account Account   // as it becomes; its Epoch is the new one
	From    int64     // the epoch that it has
	Hash    string    // the new password hash, empty to keep the old one
	Keep    uuid.UUID // a session of the account that lives on, zero for none
	Entry   revocation.Entry
}

// Changer changes accounts.
type Changer interface {
	// ChangeAccount stores Epoch and Disabled of the account, Epoch and, if there is one, Hash of its login
	// name, and appends the entry to the revocation log: all or nothing, provided that account and login
	// name have the epoch From. ErrConflict when they have not, ErrNotFound when there is no account. A
	// repeated call is a conflict with itself.
	//
	// With Keep it gives that session the new epoch too, provided that it lives at the entry's time with an
	// epoch that is not behind From; ErrNotKept when account and login name are as they should be and the
	// session is not.
	ChangeAccount(ctx context.Context, c Change) error
}

// Keeper stores what only an administrator changes.
type Keeper interface {
	// SetAccess replaces roles and scopes of an account, in one write. ErrNotFound. It may be repeated.
	SetAccess(ctx context.Context, id uuid.UUID, roles, scopes []string) error

	// DeleteAccount removes the account and its login name, and appends the entry to the revocation log: all
	// or nothing, under the conditions and with the errors of ChangeAccount. Hash and Keep are not used. Its
	// sessions stay until they expire; without an account they are dead.
	DeleteAccount(ctx context.Context, c Change) error
}

// New returns an account that is not stored yet, and its password hash.
func New(username, password string, now time.Time) (Account, string, error) {
	canonical, err := CanonicalUsername(username)
	if err != nil {
		return Account{}, "", err
	}
	prepared, err := preparePassword(password)
	if err != nil {
		return Account{}, "", err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Account{}, "", err
	}
	return Account{ID: id, Username: canonical, Epoch: now.Unix()}, hashPassword(prepared), nil
}
