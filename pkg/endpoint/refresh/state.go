package refresh

import (
	"context"
	"errors"

	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

// state says whether a refresh would succeed.
type state struct {
	Active bool   `json:"active"`
	Reason string `json:"reason,omitzero"` // why the session ended, when that may be told; the same words as at POST /refresh

	Description string `json:"error_description,omitzero"` // for developers: no page of this origin stays logged in
}

const noCookieCanCome = "no cookie came, and none can: the page is on another site than this service; serve both below one domain"

// state is GET /session?client_id=web, for pages: {"active":true}, or {"active":false} with perhaps a reason.
// A page that has just been loaded asks it before it refreshes. "Not logged in" is a 200 here, because browsers write
// every 400 into the console, and most visitors of a page may never log in.
//
// It changes nothing: no token is rotated, and an old token ends no session. A page of an origin that is not the
// client's gets 403 with any cookies, so that no other page finds out who is logged in.
func (f function) state(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	id := r.Query["client_id"]
	if id == "" {
		return apigw.Response{}, apigw.InvalidRequest("client_id is missing")
	}
	c, err := f.clients.Identify(ctx, id, oauth.Secret{})
	if err != nil {
		return apigw.Response{}, err
	}
	if c.Transport() != client.InCookie {
		return apigw.Response{}, client.ErrWrongKind
	}
	visit := r.Visit(c)
	presented, err := f.Cookies.Presented(visit, oauth.Secret{})
	switch {
	case err != nil:
		return apigw.Response{}, err
	case presented.IsZero() && visit.From.CrossSite():
		return apigw.Encode(state{Description: noCookieCanCome})
	}
	err = f.check(ctx, presented, c)
	var refused *session.RefusedError
	switch {
	case errors.As(err, &refused):
		return apigw.Encode(state{Reason: refused.Reason})
	case err != nil:
		return apigw.Response{}, err
	}
	return apigw.Encode(state{Active: true})
}

// check returns session.ErrRefused for a token that could not be refreshed.
func (f function) check(ctx context.Context, presented oauth.Secret, c client.Client) error {
	token, _, err := session.ParseRefreshToken(ctx, presented, f.keys)
	if err != nil {
		return err
	}
	_, err = f.owners.Of(ctx, token, c)
	return err
}
