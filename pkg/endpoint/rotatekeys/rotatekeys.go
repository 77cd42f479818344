// Package rotatekeys is the function that rotates the keys when they are due. A schedule calls it, and most calls find
// nothing to do.
package rotatekeys

import (
	"context"

	"github.com/aws/aws-lambda-go/events"

	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/operate"
	"github.com/wavepass/wavepass/pkg/revocation"
)

// Function is called by EventBridge. It uses nothing of the event but the id, so a run that comes late or twice does the
// same. After an error Lambda repeats the run, and counts it in the function's error metric.
type Function func(ctx context.Context, e events.EventBridgeEvent) error

// Store is what the function asks of the table.
type Store interface {
	keyring.Store
	revocation.Log
}

// New returns the function.
func New(s endpoint.Settings, store Store, sealer keyring.Sealer) Function {
	keys := operate.NewKeys(operate.KeysParts{Ring: s.Keyring(store, sealer), Log: store, Trail: s.Trail, Now: s.Now})
	return func(ctx context.Context, event events.EventBridgeEvent) error {
		ctx = audit.WithActor(audit.WithCaller(ctx, audit.Caller{RequestID: event.ID}), audit.System)
		_, err := keys.Rotate(ctx)
		if err != nil {
			s.Log.ErrorContext(ctx, "keys not rotated", "request_id", event.ID, "error", err.Error())
		}
		return err
	}
}
