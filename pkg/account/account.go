// Package account owns who may log in: accounts, the checking of passwords, and the throttle on
// guessing them. It does not know clients or tokens, and of sessions no more than that an epoch ends them.
package account

import (
	"context"
	"errors"
	"slices"
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
	// account; the error itself is a *FailedError.
	ErrInvalidCredentials = errors.New("account: invalid credentials")
)

// FailedError is ErrInvalidCredentials, with whose login it was: for the audit trail, never for the caller.
type FailedError struct{ AccountID uuid.UUID } // zero: the username is nobody's

func (*FailedError) Error() string { return ErrInvalidCredentials.Error() }

func (*FailedError) Unwrap() error { return ErrInvalidCredentials }

// Account is a person or a machine that can log in.
type Account struct {
	ID       uuid.UUID
	Username string // canonical, see CanonicalUsername
	Roles    []string
	Scopes   []string // what its tokens may carry, of what the client allows
	Disabled bool
	Epoch    int64    // raising it ends every session of the account
	Endings  []Ending // why it was raised, oldest first, at most maxEndings
}

// Ending says why an epoch was raised.
type Ending struct {
	Epoch  int64  // that the account got
	Reason string // one of the Reason constants
}

// Reasons of an ending, in the words of the `reason` member of a refused refresh.
const (
	ReasonEndedElsewhere  = "ended_elsewhere"  // the person, or an operator, ended the sessions
	ReasonPasswordChanged = "password_changed" // also by an operator
	ReasonDisabled        = "disabled"
)

// maxEndings bounds what an account item holds.
const maxEndings = 8

// EndedBecause returns why a session with this epoch has ended, "" when it has not or when that is no longer known.
func (a Account) EndedBecause(sessionEpoch int64) string {
	i := slices.IndexFunc(a.Endings, func(e Ending) bool { return e.Epoch > sessionEpoch })
	if i < 0 || i == 0 && len(a.Endings) == maxEndings {
		return "" // the ending that counts may have been dropped from the list
	}
	return a.Endings[i].Reason
}

// LoginName is what a username leads to.
type LoginName struct {
	AccountID uuid.UUID
	Hash      string // PHC string format
}

// Store reads accounts, strongly consistent. Every method returns ErrNotFound or oauth.ErrUnavailable.
type Store interface {
	Account(ctx context.Context, id uuid.UUID) (Account, error)
	LoginName(ctx context.Context, username string) (LoginName, error)

	// AccountAndLogin reads an account and a login name as they are at one moment: two single reads may see a
	// change half made. ErrNotFound when one of them is missing; both are looked for in any case.
	AccountAndLogin(ctx context.Context, id uuid.UUID, username string) (Account, LoginName, error)
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
	Account Account   // as it becomes; its Epoch is the new one, and the last of its Endings says why
	From    int64     // the epoch that it has
	Hash    string    // the new password hash, empty to keep the old one
	OldHash string    // the hash that is there; used by a change with Hash, and by a deletion
	Disable *bool     // what Disabled becomes, nil to leave it as it is
	Keep    uuid.UUID // a session of the account that lives on, zero for none
	Entry   revocation.Entry
}

// Changer changes accounts.
type Changer interface {
	// ChangeAccount stores Epoch and Endings of the account, Disabled and the hash of its login name where the
	// change has one, and appends the entry to the revocation log: all or nothing, provided that the account has the epoch From and,
	// with Hash, the login name has OldHash. ErrConflict when they have not, ErrNotFound when there is no account.
	// A repeated call is a conflict with itself.
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
	// or nothing, provided that the account has the epoch From and the login name has OldHash; errors as
	// ChangeAccount. Nothing else of the change is used. Its sessions stay until they expire; without an account they
	// are dead.
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
