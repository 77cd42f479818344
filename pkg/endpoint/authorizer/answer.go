package authorizer

import (
	"errors"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/policy"
	"github.com/wavepass/wavepass/pkg/token"
)

// verdict is what was decided about a request.
type verdict struct {
	claims     token.Claims // also of somebody who may not have the request; zero when the token is not good
	csrf       string       // of a session handle
	visit      *grant.Visit // of a session handle
	sameForAll bool         // every other request of the caller would be decided alike
	err        error        // nil: let through

	nobody  bool   // let through without a session, because the policy says that it is optional
	because string // why the session of nobody ended; empty where there was none
}

// isOutage reports whether the refusal is the service's fault.
func isOutage(err error) bool {
	return errors.Is(err, oauth.ErrUnavailable) || errors.Is(err, policy.ErrUnusable)
}

// simpleAnswer is that of HTTP APIs with simple responses. A refusal is 403, whatever its reason is.
func simpleAnswer(_ request, v verdict) (any, error) {
	if v.err != nil {
		return simple{}, nil
	}
	if v.nobody {
		return simple{true, v.nobodyContext()}, nil
	}
	return simple{true, contextOf(v)}, nil
}

type simple struct {
	IsAuthorized bool `json:"isAuthorized"`
	Context      any  `json:"context,omitzero"` // callerContext, or that of nobody
}

// nobodyContext is what routes learn about people without a session: no name of anybody is in it.
func (v verdict) nobodyContext() map[string]string {
	context := map[string]string{"session": "none"}
	if v.because != "" {
		context["reason"] = v.because
	}
	return context
}

// flatContext is the context with texts only.
func (v verdict) flatContext() map[string]string {
	if v.nobody {
		return v.nobodyContext()
	}
	return contextOf(v).flat()
}

// API Gateway answers 401 to the first text, which is its own, and 500 to any other error. It keeps neither.
var (
	errUnauthorized = errors.New("Unauthorized")
	errOutage       = errors.New("authorizer: unavailable")
)

// policyAnswer is an IAM policy. What a policy of ours refuses is 403, a token that is not good 401.
func policyAnswer(r request, v verdict) (any, error) {
	refused := errors.Is(v.err, policy.ErrRefused)
	switch {
	case isOutage(v.err):
		return nil, errOutage
	case v.err != nil && !refused:
		return nil, errUnauthorized
	}
	resource, err := r.resource(v.sameForAll)
	if err != nil {
		resource, refused = r.arn.stage+"*", true
	}
	if refused {
		return iam{Principal: v.claims.Subject, Document: newDocument(statement{"execute-api:Invoke", "Deny", resource})}, nil
	}
	return iam{v.claims.Subject, newDocument(statement{"execute-api:Invoke", "Allow", resource}), v.flatContext()}, nil
}

type iam struct {
	Principal string            `json:"principalId"`
	Document  document          `json:"policyDocument"`
	Context   map[string]string `json:"context,omitzero"`
}

type document struct {
	Version    string      `json:"Version"`
	Statements []statement `json:"Statement"`
}

type statement struct {
	Action   string `json:"Action"`
	Effect   string `json:"Effect"`
	Resource string `json:"Resource"`
}

func newDocument(s statement) document { return document{"2012-10-17", []statement{s}} }

// resolverAnswer is that of AppSync.
func resolverAnswer(_ request, v verdict) (any, error) {
	answer := graphQL{IsAuthorized: v.err == nil}
	if v.err == nil {
		answer.Context = v.flatContext()
	}
	return answer, nil
}

type graphQL struct {
	IsAuthorized bool              `json:"isAuthorized"`
	Context      map[string]string `json:"resolverContext,omitzero"`
	TTL          int               `json:"ttlOverride"` // 0: a kept answer would outlive a revocation
}

// callerContext is what the routes behind the authorizer learn about the caller, see docs/policy.md.
type callerContext struct {
	AMR          []string       `json:"amr,omitzero"`
	AuthTime     int64          `json:"auth_time,omitzero"`
	Claims       jsontext.Value `json:"claims,omitzero"`
	ClientID     string         `json:"client_id"`
	CSRF         string         `json:"csrf,omitzero"` // of a session handle
	Expiry       int64          `json:"exp"`
	ExternalID   string         `json:"external_id,omitzero"` // directory/subject, of a back end's own user
	ID           string         `json:"jti,omitzero"`         // of an access token
	Roles        []string       `json:"roles"`
	RolesOmitted bool           `json:"roles_omitted,omitzero"` // roles is empty, and a decision by roles has to refuse
	Scope        string         `json:"scope"`
	SessionID    string         `json:"sid,omitzero"`
	Subject      string         `json:"sub"`
}

func contextOf(v verdict) callerContext {
	c := v.claims
	out := callerContext{
		CSRF:    v.csrf,
		Subject: c.Subject, ClientID: c.ClientID, Scope: c.Scope, Roles: c.Roles, RolesOmitted: c.RolesOmitted, ID: c.ID, Expiry: c.Expiry.Unix(),
		ExternalID: c.ExternalID,
	}
	if c.Custom != "" {
		out.Claims = jsontext.Value(c.Custom)
	}
	if c.Login != nil {
		out.SessionID, out.AuthTime = c.Login.SessionID.String(), c.Login.AuthTime.Unix()
		out.AMR = append([]string{}, c.Login.AMR...) // an empty list is there, too
	}
	return out
}

// flat is the same with texts only, as REST and WebSocket APIs and AppSync hand it on: a list or an object is its JSON.
func (c callerContext) flat() map[string]string {
	flat := map[string]string{
		"client_id": c.ClientID, "exp": strconv.FormatInt(c.Expiry, 10), "roles": jsonOf(c.Roles), "scope": c.Scope, "sub": c.Subject,
	}
	if c.ID != "" {
		flat["jti"] = c.ID
	}
	if c.ExternalID != "" {
		flat["external_id"] = c.ExternalID
	}
	if c.CSRF != "" {
		flat["csrf"] = c.CSRF
	}
	if c.RolesOmitted {
		flat["roles_omitted"] = "true"
	}
	if c.Claims != nil {
		flat["claims"] = string(c.Claims)
	}
	if c.SessionID != "" {
		flat["sid"], flat["auth_time"], flat["amr"] = c.SessionID, strconv.FormatInt(c.AuthTime, 10), jsonOf(c.AMR)
	}
	return flat
}

func jsonOf(list []string) string {
	text, err := json.Marshal(list)
	if err != nil {
		panic("authorizer: a list of strings cannot be encoded: " + err.Error()) // they came out of a token, which is UTF-8
	}
	return string(text)
}
