// Package account owns accounts, the checking of passwords, and the throttle on guessing them. It knows nothing of clients and
// tokens, and of sessions only that raising an epoch ends them.
package account

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/claims"
	"github.com/wavepass/wavepass/pkg/revocation"
)

var (
	// ErrNotFound says that there is no such account or login name.
	ErrNotFound = errors.New("account: not found")
	// ErrExists says that the login name is taken.
	ErrExists = errors.New("account: login name taken")
	// ErrConflict says that an account has changed since it was read.
	ErrConflict = errors.New("account: changed meanwhile")
	// ErrNotKept says that the session that a change should keep has ended; nothing was changed.
	ErrNotKept = errors.New("account: the session to keep has ended")
	// ErrInvalidCredentials is the one answer to a wrong password, an unknown username and a disabled
	// account; the error itself is a *FailedError.
	ErrInvalidCredentials = errors.New("account: invalid credentials")
)

// FailedError is an ErrInvalidCredentials with the account, for the audit trail. Callers must not be told it.
type FailedError struct{ AccountID uuid.UUID } // zero: no account has the username

func (*FailedError) Error() string { return ErrInvalidCredentials.Error() }

func (*FailedError) Unwrap() error { return ErrInvalidCredentials }

// Account is a person or a machine that can log in.
type Account struct {
	ID       uuid.UUID
	Username string // canonical, see CanonicalUsername; empty: nobody logs in with a password, and Subject is set
	Subject  Subject
	// Identities are those of other providers that lead to this account too, at most MaxIdentities. Each has a record like that of Subject.
	Identities []Subject
	Email      Email
	Held       []Held // when it had its addresses, oldest first; the last is the one that it has. Empty while it has its first
	Roles      []string
	Scopes     []string // its tokens have those that the client has too
	Claims     claims.Set
	Disabled   bool // nobody can log in
	// RemoveAt is when the account and what is kept of the person go, in whole seconds, because the person has closed it; until then it is
	// disabled. Zero: never.
	RemoveAt time.Time
	Epoch    int64    // raising it ends every session of the account
	Endings  []Ending // why the epoch was raised, oldest first, at most maxEndings
	Proof    Proof    // the last link or code of a mail that has made or changed the account; zero: none has
}

// Proof is a link or a code of a mail that was used for an account.
type Proof struct {
	Digest string // names it, and does not make it: a hash
	Epoch  int64  // that the account has got by it. When the account has another, something has changed since
}

// Access is what an administrator lets an account do, and says about it.
type Access struct {
	Roles  []string
	Scopes []string
	Claims claims.Set
}

// Access returns what the account may do.
func (a Account) Access() Access { return Access{a.Roles, a.Scopes, a.Claims} }

// With returns the account with another access.
func (a Account) With(access Access) Account {
	a.Roles, a.Scopes, a.Claims = access.Roles, access.Scopes, access.Claims
	return a
}

// Equal reports whether both are the same.
func (a Access) Equal(b Access) bool {
	return slices.Equal(a.Roles, b.Roles) && slices.Equal(a.Scopes, b.Scopes) && a.Claims == b.Claims
}

// Ending says why an epoch was raised.
type Ending struct {
	Epoch  int64  // the new one
	Reason string // one of the Reason constants
}

// Reasons of an ending, in the words of the `reason` member of a refused refresh.
const (
	ReasonEndedElsewhere  = "ended_elsewhere"  // the person, or an operator, ended the sessions
	ReasonPasswordChanged = "password_changed" // also by an operator
	ReasonDisabled        = "disabled"
)

// maxEndings bounds the size of an account item.
const maxEndings = 8

// EndedBecause returns why a session with this epoch has ended; empty when it has not, or when that is not known any more.
func (a Account) EndedBecause(sessionEpoch int64) string {
	i := slices.IndexFunc(a.Endings, func(e Ending) bool { return e.Epoch > sessionEpoch })
	if i < 0 || i == 0 && len(a.Endings) == maxEndings {
		return "" // the ending that ended this session may have been dropped from the list
	}
	return a.Endings[i].Reason
}

// LoginName is the account and the password hash of a username.
type LoginName struct {
	AccountID uuid.UUID
	Hash      string // PHC string format, or a hash of another program, see Imported
}

// Store reads accounts, strongly consistent. Every method returns ErrNotFound or oauth.ErrUnavailable.
type Store interface {
	Account(ctx context.Context, id uuid.UUID) (Account, error)
	LoginName(ctx context.Context, username string) (LoginName, error)

	// AccountAndLogin reads an account and a login name in one transaction; two separate reads could see half of a
	// change. ErrNotFound when one of them is missing; it reads both all the same.
	AccountAndLogin(ctx context.Context, id uuid.UUID, username string) (Account, LoginName, error)
}

