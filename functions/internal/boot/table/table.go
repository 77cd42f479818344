// Package table opens the table for a function. It is apart from package boot because a function that links the client of DynamoDB pays for it at each
// cold start.
package table

import (
	"context"
	"errors"
	"time"

	"github.com/aws/smithy-go"

	"github.com/wavepass/wavepass/functions/internal/boot"
	"github.com/wavepass/wavepass/pkg/metric"
	"github.com/wavepass/wavepass/pkg/store/dynamo"
	"github.com/wavepass/wavepass/pkg/trace"
)

// dialTime bounds how long the first connections may take. The first request is slower without them.
const dialTime = time.Second

// Open opens the table, and begins to make the first connections to it. The function does not wait for them: it asks for its first event meanwhile.
func Open(e boot.Environment) *dynamo.Store {
	table, err := dynamo.Open(dynamo.Config{
		Table: e.TableName, Region: e.Region, Endpoint: e.DynamoEndpoint, Shards: e.Shards, Now: time.Now, Called: watched(e),
	})
	boot.ExitOn(err)
	go warm(table)
	return table
}

// watched measures each call of the table, where there are metrics, and makes it a span, where there are traces.
func watched(e boot.Environment) func(context.Context, string) func(error) {
	measure := measured(e)
	if e.TracesExporter != trace.OTLP {
		return measure
	}
	return func(ctx context.Context, operation string) func(error) {
		measuredEnd := func(error) {}
		if measure != nil {
			measuredEnd = measure(ctx, operation)
		}
		span := trace.Span(ctx, "DynamoDB."+operation, trace.Attribute{Name: "db.system.name", Value: "aws.dynamodb"}, trace.Attribute{Name: "db.operation.name", Value: operation})
		return func(err error) {
			measuredEnd(err)
			span(failure(err))
		}
	}
}

// failure is err, unless that only says that a condition did not hold: then the call did what it was for.
func failure(err error) error {
	var api smithy.APIError
	if errors.As(err, &api) && (api.ErrorCode() == "ConditionalCheckFailedException" || api.ErrorCode() == "TransactionCanceledException") {
		return nil
	}
	return err
}

// measured says of each call of the table how long it took, where there are metrics.
func measured(e boot.Environment) func(context.Context, string) func(error) {
	if e.MetricsNamespace == "" {
		return nil
	}
	times := &metric.Samples{
		Name: "table_ms", Unit: metric.Milliseconds, By: "operation", Namespace: metric.Namespace(e.MetricsNamespace), Log: boot.Log, Now: time.Now,
	}
	return func(ctx context.Context, operation string) func(error) {
		begun := time.Now()
		return func(error) { times.Add(ctx, operation, float64(time.Since(begun))/1e6) }
	}
}

func warm(table *dynamo.Store) {
	ctx, cancel := context.WithTimeout(context.Background(), dialTime)
	defer cancel()
	if err := table.Warm(ctx); err != nil {
		boot.Log.Warn("the table could not be dialled yet", "error", err.Error())
	}
}
