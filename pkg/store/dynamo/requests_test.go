package dynamo_test

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"golang.org/x/crypto/bcrypt"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// request is what somebody sends. A route without a method is the authorizer's.
type request struct {
	route, mediaType, body, bearer string

	query, path map[string]string

	accept string
	key    string // Idempotency-Key
	cookie string // "name=value"
}

func (w *world) loginRequest() request {
	return request{route: "POST /login", mediaType: apigw.JSON, body: `{"client_id":"` + clientID + `","username":"` + w.person.Username + `","password":"` + w.password + `"}`}
}

func refreshRequest(token string) request {
	return request{route: "POST /refresh", mediaType: apigw.Form, body: "grant_type=refresh_token&client_id=" + clientID + "&refresh_token=" + token}
}

// tokenRequest is a refresh at the token endpoint.
func tokenRequest(token string) request {
	r := refreshRequest(token)
	r.route = "POST /token"
	return r
}

// ownTokenRequest asks for a token of the service's own.
func ownTokenRequest() request {
	return request{route: "POST /token", mediaType: apigw.Form, body: "grant_type=client_credentials&client_id=" + serviceID + "&client_secret=" + serviceSecret}
}

// introspectRequest asks about a token as the service.
func introspectRequest(token string) request {
	return request{route: "POST /introspect", mediaType: apigw.Form, body: "client_id=" + serviceID + "&client_secret=" + serviceSecret + "&token=" + token}
}

func revokeRequest(token string) request {
	return request{route: "POST /revoke", mediaType: apigw.Form, body: "client_id=" + clientID + "&token=" + token}
}

func logoutRequest(token string, everywhere bool) request {
	return request{route: "POST /logout", mediaType: apigw.JSON, body: fmt.Sprintf(`{"client_id":%q,"refresh_token":%q,"everywhere":%v}`, clientID, token, everywhere)}
}

// The requests of somebody who is logged in go past the authorizer, with what it found out.

func listRequest(who outcome, cursor string) request {
	query := map[string]string{"limit": "100"}
	if cursor != "" {
		query["cursor"] = cursor
	}
	return request{route: "GET /sessions", bearer: who.AccessToken, query: query}
}

func endRequest(who outcome, sid string) request {
	return request{route: "DELETE /sessions/{id}", bearer: who.AccessToken, path: map[string]string{"id": sid}}
}

func endAllRequest(who outcome) request {
	return request{route: "DELETE /sessions", bearer: who.AccessToken}
}

func endOthersRequest(who outcome) request {
	return request{route: "DELETE /sessions", bearer: who.AccessToken, query: map[string]string{"except": "current"}}
}

func closeRequest(who outcome, password string) request {
	return request{route: "DELETE /account", mediaType: apigw.JSON, bearer: who.AccessToken, body: fmt.Sprintf(`{"current_password":%q}`, password)}
}

func passwordRequest(who outcome, current, next string) request {
	return request{
		route: "POST /password", mediaType: apigw.JSON, bearer: who.AccessToken,
		body: fmt.Sprintf(`{"current_password":%q,"new_password":%q}`, current, next),
	}
}

// The requests of the service about a user of its directory go past the authorizer too.

func beginRequest(subject, key string) request {
	return request{
		route: "POST /subjects/{subject}/sessions", mediaType: apigw.JSON, body: `{"client_id":"` + clientID + `","amr":["pwd"]}`,
		path: map[string]string{"subject": subject}, key: key,
	}
}

func listOfRequest(subject string) request {
	return request{route: "GET /subjects/{subject}/sessions", path: map[string]string{"subject": subject}}
}

func endOfRequest(subject, sid string) request {
	return request{route: "DELETE /subjects/{subject}/sessions/{sid}", path: map[string]string{"subject": subject, "sid": sid}}
}

func endAllOfRequest(subject string) request {
	return request{route: "DELETE /subjects/{subject}/sessions", path: map[string]string{"subject": subject}}
}

func changeRequest(subject, body string) request {
	return request{route: "PATCH /subjects/{subject}", mediaType: apigw.JSON, body: body, path: map[string]string{"subject": subject}}
}

func authorizeRequest(token string) request { return request{route: "authorize", bearer: token} }

// siteLoginRequest is a login at the site.
func (w *world) siteLoginRequest() request {
	r := w.loginRequest()
	r.body = strings.Replace(r.body, `"`+clientID+`"`, `"`+siteID+`"`, 1)
	return r
}

// visit is a request of a site's page, by the cookie of a login.
func visit(who outcome) request { return request{route: "authorize", cookie: who.cookie} }

// sitePasswordRequest goes past the authorizer of sites.
func sitePasswordRequest(who outcome, current, next string) request {
	r := passwordRequest(who, current, next)
	r.route, r.cookie = "POST /site/password", who.cookie
	return r
}

