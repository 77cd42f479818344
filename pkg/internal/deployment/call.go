package deployment

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/endpoint/authorizer"
	"github.com/wavepass/wavepass/pkg/internal/openapi"
)

// Request is one HTTP request, in the parts that the endpoints look at.
type Request struct {
	Route   string // "POST /login"
	Type    string // Content-Type, "" for none
	Body    string
	Encoded bool              // Body is base64
	Headers map[string]string // lower-case names
	Cookies []string          // "name=value" each
	Query   map[string]string // parameters of the address, as API Gateway has read them
	Raw     string            // the query itself; "" stands for one that says what Query does
	Path    map[string]string // variables of the route
	Caller  map[string]any    // what an authorizer found out
}

// JSON and Form are requests with a body of that type.
func JSON(route, body string) Request { return Request{Route: route, Type: apigw.JSON, Body: body} }

// Form is as JSON.
func Form(route, body string) Request { return Request{Route: route, Type: apigw.Form, Body: body} }

// With adds headers, given as name, value, name, value.
func (r Request) With(headers ...string) Request {
	old := r.Headers
	r.Headers = map[string]string{}
	for name, value := range old {
		r.Headers[name] = value
	}
	for i := 0; i < len(headers); i += 2 {
		r.Headers[headers[i]] = headers[i+1]
	}
	return r
}

// From adds an Origin.
func (r Request) From(origin string) Request { return r.With("origin", origin) }

// Cookie adds cookies, "name=value" each.
func (r Request) Cookie(cookies ...string) Request {
	r.Cookies = append(slices.Clone(r.Cookies), cookies...)
	return r
}

// Answer is what a function returned, and its body read.
type Answer struct {
	events.APIGatewayV2HTTPResponse `json:"-"`

	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"`
	RefreshToken string `json:"refresh_token"`
	IDToken      string `json:"id_token"`
	CSRFToken    string `json:"csrf_token"`
	DeviceToken  string `json:"device_token"`
	Error        string `json:"error"`
	Description  string `json:"error_description"`

	DeviceCookies []string `json:"-"` // Set-Cookie values that make the device known; they are not among Cookies
}

// Do calls the function behind the route. The test ends when the function fails instead of answering.
func (d *Deployment) Do(r Request) Answer {
	d.tb.Helper()
	answer := Answer{APIGatewayV2HTTPResponse: d.Raw(r)}
	answer.Cookies = slices.DeleteFunc(answer.Cookies, func(cookie string) bool {
		device := strings.HasPrefix(cookie, "__Host-Http-wpdv-") || strings.HasPrefix(cookie, "__Secure-wpdv-")
		if device {
			answer.DeviceCookies = append(answer.DeviceCookies, cookie)
		}
		return device
	})
	if answer.Body != "" {
		if err := json.Unmarshal([]byte(answer.Body), &answer); err != nil {
			d.tb.Fatalf("%s: the answer's body is not JSON: %v: %s", r.Route, err, answer.Body)
		}
	}
	return answer
}

// Raw is Do for an answer that may be no JSON.
func (d *Deployment) Raw(r Request) events.APIGatewayV2HTTPResponse {
	d.tb.Helper()
	e := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: r.Route, Headers: r.With().Headers, Cookies: r.Cookies, Body: r.Body, IsBase64Encoded: r.Encoded,
	}
	e.RawQueryString, e.QueryStringParameters, e.PathParameters = cmp.Or(r.Raw, encoded(r.Query)), r.Query, r.Path
	_, e.RawPath, _ = strings.Cut(r.Route, " ")
	if r.Type != "" {
		e.Headers["content-type"] = r.Type
	}
	e.RequestContext.RequestID = "request-1"
	e.RequestContext.HTTP.SourceIP = "203.0.113.9"
	if r.Caller != nil {
		e.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{Lambda: r.Caller}
	}
	response, err := d.routes[r.Route](d.tb.Context(), e)
	if err != nil {
		d.tb.Fatalf("%s: the function failed instead of answering: %v", r.Route, err)
	}
	document, err := openapi.Read()
	if err := errors.Join(err, openapi.Record(r.Route, response.StatusCode, response.Body)); err != nil {
		d.tb.Fatal(err)
	}
	if err := document.Judge(r.Route, response.StatusCode, response.Headers, len(response.Cookies) > 0, response.Body); err != nil {
		d.tb.Errorf("%s: %v\n%s", r.Route, err, response.Body)
	}
	return response
}

func encoded(query map[string]string) string {
	values := url.Values{}
	for name, value := range query {
		values.Set(name, value)
	}
	return values.Encode()
}

// As is Do behind the authorizer, which is shown an access token. Where it refuses, the answer is a 403 of
// the gateway's own, without an error code.
func (d *Deployment) As(access string, r Request) Answer {
	d.tb.Helper()
	granted, err := AskAuthorizer(d.tb.Context(), d.Authorizer, events.APIGatewayV2CustomAuthorizerV2Request{IdentitySource: []string{"Bearer " + access}})
	if err != nil {
		d.tb.Fatalf("%s: the authorizer failed instead of answering: %v", r.Route, err)
	}
	if !granted.IsAuthorized {
		return Answer{APIGatewayV2HTTPResponse: events.APIGatewayV2HTTPResponse{StatusCode: 403}}
	}
	r.Caller = granted.Context
	return d.Do(r.With("authorization", "Bearer "+access)) // the gateway passes it on
}

