package revoke

import (
	"context"
	"slices"

	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
)

// logoutForm is what a plain HTML form of a site sends.
type logoutForm struct {
	ClientID              string `json:"client_id"`
	Everywhere            string `json:"everywhere"`
	PostLogoutRedirectURI string `json:"post_logout_redirect_uri"` // where to go, as registered
}

// logoutByForm logs out with a form of a site, and sends the browser on. An error is answered directly: people have to know that they
// are still logged in.
func (f function) logoutByForm(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	var in logoutForm
	if err := r.Decode(&in, apigw.Form); err != nil {
		return apigw.Response{}, err
	}
	c, err := f.client(ctx, in.ClientID)
	if err != nil {
		return apigw.Response{}, err
	}
	everywhere := in.Everywhere == "on" || in.Everywhere == "true"
	switch {
	case c.Transport() != client.AsHandle:
		return apigw.Response{}, client.ErrWrongKind // others send JSON
	case !everywhere && in.Everywhere != "" && in.Everywhere != "false":
		return apigw.Response{}, apigw.InvalidRequest("everywhere: want on or true, or leave it out")
	case !slices.Contains(c.PostLogoutRedirects, in.PostLogoutRedirectURI):
		return apigw.Response{}, browser.ErrNoTarget
	}
	answer, err := f.end(ctx, r, c, logoutRequest{ClientID: in.ClientID, Everywhere: everywhere})
	if err != nil {
		return apigw.Response{}, err
	}
	return apigw.SeeOther(in.PostLogoutRedirectURI, answer.Cookies), nil
}
