// Package refresh is the endpoint POST /refresh.
package refresh

import (
	"context"

	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// New returns the function.
func New(cfg apigw.Config, refresh *grant.Refresh) apigw.Function {
	return apigw.Serve(cfg, map[string]apigw.Handler{"POST /refresh": endpoint{refresh}.refresh})
}

type endpoint struct{ grant *grant.Refresh }

// request has the parameters of RFC 6749 §6. The scope parameter is passed over: the answer names the
// scope that was granted (RFC 6749 §3.3).
type request struct {
	GrantType    string       `json:"grant_type"`
	RefreshToken oauth.Secret `json:"refresh_token"`
	ClientID     string       `json:"client_id"`
	ClientSecret oauth.Secret `json:"client_secret"`
}

func (e endpoint) refresh(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	var in request
	if err := r.Decode(&in, apigw.JSON, apigw.Form); err != nil {
		return apigw.Response{}, err
	}
	switch {
	case in.GrantType != "" && in.GrantType != oauth.GrantRefreshToken:
		return apigw.Response{}, apigw.UnsupportedGrantType("only grant_type=refresh_token is served here")
	case in.RefreshToken.IsZero():
		return apigw.Response{}, apigw.InvalidRequest("refresh_token is missing")
	}
	id, secret, err := r.ClientCredentials(in.ClientID, in.ClientSecret)
	if err != nil {
		return apigw.Response{}, err
	}
	tokens, err := e.grant.Grant(ctx, grant.RefreshRequest{
		At:           r.At,
		ClientID:     id,
		ClientSecret: secret,
		RefreshToken: in.RefreshToken,
	})
	if err != nil {
		return apigw.Response{}, err
	}
	return apigw.Tokens(tokens)
}
