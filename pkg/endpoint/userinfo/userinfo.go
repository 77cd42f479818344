// Package userinfo is the endpoint GET /userinfo: what the authorizer found out about the caller. It is
// also the sample of a protected route.
package userinfo

import (
	"context"

	"github.com/wavepass/wavepass/pkg/apigw"
)

// claims are those that the caller may see of himself, of what the authorizer hands on.
var claims = []string{"sub", "sid", "client_id", "scope", "roles", "auth_time", "amr"}

// New returns the function.
func New(cfg apigw.Config) apigw.Function {
	return apigw.Serve(cfg, map[string]apigw.Handler{"GET /userinfo": userinfo})
}

func userinfo(_ context.Context, r *apigw.Request) (apigw.Response, error) {
	if sub, _ := r.Authorizer["sub"].(string); sub == "" {
		return apigw.Response{}, apigw.ErrNotAuthorized
	}
	out := map[string]any{}
	for _, name := range claims {
		if value, ok := r.Authorizer[name]; ok {
			out[name] = value
		}
	}
	return apigw.Encode(out)
}
