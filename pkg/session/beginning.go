package session

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
)

// BegunLife is for how long a request with the same idempotency key begins no other session.
const BegunLife = 10 * time.Minute

// ErrBegun says that another session was begun with the same idempotency key.
var ErrBegun = errors.New("session: begun before with this idempotency key")

// Begun is what a request with an idempotency key has begun.
type Begun struct {
	Key       string    // names the service and its key; no two subjects share one
	Body      string    // digest of the request
	AccountID uuid.UUID // of the session
	SessionID uuid.UUID // zero: nothing was begun, or longer ago than BegunLife
	Until     time.Time // whole seconds
}

// Beginning is a session of a subject that begins.
type Beginning struct {
	Account account.Account // its owner as it was read; its subject is set
	New     bool            // the account is made together with the session, and has its address if that is set
	// Linked says that the account is there and the record of Account.Subject is not: it is made, and Account.Identities, which names
	// it, is stored with the account.
	Linked  bool
	Session Session
	Begun   Begun // without Key: the request had no idempotency key
}

// Directory keeps the accounts that are known by subjects. The record of a subject names its account and remembers how that account
// was when a session last began, so that the next one needs no reading of the account: BeginSession says when it has changed.
type Directory interface {
	// Subject returns the account of a subject as its record remembers it, and what was begun with an idempotency key; without a key
	// that is the zero Begun. It is strongly consistent. account.ErrNotFound when the subject has no account; the Begun is right all
	// the same. oauth.ErrUnavailable.
	Subject(ctx context.Context, s account.Subject, key string) (account.Account, Begun, error)

	// BeginSession stores the session and what goes with it, all or nothing: the account when it is new, the subject's record with
	// the account as it is, and Begun if it has a key. It may be repeated. Errors: account.ErrExists when the account is new or linked and
	// the subject has one already; account.ErrAddressTaken when the account is new and another has its address; account.ErrNotFound when it is not new and is gone; account.ErrConflict when its epoch,
	// roles, scopes or claims are not those of Account, and then the result is the account as it is; ErrBegun when the key is in use
	// at Session.CreatedAt for another session; oauth.ErrUnavailable. Of any number of accounts for one subject exactly one is made.
	BeginSession(ctx context.Context, b Beginning) (account.Account, error)
}
