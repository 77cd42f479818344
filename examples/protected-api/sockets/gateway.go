package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// gateway reaches clients by the API that holds their connections: requests to its @connections, signed as the function's role.
type gateway struct {
	cfg aws.Config
	url string // https://API.execute-api.REGION.amazonaws.com/STAGE
}

func (g gateway) send(ctx context.Context, id string, message []byte) error {
	return g.do(ctx, http.MethodPost, id, message)
}

func (g gateway) hangUp(ctx context.Context, id string) error {
	return g.do(ctx, http.MethodDelete, id, nil)
}

func (g gateway) do(ctx context.Context, method, id string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, g.url+"/@connections/"+id, bytes.NewReader(body))
	if err != nil {
		return err
	}
	credentials, err := g.cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return fmt.Errorf("credentials: %w", err)
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, credentials, r, hex.EncodeToString(sum[:]), "execute-api", g.cfg.Region, time.Now()); err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode >= 300 && answer.StatusCode != http.StatusGone { // which is a connection that is closed already
		return fmt.Errorf("%s of a connection: %s", method, answer.Status)
	}
	return nil
}
