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
	"github.com/wavepass/wavepass/pkg/session"
)

// Store is what the function asks of the table.
type Store interface {
	endpoint.PasswordStore
	client.Store
	schema.Source
	session.Reader
	session.Accounts
	session.Ender
}

// New returns the function.
func New(s endpoint.Settings, store Store, sealer keyring.Sealer) apigw.Function {
	clients := client.NewRegistry(store, s.Now)
	earlier := grant.NewEarlier(session.NewOwners(store, store, clients, s.Now), session.NewRevoker(store, s.Now), s.Trail)
	f := function{s, clients, grant.NewLogin(s.ByPassword(store, sealer)), earlier, store}
	return apigw.Serve(s.Config, map[string]apigw.Handler{"POST /login": f.login})
}

type function struct {
	endpoint.Settings
	clients *client.Registry
	grant   *grant.Login
	earlier *grant.Earlier
	schema  schema.Source
}

type request struct {
	ClientID   string       `json:"client_id"`
	Username   string       `json:"username"`
	Password   oauth.Secret `json:"password"`
	Remember   bool         `json:"remember"`
	DeviceName string       `json:"device_name"`
	EndOthers  bool         `json:"end_others"` // all other sessions of the account

	DeviceToken oauth.Secret `json:"device_token"` // of an earlier login, where it is in no cookie
}

func (f function) login(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	if r.IsForm() {
		return f.byForm(ctx, r)
	}
	var in request
	if err := r.Decode(&in, apigw.JSON); err != nil {
		return apigw.Response{}, err
	}
	c, err := f.client(ctx, r, in.ClientID)
	if err != nil {
		return apigw.Response{}, err
	}
	return f.begin(ctx, r, c, in)
}

// client finds a client, and refuses requests that another site may have sent: it must not log people in either, because they
// would go on as somebody else without noticing.
func (f function) client(ctx context.Context, r *apigw.Request, id string) (client.Client, error) {
	if id == "" {
		return client.Client{}, apigw.InvalidRequest("client_id is missing")
	}
	if id == client.Reserved {
		return client.Client{}, client.ErrWrongKind // only the sign-in pages begin sessions of theirs
	}
	c, err := f.clients.Find(ctx, id)
	if errors.Is(err, client.ErrUnknown) {
		f.Log.WarnContext(ctx, "no such client is registered: `wavepass client list` shows those that are, `wavepass client add ID --kind browser --origin ORIGIN` registers one",
			"request_id", r.ID) // without the id: people type their password into every field
	}
	if err == nil && c.UsesCookies() {
		err = r.Visit(c).From.OneSite(r.At.Issuer, c.Origins)
	}
	return c, err
}

// check says what is missing or wrong.
func (in request) check() error {
	switch {
	case in.Username == "":
		return apigw.InvalidRequest("username is missing")
	case in.Password.IsZero():
		return apigw.InvalidRequest("password is missing")
	case !endpoint.ValidDeviceName(in.DeviceName):
		return apigw.InvalidRequest("device_name is longer than 64 characters or has unprintable ones")
	}
	return nil
}

// begin logs in, and delivers what was issued in the way of the client.
func (f function) begin(ctx context.Context, r *apigw.Request, c client.Client, in request) (apigw.Response, error) {
	if err := in.check(); err != nil {
		return apigw.Response{}, err
	}
	visit := r.Visit(c)
	login := func() (grant.Issued, error) {
		return f.grant.Grant(ctx, grant.LoginRequest{
			At:        r.At,
			Client:    c,
			Username:  in.Username,
			Password:  in.Password,
			Remember:  in.Remember,
			Device:    in.DeviceName,
			Network:   r.Network,
			EndOthers: in.EndOthers,
			Devices:   f.Cookies.Devices(visit, in.DeviceToken),
		})
	}
	issued, notEnded, err := f.earlier.ReplaceWith(ctx, login, f.earlierHandle(visit), c)
	if err != nil {
		return apigw.Response{}, err
	}
	if notEnded != nil {
		f.Log.WarnContext(ctx, "the session that the browser had before could not be ended: its cookie is replaced, and it lives on until it expires",
			"request_id", r.ID, "client_id", c.ID, "reason", notEnded.Error())
	}
	if c.UsesCookies() && visit.From.CrossSite() {
		f.Log.WarnContext(ctx, "this login will not last: the page is on another site than the service, so its browser sends no cookie back; serve both below one domain",
			"request_id", r.ID, "client_id", c.ID, "origin", visit.From.Origin, "issuer", r.At.Issuer)
	}
	return apigw.Tokens(f.Cookies.Deliver(visit, issued, schema.WritesFirst(ctx, f.schema), f.Now()))
}

// earlierHandle is the handle that the browser of a visit has at its site, the zero one when it has none. Of two cookies of one name nothing
// tells which is the site's own, so then it is none of them.
func (f function) earlierHandle(v browser.Visit) session.Handle {
	if v.Client.Transport() != client.AsHandle {
		return session.Handle{}
	}
	h, err := f.Cookies.HandleOf(v)
	if err != nil {
		return session.Handle{}
	}
	return h
}