// Rehasher replaces the hash of a password that stays the same.
type Rehasher interface {
	// Rehash replaces the hash of a login name, on the condition that it is from. The epoch stays: no session ends. ErrConflict
	// when the hash is another, or there is no such login name; oauth.ErrUnavailable.
	Rehash(ctx context.Context, username, from, to string) error
}

// Creator stores new accounts.
type Creator interface {
	// CreateAccount stores the account, whose id is new, its login name, and its address if it has one: all or nothing. ErrExists
	// when another account has the login name or the id, ErrAddressTaken when another has only its address. To create the same account
	// again changes nothing.
	CreateAccount(ctx context.Context, a Account, hash string) error
}

// Change raises the epoch of an account, which ends every session that began before, except one that it may keep.
type Change struct {
	Account Account   // after the change: Epoch is the new one, and the last of Endings says why
	From    int64     // the epoch before the change
	Hash    string    // the new password hash, empty to keep the old one
	OldHash string    // the hash before the change; used by a change with Hash, and by a deletion
	Disable *bool     // the new value of Disabled, nil to leave it as it is
	Keep    uuid.UUID // a session of the account that lives on, zero for none
	Entry   revocation.Entry

	Email    *Email // the new address, nil to leave it as it is; one that is empty takes it away. A change with it has Held of Account
	OldEmail string // the address before the change; used by a change with Email, and by a deletion
	// OldUsername is the login name before the change, which is the old address; empty to keep it. A change with it moves the
	// hash to the login name that the account has after the change.
	OldUsername string
	// Remove is the new RemoveAt, nil to leave it as it is; zero takes it back. OldIdentities are those of the account.
	Remove *time.Time

	Unlink        bool      // take all identities from the account
	OldIdentities []Subject // those before the change; used by a change with Unlink or Remove
}

// Changer changes accounts.
type Changer interface {
	// ChangeAccount stores Epoch and Endings of the account, its Proof if that is of the new epoch, Disabled and the hash of its login name if the change
	// has them, and appends the entry to the revocation log: all or nothing. The condition: the account has the epoch
	// From, and if the change has a Hash, the login name has OldHash. ErrConflict when the condition fails, also because
	// the same call was made before; ErrNotFound when there is no account.
	//
	// With Email it also replaces the address and Held, on the condition that the account had OldEmail, and with OldUsername the login
	// name. ErrAddressTaken when another account has the new address, ErrExists when another has the new login name.
	//
	// With Remove the account, its login name, its address and the records of its subject and its identities are removed within days after that
	// time, or are not any more, on the condition that the identities are OldIdentities: so none is linked beside it.
	//
	// With Unlink it takes the identities from the account and removes their records, on the condition that they are OldIdentities.
	//
	// With Keep it gives that session the new epoch too, on the further condition that at the entry's time the
	// session is live and its epoch is at least From. ErrNotKept when only this condition fails.
	ChangeAccount(ctx context.Context, c Change) error
}

// Forgetter shortens how long is kept what a person leaves behind beside the account.
type Forgetter interface {
	// Forget has the sessions and the consents of an account removed at a time, those that would be kept longer. Of very many sessions the
	// oldest may stay until they expire. It may be repeated. An error is oauth.ErrUnavailable.
	Forget(ctx context.Context, id uuid.UUID, at time.Time) error

	// ForgetConsents is Forget for the consents alone, which have no end of their own.
	ForgetConsents(ctx context.Context, id uuid.UUID, at time.Time) error
}

// Keeper makes the changes that only an administrator makes.
type Keeper interface {
	// SetAccess replaces roles, scopes and claims of an account, in one write, on the condition that they are as they were
	// read. ErrConflict when they are something else; ErrNotFound. It may be repeated: when they are what it would make of
	// them, nothing is written.
	SetAccess(ctx context.Context, id uuid.UUID, read, access Access) error

	// DeleteAccount removes the account, its address if OldEmail names it, the records of its identities, and its login name, or the
	// record of its subject when it has none, and appends the entry to the revocation log: all or nothing, on the condition that the account has the epoch From and
	// the identities of Account, and the login name has OldHash;
	// errors as ChangeAccount. It uses nothing else of the change. The sessions stay stored until they expire; without an account
	// they cannot be used.
	DeleteAccount(ctx context.Context, c Change) error
}

// New returns a new account, which is not stored yet, and its password hash. The error is ErrUsername.
func New(username string, password NewPassword, now time.Time) (Account, string, error) {
	canonical, err := CanonicalUsername(username)
	if err != nil {
		return Account{}, "", err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Account{}, "", err
	}
	return Account{ID: id, Username: canonical, Epoch: now.Unix()}, password.hash(), nil
}
