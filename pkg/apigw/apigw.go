// Package apigw stands between API Gateway and the endpoints: it turns payload-2.0 events into requests
// that have passed every check that does not depend on the endpoint, and turns results and domain errors
// into answers. It holds the one table from error to HTTP status. It decides nothing about tokens.
package apigw

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

const (
	maxBody      = 16 << 10 // bytes, decoded
	maxUserAgent = 256      // bytes kept for the audit trail
)

// Config says where a function runs.
type Config struct {
	Issuer   string // empty: the gateway's own address, see IssuerOf
	Audience string // empty: the issuer
	Region   string // AWS_REGION
	Log      *slog.Logger
	Trail    *audit.Trail
}

// Handler is an endpoint for one route. Its errors are looked up in the table of errors.go.
type Handler func(ctx context.Context, r *Request) (Response, error)

// Function is a Lambda function behind an HTTP API.
type Function func(ctx context.Context, e events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error)

// Serve returns the function that serves handlers. The key of each is its route key and the parameters that an address may
// have ("POST /login", "GET /sessions?limit&cursor"). A request with any other parameter is refused, unless the key ends in "?*".
func Serve(cfg Config, handlers map[string]Handler) Function {
	routes := make(map[string]route, len(handlers))
	for key, handler := range handlers {
		name, parameters := parameterNames(key)
		routes[name] = route{handler, parameters}
	}
	return func(ctx context.Context, e events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		r := newRequest(e)
		ctx = audit.WithCaller(ctx, audit.Caller{RequestID: r.ID, Network: r.Network, UserAgent: r.userAgent()})
		ctx = audit.WithActor(ctx, audit.Person)
		response, err := serve(ctx, cfg, routes, r, e)
		if err != nil {
			response = answer(ctx, cfg, r, err)
			var clearing *browser.ClearingError
			if errors.As(err, &clearing) {
				response.Cookies = clearing.Cookies
			}
			var ofForm *FormError
			if errors.As(err, &ofForm) {
				response = ofForm.answer(response)
			}
			var shown *ShownError
			if errors.As(err, &shown) {
				response = shown.answer(response, r.ID)
			}
		}
		return response.event(strings.HasPrefix(r.At.Issuer, "https:")), nil
	}
}

type route struct {
	handler    Handler
	parameters []string // names of those that an address may have
}

func serve(ctx context.Context, cfg Config, routes map[string]route, r *Request, e events.APIGatewayV2HTTPRequest) (Response, error) {
	route, ok := routes[e.RouteKey]
	if !ok {
		return Response{}, errNoRoute
	}
	at, err := PlaceOf(cfg, e.RequestContext.APIID, e.RequestContext.DomainName)
	if err != nil {
		return Response{}, err
	}
	r.At = at
	if r.Query, err = readQuery(e.RawQueryString, e.QueryStringParameters, route.parameters); err != nil {
		return Response{}, err
	}
	if r.body, err = decodeBody(e.Body, e.IsBase64Encoded); err != nil {
		return Response{}, err
	}
	return route.handler(ctx, r)
}

// suffixes are the ends of API Gateway's addresses: of most regions, of China, and of the European Sovereign Cloud.
var suffixes = []string{"amazonaws.com", "amazonaws.com.cn", "amazonaws.eu"}

// PlaceOf returns the issuer and the audience for an event. Without an ISSUER it is the gateway's own address, taken from
// the event, and only when it is the name that AWS gave to this API: a name that a caller could have chosen, such as a custom
// domain, never becomes an issuer.
func PlaceOf(cfg Config, apiID, domainName string) (grant.Place, error) {
	issuer := cfg.Issuer
	if issuer == "" {
		suffix, ok := strings.CutPrefix(domainName, apiID+".execute-api."+cfg.Region+".")
		if !ok || apiID == "" || cfg.Region == "" || !slices.Contains(suffixes, suffix) {
			return grant.Place{}, errNoIssuer
		}
		issuer = "https://" + domainName
	}
	audience := cfg.Audience
	if audience == "" {
		audience = issuer
	}
	return grant.Place{Issuer: issuer, Audience: audience}, nil
}

// Request is an HTTP request as an endpoint sees it.
type Request struct {
	ID         string      // the gateway's request id
	At         grant.Place // where it arrived
	Network    string      // /24 or /64 of the caller's address, as the gateway saw it
	Authorizer map[string]any
	Query      map[string]string // parameters of the address, each with a value
	RawQuery   string            // the same as it came, for routes that take any parameter
	Path       map[string]string // variables of the route
	Cookies    []string          // "name=value" each

	path    string            // as the browser sees it
	headers map[string]string // lower-case names
	body    []byte
}

func newRequest(e events.APIGatewayV2HTTPRequest) *Request {
	r := &Request{
		ID:       e.RequestContext.RequestID,
		Network:  Network(e.RequestContext.HTTP.SourceIP),
		Path:     e.PathParameters,
		Cookies:  e.Cookies,
		RawQuery: e.RawQueryString,
		path:     e.RawPath,
		headers:  make(map[string]string, len(e.Headers)),
	}
	for name, value := range e.Headers {
		r.headers[strings.ToLower(name)] = value
	}
	if a := e.RequestContext.Authorizer; a != nil {
		r.Authorizer = a.Lambda
	}
	return r
}

