package oauthtoken_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

// pushed is a request to push an authorization request of the client, with other parameters in place of the usual ones or beside them.
func pushed(clientID string, parameters ...string) deployment.Request {
	return deployment.Form("POST /par", deployment.Authorization(clientID, callback, parameters...))
}

// requestURI is what a client that has pushed a request sends the browser with.
func (w codes) requestURI(what string, r deployment.Request) string {
	w.t.Helper()
	got := w.Do(r)
	w.Want(what, got, 201, "")
	var said struct {
		RequestURI string `json:"request_uri"`
		ExpiresIn  int    `json:"expires_in"`
	}
	if err := json.Unmarshal([]byte(got.Body), &said); err != nil || said.ExpiresIn != 90 || !strings.HasPrefix(said.RequestURI, "urn:ietf:params:oauth:request_uri:") {
		w.t.Fatalf("%s: %s (%v)", what, got.Body, err)
	}
	if got.Headers["Cache-Control"] != "no-store" || got.Headers["Content-Type"] != "application/json" {
		w.t.Errorf("%s: headers %v", what, got.Headers)
	}
	return said.RequestURI
}

// TestPushAuthenticatesAsTheTokenEndpointDoes: each kind of client in each of its ways, and the code that comes of it.
func TestPushAuthenticatesAsTheTokenEndpointDoes(t *testing.T) {
	w := newCodes(t)
	byKey := func(audience string) deployment.Request {
		assertion := w.byKey("aud", audience)
		return pushed("keyed", "client_assertion", assertion, "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	}
	for name, tc := range map[string]struct {
		id string
		r  deployment.Request
	}{
		"none, native":                 {"app", pushed("app")},
		"none, browser":                {"web", pushed("web")},
		"Basic":                        {"shop", byShop(pushed("shop"))},
		"the secret in the body":       {"shop", pushed("shop", "client_secret", "shop-secret")},
		"an assertion for the issuer":  {"keyed", byKey(deployment.Issuer)},
		"an assertion for this place":  {"keyed", byKey(deployment.Issuer + "/par")},
		"an assertion for /token":      {"keyed", byKey(deployment.Issuer + "/token")},
		"with what means nothing here": {"app", pushed("app", "colour", "red")},
	} {
		uri := w.requestURI(name, tc.r)
		page := w.visitor.Open("/authorize", url.Values{"client_id": {tc.id}, "request_uri": {uri}}.Encode())
		if deployment.CodeOf(page.To()) == "" || !strings.HasPrefix(page.To(), callback+"?") {
			t.Errorf("%s: %d, to %q, want a code at %s", name, page.Status, page.To(), callback)
		}
	}
}

func TestPushRefusesWhatAuthorizeWouldAndSaysWhy(t *testing.T) {
	w := newCodes(t)
	for name, tc := range map[string]struct {
		r      deployment.Request
		status int
		code   string
	}{
		"nobody":                          {pushed("app", "client_id", ""), 400, "invalid_request"},
		"a client that is not":            {pushed("nobody"), 401, "invalid_client"},
		"a server without its secret":     {pushed("shop"), 401, "invalid_client"},
		"a wrong secret":                  {pushed("shop", "client_secret", "wrong"), 401, "invalid_client"},
		"a secret in two places":          {byShop(pushed("shop", "client_secret", "shop-secret")), 400, "invalid_request"},
		"another client in the body":      {byShop(pushed("app")), 400, "invalid_request"},
		"none in the body":                {byShop(pushed("shop", "client_id", "")), 400, "invalid_request"},
		"an assertion for another place":  {pushed("keyed", "client_assertion", w.byKey("aud", deployment.Issuer+"/authorize"), "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"), 401, "invalid_client"},
		"the sign-in pages' own":          {pushed("wavepass"), 400, "invalid_request"},
		"a service":                       {pushed("partner", "client_secret", deployment.Secret), 400, "invalid_request"}, // it has no redirect
		"a site":                          {pushed("site", "redirect_uri", deployment.Origin+"/"), 400, "unauthorized_client"},
		"another redirect":                {pushed("app", "redirect_uri", "https://evil.example/cb"), 400, "invalid_request"},
		"no redirect":                     {pushed("app", "redirect_uri", ""), 400, "invalid_request"},
		"a parameter twice":               {deployment.Form("POST /par", deployment.Authorization("app", callback)+"&state=b"), 400, "invalid_request"},
		"no challenge":                    {pushed("app", "code_challenge", ""), 400, "invalid_request"},
		"a plain challenge":               {pushed("app", "code_challenge_method", "plain"), 400, "invalid_request"},
		"a token in the answer":           {pushed("app", "response_type", "token"), 400, "unsupported_response_type"},
		"an answer in a fragment":         {pushed("app", "response_mode", "fragment"), 400, "invalid_request"},
		"a scope":                         {pushed("app", "scope", "admin"), 400, "invalid_scope"},
		"an audience":                     {pushed("app", "resource", "https://evil.example"), 400, "invalid_target"},
		"a request object":                {pushed("app", "request", "a.b.c"), 400, "request_not_supported"},
		"a request_uri":                   {pushed("app", "request_uri", "https://evil.example/r"), 400, "invalid_request"},
		"a request_uri of ours":           {pushed("app", "request_uri", w.requestURI("push", pushed("app"))), 400, "invalid_request"},
		"2,049 bytes of state":            {pushed("app", "state", strings.Repeat("s", 2049)), 400, "invalid_request"},
		"more than fits into an address":  {pushed("app", "ui_locales", strings.Repeat("de ", 2048)), 400, "invalid_request"},
		"a body that is no form":          {deployment.JSON("POST /par", `{"client_id":"app"}`), 415, "invalid_request"},
		"parameters in the address alone": {deployment.Request{Route: "POST /par", Raw: deployment.Authorization("app", callback), Type: "application/x-www-form-urlencoded"}, 400, "invalid_request"},
	} {
		w.Store.ForgetCalls()
		got := w.Do(tc.r)
		w.Want(name, got, tc.status, tc.code)
		if strings.Contains(got.Body, "urn:") {
			t.Errorf("%s: %s", name, got.Body)
		}
		if w.Store.Count("PutPushed") > 0 {
			t.Errorf("%s: the request was stored", name)
		}
	}
}

// TestPushIsUnavailableWhileTheTableIs: the client gets a 503, and pushes again.
func TestPushIsUnavailableWhileTheTableIs(t *testing.T) {
	w := newCodes(t)
	w.Store.Before = hooks.Fail("PutPushed")
	w.Want("an outage", w.Do(pushed("app")), 503, "temporarily_unavailable")
	w.Store.Before = nil
	w.requestURI("afterwards", pushed("app"))
}

// A client that is named by its document is not known before somebody is signed in, and pushes nothing: named in the form, and by Basic as Go's MCP SDK does.
func TestClientOfADocumentPushesNothing(t *testing.T) {
	w := newCodes(t)
	const id = "https://app.example/client.json"
	c := client.New(id, client.Native)
	c.FirstParty, c.Consent, c.Redirects, c.Document = false, true, []string{callback}, client.Document{Fetched: w.Clock.Now(), FreshUntil: w.Clock.Now().Add(time.Hour), KeptUntil: w.Clock.Now().Add(24 * time.Hour)}
	w.Want("unknown", w.Do(pushed(id)), 400, "invalid_request")
	if err := w.Store.ReplaceClient(t.Context(), 0, c); err != nil {
		t.Fatal(err)
	}
	for what, r := range map[string]deployment.Request{
		"known": pushed(id), "by Basic": pushed(id, "client_id", "").With("authorization", basic(id, "")),
	} {
		got := w.Do(r)
		if w.Want(what, got, 400, "invalid_request"); !strings.Contains(got.Body, "authorization_endpoint") {
			t.Errorf("%s: %s, want what to do instead", what, got.Body)
		}
	}
}
