// Package refresh is the endpoints POST /refresh, and GET /session, which says whether a refresh would succeed.
package refresh

import (
	"context"
	"time"

	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/operate"
	"github.com/wavepass/wavepass/pkg/schema"
	"github.com/wavepass/wavepass/pkg/session"
)

// Store is what the function asks of the table.
type Store interface {
	client.Store
	session.Store
	session.Accounts
	keyring.Store
	schema.Source
}

// Parts is what the function is made of; every field is needed.
type Parts struct {
	Store     Store
	Sealer    keyring.Sealer
	Algorithm keyring.Algorithm
	KeyTimes  keyring.Times
	Grace     time.Duration
	MinAge    time.Duration // a refresh token younger than this is answered with itself
	Cookies   browser.Jar
	Trail     *audit.Trail
	Now       func() time.Time
}

// New returns the function.
func New(cfg apigw.Config, p Parts) apigw.Function {
	keys := keyring.New(keyring.Config{
		Store: p.Store, Sealer: p.Sealer, Algorithm: p.Algorithm, Times: p.KeyTimes, Now: p.Now, Created: operate.KeysCreated(p.Trail),
	})
	refresh := grant.NewRefresh(grant.RefreshParts{
		Sessions: session.NewRefresher(p.Store, p.Store, keys.MACKeys(), session.Rules{Grace: p.Grace, MinAge: p.MinAge}, p.Trail, p.Now),
		Signing:  keys.SigningKeys(),
		Trail:    p.Trail,
		Now:      p.Now,
	})
	e := endpoint{
		client.NewRegistry(p.Store, p.Now), refresh, session.NewOwners(p.Store, p.Store, p.Now), keys.MACKeys(), p.Cookies, p.Store, p.Now,
	}
	return apigw.Serve(cfg, map[string]apigw.Handler{"POST /refresh": e.refresh, "GET /session?client_id": e.state})
}

type endpoint struct {
	clients *client.Registry
	grant   *grant.Refresh
	owners  *session.Owners
	keys    session.Keys
	cookies browser.Jar
	schema  schema.Source
	now     func() time.Time
}

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
	if in.GrantType != "" && in.GrantType != oauth.GrantRefreshToken {
		return apigw.Response{}, apigw.UnsupportedGrantType("only grant_type=refresh_token is served here")
	}
	id, secret, err := r.ClientCredentials(in.ClientID, in.ClientSecret)
	if err != nil {
		return apigw.Response{}, err
	}
	c, err := e.clients.Identify(ctx, id, secret)
	if err != nil {
		return apigw.Response{}, err
	}
	visit := r.Visit(c)
	presented, err := e.cookies.Presented(visit, in.RefreshToken)
	switch {
	case err != nil:
		return apigw.Response{}, err
	case presented.IsZero() && c.Kind == client.Browser && visit.From.CrossSite():
		return apigw.Response{}, browser.ErrOtherSite
	case presented.IsZero() && c.Kind == client.Browser:
		return apigw.Response{}, session.ErrRefused // whose cookie has expired is told what its expiry would be
	case presented.IsZero():
		return apigw.Response{}, apigw.InvalidRequest("refresh_token is missing")
	}
	issued, err := e.grant.Grant(ctx, grant.RefreshRequest{At: r.At, Client: c, RefreshToken: presented, Network: r.Network})
	if err != nil {
		return apigw.Response{}, err
	}
	return apigw.Tokens(e.cookies.Deliver(visit, issued, schema.WritesFirst(ctx, e.schema), e.now()))
}
