// Package userinfo is the endpoints GET and POST /userinfo (OpenID Connect Core 1.0 §5.3.1 wants both), which tell callers what the authorizer
// found out about them, and GET /site/userinfo, which does so behind the cookie of a site. They are also the examples of protected routes.
package userinfo

import (
	"context"

	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// claims are the members of the authorizer's context that the caller may see.
type claims struct {
	Subject   any `json:"sub"`
	SessionID any `json:"sid,omitzero"`
	ClientID  any `json:"client_id,omitzero"`
	Scope     any `json:"scope,omitzero"`
	Roles     any `json:"roles,omitzero"`
	Omitted   any `json:"roles_omitted,omitzero"` // true: the account has roles that did not fit into the token
	Claims    any `json:"claims,omitzero"`        // of the account
	External  any `json:"external_id,omitzero"`   // of a back end's own user
	AuthTime  any `json:"auth_time,omitzero"`
	AMR       any `json:"amr,omitzero"`
}

// New returns the function.
func New(s endpoint.Settings) apigw.Function {
	return apigw.Serve(s.Config, map[string]apigw.Handler{"GET /userinfo": userinfo, "POST /userinfo": userinfo, "GET /site/userinfo": userinfo})
}

func userinfo(_ context.Context, r *apigw.Request) (apigw.Response, error) {
	caller := r.Authorizer
	if sub, _ := caller["sub"].(string); sub == "" {
		return apigw.Response{}, apigw.ErrNotAuthorized
	}
	if sid, _ := caller["sid"].(string); sid == "" {
		return apigw.Response{}, apigw.ErrNoSession
	}
	if err := r.RequireScope(oauth.ScopeOpenID, oauth.ScopeProfile); err != nil {
		return apigw.Response{}, err
	}
	return apigw.Encode(claims{
		Subject:   caller["sub"],
		SessionID: caller["sid"],
		ClientID:  caller["client_id"],
		Scope:     caller["scope"],
		Roles:     caller["roles"],
		Omitted:   caller["roles_omitted"],
		Claims:    caller["claims"],
		External:  caller["external_id"],
		AuthTime:  caller["auth_time"],
		AMR:       caller["amr"],
	})
}
