package operate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/revocation"
)

// KeysParts is what a Keys is made of; every field but Events is needed.
type KeysParts struct {
	Ring   *keyring.Keyring
	Log    revocation.Log
	Trail  *audit.Trail
	Events audit.Store // keeps the events too; nil: they are only written
	Now    func() time.Time
}

// Keys looks after the keys, and leaves an event of everything that happened to one. Methods return what was
// done, nothing when nothing was. Every one may be repeated after oauth.ErrUnavailable.
type Keys struct{ KeysParts }

// NewKeys returns a Keys.
func NewKeys(p KeysParts) *Keys { return &Keys{p} }

// Rotate does what is due, as keyring.Rotate.
func (k *Keys) Rotate(ctx context.Context) ([]keyring.Step, error) {
	return k.record(ctx, k.Ring.Rotate)
}

// Promote has the next key sign at once, as keyring.Promote.
func (k *Keys) Promote(ctx context.Context, id string) ([]keyring.Step, error) {
	return k.record(ctx, func(ctx context.Context) ([]keyring.Step, error) { return k.Ring.Promote(ctx, id) })
}

// Reset begins anew, as keyring.Reset.
func (k *Keys) Reset(ctx context.Context) ([]keyring.Step, error) {
	return k.record(ctx, k.Ring.Reset)
}

// ErrOnlyDenied says that a key's tokens are refused, and that it goes on signing: everybody's are, until the
// revocation is repeated. Within an hour it must be, for then the denial ends.
var ErrOnlyDenied = errors.New("operate: the key is denied, and not replaced yet")

// Revoke denies every token that a signing key has signed, within the revocation bound, and takes the key
// out of the set. It is denied first: a crash in between leaves nobody who is let in by a stolen key, and the
// same call again ends it. Until the issuing functions read their keys again, for Times.SignerLife at the
// most, what they sign may be refused. Errors: keyring.ErrUnknownKey, keyring.ErrMissing, oauth.ErrUnavailable,
// and with ErrOnlyDenied when the second half failed.
func (k *Keys) Revoke(ctx context.Context, id string) ([]keyring.Step, error) {
	keys, err := k.Ring.List(ctx)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(keys, func(key keyring.Key) bool { return key.ID == id && !key.IsMAC() }) {
		return nil, fmt.Errorf("%w: %s", keyring.ErrUnknownKey, id)
	}
	if err := k.Ring.Openable(ctx); err != nil { // to deny a key that cannot be replaced would refuse everybody
		return nil, err
	}
	if err := revocation.Deny(ctx, k.Log, k.Now, revocation.Key, id); err != nil {
		return nil, fmt.Errorf("operate: deny the key: %w", err)
	}
	steps, err := k.record(ctx, func(ctx context.Context) ([]keyring.Step, error) { return k.Ring.Revoke(ctx, id) })
	switch {
	case errors.Is(err, keyring.ErrUnknownKey):
		return nil, nil // somebody else has revoked it meanwhile
	case err != nil && len(steps) == 0:
		return nil, fmt.Errorf("%w: %w", ErrOnlyDenied, err)
	}
	return steps, err
}

func (k *Keys) record(ctx context.Context, change func(context.Context) ([]keyring.Step, error)) ([]keyring.Step, error) {
	steps, err := change(ctx)
	for _, step := range steps {
		err = errors.Join(err, keep(ctx, k.Trail, k.Events, audit.Key(string(step.What), step.Key)))
	}
	return steps, err
}

// KeysCreated returns what a keyring.Config calls when it has created the keyring: an event of each key.
func KeysCreated(trail *audit.Trail) func(context.Context, []keyring.Step) {
	return func(ctx context.Context, published []keyring.Step) {
		for _, step := range published {
			e := audit.Key(string(step.What), step.Key)
			e.Actor = audit.System // whatever request needed the first key
			trail.Record(ctx, e)
		}
	}
}
