package revoke

import (
	"context"
	"net/http"

	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/oauth"
)

type logoutRequest struct {
	ClientID     string       `json:"client_id"`
	RefreshToken oauth.Secret `json:"refresh_token"` // clients without cookies
	Everywhere   bool         `json:"everywhere"`
}

// logout needs no access token: it works after that has expired, and twice. The cookies are cleared only
// when the session has ended for certain; with a 503 the browser keeps what it needs to try again.
func (e endpoint) logout(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	var in logoutRequest
	if err := r.Decode(&in, apigw.JSON); err != nil {
		return apigw.Response{}, err
	}
	if in.ClientID == "" {
		return apigw.Response{}, apigw.InvalidRequest("client_id is missing")
	}
	c, err := e.clients.Identify(ctx, in.ClientID, oauth.Secret{})
	if err != nil {
		return apigw.Response{}, err
	}
	presented, err := e.cookies.Presented(c, in.RefreshToken, r.Cookies, r.Source(), r.At.Issuer)
	if err != nil {
		return apigw.Response{}, err
	}
	if presented.IsZero() && c.Kind != client.Browser {
		return apigw.Response{}, apigw.InvalidRequest("refresh_token is missing")
	}
	err = e.leaver.End(ctx, grant.LogoutRequest{Client: c, RefreshToken: presented, Everywhere: in.Everywhere})
	if err != nil {
		return apigw.Response{}, err
	}
	response := apigw.Response{Status: http.StatusOK}
	if c.UsesCookies() {
		response.Cookies = e.cookies.Clear(c.ID)
	}
	return response, nil
}
