// Package revoke is the endpoint POST /revoke (RFC 7009).
package revoke

import (
	"context"
	"net/http"
	"time"

	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/audit"
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
	revocation.Log
	keyring.Store
}

// Parts is what the function is made of; every field is needed.
type Parts struct {
	Store  Store
	Sealer keyring.Sealer // opens the Refresh part only
	Trail  *audit.Trail
	Now    func() time.Time
}

// New returns the function.
func New(cfg apigw.Config, p Parts) apigw.Function {
	revoke := grant.NewRevoke(grant.RevokeParts{
		Clients:  client.NewRegistry(p.Store, p.Now),
		Sessions: session.NewRevoker(p.Store, p.Now),
		MAC:      keyring.NewMAC(p.Store, p.Sealer, p.Now),
		Access:   token.NewVerifier(keyring.NewPublicKeys(p.Store, p.Now), p.Now),
		Log:      p.Store,
		Trail:    p.Trail,
		Now:      p.Now,
	})
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
