// Package login is the endpoint POST /login.
package login

import (
	"context"
	"unicode"
	"unicode/utf8"

	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/oauth"
)

const maxDeviceName = 64 // code points

// New returns the function.
func New(cfg apigw.Config, login *grant.Login) apigw.Function {
	return apigw.Serve(cfg, map[string]apigw.Handler{"POST /login": endpoint{login}.login})
}

type endpoint struct{ grant *grant.Login }

type request struct {
	ClientID   string       `json:"client_id"`
	Username   string       `json:"username"`
	Password   oauth.Secret `json:"password"`
	Remember   bool         `json:"remember"`
	DeviceName string       `json:"device_name"`
}

func (e endpoint) login(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	var in request
	if err := r.Decode(&in, apigw.JSON); err != nil {
		return apigw.Response{}, err
	}
	switch {
	case in.ClientID == "":
		return apigw.Response{}, apigw.InvalidRequest("client_id is missing")
	case in.Username == "":
		return apigw.Response{}, apigw.InvalidRequest("username is missing")
	case in.Password.IsZero():
		return apigw.Response{}, apigw.InvalidRequest("password is missing")
	case !validDeviceName(in.DeviceName):
		return apigw.Response{}, apigw.InvalidRequest("device_name is longer than 64 characters or has unprintable ones")
	}
	tokens, err := e.grant.Grant(ctx, grant.LoginRequest{
		At:       r.At,
		ClientID: in.ClientID,
		Username: in.Username,
		Password: in.Password,
		Remember: in.Remember,
		Device:   in.DeviceName,
		Network:  r.Network,
	})
	if err != nil {
		return apigw.Response{}, err
	}
	return apigw.Tokens(tokens)
}

// validDeviceName keeps the list of sessions readable: the name is shown to its owner.
func validDeviceName(name string) bool {
	for _, c := range name {
		if !unicode.IsPrint(c) {
			return false
		}
	}
	return utf8.RuneCountInString(name) <= maxDeviceName
}
