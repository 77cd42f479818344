// Package discovery is the endpoint of public metadata: GET /.well-known/jwks.json (RFC 7517).
package discovery

import (
	"context"
	"net/http"

	"github.com/wavepass/wavepass/pkg/apigw"
)

// KeySet gives the public keys as JSON; keyring.PublicKeys implements it.
type KeySet interface {
	// JWKS returns public members only, oauth.ErrUnavailable when it cannot tell.
	JWKS(ctx context.Context) ([]byte, error)
}

// New returns the function.
func New(cfg apigw.Config, keys KeySet) apigw.Function {
	return apigw.Serve(cfg, map[string]apigw.Handler{"GET /.well-known/jwks.json": endpoint{keys}.jwks})
}

type endpoint struct{ keys KeySet }

func (e endpoint) jwks(ctx context.Context, _ *apigw.Request) (apigw.Response, error) {
	jwks, err := e.keys.JWKS(ctx)
	if err != nil {
		return apigw.Response{}, err
	}
	return apigw.Response{
		Status:  http.StatusOK,
		Headers: map[string]string{"Cache-Control": "public, max-age=300"},
		Body:    jwks,
	}, nil
}
