package main

import (
	"context"

	"github.com/wavepass/wavepass/pkg/client"
)

// clients are the registered ones by their ids.
func (a admin) clients(ctx context.Context) (map[string]client.Client, error) {
	list, err := client.Registered(ctx, a.store)
	if err != nil {
		return nil, err
	}
	byID := map[string]client.Client{}
	for _, c := range list {
		byID[c.ID] = c
	}
	return byID, nil
}
