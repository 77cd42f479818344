// Package rotatekeys is the function that rotates the keys when they are due. A schedule calls it, and most calls find
// nothing to do.
package rotatekeys

import (
	"context"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/metric"
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
	ring := s.Keyring(store, sealer)
	keys := operate.NewKeys(operate.KeysParts{Ring: ring, Log: store, Trail: s.Trail, Now: s.Now})
	return func(ctx context.Context, event events.EventBridgeEvent) error {
		ctx = audit.WithActor(audit.WithCaller(ctx, audit.Caller{RequestID: event.ID}), audit.System)
		_, err := keys.Rotate(ctx)
		if err != nil {
			s.Log.ErrorContext(ctx, "keys not rotated", "request_id", event.ID, "error", err.Error())
			return err
		}
		left, err := ring.List(ctx)
		if err != nil {
			s.Log.ErrorContext(ctx, "keys not listed", "request_id", event.ID, "error", err.Error())
			return err
		}
		ages := agesOf(left, s.Now())
		if s.Trail.Metrics != "" {
			ages = append(ages, "_aws", s.Trail.Metrics.Of(s.Now(), nil, metric.Seconds, "signing_key_age_s", "mac_key_age_s", "overdue_s"))
		}
		s.Log.With("request_id", event.ID).InfoContext(ctx, "keys up to date", ages...)
		return nil
	}
}

// agesOf says how old the keys in use are, and for how long a change of a key has been due. An alarm of template.yaml reads
// overdue_s: every good run says it, and it is 0 unless the run has left undone what was due.
func agesOf(keys []keyring.Key, now time.Time) []any {
	var signing, mac, overdue time.Duration
	for _, k := range keys {
		if !k.Due.IsZero() {
			overdue = max(overdue, now.Sub(k.Due))
		}
		switch {
		case k.State != keyring.Current:
		case k.IsMAC():
			mac = now.Sub(k.PromotedAt)
		default:
			signing = now.Sub(k.PromotedAt)
		}
	}
	seconds := func(d time.Duration) int64 { return int64(d / time.Second) }
	return []any{"signing_key_age_s", seconds(signing), "mac_key_age_s", seconds(mac), "overdue_s", seconds(overdue)}
}
