// Package operate does what the people who run the service do: it looks after accounts and keys, and takes back
// what they name without holding any of it. It leaves an event of everything that it changed, and of nothing that
// it did not.
package operate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/policy"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
)

// ErrNotKept says that a change was made, and that its event was written to the stream but not to the store.
var ErrNotKept = errors.New("operate: done, but the event of it is not stored")

// ErrTooManyRoles says that an account's roles do not fit into the access tokens of a client.
var ErrTooManyRoles = errors.New("operate: too many or too long roles: they do not fit into the access tokens of the client")

// Store is what an Operator reads and changes.
type Store interface {
	account.Store
	account.Creator
	account.Changer
	account.Keeper
	session.Reader
	session.Ender
	revocation.Log
	audit.Store
	client.Lister
	policy.Store
	keyring.Store
}

// Operator changes accounts and takes back tokens. Methods that report whether they changed anything leave an
// event exactly then. After oauth.ErrUnavailable nothing is confirmed, and every method may be repeated.
type Operator struct {
	store    Store
	accounts *account.Administrator
	sessions *session.Revoker
	trail    *audit.Trail
	now      func() time.Time
}

// New returns an Operator over store.
func New(store Store, trail *audit.Trail, now func() time.Time) *Operator {
	return &Operator{store, account.NewAdministrator(store, now), session.NewRevoker(store, now), trail, now}
}

// Migrated leaves the event of a migration of that many items.
func (o *Operator) Migrated(ctx context.Context, items int) error {
	return o.record(ctx, audit.Event{Name: audit.Migrated, Count: items})
}

// record leaves the event of a change that was made.
func (o *Operator) record(ctx context.Context, e audit.Event) error {
	return keep(ctx, o.trail, o.store, e)
}

// keep writes an event, and stores it where there is a store for it.
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
