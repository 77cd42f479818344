// Package discovery is the endpoint of public metadata: GET /.well-known/jwks.json (RFC 7517).
package discovery

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/keyring"
)

// New returns the function over the keyring in store.
func New(cfg apigw.Config, store keyring.Store, times keyring.Times, now func() time.Time) apigw.Function {
	keys := keyring.NewPublicKeys(store, times, now)
	return apigw.Serve(cfg, map[string]apigw.Handler{"GET /.well-known/jwks.json": endpoint{keys}.jwks})
}

type endpoint struct{ keys *keyring.PublicKeys }

func (e endpoint) jwks(ctx context.Context, _ *apigw.Request) (apigw.Response, error) {
	jwks, err := e.keys.JWKS(ctx)
	if err != nil {
		return apigw.Response{}, err
	}
	return apigw.Response{
		Status:  http.StatusOK,
		Headers: map[string]string{"Cache-Control": fmt.Sprintf("public, max-age=%.0f", e.keys.Life().Seconds())},
		Body:    jwks,
	}, nil
}
