package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/operate"
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

// explainClient says what to do about an error of a client.
func explainClient(err error, id string) error {
	switch {
	case errors.Is(err, client.ErrUnknown):
		return fmt.Errorf("there is no client %s", id)
	case errors.Is(err, operate.ErrClientExists):
		return fmt.Errorf("there is a client %s already: change it by `wavepass client set %s`", id, id)
	case errors.Is(err, client.ErrChanged):
		return fmt.Errorf("somebody else has changed the client %s meanwhile: look at it by `wavepass client show %s`, and try again", id, id)
	}
	return err
}
