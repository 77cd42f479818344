// Package sessions is the endpoints where people see their sessions and end them, and see what they have allowed applications and take it back:
// GET /sessions, DELETE /sessions/{id}, DELETE /sessions, GET /grants and DELETE /grants/{client} behind the token authorizer, and the same
// below /site behind the cookie of a site.
package sessions

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/consent"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/session"
)

// Store is what the function asks of the table.
type Store interface {
	client.Store
	session.Reader
	session.Lister
	session.Ender
	consent.Store
	account.Store
	account.Changer
}

// New returns the function.
func New(s endpoint.Settings, store Store) apigw.Function {
	clients := client.NewRegistry(store, s.Now).WithDocuments()
	owners, revoker := session.NewOwners(store, store, clients, s.Now), session.NewRevoker(store, s.Now)
	devices := grant.NewDevices(grant.DevicesParts{
		Sessions: store, Owners: owners, Revoker: revoker, Accounts: account.NewEditor(store, s.Now), Trail: s.Trail,
	})
	consents := grant.NewConsents(grant.ConsentsParts{
		Given: store, Sessions: store, Owners: owners, Revoker: revoker, Trail: s.Trail, Now: s.Now,
	})
	f := function{s, clients, devices, consents}
	return apigw.Serve(s.Config, map[string]apigw.Handler{
		"GET /sessions?limit&cursor": f.list, "DELETE /sessions/{id}": f.endOne, "DELETE /sessions?except": f.endMany,
		"GET /site/sessions?limit&cursor": f.list, "DELETE /site/sessions/{id}": f.endOne, "DELETE /site/sessions?except": f.endMany,
		"GET /grants": f.allowed, "DELETE /grants/{client}": f.takeBack, "GET /site/grants": f.allowed, "DELETE /site/grants/{client}": f.takeBack,
	})
}

type function struct {
	endpoint.Settings
	clients  *client.Registry
	devices  *grant.Devices
	consents *grant.Consents
}

// listed is a session as it is shown to the person who logged in.
type listed struct {
	endpoint.Listed
	Current bool `json:"current"` // the caller's own
}

type list struct {
	Sessions []listed  `json:"sessions"`
	Next     uuid.UUID `json:"next,omitzero"`
}

func (f function) list(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	caller, err := r.Caller()
	if err != nil {
		return apigw.Response{}, err
	}
	limit, before, err := endpoint.PageOf(r.Query)
	if err != nil {
		return apigw.Response{}, err
	}
	page, err := f.devices.List(ctx, caller, before, limit)
	if err != nil {
		return apigw.Response{}, err
	}
	out := list{Sessions: []listed{}, Next: page.Next}
	for _, s := range page.Sessions {
		out.Sessions = append(out.Sessions, listed{endpoint.ListedOf(s), s.ID == caller.SessionID})
	}
	return apigw.Encode(out)
}

func (f function) endOne(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	caller, err := r.Caller()
	if err != nil {
		return apigw.Response{}, err
	}
	id, ok := endpoint.ParseID(r.Path["id"])
	if !ok {
		return apigw.Response{}, session.ErrNotFound // as for every id that is not one of the caller's sessions
	}
	return f.end(ctx, r, caller, id == caller.SessionID, func() error { return f.devices.End(ctx, caller, id) })
}

// endMany ends all sessions, or with except=current all others. Serve refuses a query that is not wholly understood, so
// that a mistyped "except" logs nobody out.
func (f function) endMany(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	caller, err := r.Caller()
	if err != nil {
		return apigw.Response{}, err
	}
	switch except, given := r.Query["except"]; {
	case !given:
		return f.end(ctx, r, caller, true, func() error { return f.devices.EndAll(ctx, caller) })
	case except == "current":
		return f.end(ctx, r, caller, false, func() error { return f.devices.EndOthers(ctx, caller) })
	}
	return apigw.Response{}, apigw.InvalidRequest("want except=current, to end all other sessions, or no parameter at all, to end every one")
}

// end ends sessions. When the caller's own is among them and its client has cookies, they are cleared, but only
// once it has ended for certain.
func (f function) end(ctx context.Context, r *apigw.Request, caller grant.Caller, own bool, end func() error) (apigw.Response, error) {
	cookies, err := f.cookiesOf(ctx, r, caller, own)
	if err != nil {
		return apigw.Response{}, err
	}
	if err := end(); err != nil {
		return apigw.Response{}, err
	}
	return apigw.Response{Status: http.StatusOK, Cookies: cookies}, nil
}

// cookiesOf returns the Set-Cookie values that clear the cookies of the caller's client. The sessions of a client that is no
// longer registered have ended, and its cookies are not cleared.
func (f function) cookiesOf(ctx context.Context, r *apigw.Request, caller grant.Caller, own bool) ([]string, error) {
	if !own {
		return nil, nil
	}
	c, err := f.clients.Find(ctx, caller.ClientID)
	switch {
	case errors.Is(err, client.ErrUnknown):
		return nil, nil
	case err != nil:
		return nil, err
	case !c.UsesCookies():
		return nil, nil
	}
	return f.Cookies.Clear(r.Visit(c)), nil
}
