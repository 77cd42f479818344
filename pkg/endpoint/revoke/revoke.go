// Package revoke is the endpoints that end sessions: POST /revoke (RFC 7009) and POST /logout.
package revoke

import (
	"context"
	"net/http"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
	"github.com/wavepass/wavepass/pkg/token"
)

// Store is what the function asks of the table.
type Store interface {
	client.Store
	session.Store
	account.Store
	account.Changer
	revocation.Once
	keyring.Store
}

// Parts is what the function is made of; every field is needed.
type Parts struct {
	Store    Store
	Sealer   keyring.Sealer // opens the Refresh part only
	KeyTimes keyring.Times
	Cookies  browser.Jar
	Trail    *audit.Trail
	Now      func() time.Time
}

// New returns the function.
func New(cfg apigw.Config, p Parts) apigw.Function {
	mac := keyring.NewMACKeys(p.Store, p.Sealer, p.KeyTimes, p.Now)
	sessions := session.NewRevoker(p.Store, p.Now)
	revoke := grant.NewRevoke(grant.RevokeParts{
		Sessions: sessions,
		MAC:      mac,
		Access:   token.NewVerifier(keyring.NewPublicKeys(p.Store, p.KeyTimes, p.Now), p.Now),
		Log:      p.Store,
		Trail:    p.Trail,
		Now:      p.Now,
	})
	logout := grant.NewLogout(grant.LogoutParts{
		Sessions: sessions,
		Owners:   session.NewOwners(p.Store, p.Store, p.Now),
		Accounts: account.NewEditor(p.Store, p.Now),
		MAC:      mac,
		Trail:    p.Trail,
	})
	e := endpoint{client.NewRegistry(p.Store, p.Now), revoke, logout, p.Cookies}
	return apigw.Serve(cfg, map[string]apigw.Handler{"POST /revoke": e.revoke, "POST /logout": e.logout})
}

type endpoint struct {
	clients *client.Registry
	revoker *grant.Revoke
	leaver  *grant.Logout
	cookies browser.Jar
}

// revokeRequest has the parameters of RFC 7009 §2.1. The hint is passed over: a token says itself what it is.
type revokeRequest struct {
	Token        oauth.Secret `json:"token"`
	ClientID     string       `json:"client_id"`
	ClientSecret oauth.Secret `json:"client_secret"`
}

func (e endpoint) revoke(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	var in revokeRequest
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
	c, err := e.clients.Identify(ctx, id, secret)
	if err != nil {
		return apigw.Response{}, err
	}
	if c.Kind == client.Service { // the one kind that authenticates
		ctx = audit.WithActor(ctx, audit.Client(c.ID))
	}
	if err := e.revoker.Revoke(ctx, grant.RevokeRequest{At: r.At, Client: c, Token: in.Token}); err != nil {
		return apigw.Response{}, err
	}
	return apigw.Response{Status: http.StatusOK}, nil
}
