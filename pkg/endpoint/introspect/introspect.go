// Package introspect is the endpoint where services ask about tokens that they were shown: POST /introspect (RFC 7662), with signed
// answers for those who ask for them (RFC 9701).
package introspect

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/assertion"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
	"github.com/wavepass/wavepass/pkg/token"
)

// Store is what the function asks of the table.
type Store interface {
	client.Store
	assertion.Uses
	session.Reader
	session.Accounts
	endpoint.AccessStore
}

// New returns the function. It opens the MAC keys of refresh tokens, and the signing keys for signed answers.
func New(s endpoint.Settings, store Store, sealer keyring.Sealer) apigw.Function {
	clients := client.NewRegistry(store, s.Now).WithDocuments()
	tokens, denylist := s.AccessTokens(store)
	f := function{s, clients, assertion.NewVerifier(clients, store, s.Now), s.Keyring(store, sealer).SigningKeys(), grant.NewIntrospect(grant.IntrospectParts{
		Tokens:   tokens,
		Denylist: denylist,
		Accounts: store,
		Owners:   session.NewOwners(store, store, clients, s.Now),
		MAC:      keyring.NewMACKeys(store, sealer, s.KeyTimes, s.Now),
	})}
	return apigw.Serve(s.Config, map[string]apigw.Handler{"POST /introspect": f.introspect})
}

type function struct {
	endpoint.Settings
	clients    *client.Registry
	assertions *assertion.Verifier
	signing    *keyring.SigningKeys
	tokens     *grant.Introspect
}

// request has the parameters of RFC 7662 §2.1. The hint is ignored, because a token's form says of which type it is.
type request struct {
	Token oauth.Secret `json:"token"`
	apigw.ClientParameters
}

func (f function) introspect(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	var in request
	if err := r.Decode(&in, apigw.Form); err != nil {
		return apigw.Response{}, err
	}
	c, err := r.Authenticated(ctx, f.clients, f.assertions, in.ClientParameters)
	switch {
	case err != nil:
		return apigw.Response{}, err
	case !c.Authenticates():
		return apigw.Response{}, client.ErrUnknown // it has not authenticated, and cannot
	case in.Token.IsZero():
		return apigw.Response{}, apigw.InvalidRequest("token is missing")
	}
	found, err := f.tokens.Token(ctx, grant.IntrospectRequest{At: r.At, Client: c, Token: in.Token})
	var response apigw.Response
	switch {
	case errors.Is(err, grant.ErrInactive):
		f.Log.InfoContext(ctx, "inactive", "request_id", r.ID, "client_id", c.ID, "reason", err.Error())
		response, err = apigw.Encode(answer{})
	case err == nil:
		response, err = apigw.Encode(answerOf(found, r.At.Issuer))
	}
	if err != nil || !wantsSigned(r.Header("Accept")) {
		return response, err
	}
	return f.signed(ctx, r, c, response)
}

// signed puts an answer into a JWT for the service.
func (f function) signed(ctx context.Context, r *apigw.Request, c client.Client, plain apigw.Response) (apigw.Response, error) {
	key, err := grant.NewestSigningKey(ctx, f.signing)
	if err != nil {
		return apigw.Response{}, err
	}
	text, err := token.SignIntrospection(key, r.At.Issuer, c.ID, f.Now(), plain.Body)
	return apigw.Response{
		Status: http.StatusOK, Body: []byte(text.Reveal()), Headers: map[string]string{"Content-Type": signedType},
	}, err
}

const signedType = "application/token-introspection+jwt"

// wantsSigned reports whether an Accept names the type of signed answers, and does not refuse it by q=0 (RFC 9110 §12.4.2).
func wantsSigned(accept string) bool {
	for one := range strings.SplitSeq(accept, ",") {
		mediaType, parameters, err := mime.ParseMediaType(one)
		if err != nil || mediaType != signedType {
			continue
		}
		weight, isWeight := parameters["q"]
		q, err := strconv.ParseFloat(weight, 64)
		return !isWeight || err == nil && q > 0
	}
	return false
}