// LoginSite logs ada in at a site, whose session handle is in the answer's only cookie.
func (d *Deployment) LoginSite(clientID string) Answer {
	d.tb.Helper()
	a := d.Do(JSON("POST /login", `{"client_id":"`+clientID+`","username":"`+Username+`","password":"`+Password+`"}`).From(Origin))
	if a.StatusCode != 200 || a.AccessToken != "" || a.RefreshToken != "" || a.CSRFToken == "" || len(a.Cookies) != 1 {
		d.tb.Fatalf("login at %s: %d %s, %d cookies", clientID, a.StatusCode, a.Error, len(a.Cookies))
	}
	return a
}

// AtSite is Do behind the authorizer of sites, which is shown the cookies and headers of the request. Where it refuses, the answer is
// a 403 of the gateway's own, without an error code.
func (d *Deployment) AtSite(r Request) Answer {
	d.tb.Helper()
	granted, err := AskAuthorizer(d.tb.Context(), d.Authorizer, r.authorizerEvent())
	if err != nil {
		d.tb.Fatalf("%s: the authorizer failed instead of answering: %v", r.Route, err)
	}
	if !granted.IsAuthorized {
		return Answer{APIGatewayV2HTTPResponse: events.APIGatewayV2HTTPResponse{StatusCode: 403}}
	}
	r.Caller = granted.Context
	return d.Do(r)
}

// authorizerEvent is what the authorizer of sites is asked about a request.
func (r Request) authorizerEvent() events.APIGatewayV2CustomAuthorizerV2Request {
	method, path, _ := strings.Cut(r.Route, " ")
	e := events.APIGatewayV2CustomAuthorizerV2Request{
		IdentitySource: []string{strings.Join(r.Cookies, "; ")}, Cookies: r.Cookies, Headers: r.With().Headers, RouteKey: r.Route, RawPath: path,
	}
	e.RequestContext.RouteKey, e.RequestContext.HTTP.Method, e.RequestContext.HTTP.SourceIP = r.Route, method, "198.51.100.9"
	return e
}

// Want reports an answer with another status or error code.
func (d *Deployment) Want(what string, got Answer, status int, code string) {
	d.tb.Helper()
	if got.StatusCode != status || got.Error != code {
		d.tb.Errorf("%s: got %d %q, want %d %q; body %s", what, got.StatusCode, got.Error, status, code, got.Body)
	}
}

// statuses says which statuses an error code may come with (docs/design.md §11), 5xx left out.
var statuses = map[string][]int{
	"invalid_request": {400, 415, 422}, "invalid_grant": {400}, "invalid_target": {400}, "invalid_client": {401}, "unauthorized_client": {400},
	"unsupported_grant_type": {400}, "invalid_scope": {400}, "invalid_credentials": {401}, "too_many_attempts": {429},
	"cross_site_request": {403}, "invalid_token": {401}, "access_denied": {403}, "insufficient_scope": {403}, "insufficient_user_authentication": {401}, "not_found": {404}, "already_used": {409},
}

// CheckShape fails the test unless the answer is one that a request alone may lead to: never a 5xx, an error
// of the table in its shape, or a success with the headers that keep it out of caches.
func CheckShape(t *testing.T, a Answer) {
	t.Helper()
	if a.Headers["X-Content-Type-Options"] != "nosniff" || a.Headers["Cache-Control"] == "" {
		t.Errorf("%d without the headers of every answer: %v", a.StatusCode, a.Headers)
	}
	if a.StatusCode == 200 {
		if a.Error != "" || a.AccessToken != "" && (a.TokenType != "Bearer" || a.ExpiresIn <= 0) {
			t.Errorf("200 with a body that is no token response: %s", a.Body)
		}
		return
	}
	if !slices.Contains(statuses[a.Error], a.StatusCode) || a.Description == "" || a.Headers["Cache-Control"] != "no-store" {
		t.Errorf("%d %q %q is no answer of the table; body %s", a.StatusCode, a.Error, a.Description, a.Body)
	}
	keeps := slices.ContainsFunc(a.Cookies, func(cookie string) bool { return !strings.Contains(cookie, "=; Path=/") })
	if keeps || a.AccessToken != "" || a.RefreshToken != "" {
		t.Errorf("a refusal that sets cookies or has tokens: %d %v", a.StatusCode, a.Cookies)
	}
}

// Login logs ada in at a client, a browser client from its origin. The refresh token is in the answer or in
// its only cookie.
func (d *Deployment) Login(clientID string) Answer {
	d.tb.Helper()
	a := d.Do(JSON("POST /login", `{"client_id":"`+clientID+`","username":"`+Username+`","password":"`+Password+`"}`).From(Origin))
	if a.StatusCode != 200 || a.AccessToken == "" || (a.RefreshToken == "") != (len(a.Cookies) == 1) {
		d.tb.Fatalf("login at %s: %d %s, %d cookies", clientID, a.StatusCode, a.Error, len(a.Cookies))
	}
	return a
}

// CookiePair is "name=value" of the answer's first cookie, as a browser sends it back; "" when there is none.
func (a Answer) CookiePair() string {
	if len(a.Cookies) == 0 {
		return ""
	}
	pair, _, _ := strings.Cut(a.Cookies[0], ";")
	return pair
}

// AskAuthorizer asks about a request to an HTTP API, and reads the simple response.
func AskAuthorizer(ctx context.Context, f authorizer.Function, e events.APIGatewayV2CustomAuthorizerV2Request) (events.APIGatewayV2CustomAuthorizerSimpleResponse, error) {
	e.Version, e.Type, e.RequestContext.APIID = "2.0", "REQUEST", cmp.Or(e.RequestContext.APIID, "wavepass12")
	var answer events.APIGatewayV2CustomAuthorizerSimpleResponse
	payload, err := json.Marshal(e)
	if err != nil {
		return answer, err
	}
	raw, err := f(ctx, payload)
	if err != nil {
		return answer, err
	}
	return answer, json.Unmarshal(raw, &answer)
}
