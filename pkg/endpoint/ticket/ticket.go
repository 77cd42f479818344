// Package ticket is the endpoint POST /ticket, which gives a person's application a ticket that opens one WebSocket.
package ticket

import (
	"context"
	"errors"

	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/policy"
	"github.com/wavepass/wavepass/pkg/ticket"
	"github.com/wavepass/wavepass/pkg/token"
)

// Store is what the function asks of the table.
type Store interface {
	keyring.Store
	ticket.Keeper
}

// New returns the function. It stands behind the authorizer, which has asked the denylist.
func New(s endpoint.Settings, store Store) apigw.Function {
	f := function{s, token.NewVerifier(keyring.NewPublicKeys(store, s.KeyTimes, s.Now), s.Now), store}
	return apigw.Serve(s.Config, map[string]apigw.Handler{"POST /ticket": f.issue})
}

type function struct {
	endpoint.Settings
	tokens *token.Verifier
	keeper ticket.Keeper
}

type request struct {
	API string `json:"api"` // id of the WebSocket API, as API Gateway names it
}

type answer struct {
	Ticket    string `json:"ticket"`
	ExpiresIn int64  `json:"expires_in"` // seconds
}

func (f function) issue(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	var in request
	if err := r.Decode(&in, apigw.JSON); err != nil {
		return apigw.Response{}, err
	}
	if !policy.ValidAPI(in.API) {
		return apigw.Response{}, apigw.InvalidRequest("api: want the id that API Gateway has given to the WebSocket API, like abc123def4")
	}
	claims, err := f.caller(ctx, r)
	if err != nil {
		return apigw.Response{}, err
	}
	text, life, err := ticket.Issue(ctx, f.keeper, claims, in.API, f.Now())
	if err != nil {
		return apigw.Response{}, err
	}
	return apigw.Encode(answer{text.Reveal(), int64(life.Seconds())})
}

// caller returns what the access token of the request says. It is verified again, because the authorizer's context has only a part of
// it; and it has to be the token that the authorizer has let through.
func (f function) caller(ctx context.Context, r *apigw.Request) (token.Claims, error) {
	text, ok := apigw.Bearer(r.Header("Authorization"))
	if !ok {
		return token.Claims{}, apigw.ErrNotAuthorized
	}
	claims, err := f.tokens.Verify(ctx, text, token.Expect{Issuer: r.At.Issuer, SkipAudience: true}) // the authorizer has looked at it
	switch {
	case errors.Is(err, token.ErrInvalid):
		return token.Claims{}, apigw.ErrNotAuthorized
	case err != nil:
		return token.Claims{}, err
	}
	if id, _ := r.Authorizer["jti"].(string); id != claims.ID {
		return token.Claims{}, apigw.ErrNotAuthorized
	}
	if claims.Login == nil { // a service can send a header
		return token.Claims{}, apigw.ErrNoSession
	}
	return claims, nil
}