// Header returns a header, "" when it is absent; the case of the name does not matter.
func (r *Request) Header(name string) string { return r.headers[strings.ToLower(name)] }

// HeaderGiven is Header, and reports whether the header is there.
func (r *Request) HeaderGiven(name string) (value string, given bool) {
	value, given = r.headers[strings.ToLower(name)]
	return value, given
}

// RequireScope fails unless the access token that an authorizer let through has one of these scopes.
func (r *Request) RequireScope(oneOf ...string) error {
	scope, _ := r.Authorizer["scope"].(string)
	for _, has := range strings.Fields(scope) {
		if slices.Contains(oneOf, has) {
			return nil
		}
	}
	return insufficientScope(oneOf)
}

// Caller returns the person whose access token an authorizer let through, to manage their account. It fails when the request
// has passed no authorizer, and when the token has no session or lacks the scope `account`.
func (r *Request) Caller() (grant.Caller, error) {
	subject, _ := r.Authorizer["sub"].(string)
	sid, _ := r.Authorizer["sid"].(string)
	clientID, _ := r.Authorizer["client_id"].(string)
	if subject != "" && sid == "" {
		return grant.Caller{}, ErrNoSession
	}
	account, accountErr := uuid.Parse(subject)
	id, idErr := uuid.Parse(sid)
	if accountErr != nil || idErr != nil {
		return grant.Caller{}, ErrNotAuthorized
	}
	caller := grant.Caller{Holder: session.Holder{AccountID: account, SessionID: id, ClientID: clientID}}
	return caller, r.RequireScope(oauth.ScopeAccount)
}

// Service returns the id of the client whose own access token an authorizer let through (RFC 6749 §4.4). It fails for the token of an
// account, and for one without the scope.
func (r *Request) Service(scope string) (id string, err error) {
	subject, _ := r.Authorizer["sub"].(string)
	clientID, _ := r.Authorizer["client_id"].(string)
	_, hasSession := r.Authorizer["sid"]
	switch {
	case subject == "" || clientID == "":
		return "", ErrNotAuthorized
	case hasSession || subject != clientID:
		return "", errNoService
	}
	if err := r.RequireScope(scope); err != nil {
		return "", err
	}
	return clientID, nil
}

// Visit returns the parts of the request that matter for a client's cookies.
func (r *Request) Visit(c client.Client) browser.Visit {
	return browser.Visit{
		Client: c, Issuer: r.At.Issuer, Path: r.path, Cookies: r.Cookies,
		From: browser.Source{Origin: r.Header("Origin"), SecFetchSite: r.Header("Sec-Fetch-Site")},
	}
}

func (r *Request) userAgent() string {
	agent := r.Header("User-Agent")
	if len(agent) > maxUserAgent {
		agent = agent[:maxUserAgent]
	}
	return strings.ToValidUTF8(agent, "")
}

// Network returns the prefix by which a caller's address is counted and recorded: /24 of IPv4, /64 of IPv6.
// Everything that is not an address counts as one network.
func Network(sourceIP string) string {
	addr, err := netip.ParseAddr(sourceIP)
	if err != nil {
		return "unknown"
	}
	addr = addr.Unmap().WithZone("")
	bits := 64
	if addr.Is4() {
		bits = 24
	}
	return netip.PrefixFrom(addr, bits).Masked().String()
}

func decodeBody(body string, encoded bool) ([]byte, error) {
	if !encoded {
		if len(body) > maxBody {
			return nil, errTooLarge
		}
		return []byte(body), nil
	}
	if len(body) > base64.StdEncoding.EncodedLen(maxBody) {
		return nil, errTooLarge
	}
	raw, err := base64.StdEncoding.DecodeString(body)
	switch {
	case err != nil:
		return nil, InvalidRequest("the body is not the base64 that it is marked as")
	case len(raw) > maxBody:
		return nil, errTooLarge
	}
	return raw, nil
}

// Response is an answer.
type Response struct {
	Status  int
	Headers map[string]string // replace the defaults of event
	Cookies []string          // Set-Cookie values
	Body    []byte            // JSON unless Headers say what it is, or empty

	code string // of an error
}

// event adds the headers that every answer has. Answers are about tokens and people, so caches must not store them.
func (r Response) event(https bool) events.APIGatewayV2HTTPResponse {
	headers := map[string]string{
		"Content-Type":           "application/json",
		"Cache-Control":          "no-store",
		"X-Content-Type-Options": "nosniff",
		"Referrer-Policy":        "no-referrer",
		// An image, a script or a frame of a neighbour's page comes to nothing. Requests by CORS do not ask for this header.
		"Cross-Origin-Resource-Policy": "same-origin",
		// Whether the gateway adds CORS headers depends on the request's Origin, so a cache must store one answer for
		// each. Answers to requests without an Origin say it too, or a cache would give them to pages.
		"Vary": "Origin",
	}
	if https {
		headers["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
	}
	if len(r.Body) == 0 {
		delete(headers, "Content-Type")
	}
	for name, value := range r.Headers {
		headers[http.CanonicalHeaderKey(name)] = value
	}
	return events.APIGatewayV2HTTPResponse{StatusCode: r.Status, Headers: headers, Cookies: r.Cookies, Body: string(r.Body)}
}

var (
	errNoRoute  = errors.New("apigw: this function does not serve the route: check template.yaml")
	errNoIssuer = errors.New("apigw: not this API's own address and ISSUER is not set: set ISSUER")
)