func siteLogoutRequest(who outcome) request {
	return request{route: "POST /logout", mediaType: apigw.JSON, body: `{"client_id":"` + siteID + `"}`, cookie: who.cookie}
}

// ticketRequest asks for a ticket at the API that authorizeRequest is about.
func ticketRequest(who outcome) request {
	return request{route: "POST /ticket", mediaType: apigw.JSON, body: `{"api":"abc123"}`, bearer: who.AccessToken}
}

// connectRequest opens a WebSocket.
func connectRequest(ticket string) request {
	return request{route: "authorize", query: map[string]string{"ticket": ticket}}
}

// connectEvent is what the authorizer is asked then.
const connectEvent = `{"type":"REQUEST","methodArn":"arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/$connect",
	"queryStringParameters":{"ticket":"%s"},"requestContext":{"apiId":"abc123","routeKey":"$connect","eventType":"CONNECT","stage":"prod"}}`

// guardedAPI is the id of an API whose policy asks for a role.
const guardedAPI = "guarded"

// authorizeGuarded is for a route that asks for a role.
func authorizeGuarded(token string) request {
	return request{route: "authorize", bearer: token, path: map[string]string{"api": guardedAPI}}
}

// outcome is what comes back. The authorizer's is 200 or 403, without a body.
type outcome struct {
	status     int
	retryAfter string
	body       string
	took       time.Duration
	cookie     string // "name=value" of the first one
	to         string // where a page leads to, or a redirect

	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	IDToken      string `json:"id_token"`
	Ticket       string `json:"ticket"`
	RequestURI   string `json:"request_uri"`
	Error        string `json:"error"`
}

// functionOf is the folder of the function behind a route.
var functionOf = map[string]string{
	"POST /login": "login", "POST /refresh": "refresh", "POST /token": "oauthtoken", "POST /introspect": "introspect", "POST /revoke": "revoke", "POST /logout": "revoke",
	"GET /sessions": "sessions", "DELETE /sessions/{id}": "sessions", "DELETE /sessions": "sessions", "POST /password": "password", "POST /site/password": "password",
	"GET /grants": "sessions", "DELETE /grants/{client}": "sessions",
	"POST /ticket": "ticket",
	"POST /signup": "accounts", "POST /signup/verify": "accounts", "POST /recover": "accounts", "POST /recover/finish": "accounts",
	"POST /email": "password", "DELETE /account": "password", "POST /account/keep": "accounts", "GET /account/close": "accounts", "POST /account/close": "accounts", "POST /email/change": "accounts", "POST /email/confirm": "accounts", "POST /email/takeback": "accounts",
	"GET /userinfo":  "userinfo",
	"POST /par":      "oauthtoken",
	"GET /authorize": "signin", "POST /signin": "signin", "POST /consent": "signin", "GET /signout": "signin", "POST /signout": "signin",
	"POST /subjects/{subject}/sessions": "subjects", "GET /subjects/{subject}/sessions": "subjects", "DELETE /subjects/{subject}/sessions": "subjects",
	"DELETE /subjects/{subject}/sessions/{sid}": "subjects", "PATCH /subjects/{subject}": "subjects",
	"authorize": "authorizer", "GET /.well-known/jwks.json": "discovery", "GET /.well-known/oauth-protected-resource/{path+}": "discovery",
}

