// Package refresh is the endpoints POST /refresh, and GET /session, which says whether a refresh would succeed.
package refresh

import (
	"context"

	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/schema"
	"github.com/wavepass/wavepass/pkg/session"
)

// Store is what the function asks of the table.
type Store interface {
	client.Store
	endpoint.RefreshStore
	keyring.Store
	schema.Source
}

// New returns the function.
func New(s endpoint.Settings, store Store, sealer keyring.Sealer) apigw.Function {
	clients := client.NewRegistry(store, s.Now)
	keys := s.Keyring(store, sealer)
	mac := keys.MACKeys()
	f := function{
		s, clients, s.ByRefreshToken(store, mac, keys.SigningKeys()), session.NewOwners(store, store, clients, s.Now), mac, store,
	}
	return apigw.Serve(s.Config, map[string]apigw.Handler{"POST /refresh": f.refresh, "GET /session?client_id": f.state})
}

type function struct {
	endpoint.Settings
	clients *client.Registry
	grant   *grant.Refresh
	owners  *session.Owners
	keys    session.Keys
	schema  schema.Source
}

// request has the parameters of RFC 6749 §6. The scope parameter is ignored: the answer names the scope that was
// granted (RFC 6749 §3.3).
type request struct {
	GrantType    string       `json:"grant_type"`
	RefreshToken oauth.Secret `json:"refresh_token"`
	ClientID     string       `json:"client_id"`
	ClientSecret oauth.Secret `json:"client_secret"`
}

func (f function) refresh(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	var in request
	if err := r.Decode(&in, apigw.JSON, apigw.Form); err != nil {
		return apigw.Response{}, err
	}
	if in.GrantType != "" && in.GrantType != oauth.GrantRefreshToken {
		return apigw.Response{}, apigw.UnsupportedGrantType("only grant_type=refresh_token is served here")
	}
	c, err := r.Client(ctx, f.clients, in.ClientID, in.ClientSecret)
	switch {
	case err != nil:
		return apigw.Response{}, err
	case c.Authenticates():
		return apigw.Response{}, client.ErrWrongKind // at POST /token, where it may also have a key
	}
	visit := r.Visit(c)
	presented, err := f.Cookies.Presented(visit, in.RefreshToken)
	switch {
	case err != nil:
		return apigw.Response{}, err
	case presented.IsZero() && c.Transport() == client.InCookie && visit.From.CrossSite():
		return apigw.Response{}, browser.ErrOtherSite
	case presented.IsZero() && c.Transport() == client.InCookie:
		return apigw.Response{}, session.ErrRefused // as for an expired token: the cookie has expired with it
	case presented.IsZero():
		return apigw.Response{}, apigw.InvalidRequest("refresh_token is missing")
	}
	issued, err := f.grant.Grant(ctx, grant.RefreshRequest{At: r.At, Client: c, RefreshToken: presented, Network: r.Network})
	if err != nil {
		return apigw.Response{}, err
	}
	return apigw.Tokens(f.Cookies.Deliver(visit, issued, schema.WritesFirst(ctx, f.schema), f.Now()))
}
