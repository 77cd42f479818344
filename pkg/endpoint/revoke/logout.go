package revoke

import (
	"context"
	"errors"
	"net/http"

	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

type logoutRequest struct {
	ClientID     string       `json:"client_id"`
	RefreshToken oauth.Secret `json:"refresh_token"` // clients without cookies
	Everywhere   bool         `json:"everywhere"`
}

// logout needs no access token, so it works after that has expired, and it may be repeated. It ends the session of each
// cookie, and then clears all of them. With a 503 the browser keeps its cookies, so that it can try again.
func (f function) logout(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	if r.IsForm() {
		return f.logoutByForm(ctx, r)
	}
	var in logoutRequest
	if err := r.Decode(&in, apigw.JSON); err != nil {
		return apigw.Response{}, err
	}
	c, err := f.client(ctx, in.ClientID)
	if err != nil {
		return apigw.Response{}, err
	}
	return f.end(ctx, r, c, in)
}

// client finds the client whose session is to end. It has no secret: the cookie or the refresh token is what counts.
func (f function) client(ctx context.Context, id string) (client.Client, error) {
	if id == "" {
		return client.Client{}, apigw.InvalidRequest("client_id is missing")
	}
	return f.clients.Identify(ctx, id, oauth.Secret{})
}

func (f function) end(ctx context.Context, r *apigw.Request, c client.Client, in logoutRequest) (apigw.Response, error) {
	visit := r.Visit(c)
	presented, err := f.Cookies.PresentedToEnd(visit, in.RefreshToken)
	if err != nil {
		return apigw.Response{}, err
	}
	if !c.UsesCookies() {
		if presented[0].IsZero() {
			return apigw.Response{}, apigw.InvalidRequest("refresh_token is missing")
		}
		return apigw.Response{Status: http.StatusOK}, f.endEach(ctx, c, presented, in.Everywhere)
	}
	cleared := f.Cookies.Clear(visit)
	err = f.endEach(ctx, c, presented, in.Everywhere)
	if errors.Is(err, session.ErrRefused) {
		return apigw.Response{}, &browser.ClearingError{Err: err, Cookies: cleared}
	}
	return apigw.Response{Status: http.StatusOK, Cookies: cleared}, err
}

// endEach ends the sessions of all tokens. It returns session.ErrRefused only when every token is refused.
func (f function) endEach(ctx context.Context, c client.Client, tokens []oauth.Secret, everywhere bool) error {
	if len(tokens) == 0 {
		tokens = []oauth.Secret{{}}
	}
	var refused error
	ended := false
	for _, token := range tokens {
		err := f.ending.End(ctx, grant.LogoutRequest{Client: c, RefreshToken: token, Everywhere: everywhere})
		switch {
		case errors.Is(err, session.ErrRefused):
			refused = err
		case err != nil:
			return err
		default:
			ended = true
		}
	}
	if ended {
		return nil
	}
	return refused
}