// send calls the function behind the route.
func (w *world) send(ctx context.Context, r request) (a outcome) {
	start := time.Now()
	defer func() { a.took = time.Since(start) }()
	if w.used != nil {
		w.proxy.Forget()
		defer func() { w.used[functionOf[r.route]] = append(w.used[functionOf[r.route]], w.proxy.Calls()...) }()
	}
	if r.route == "authorize" && r.query != nil {
		answer, err := w.authorize(ctx, fmt.Appendf(nil, connectEvent, r.query["ticket"]))
		switch {
		case err != nil && err.Error() == "Unauthorized":
			return outcome{status: 403}
		case err != nil:
			return outcome{status: 500, body: err.Error()}
		case strings.Contains(string(answer), `"Allow"`):
			return outcome{status: 200}
		}
		return outcome{status: 403}
	}
	if r.route == "authorize" {
		got, err := w.askAuthorizer(ctx, r)
		switch {
		case err != nil:
			return outcome{status: 500, body: err.Error()}
		case got.IsAuthorized:
			return outcome{status: 200}
		}
		return outcome{status: 403}
	}
	e := events.APIGatewayV2HTTPRequest{RouteKey: r.route, Headers: map[string]string{"content-type": r.mediaType, "origin": issuer}, Body: r.body}
	if r.cookie != "" {
		e.Cookies = []string{r.cookie}
	}
	if r.accept != "" {
		e.Headers["accept"] = r.accept
	}
	e.RequestContext.HTTP.SourceIP = cmp.Or(w.source, "203.0.113.9")
	if r.key != "" {
		e.Headers["idempotency-key"] = r.key
	}
	query := url.Values{}
	for name, value := range r.query {
		query.Set(name, value)
	}
	e.RawQueryString, e.QueryStringParameters, e.PathParameters = query.Encode(), r.query, r.path
	if r.bearer != "" {
		claims := outcome{AccessToken: r.bearer}.claims(w.t)
		e.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{Lambda: map[string]any{
			"sub": claims.Subject, "sid": claims.SessionID, "client_id": clientID, "scope": claims.Scope, "jti": claims.ID,
		}}
		e.Headers["authorization"] = "Bearer " + r.bearer
	}
	if strings.Contains(r.route, "/site/") {
		granted, err := w.askAuthorizer(ctx, r)
		if err != nil || !granted.IsAuthorized {
			return outcome{status: 403}
		}
		e.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{Lambda: granted.Context}
		if w.used != nil {
			w.used["authorizer"] = append(w.used["authorizer"], w.proxy.Calls()...)
			w.proxy.Forget()
		}
	}
	if r.path["subject"] != "" {
		e.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{Lambda: map[string]any{
			"sub": serviceID, "client_id": serviceID, "scope": oauth.ScopeSessions,
		}}
	}
	got, err := w.routes[r.route](ctx, e)
	if err != nil {
		return outcome{status: 500, body: err.Error()}
	}
	a = outcome{status: got.StatusCode, retryAfter: got.Headers["Retry-After"], body: got.Body, to: deployment.Page{Headers: got.Headers}.To()}
	if len(got.Cookies) > 0 {
		a.cookie, _, _ = strings.Cut(got.Cookies[0], ";")
	}
	if got.Body != "" && got.Headers["Content-Type"] == apigw.JSON {
		if err := json.Unmarshal([]byte(got.Body), &a); err != nil {
			a.status, a.body = 500, "not JSON: "+a.body
		}
	}
	return a
}

// askAuthorizer asks about GET /orders, or about a route of a site, by token or cookie.
func (w *world) askAuthorizer(ctx context.Context, r request) (events.APIGatewayV2CustomAuthorizerSimpleResponse, error) {
	e := events.APIGatewayV2CustomAuthorizerV2Request{IdentitySource: []string{"Bearer " + r.bearer}, Headers: map[string]string{"origin": issuer}}
	if r.cookie != "" {
		e.IdentitySource, e.Cookies = []string{r.cookie}, []string{r.cookie}
	}
	e.RequestContext.HTTP.SourceIP = "203.0.113.9"
	e.RequestContext.APIID = cmp.Or(r.path["api"], "abc123") // its policy is read
	e.RequestContext.RouteKey, e.RequestContext.HTTP.Method = "GET /orders", "GET"
	if method, _, isRoute := strings.Cut(r.route, " "); isRoute {
		e.RequestContext.RouteKey, e.RequestContext.HTTP.Method = r.route, method
	}
	return deployment.AskAuthorizer(ctx, w.authorize, e)
}

// must ends the test unless the answer has the status.
func (w *world) must(r request, status int) outcome {
	w.t.Helper()
	a := w.send(w.t.Context(), r)
	if a.status != status {
		w.t.Fatalf("%s: %d %s, want %d", r.route, a.status, a.body, status)
	}
	return a
}

func (w *world) login() outcome { w.t.Helper(); return w.must(w.loginRequest(), 200) }

// importHash gives the person a hash of their password that another program has made.
func (w *world) importHash() {
	w.t.Helper()
	made, err := bcrypt.GenerateFromPassword([]byte(w.password), bcrypt.MinCost)
	if err != nil {
		w.t.Fatal(err)
	}
	imported, err := account.Imported(string(made))
	if err != nil {
		w.t.Fatal(err)
	}
	login, err := w.store.LoginName(w.t.Context(), w.person.Username)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.store.Rehash(w.t.Context(), w.person.Username, login.Hash, imported); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) refresh(token string) outcome {
	w.t.Helper()
	return w.must(refreshRequest(token), 200)
}

// expect is an error unless the answer to r has the status.
func (w *world) expect(what string, r request, status int) error {
	if a := w.send(w.t.Context(), r); a.status != status {
		return fmt.Errorf("%s: %s: %d %s, want %d", what, r.route, a.status, a.body, status)
	}
	return nil
}

// claims are those of an access token that tests need.
func (o outcome) claims(t *testing.T) (c struct {
	ID        string `json:"jti"`
	Subject   string `json:"sub"`
	SessionID string `json:"sid"`
	Scope     string `json:"scope"`
}) {
	t.Helper()
	parts := strings.Split(o.AccessToken, ".")
	if len(parts) != 3 {
		t.Fatalf("not an access token: %q", o.AccessToken)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = json.Unmarshal(payload, &c)
	}
	if err != nil || c.SessionID == "" {
		t.Fatalf("claims of an access token: %v, %+v", err, c)
	}
	return c
}
