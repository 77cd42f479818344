// Package authorizer is the Lambda authorizer of an HTTP API: it lets a request through when its access
// token verifies and was not revoked. Any doubt refuses.
package authorizer

import (
	"context"
	"errors"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"

	"github.com/wavepass/wavepass/pkg/access"
	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/token"
)

// Function is an HTTP API authorizer with payload format 2.0 and simple responses.
type Function func(ctx context.Context, e events.APIGatewayV2CustomAuthorizerV2Request) (events.APIGatewayV2CustomAuthorizerSimpleResponse, error)

// Store is what the function asks of the table.
type Store interface {
	revocation.Reader
	keyring.Store
}

// remembered is how many tokens are known by sight: 3 MB of usual ones, some 700 bytes each, and 12 MB of the longest.
const remembered = 4096

// New returns the function.
func New(s endpoint.Settings, store Store) Function {
	keys := keyring.NewPublicKeys(store, s.KeyTimes, s.Now)
	tokens := access.NewChecker(token.NewRememberingVerifier(keys, s.Now, remembered), revocation.NewSnapshot(store, s.Staleness, s.Now))
	return function{s.Config, tokens}.authorize
}

type function struct {
	cfg    apigw.Config
	tokens *access.Checker
}

// authorize never returns an error: the gateway would answer 500, and a refusal has one face.
func (f function) authorize(ctx context.Context, event events.APIGatewayV2CustomAuthorizerV2Request) (events.APIGatewayV2CustomAuthorizerSimpleResponse, error) {
	claims, err := f.check(ctx, event)
	if err != nil {
		level := slog.LevelInfo
		if errors.Is(err, oauth.ErrUnavailable) {
			level = slog.LevelError
		}
		f.cfg.Log.Log(ctx, level, "refused", "request_id", event.RequestContext.RequestID, "reason", err.Error())
		return events.APIGatewayV2CustomAuthorizerSimpleResponse{}, nil
	}
	return events.APIGatewayV2CustomAuthorizerSimpleResponse{IsAuthorized: true, Context: contextOf(claims)}, nil
}

// check reads the credential that the gateway named, and nothing else of the event.
func (f function) check(ctx context.Context, event events.APIGatewayV2CustomAuthorizerV2Request) (token.Claims, error) {
	if len(event.IdentitySource) != 1 {
		return token.Claims{}, errors.New("authorizer: want exactly one identity source")
	}
	text, ok := apigw.Bearer(event.IdentitySource[0])
	if !ok {
		return token.Claims{}, errors.New("authorizer: not a bearer token")
	}
	at, err := apigw.PlaceOf(f.cfg, event.RequestContext.APIID, event.RequestContext.DomainName)
	if err != nil {
		return token.Claims{}, err
	}
	return f.tokens.Check(ctx, text, token.Expect{Issuer: at.Issuer, Audience: at.Audience})
}

// contextOf is what the routes behind the authorizer learn about the caller.
func contextOf(c token.Claims) map[string]any {
	out := map[string]any{"sub": c.Subject, "client_id": c.ClientID, "scope": c.Scope, "roles": orEmpty(c.Roles)}
	if c.RolesOmitted {
		out["roles_omitted"] = true // roles is empty, and a decision by roles has to refuse
	}
	if c.Login != nil {
		out["sid"] = c.Login.SessionID.String()
		out["auth_time"] = c.Login.AuthTime.Unix()
		out["amr"] = orEmpty(c.Login.AMR)
	}
	return out
}

// orEmpty keeps null out of the JSON.
func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
