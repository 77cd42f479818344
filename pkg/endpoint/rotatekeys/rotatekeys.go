// Package rotatekeys is the function that looks after the keys, on a schedule: it does what is due, which is
// most often nothing.
package rotatekeys

import (
	"context"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/wavepass/wavepass/pkg/audit"
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

// Parts is what the function is made of; every field is needed.
type Parts struct {
	Store     Store
	Sealer    keyring.Sealer
	Algorithm keyring.Algorithm
	KeyTimes  keyring.Times
	Trail     *audit.Trail
	Log       *slog.Logger
	Now       func() time.Time
}

// New returns the function.
func New(p Parts) Function {
	keys := operate.NewKeys(operate.KeysParts{
		Ring: keyring.New(keyring.Config{
			Store: p.Store, Sealer: p.Sealer, Algorithm: p.Algorithm, Times: p.KeyTimes, Now: p.Now, Created: operate.KeysCreated(p.Trail),
		}),
		Log: p.Store, Trail: p.Trail, Now: p.Now,
	})
	return func(ctx context.Context, event events.EventBridgeEvent) error {
		ctx = audit.WithActor(audit.WithCaller(ctx, audit.Caller{RequestID: event.ID}), audit.System)
		_, err := keys.Rotate(ctx)
		if err != nil {
			p.Log.ErrorContext(ctx, "keys not rotated", "request_id", event.ID, "error", err.Error())
		}
		return err
	}
}
