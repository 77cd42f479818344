// Package password is the endpoint POST /password, where somebody who is logged in changes their password. It is
// behind the token authorizer, and answers like a login: with a new session. POST /email is where they ask for another address of their
// account, by the same proof, and DELETE /account closes it. POST /site/password, POST /site/email and DELETE /site/account are the same behind the cookie of a site.
package password

import (
	"context"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/schema"
	"github.com/wavepass/wavepass/pkg/session"
)

// Store is what the function asks of the table.
type Store interface {
	endpoint.PasswordStore
	client.Store
	session.Reader
	mail.DeskStore
	account.Forgetter
	schema.Source
}

// New returns the function.
func New(s endpoint.Settings, store Store, sealer keyring.Sealer) apigw.Function {
	clients := client.NewRegistry(store, s.Now)
	mails := mail.NewDesk(store, mail.DefaultLimits, s.Now)
	change := grant.NewPassword(grant.PasswordParts{
		BeginParts: s.ByPassword(store, sealer),
		Owners:     session.NewOwners(store, store, clients, s.Now),
		Mails:      mails,
		Forgetter:  store,
	})
	f := function{s, clients, change, mails, store}
	return apigw.Serve(s.Config, map[string]apigw.Handler{
		"POST /password": f.change, "POST /site/password": f.change,
		"POST /email": f.changeEmail, "POST /site/email": f.changeEmail,
		"DELETE /account": f.closeAccount, "DELETE /site/account": f.closeAccount,
	})
}

type function struct {
	endpoint.Settings
	clients  *client.Registry
	password *grant.Password
	mails    *mail.Desk
	schema   schema.Source
}

type request struct {
	Current oauth.Secret `json:"current_password"`
	New     oauth.Secret `json:"new_password"`

	Language    string       `json:"language"`     // of the mail that tells the owner
	DeviceToken oauth.Secret `json:"device_token"` // of an earlier login, where it is in no cookie
}

func (f function) change(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
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
	language, err := endpoint.Language(r, in.Language)
	if err != nil {
		return apigw.Response{}, err
	}
	c, err := f.clients.Find(ctx, caller.ClientID)
	if err != nil {
		return apigw.Response{}, err
	}
	issued, err := f.password.Change(ctx, grant.PasswordRequest{
		Caller: caller, At: r.At, Client: c, Current: in.Current, New: in.New, Rules: f.PasswordRules(r.At.Issuer), Network: r.Network, Devices: f.Cookies.Devices(r.Visit(c), in.DeviceToken),
		Language: language,
	})
	if err != nil {
		return apigw.Response{}, err
	}
	return apigw.Tokens(f.Cookies.Deliver(r.Visit(c), issued, schema.WritesFirst(ctx, f.schema), f.Now()))
}
