// Package subjects is the endpoints by which a back end with users of its own begins, lists and ends their sessions, and changes what
// they may do: POST, GET and DELETE /subjects/{subject}/sessions, DELETE /subjects/{subject}/sessions/{sid} and
// PATCH /subjects/{subject}. All are behind the token authorizer, for the own token of a service with a directory.
package subjects

import (
	"context"
	"net/http"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/audit"
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
	session.Directory
	session.Reader
	session.Lister
	session.Ender
	account.Store
	account.Changer
	account.Keeper
	keyring.Store
	schema.Source
}

// New returns the function.
func New(s endpoint.Settings, store Store, sealer keyring.Sealer) apigw.Function {
	clients := client.NewRegistry(store, s.Now)
	keys := s.Keyring(store, sealer)
	f := function{s, clients, grant.NewSubjects(grant.SubjectsParts{
		Directory: store,
		Sessions:  store,
		Reader:    store,
		Accounts:  account.NewAdministrator(store, s.Now),
		Owners:    session.NewOwners(store, store, clients, s.Now),
		Revoker:   session.NewRevoker(store, s.Now),
		MAC:       keys.MACKeys(),
		Signing:   keys.SigningKeys(),
		Trail:     s.Trail,
		Now:       s.Now,
	}), store}
	return apigw.Serve(s.Config, map[string]apigw.Handler{
		"POST /subjects/{subject}/sessions":             f.begin,
		"GET /subjects/{subject}/sessions?limit&cursor": f.list,
		"DELETE /subjects/{subject}/sessions":           f.endAll,
		"DELETE /subjects/{subject}/sessions/{sid}":     f.endOne,
		"PATCH /subjects/{subject}":                     f.change,
	})
}

type function struct {
	endpoint.Settings
	clients *client.Registry
	grant   *grant.Subjects
	schema  schema.Source
}

// caller returns the service, by its access token; the subject in its directory, by the path; and a context for events of the
// service. The client's record counts, not its token alone: what was taken away is gone within the minute of the registry.
func (f function) caller(ctx context.Context, r *apigw.Request) (context.Context, client.Client, account.Subject, error) {
	id, err := r.Service(oauth.ScopeSessions)
	if err != nil {
		return ctx, client.Client{}, account.Subject{}, err
	}
	c, err := f.clients.Find(ctx, id)
	switch {
	case err != nil:
		return ctx, client.Client{}, account.Subject{}, err
	case !c.ManagesSessions():
		return ctx, client.Client{}, account.Subject{}, &grant.NotGrantedError{What: "this client is not registered as a service with a directory and the scope " + oauth.ScopeSessions}
	}
	subject, err := account.NewSubject(c.Directory, r.Path["subject"])
	return audit.WithActor(ctx, audit.Client(c.ID)), c, subject, err
}

func (f function) endOne(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	ctx, _, subject, err := f.caller(ctx, r)
	if err != nil {
		return apigw.Response{}, err
	}
	id, ok := endpoint.ParseID(r.Path["sid"])
	if !ok {
		return apigw.Response{}, session.ErrNotFound // as for every id that is not one of the subject's sessions
	}
	return apigw.Response{Status: http.StatusOK}, f.grant.End(ctx, subject, id)
}

func (f function) endAll(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	ctx, _, subject, err := f.caller(ctx, r)
	if err != nil {
		return apigw.Response{}, err
	}
	return apigw.Response{Status: http.StatusOK}, f.grant.EndAll(ctx, subject)
}

func (f function) list(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	ctx, _, subject, err := f.caller(ctx, r)
	if err != nil {
		return apigw.Response{}, err
	}
	limit, before, err := endpoint.PageOf(r.Query)
	if err != nil {
		return apigw.Response{}, err
	}
	page, err := f.grant.List(ctx, subject, before, limit)
	if err != nil {
		return apigw.Response{}, err
	}
	return apigw.Encode(endpoint.ListOf(page))
}

// change replaces what the service may give to the subject.
func (f function) change(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	ctx, service, subject, err := f.caller(ctx, r)
	if err != nil {
		return apigw.Response{}, err
	}
	var in struct {
		accessChange
		Disabled *bool `json:"disabled"`
	}
	if err := r.Decode(&in, apigw.JSON); err != nil {
		return apigw.Response{}, err
	}
	access, err := in.parsed()
	switch {
	case err != nil:
		return apigw.Response{}, err
	case access == (grant.AccessChange{}) && in.Disabled == nil:
		return apigw.Response{}, apigw.InvalidRequest("nothing to change: want roles, scopes, claims or disabled")
	}
	return apigw.Response{Status: http.StatusOK}, f.grant.Change(ctx, service, subject, grant.SubjectChange{AccessChange: access, Disabled: in.Disabled})
}
