package password

import (
	"context"

	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/oauth"
)

type closeRequest struct {
	Current     oauth.Secret `json:"current_password"` // not of an account without one
	Language    string       `json:"language"`         // of the mail that tells the owner
	DeviceToken oauth.Secret `json:"device_token"`     // as of a change of the password
}

type closed struct {
	RemovedAt int64 `json:"removed_at"` // unix seconds
}

// closeAccount answers DELETE /account. Cookies are cleared once every session has ended for certain.
func (f function) closeAccount(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	caller, err := r.Caller()
	if err != nil {
		return apigw.Response{}, err
	}
	var in closeRequest
	if err := r.Decode(&in, apigw.JSON); err != nil {
		return apigw.Response{}, err
	}
	language, err := endpoint.Language(r, in.Language)
	if err != nil {
		return apigw.Response{}, err
	}
	c, err := f.clients.Find(ctx, caller.ClientID)
	if err != nil {
		return apigw.Response{}, err
	}
	at, err := f.password.Close(ctx, grant.ProofRequest{
		Caller: caller, Client: c, Current: in.Current, Network: r.Network, Devices: f.Cookies.Devices(r.Visit(c), in.DeviceToken),
	}, language)
	if err != nil {
		return apigw.Response{}, err
	}
	answer, err := apigw.Encode(closed{at.Unix()})
	if c.UsesCookies() {
		answer.Cookies = f.Cookies.Clear(r.Visit(c))
	}
	return answer, err
}
