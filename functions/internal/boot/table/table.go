// Package table opens the table for a function. It is apart from package boot because a function that links the client of DynamoDB pays for it at each
// cold start.
package table

import (
	"context"
	"time"

	"github.com/wavepass/wavepass/functions/internal/boot"
	"github.com/wavepass/wavepass/pkg/store/dynamo"
)

// dialTime bounds how long the first connections may take. The first request is slower without them.
const dialTime = time.Second

// Open opens the table, and begins to make the first connections to it. The function does not wait for them: it asks for its first event meanwhile.
func Open(e boot.Environment) *dynamo.Store {
	table, err := dynamo.Open(dynamo.Config{
		Table: e.TableName, Region: e.Region, Endpoint: e.DynamoEndpoint, Shards: e.Shards, Now: time.Now,
	})
	boot.ExitOn(err)
	go warm(table)
	return table
}

func warm(table *dynamo.Store) {
	ctx, cancel := context.WithTimeout(context.Background(), dialTime)
	defer cancel()
	if err := table.Warm(ctx); err != nil {
		boot.Log.Warn("the table could not be dialled yet", "error", err.Error())
	}
}
