package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const call = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"book_board","arguments":{"place":"Peniche"}}}`

func testGuard(t *testing.T) *guard {
	t.Helper()
	g, err := newGuard(settings{Issuer: "https://id.example.com", HTTPResource: "https://mcp.example.com/mcp", RESTResource: "https://mcp.example.com/rest/mcp"})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// rest is an event of a REST API whose authorizer has let a caller with these scopes through.
func rest(body, scope string) event {
	var e event
	e.HTTPMethod, e.Path, e.Body = "POST", "/rest/mcp", body
	e.Headers = map[string]string{"Content-Type": "application/json", "Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}
	e.RequestContext.Authorizer = map[string]json.RawMessage{}
	for name, value := range map[string]string{"sub": "ada", "client_id": "app", "scope": scope} {
		text, _ := json.Marshal(value)
		e.RequestContext.Authorizer[name] = text
	}
	e.RequestContext.Authorizer["integrationLatency"] = json.RawMessage("7")
	return e
}

func serve(t *testing.T, e event) response {
	t.Helper()
	got, err := testGuard(t).serveEvent(context.Background(), e)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestToolOfAnotherScopeAsksTheClientForIt(t *testing.T) {
	got := serve(t, rest(call, "waves:read"))
	const want = `Bearer error="insufficient_scope", scope="waves:read boards:book", resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/rest/mcp"`
	if got.StatusCode != 403 || got.Headers["Www-Authenticate"] != want {
		t.Errorf("%d %v\nwant 403 %s", got.StatusCode, got.Headers, want)
	}
	got = serve(t, rest(call, "waves:read boards:book"))
	if got.StatusCode != 200 || !strings.Contains(got.Body, `"by":"ada"`) {
		t.Errorf("with the scope: %d %s", got.StatusCode, got.Body)
	}
}

// What the guard reads and what the transport reads could differ. The tool decides.
func TestToolHoldsItsScopeWhateverTheGuardHasRead(t *testing.T) {
	w := httptest.NewRecorder()
	g := testGuard(t)
	r := httptest.NewRequest("POST", "/mcp", strings.NewReader(call))
	for name, value := range rest("", "").Headers {
		r.Header.Set(name, value)
	}
	g.tools.ServeHTTP(w, withCaller(r, caller{"ada", "app", []string{"waves:read"}})) // past the guard
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"isError":true`) || !strings.Contains(w.Body.String(), "no scope boards:book") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestToolsActForTheCallerOfTheRequest(t *testing.T) {
	got := serve(t, rest(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami","arguments":{}}}`, "waves:read"))
	if got.StatusCode != 200 || !strings.Contains(got.Body, `"subject":"ada"`) || !strings.Contains(got.Body, `"scopes":["waves:read"]`) {
		t.Errorf("%d %s", got.StatusCode, got.Body)
	}
}

func TestRouteWithoutItsAuthorizerServesNobody(t *testing.T) {
	e := rest(call, "waves:read")
	e.RequestContext.Authorizer = nil
	if got := serve(t, e); got.StatusCode != 500 || strings.Contains(got.Body, "board") {
		t.Errorf("%d %s", got.StatusCode, got.Body)
	}
}

func TestHTTPAPIIsHeldToTheTokenItself(t *testing.T) {
	var e event
	e.RequestContext.HTTP.Method, e.RawPath = "POST", "/mcp"
	e.RequestContext.Authorizer = rest("", "waves:read").RequestContext.Authorizer // nothing of it counts
	got := serve(t, e)
	const want = `Bearer scope="waves:read", resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp"`
	if got.StatusCode != 401 || got.Headers["Www-Authenticate"] != want {
		t.Errorf("%d %v\nwant 401 %s", got.StatusCode, got.Headers, want)
	}
}

func TestDocumentsOfBothResourcesAreOpen(t *testing.T) {
	for path, resource := range map[string]string{"/mcp": "https://mcp.example.com/mcp", "/rest/mcp": "https://mcp.example.com/rest/mcp"} {
		var e event
		e.RequestContext.HTTP.Method, e.RawPath = "GET", wellKnown+path
		got := serve(t, e)
		var document struct {
			Resource string   `json:"resource"`
			Servers  []string `json:"authorization_servers"`
		}
		if err := json.Unmarshal([]byte(got.Body), &document); err != nil || got.StatusCode != 200 || document.Resource != resource || document.Servers[0] != "https://id.example.com" {
			t.Errorf("%s: %d %s (%v)", path, got.StatusCode, got.Body, err)
		}
	}
}

func TestLongRequestsAreRefused(t *testing.T) {
	if got := serve(t, rest(strings.Repeat(" ", maxBody+1), "waves:read")); got.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("%d %s", got.StatusCode, got.Body)
	}
}

func TestSettingsAreChecked(t *testing.T) {
	for says, s := range map[string]settings{
		"HTTP_RESOURCE": {Issuer: "https://id.example.com"},
		"REST_RESOURCE": {Issuer: "https://id.example.com", HTTPResource: "https://mcp.example.com/mcp", RESTResource: "mcp"},
		"want https":    {Issuer: "https://id.example.com", HTTPResource: "http://mcp.example.com/mcp"},
		"Issuer":        {Issuer: "http://id.example.com", HTTPResource: "https://mcp.example.com/mcp"},
	} {
		if _, err := newGuard(s); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v: %v, want an error that says %q", s, err, says)
		}
	}
}
