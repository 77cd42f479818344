// Package operate makes the changes of operators, the people who run the service: to accounts, clients and keys, and
// revocations of tokens, sessions and clients by their ids. Every change leaves an event. A call that changes nothing leaves none.
package operate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/federation"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/policy"
	"github.com/wavepass/wavepass/pkg/resource"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
)

// ErrNotKept says that a change was made, and that its event was printed but not stored.
var ErrNotKept = errors.New("operate: done, but the event of it is not stored")

// ErrTooManyRoles says that an account's roles do not fit into the access tokens of a client.
var ErrTooManyRoles = errors.New("operate: too many or too long roles: they do not fit into the access tokens of the client")

// Store is what an Operator reads and changes.
type Store interface {
	account.Store
	account.Creator
	account.Changer
	account.Keeper
	account.Addresses
	account.Invitations
	account.Uninviter
	session.Reader
	session.Ender
	revocation.Log
	audit.Store
	client.Store
	client.Registrar
	client.Lister
	policy.Store
	federation.Store
	resource.Store
	keyring.Store
	mail.DeskStore
}

// Operator changes accounts and revokes tokens. A method that reports whether it changed anything leaves an event only if it
// did. After oauth.ErrUnavailable the change may have been made or not, and every method may be repeated.
type Operator struct {
	Passwords account.PasswordRules // for passwords that are set

	store    Store
	accounts *account.Administrator
	sessions *session.Revoker
	trail    *audit.Trail
	now      func() time.Time
}

// New returns an Operator over store.
func New(store Store, trail *audit.Trail, now func() time.Time) *Operator {
	return &Operator{store: store, accounts: account.NewAdministrator(store, now), sessions: session.NewRevoker(store, now), trail: trail, now: now}
}

// Migrated leaves the event of a migration that rewrote a number of items.
func (o *Operator) Migrated(ctx context.Context, items int) error {
	return o.record(ctx, audit.Event{Name: audit.Migrated, Count: items})
}

// record leaves the event of a change that was made.
func (o *Operator) record(ctx context.Context, e audit.Event) error {
	return keep(ctx, o.trail, o.store, e)
}

// changed is what a change that ended with err reports: that it was made, also when its event is not stored.
func changed(err error) (bool, error) { return err == nil || errors.Is(err, ErrNotKept), err }

// keep prints an event, and stores it unless events is nil.
func keep(ctx context.Context, trail *audit.Trail, events audit.Store, e audit.Event) error {
	if events == nil {
		trail.Record(ctx, e)
		return nil
	}
	if err := trail.Keep(ctx, events, e); err != nil {
		return fmt.Errorf("%w: %w", ErrNotKept, err)
	}
	return nil
}
