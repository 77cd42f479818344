// Package authorizer is the Lambda authorizer of an HTTP API: it lets a request through when its access
// token verifies and was not revoked. Any doubt refuses.
package authorizer

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/access"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/policy"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/token"
)

// Function is an HTTP API authorizer with payload format 2.0 and simple responses.
type Function func(ctx context.Context, e events.APIGatewayV2CustomAuthorizerV2Request) (events.APIGatewayV2CustomAuthorizerSimpleResponse, error)

// Store is what the function asks of the table.
type Store interface {
	revocation.Reader
	keyring.Store
	policy.Reader
	// Account returns the account, strongly consistent. Errors: account.ErrNotFound, oauth.ErrUnavailable.
	Account(ctx context.Context, id uuid.UUID) (account.Account, error)
}

// remembered is how many tokens are known by sight: 3 MB of usual ones, some 700 bytes each, and 12 MB of the longest.
const remembered = 4096

// New returns the function.
func New(s endpoint.Settings, store Store) Function {
	keys := keyring.NewPublicKeys(store, s.KeyTimes, s.Now)
	tokens := access.NewChecker(token.NewRememberingVerifier(keys, s.Now, remembered), revocation.NewSnapshot(store, s.Staleness, s.Now))
	return function{s.Config, tokens, policy.NewSource(store, s.Now), store, s.Now}.authorize
}

type function struct {
	cfg    apigw.Config
	tokens *access.Checker
	policy *policy.Source
	store  Store
	now    func() time.Time
}

// authorize never returns an error: the gateway would answer 500, and a refusal has one face.
func (f function) authorize(ctx context.Context, event events.APIGatewayV2CustomAuthorizerV2Request) (events.APIGatewayV2CustomAuthorizerSimpleResponse, error) {
	claims, err := f.check(ctx, event)
	if err != nil {
		level := slog.LevelInfo
		if errors.Is(err, oauth.ErrUnavailable) || errors.Is(err, policy.ErrUnusable) {
			level = slog.LevelError
		}
		f.cfg.Log.Log(ctx, level, "refused", "request_id", event.RequestContext.RequestID, "reason", err.Error())
		return events.APIGatewayV2CustomAuthorizerSimpleResponse{}, nil
	}
	return events.APIGatewayV2CustomAuthorizerSimpleResponse{IsAuthorized: true, Context: contextOf(claims)}, nil
}

// check reads the credential that the gateway named, and what the policy asks for, and nothing else of the event.
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
	policyRead := f.policy.Ask(ctx, event.RequestContext.APIID) // beside the keys and the log of revocations
	claims, err := f.tokens.Check(ctx, text, token.Expect{Issuer: at.Issuer, Audience: at.Audience})
	if f.cfg.Issuer == "" && errors.Is(err, token.ErrOtherIssuer) {
		err = fmt.Errorf("%w: ISSUER is not set, so it is taken to be %s, the address of the API that asks; set ISSUER when another stack's API uses this authorizer", err, at.Issuer)
	}
	p, policyErr := policyRead() // also when the token is refused: a function that has answered is frozen, with all that it has begun
	if err := cmp.Or(err, policyErr); err != nil {
		return token.Claims{}, err
	}
	request := requestOf(event)
	err = p.Decide(request, callerOf(claims), f.now())
	if errors.Is(err, policy.ErrRolesOmitted) && claims.Login != nil {
		if claims.Roles, err = f.rolesOf(ctx, claims); err == nil {
			claims.RolesOmitted = false
			err = p.Decide(request, callerOf(claims), f.now())
		}
	}
	return claims, err
}

// errEnded says that the account, which was looked up, has ended the token's session.
var errEnded = errors.New("authorizer: the account is gone, disabled, or has ended the session")

// rolesOf looks up the roles that a token is without.
func (f function) rolesOf(ctx context.Context, c token.Claims) ([]string, error) {
	id, err := uuid.Parse(c.Subject)
	if err != nil {
		return nil, fmt.Errorf("authorizer: the token's subject is no account: %w", err)
	}
	a, err := f.store.Account(ctx, id)
	switch {
	case errors.Is(err, account.ErrNotFound), err == nil && (a.Disabled || a.Epoch > c.Login.Epoch):
		return nil, errEnded
	case err != nil:
		return nil, fmt.Errorf("authorizer: roles of the account: %w", err)
	}
	return a.Roles, nil
}

// requestOf is what the policy looks at.
func requestOf(e events.APIGatewayV2CustomAuthorizerV2Request) policy.Request {
	r := policy.Request{
		Route:        e.RequestContext.RouteKey,
		Method:       e.RequestContext.HTTP.Method,
		Path:         e.RawPath,
		CustomDomain: !isOwnAddress(e.RequestContext.DomainName, e.RequestContext.APIID),
	}
	// A stage stands before the path, but for $default and behind a custom domain.
	if stage := e.RequestContext.Stage; stage != "$default" && stage != "" && !r.CustomDomain {
		if rest, found := strings.CutPrefix(r.Path, "/"+stage); found && (rest == "" || rest[0] == '/') {
			r.Path = cmp.Or(rest, "/")
		}
	}
	if open := strings.LastIndexByte(r.Route, '{'); open >= 0 && strings.HasSuffix(r.Route, "+}") {
		r.Rest = e.PathParameters[r.Route[open+1:len(r.Route)-len("+}")]]
	}
	return r
}

// isOwnAddress reports whether the domain is the API's own, or that of a laptop: before these no API mapping can stand.
func isOwnAddress(domain, apiID string) bool {
	if strings.HasPrefix(domain, apiID+".execute-api.") { // nearly every request: before the rest, which allocates
		return true
	}
	if host, _, err := net.SplitHostPort(domain); err == nil {
		domain = host
	}
	return domain == "localhost" || net.ParseIP(strings.Trim(domain, "[]")).IsLoopback()
}

func callerOf(c token.Claims) policy.Caller {
	caller := policy.Caller{Scope: c.Scope, Roles: c.Roles, RolesOmitted: c.RolesOmitted}
	if c.Login != nil {
		caller.AuthTime = c.Login.AuthTime
	}
	return caller
}

// contextOf is what the routes behind the authorizer learn about the caller.
func contextOf(c token.Claims) map[string]any {
	out := map[string]any{
		"sub": c.Subject, "client_id": c.ClientID, "scope": c.Scope, "roles": orEmpty(c.Roles), "jti": c.ID, "exp": c.Expiry.Unix(),
	}
	if c.RolesOmitted {
		out["roles_omitted"] = true // roles is empty, and a decision by roles has to refuse
	}
	if c.Custom != "" {
		out["claims"] = json.RawMessage(c.Custom)
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
