// Package login is the endpoint POST /login.
package login

import (
	"context"
	"errors"

	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/schema"
)

// Store is what the function asks of the table.
type Store interface {
	endpoint.PasswordStore
	client.Store
	schema.Source
}

// New returns the function.
func New(s endpoint.Settings, store Store, sealer keyring.Sealer) apigw.Function {
	f := function{s, client.NewRegistry(store, s.Now), grant.NewLogin(s.ByPassword(store, sealer)), store}
	return apigw.Serve(s.Config, map[string]apigw.Handler{"POST /login": f.login})
}

type function struct {
	endpoint.Settings
	clients *client.Registry
	grant   *grant.Login
	schema  schema.Source
}

type request struct {
	ClientID   string       `json:"client_id"`
	Username   string       `json:"username"`
	Password   oauth.Secret `json:"password"`
	Remember   bool         `json:"remember"`
	DeviceName string       `json:"device_name"`
	EndOthers  bool         `json:"end_others"` // all other sessions of the account
}

func (f function) login(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	var in request
	if err := r.Decode(&in, apigw.JSON); err != nil {
		return apigw.Response{}, err
	}
	switch {
	case in.ClientID == "":
		return apigw.Response{}, apigw.InvalidRequest("client_id is missing")
	case in.Username == "":
		return apigw.Response{}, apigw.InvalidRequest("username is missing")
	case in.Password.IsZero():
		return apigw.Response{}, apigw.InvalidRequest("password is missing")
	case !endpoint.ValidDeviceName(in.DeviceName):
		return apigw.Response{}, apigw.InvalidRequest("device_name is longer than 64 characters or has unprintable ones")
	}
	c, err := f.clients.Find(ctx, in.ClientID)
	if errors.Is(err, client.ErrUnknown) {
		f.Log.WarnContext(ctx, "no such client is registered: `wavepass client list` shows those that are, `wavepass client add ID --kind browser --origin ORIGIN` registers one",
			"request_id", r.ID) // without the id: people type their password into every field
	}
	if err != nil {
		return apigw.Response{}, err
	}
	// Another site must not log people in either: they would go on as somebody else without noticing.
	visit := r.Visit(c)
	if c.UsesCookies() && !visit.From.SameSite(r.At.Issuer, c.Origins) {
		return apigw.Response{}, browser.ErrCrossSite
	}
	issued, err := f.grant.Grant(ctx, grant.LoginRequest{
		At:        r.At,
		Client:    c,
		Username:  in.Username,
		Password:  in.Password,
		Remember:  in.Remember,
		Device:    in.DeviceName,
		Network:   r.Network,
		EndOthers: in.EndOthers,
	})
	if err != nil {
		return apigw.Response{}, err
	}
	if c.UsesCookies() && visit.From.CrossSite() {
		f.Log.WarnContext(ctx, "this login will not last: the page is on another site than the service, so its browser sends no cookie back; serve both below one domain",
			"request_id", r.ID, "client_id", c.ID, "origin", visit.From.Origin, "issuer", r.At.Issuer)
	}
	return apigw.Tokens(f.Cookies.Deliver(visit, issued, schema.WritesFirst(ctx, f.schema), f.Now()))
}
