package oauthtoken

import (
	"context"
	"net/http"
	"strings"

	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/authorization"
)

// errNoPush is for clients that nobody has registered. Their document is read when somebody is signed in, and before that nobody knows their redirects.
var errNoPush = apigw.InvalidRequest("an application whose client_id is the address of its document pushes no requests: send the browser to authorization_endpoint with the request itself")

// push takes an authorization request from the client itself, before a browser comes with it (RFC 9126 §2). The client authenticates as at
// the token endpoint.
func (f function) push(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	var in apigw.ClientParameters
	if err := r.Decode(&in, apigw.Form); err != nil { // refuses a parameter that is there twice
		return apigw.Response{}, err
	}
	if strings.HasPrefix(in.ClientID, "https:") {
		return apigw.Response{}, errNoPush
	}
	c, err := r.Authenticated(ctx, f.clients, f.assertions, in)
	switch {
	case err != nil:
		return apigw.Response{}, err
	case c.IsFetched():
		return apigw.Response{}, errNoPush
	}
	raw, err := r.RawForm()
	if err != nil {
		return apigw.Response{}, err
	}
	requestURI, err := authorization.Push(ctx, f.pushed, raw, c, f.Now())
	if err != nil {
		return apigw.Response{}, err
	}
	response, err := apigw.Encode(struct {
		RequestURI string `json:"request_uri"`
		ExpiresIn  int    `json:"expires_in"`
	}{requestURI.Reveal(), int(authorization.PushedLife.Seconds())})
	response.Status = http.StatusCreated
	return response, err
}
