package dynamo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/wavepass/wavepass/pkg/oauth"
)

// maxConflicts is how often a write is tried that meets a transaction on the same item. Conflicts last
// for milliseconds, and the time of the whole call is bounded too.
const maxConflicts = 16

// Codes of a CancellationReason.
const (
	conditionFailed = "ConditionalCheckFailed"
	conflict        = "TransactionConflict"
	throttled       = "ThrottlingError"
	overProvisioned = "ProvisionedThroughputExceeded"
)

// unavailable wraps whatever is not the answer to a condition: a throttle, a time-out, a conflict that
// outlasted its retries, a missing table, a denied access. None of them says anything about the item.
func unavailable(op string, err error) error {
	return fmt.Errorf("%w: dynamo: %s: %w", oauth.ErrUnavailable, op, err)
}

// retryConflicts calls write until it meets no other transaction.
func retryConflicts(ctx context.Context, write func() error) error {
	for try := 1; ; try++ {
		err := write()
		if !isConflict(err) || try == maxConflicts {
			return err
		}
		timer := time.NewTimer(delay(try))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return errors.Join(ctx.Err(), err)
		}
	}
}

// isConflict reports whether the same write may succeed in a moment. The SDK repeats throttled requests by
// itself, but not those whose throttle is hidden in a cancelled transaction.
func isConflict(err error) bool {
	var single *types.TransactionConflictException
	if errors.As(err, &single) {
		return true
	}
	var cancelled *types.TransactionCanceledException
	if !errors.As(err, &cancelled) || failedCondition(cancelled.CancellationReasons) {
		return false
	}
	for _, reason := range cancelled.CancellationReasons {
		switch code(reason) {
		case conflict, throttled, overProvisioned:
			return true
		}
	}
	return false
}

func failedCondition(reasons []types.CancellationReason) bool {
	for _, reason := range reasons {
		if code(reason) == conditionFailed {
			return true
		}
	}
	return false
}

func code(reason types.CancellationReason) string {
	if reason.Code == nil {
		return ""
	}
	return *reason.Code
}
