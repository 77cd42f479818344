package main

import (
	"context"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/endpoint/rotatekeys"
	"github.com/wavepass/wavepass/pkg/keyring"
)

// hourly is how often the template's schedule runs in the cloud.
const hourly = time.Hour

// lookAfterKeys runs the function as the schedule does, more often where keys live for less than ten hours. What
// goes wrong is in the log, and the next run mends it.
func lookAfterKeys(ctx context.Context, rotate rotatekeys.Function, times keyring.Times) {
	every := hourly
	if tenth := times.Period / 10; times.Period > 0 && tenth < every {
		every = tenth
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		_ = rotate(ctx, events.EventBridgeEvent{ID: uuid.NewString()})
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
