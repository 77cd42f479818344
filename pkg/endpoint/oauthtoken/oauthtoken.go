// Package oauthtoken has the endpoints that applications call themselves while a person signs in at /authorize. POST /token (RFC 6749
// §3.2): authorization codes, refresh tokens of clients that keep them themselves, and client credentials of services. POST /par
// (RFC 9126): authorization requests that are sent beforehand. There is no password grant: people log in at /authorize or at POST /login.
package oauthtoken

import (
	"context"

	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/assertion"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/authorization"
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
	assertion.Uses
	endpoint.RefreshStore
	session.CodeUser
	session.Consents
	authorization.PushedKeeper
	keyring.Store
	schema.Source
}

// New returns the function.
func New(s endpoint.Settings, store Store, sealer keyring.Sealer) apigw.Function {
	keys := s.Keyring(store, sealer)
	signing := keys.SigningKeys()
	clients := client.NewRegistry(store, s.Now).WithDocuments()
	mac := keys.MACKeys()
	f := function{
		s, clients, assertion.NewVerifier(clients, store, s.Now), s.ByRefreshToken(store, mac, signing),
		grant.NewByCode(grant.ByCodeParts{Codes: session.NewCodes(store, store, store, s.Now), MAC: mac, Signing: signing, Trail: s.Trail, Now: s.Now}),
		grant.NewClientCredentials(grant.ClientCredentialsParts{Signing: signing, Trail: s.Trail, Now: s.Now}),
		store, store,
	}
	return apigw.Serve(s.Config, map[string]apigw.Handler{"POST /token": f.token, "POST /par": f.push})
}

type function struct {
	endpoint.Settings
	clients    *client.Registry
	assertions *assertion.Verifier
	refresh    *grant.Refresh
	byCode     *grant.ByCode
	own        *grant.ClientCredentials
	pushed     authorization.PushedKeeper
	schema     schema.Source
}

// request has the parameters of RFC 6749 §4.1.3, §4.4.2 and §6, RFC 7636 §4.5 and RFC 8707 §2.2. The scope of a refresh is ignored: the answer names the scope that was
// granted (RFC 6749 §3.3).
type request struct {
	GrantType    string       `json:"grant_type"`
	Code         oauth.Secret `json:"code"`
	Redirect     string       `json:"redirect_uri"`
	Verifier     oauth.Secret `json:"code_verifier"`
	Resource     string       `json:"resource"`
	RefreshToken oauth.Secret `json:"refresh_token"`
	Scope        string       `json:"scope"`
	apigw.ClientParameters
}

func (f function) token(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	var in request
	if err := r.Decode(&in, apigw.Form); err != nil {
		return apigw.Response{}, err
	}
	var (
		tokens oauth.TokenResponse
		err    error
	)
	switch in.GrantType {
	case oauth.GrantAuthorizationCode:
		return f.byAuthorizationCode(ctx, r, in)
	case oauth.GrantRefreshToken:
		tokens, err = f.byRefreshToken(ctx, r, in)
	case oauth.GrantClientCredentials:
		tokens, err = f.byClientCredentials(ctx, r, in)
	case "":
		err = apigw.InvalidRequest("grant_type is missing")
	default:
		err = apigw.UnsupportedGrantType("want grant_type authorization_code, refresh_token or client_credentials; people log in at /authorize or /login")
	}
	if err != nil {
		return apigw.Response{}, err
	}
	return apigw.Tokens(tokens, nil)
}

// byAuthorizationCode begins the session that a code stands for. A browser's refresh token goes into its cookie.
func (f function) byAuthorizationCode(ctx context.Context, r *apigw.Request, in request) (apigw.Response, error) {
	c, err := r.Authenticated(ctx, f.clients, f.assertions, in.ClientParameters)
	if err == nil && c.UsesCookies() {
		err = r.Visit(c).From.OneSite(r.At.Issuer, c.Origins)
	}
	switch {
	case err != nil:
		return apigw.Response{}, err
	case in.Code.IsZero():
		return apigw.Response{}, apigw.InvalidRequest("code is missing")
	case in.Redirect == "":
		return apigw.Response{}, apigw.InvalidRequest("redirect_uri is missing: want the one that the code was sent to")
	case in.Verifier.IsZero():
		return apigw.Response{}, apigw.InvalidRequest("code_verifier is missing: every code was asked for with PKCE")
	}
	issued, err := f.byCode.Grant(ctx, grant.CodeRequest{At: r.At, Client: c, Code: in.Code, Redirect: in.Redirect, Verifier: in.Verifier, Resource: in.Resource})
	if err != nil {
		return apigw.Response{}, err
	}
	return apigw.Tokens(f.Cookies.Deliver(r.Visit(c), issued, schema.WritesFirst(ctx, f.schema), f.Now()))
}

// byRefreshToken refreshes as POST /refresh does. A browser's refresh token is in a cookie, which counts only there.
func (f function) byRefreshToken(ctx context.Context, r *apigw.Request, in request) (oauth.TokenResponse, error) {
	c, err := r.Authenticated(ctx, f.clients, f.assertions, in.ClientParameters)
	switch {
	case err != nil:
		return oauth.TokenResponse{}, err
	case c.Transport() != client.InBody:
		return oauth.TokenResponse{}, client.ErrWrongKind
	case in.RefreshToken.IsZero():
		return oauth.TokenResponse{}, apigw.InvalidRequest("refresh_token is missing")
	}
	issued, err := f.refresh.Grant(ctx, grant.RefreshRequest{At: r.At, Client: c, RefreshToken: in.RefreshToken, Resource: in.Resource, Network: r.Network})
	return issued.Tokens, err
}

func (f function) byClientCredentials(ctx context.Context, r *apigw.Request, in request) (oauth.TokenResponse, error) {
	key, err := f.own.Key(ctx)
	if err != nil {
		return oauth.TokenResponse{}, err
	}
	c, err := r.Authenticated(ctx, f.clients, f.assertions, in.ClientParameters)
	if err != nil {
		return oauth.TokenResponse{}, err
	}
	ctx = audit.WithActor(ctx, audit.Client(c.ID))
	return f.own.Grant(ctx, grant.ClientCredentialsRequest{At: r.At, Client: c, Scope: in.Scope, Key: key})
}
