// Package authorizer is the Lambda authorizer of an HTTP API: it lets a request through when its access
// token verifies and was not revoked. Any doubt refuses.
package authorizer

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/wavepass/wavepass/pkg/apigw"
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

// Parts is what the function is made of; every field is needed.
type Parts struct {
	Store     Store
	Staleness time.Duration // how old the answer of the denylist may be
	KeyTimes  keyring.Times
	Now       func() time.Time
}

// remembered is how many tokens are known by sight: some 700 bytes each, 3 MB in all.
const remembered = 4096

// New returns the function.
func New(cfg apigw.Config, p Parts) Function {
	return endpoint{
		cfg:      cfg,
		verifier: token.NewRememberingVerifier(keyring.NewPublicKeys(p.Store, p.KeyTimes, p.Now), p.Now, remembered),
		denylist: revocation.NewSnapshot(p.Store, p.Staleness, p.Now),
	}.authorize
}

type endpoint struct {
	cfg      apigw.Config
	verifier *token.Verifier
	denylist *revocation.Snapshot
}

// authorize never returns an error: the gateway would answer 500, and a refusal has one face.
func (e endpoint) authorize(ctx context.Context, event events.APIGatewayV2CustomAuthorizerV2Request) (events.APIGatewayV2CustomAuthorizerSimpleResponse, error) {
	claims, err := e.check(ctx, event)
	if err != nil {
		level := slog.LevelInfo
		if errors.Is(err, oauth.ErrUnavailable) {
			level = slog.LevelError
		}
		e.cfg.Log.Log(ctx, level, "refused", "request_id", event.RequestContext.RequestID, "reason", err.Error())
		return events.APIGatewayV2CustomAuthorizerSimpleResponse{}, nil
	}
	return events.APIGatewayV2CustomAuthorizerSimpleResponse{IsAuthorized: true, Context: contextOf(claims)}, nil
}

// check reads the credential that the gateway named, and nothing else of the event.
func (e endpoint) check(ctx context.Context, event events.APIGatewayV2CustomAuthorizerV2Request) (token.Claims, error) {
	if len(event.IdentitySource) != 1 {
		return token.Claims{}, errors.New("authorizer: want exactly one identity source")
	}
	text, ok := apigw.Bearer(event.IdentitySource[0])
	if !ok {
		return token.Claims{}, errors.New("authorizer: not a bearer token")
	}
	at, err := apigw.PlaceOf(e.cfg, event.RequestContext.APIID, event.RequestContext.DomainName)
	if err != nil {
		return token.Claims{}, err
	}
	claims, err := e.verifier.Verify(ctx, text, token.Expect{Issuer: at.Issuer, Audience: at.Audience})
	if err != nil {
		return token.Claims{}, err
	}
	return claims, e.denylist.Check(ctx, subjectOf(claims))
}

func subjectOf(c token.Claims) revocation.Subject {
	s := revocation.Subject{TokenID: c.ID, ClientID: c.ClientID, KeyID: c.SigningID}
	if c.Login != nil {
		s.AccountID, s.SessionID, s.Epoch = c.Subject, c.Login.SessionID.String(), c.Login.Epoch
	}
	return s
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
