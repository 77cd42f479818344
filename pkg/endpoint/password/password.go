// Package password is the endpoint POST /password, where somebody who is logged in changes their password. It is
// behind the token authorizer, and answers like a login: with a new session.
package password

import (
	"context"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
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
	session.Reader
	session.Creator
	account.Store
	account.Changer
	account.Attempts
	keyring.Store
	schema.Source
}

// Parts is what the function is made of; every field is needed.
type Parts struct {
	Store     Store
	Sealer    keyring.Sealer
	Algorithm keyring.Algorithm
	KeyTimes  keyring.Times
	Limits    account.Limits // shared with the login: guesses here are guesses there
	Cookies   browser.Jar
	Trail     *audit.Trail
	Now       func() time.Time
}

// New returns the function.
func New(cfg apigw.Config, p Parts) apigw.Function {
	keys := keyring.New(keyring.Config{
		Store: p.Store, Sealer: p.Sealer, Algorithm: p.Algorithm, Times: p.KeyTimes, Now: p.Now, Created: operate.KeysCreated(p.Trail),
	})
	change := grant.NewPassword(grant.PasswordParts{
		BeginParts: grant.BeginParts{
			Accounts: account.NewAuthenticator(p.Store, p.Store, p.Limits, p.Now),
			Editor:   account.NewEditor(p.Store, p.Now),
			Sessions: p.Store,
			MAC:      keys.MACKeys(),
			Signing:  keys.SigningKeys(),
			Trail:    p.Trail,
			Now:      p.Now,
		},
		Owners: session.NewOwners(p.Store, p.Store, p.Now),
	})
	e := endpoint{client.NewRegistry(p.Store, p.Now), change, p.Cookies, p.Store, p.Now}
	return apigw.Serve(cfg, map[string]apigw.Handler{"POST /password": e.change})
}

type endpoint struct {
	clients  *client.Registry
	password *grant.Password
	cookies  browser.Jar
	schema   schema.Source
	now      func() time.Time
}

type request struct {
	Current oauth.Secret `json:"current_password"`
	New     oauth.Secret `json:"new_password"`
}

func (e endpoint) change(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	caller, err := r.Caller()
	if err != nil {
		return apigw.Response{}, err
	}
	var in request
	if err := r.Decode(&in, apigw.JSON); err != nil {
		return apigw.Response{}, err
	}
	switch {
	case in.Current.IsZero():
		return apigw.Response{}, apigw.InvalidRequest("current_password is missing")
	case in.New.IsZero():
		return apigw.Response{}, apigw.InvalidRequest("new_password is missing")
	}
	c, err := e.clients.Find(ctx, caller.ClientID)
	if err != nil {
		return apigw.Response{}, err
	}
	issued, err := e.password.Change(ctx, grant.PasswordRequest{
		Caller: caller, At: r.At, Client: c, Current: in.Current, New: in.New, Network: r.Network,
	})
	if err != nil {
		return apigw.Response{}, err
	}
	return apigw.Tokens(e.cookies.Deliver(r.Visit(c), issued, schema.WritesFirst(ctx, e.schema), e.now()))
}
