// Package rotatekeys is the function that looks after the keys, on a schedule: it does what is due, which is
// most often nothing.
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

// Function is called by EventBridge. Of the event its id alone is used: a run that comes late or twice does the
// same. An error has Lambda repeat the run, and shows in the function's error metric.
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
