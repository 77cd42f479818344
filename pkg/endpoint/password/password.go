// Package password is the endpoint POST /password, where somebody who is logged in changes his password. It is
// behind the token authorizer.
package password

import (
	"context"
	"net/http"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

// Store is what the function asks of the table.
type Store interface {
	session.Reader
	account.Store
	account.Changer
	account.Attempts
}

// Parts is what the function is made of; every field is needed.
type Parts struct {
	Store  Store
	Limits account.Limits // shared with the login: guesses here are guesses there
	Trail  *audit.Trail
	Now    func() time.Time
}

// New returns the function.
func New(cfg apigw.Config, p Parts) apigw.Function {
	change := grant.NewPassword(grant.PasswordParts{
		Owners:   session.NewOwners(p.Store, p.Store, p.Now),
		Accounts: account.NewAuthenticator(p.Store, p.Store, p.Limits, p.Now),
		Editor:   account.NewEditor(p.Store, p.Now),
		Changes:  p.Store,
		Trail:    p.Trail,
	})
	return apigw.Serve(cfg, map[string]apigw.Handler{"POST /password": endpoint{change}.change})
}

type endpoint struct{ password *grant.Password }

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
	err = e.password.Change(ctx, grant.PasswordRequest{Caller: caller, Current: in.Current, New: in.New, Network: r.Network})
	if err != nil {
		return apigw.Response{}, err
	}
	return apigw.Response{Status: http.StatusOK}, nil
}
