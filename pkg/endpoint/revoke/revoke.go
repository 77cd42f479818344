// Package revoke is the endpoint POST /revoke (RFC 7009).
package revoke

import (
	"context"
	"net/http"

	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// New returns the function.
func New(cfg apigw.Config, revoke *grant.Revoke) apigw.Function {
	return apigw.Serve(cfg, map[string]apigw.Handler{"POST /revoke": endpoint{revoke}.revoke})
}

type endpoint struct{ grant *grant.Revoke }

// request has the parameters of RFC 7009 §2.1. The hint is passed over: a token says itself what it is.
type request struct {
	Token        oauth.Secret `json:"token"`
	ClientID     string       `json:"client_id"`
	ClientSecret oauth.Secret `json:"client_secret"`
}

func (e endpoint) revoke(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	var in request
	if err := r.Decode(&in, apigw.Form); err != nil {
		return apigw.Response{}, err
	}
	if in.Token.IsZero() {
		return apigw.Response{}, apigw.InvalidRequest("token is missing")
	}
	id, secret, err := r.ClientCredentials(in.ClientID, in.ClientSecret)
	if err != nil {
		return apigw.Response{}, err
	}
	err = e.grant.Revoke(ctx, grant.RevokeRequest{At: r.At, ClientID: id, ClientSecret: secret, Token: in.Token})
	if err != nil {
		return apigw.Response{}, err
	}
	return apigw.Response{Status: http.StatusOK}, nil
}
