// Package revoke is the endpoints that end sessions: POST /revoke (RFC 7009) and POST /logout.
package revoke

import (
	"context"
	"net/http"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/assertion"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/endpoint"
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
	assertion.Uses
	session.Store
	account.Store
	account.Changer
	revocation.Once
	keyring.Store
}

// New returns the function. It opens the MAC keys of refresh tokens, and no signing key.
func New(s endpoint.Settings, store Store, sealer keyring.Sealer) apigw.Function {
	clients := client.NewRegistry(store, s.Now).WithDocuments()
	mac := keyring.NewMACKeys(store, sealer, s.KeyTimes, s.Now)
	sessions, owners := session.NewRevoker(store, s.Now), session.NewOwners(store, store, clients, s.Now)
	revoke := grant.NewRevoke(grant.RevokeParts{
		Sessions: sessions,
		Owners:   owners,
		MAC:      mac,
		Access:   token.NewVerifier(keyring.NewPublicKeys(store, s.KeyTimes, s.Now), s.Now),
		Log:      store,
		Trail:    s.Trail,
		Now:      s.Now,
	})
	logout := grant.NewLogout(grant.LogoutParts{
		Sessions: sessions,
		Owners:   owners,
		Accounts: account.NewEditor(store, s.Now),
		MAC:      mac,
		Trail:    s.Trail,
	})
	f := function{s, clients, assertion.NewVerifier(clients, store, s.Now), revoke, logout}
	return apigw.Serve(s.Config, map[string]apigw.Handler{"POST /revoke": f.revoke, "POST /logout": f.logout})
}

type function struct {
	endpoint.Settings
	clients    *client.Registry
	assertions *assertion.Verifier
	revoking   *grant.Revoke
	ending     *grant.Logout
}

// revokeRequest has the parameters of RFC 7009 §2.1. The hint is ignored, because a token's form says of which type it is.
type revokeRequest struct {
	Token oauth.Secret `json:"token"`
	apigw.ClientParameters
}

func (f function) revoke(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	var in revokeRequest
	if err := r.Decode(&in, apigw.Form); err != nil {
		return apigw.Response{}, err
	}
	if in.Token.IsZero() {
		return apigw.Response{}, apigw.InvalidRequest("token is missing")
	}
	c, err := r.Authenticated(ctx, f.clients, f.assertions, in.ClientParameters)
	if err != nil {
		return apigw.Response{}, err
	}
	if c.Authenticates() {
		ctx = audit.WithActor(ctx, audit.Client(c.ID))
	}
	if err := f.revoking.Revoke(ctx, grant.RevokeRequest{At: r.At, Client: c, Token: in.Token}); err != nil {
		return apigw.Response{}, err
	}
	// RFC 7009 §2.2 has clients ignore the body. Without one, API Gateway says that it is text, and oidc-client-ts takes that for a failure.
	return apigw.Response{Status: http.StatusOK, Body: []byte("{}")}, nil
}
