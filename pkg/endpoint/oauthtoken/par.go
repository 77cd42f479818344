package oauthtoken

import (
	"context"
	"net/http"

	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/authorization"
)

// push takes an authorization request from the client itself, before a browser comes with it (RFC 9126 §2). The client authenticates as at
// the token endpoint.
func (f function) push(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	var in apigw.ClientParameters
	if err := r.Decode(&in, apigw.Form); err != nil { // refuses a parameter that is there twice
		return apigw.Response{}, err
	}
	c, err := r.Authenticated(ctx, f.clients, f.assertions, in)
	if err != nil {
		return apigw.Response{}, err
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
