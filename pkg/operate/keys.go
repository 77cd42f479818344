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

// KeysParts are the parts of a Keys; every field but Events is needed.
type KeysParts struct {
	Ring   *keyring.Keyring
	Log    revocation.Log
	Trail  *audit.Trail
	Events audit.Store // stores the events; nil: they are only printed
	Now    func() time.Time
}

// Keys changes the keys, and leaves an event of each step. Methods return the steps, none when nothing was changed. Each
// method may be repeated after oauth.ErrUnavailable.
type Keys struct{ KeysParts }

// NewKeys returns a Keys.
func NewKeys(p KeysParts) *Keys { return &Keys{p} }

// Rotate takes the steps that are due, as keyring.Rotate.
func (k *Keys) Rotate(ctx context.Context) ([]keyring.Step, error) {
	return k.record(ctx, k.Ring.Rotate)
}

// Promote makes the next key the current one at once, as keyring.Promote.
func (k *Keys) Promote(ctx context.Context, id string) ([]keyring.Step, error) {
	return k.record(ctx, func(ctx context.Context) ([]keyring.Step, error) { return k.Ring.Promote(ctx, id) })
}

// Reset replaces all keys, as keyring.Reset.
func (k *Keys) Reset(ctx context.Context) ([]keyring.Step, error) {
	return k.record(ctx, k.Ring.Reset)
}

// ErrOnlyDenied says that the tokens of a key are refused and that it still signs, so that the access tokens of everybody are
// refused. The revocation has to be repeated within an hour, because then the denial ends.
var ErrOnlyDenied = errors.New("operate: the key is denied, and not replaced yet")

// Revoke denies every token that a signing key has signed, within the revocation bound, and removes the key from the set. It
// denies first, so that after a crash in between a stolen key is of no use, and the call can be repeated. Issuing functions
// hold the old key for up to Times.SignerLife; until then the tokens that they sign may be refused. Errors:
// keyring.ErrUnknownKey, keyring.ErrMissing, oauth.ErrUnavailable, which is an ErrOnlyDenied too when the key is denied and
// could not be removed.
func (k *Keys) Revoke(ctx context.Context, id string) ([]keyring.Step, error) {
	keys, err := k.Ring.List(ctx)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(keys, func(key keyring.Key) bool { return key.ID == id && !key.IsMAC() }) {
		return nil, fmt.Errorf("%w: %s", keyring.ErrUnknownKey, id)
	}
	if err := k.Ring.Openable(ctx); err != nil { // a key that is denied and cannot be replaced would lock everybody out
		return nil, err
	}
	if err := revocation.Deny(ctx, k.Log, k.Now, revocation.Key, id); err != nil {
		return nil, fmt.Errorf("operate: deny the key: %w", err)
	}
	steps, err := k.record(ctx, func(ctx context.Context) ([]keyring.Step, error) { return k.Ring.Revoke(ctx, id) })
	switch {
	case errors.Is(err, keyring.ErrUnknownKey):
		return nil, nil // another call has revoked it meanwhile
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

// KeysCreated returns the function for keyring.Config.Created. It leaves an event of each key.
func KeysCreated(trail *audit.Trail) func(context.Context, []keyring.Step) {
	return func(ctx context.Context, published []keyring.Step) {
		for _, step := range published {
			e := audit.Key(string(step.What), step.Key)
			e.Actor = audit.System // the request that needed the first key did not ask for it
			trail.Record(ctx, e)
		}
	}
}
