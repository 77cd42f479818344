// Package userinfo is the endpoints GET and POST /userinfo (OpenID Connect Core 1.0 §5.3.1 wants both), which tell callers what the authorizer
// found out about them, and GET /site/userinfo, which does so behind the cookie of a site. They are also the examples of protected routes. With the scope
// email they read the account, because no access token says an address.
package userinfo

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
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

	Email         string `json:"email,omitzero"`
	EmailVerified *bool  `json:"email_verified,omitzero"`
}

// Store is what the function asks of the table.
type Store interface {
	Account(ctx context.Context, id uuid.UUID) (account.Account, error)
}

// New returns the function.
func New(s endpoint.Settings, store Store) apigw.Function {
	f := function{store}
	return apigw.Serve(s.Config, map[string]apigw.Handler{"GET /userinfo": f.userinfo, "POST /userinfo": f.userinfo, "GET /site/userinfo": f.userinfo})
}

type function struct{ store Store }

func (f function) userinfo(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
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
	said := claims{
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
	}
	if r.RequireScope(oauth.ScopeEmail) == nil {
		email, err := f.emailOf(ctx, caller["sub"])
		if err != nil {
			return apigw.Response{}, err
		}
		if verified := email.Verified(); email.Address != "" {
			said.Email, said.EmailVerified = email.Address, &verified
		}
	}
	return apigw.Encode(said)
}

// emailOf returns the address of a caller, and none for an account that is gone: its tokens are about to be refused.
func (f function) emailOf(ctx context.Context, subject any) (account.Email, error) {
	text, _ := subject.(string)
	id, err := uuid.Parse(text)
	if err != nil {
		return account.Email{}, nil
	}
	a, err := f.store.Account(ctx, id)
	if err != nil && !errors.Is(err, account.ErrNotFound) {
		return account.Email{}, err
	}
	return a.Email, nil
}
