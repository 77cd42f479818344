//go:build unix

package functions_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// TestFunctionsAnswerColdAndWarm uses each function as a client does, twice: the first event finds it cold, the second warm.
func TestFunctionsAnswerColdAndWarm(t *testing.T) {
	w := newWorld(t, nil)
	login := w.start("login")
	tokens := login.login() // creates the keys
	again := login.login()

	authorizer := w.start("authorizer")
	caller := authorizer.wantAllowed("cold", tokens.AccessToken, true).Context
	if caller["sub"] != w.ada.ID.String() || caller["client_id"] != "app" {
		t.Errorf("the context is %v", caller)
	}
	w.proxy.Forget()
	authorizer.wantAllowed("warm", tokens.AccessToken, true)
	authorizer.wantAllowed("another token", again.AccessToken, true)
	authorizer.wantAllowed("a token that was changed", tokens.AccessToken[:len(tokens.AccessToken)-4]+"AAAA", false)
	if calls := w.proxy.Calls(); len(calls) > 0 {
		t.Errorf("the table was asked %d times by a warm authorizer, want never within the staleness", len(calls))
	}

	refresh := w.start("refresh")
	for _, how := range []string{"cold", "warm"} {
		if got := refresh.want(how, formEvent("POST /refresh", "client_id=app&refresh_token="+tokens.RefreshToken), 200); got.AccessToken == "" {
			t.Errorf("%s: no access token in %s", how, got.Body)
		}
	}
	for _, use := range []struct {
		name   string
		events [2][]byte
	}{
		{"userinfo", [2][]byte{httpEvent("GET /userinfo", nil, "", caller), httpEvent("GET /userinfo", nil, "", caller)}},
		{"sessions", [2][]byte{httpEvent("GET /sessions", nil, "", caller), httpEvent("GET /sessions", nil, "", caller)}},
		{"discovery", [2][]byte{httpEvent("GET /.well-known/jwks.json", nil, "", nil), httpEvent("GET /.well-known/oauth-authorization-server", nil, "", nil)}},
		{"oauthtoken", [2][]byte{formEvent("POST /token", "grant_type=refresh_token&client_id=app&refresh_token="+again.RefreshToken), formEvent("POST /token", "grant_type=refresh_token&client_id=app&refresh_token="+again.RefreshToken)}},
		{"introspect", [2][]byte{uses(tokens, caller)["introspect"], uses(again, caller)["introspect"]}},
		{"revoke", [2][]byte{formEvent("POST /revoke", "client_id=app&token="+again.RefreshToken), jsonEvent("POST /logout", `{"client_id":"app","refresh_token":"`+tokens.RefreshToken+`"}`, nil)}},
	} {
		f := w.start(use.name)
		for i, event := range use.events {
			f.want([]string{"cold", "warm"}[i], event, 200)
		}
		silence(t, use.name+"'s log", f.Log(), tokens.RefreshToken, again.RefreshToken)
	}

	change := w.start("password")
	caller = authorizer.wantAllowed("a new session", login.login().AccessToken, true).Context
	for i, body := range []string{`{"current_password":"wrong-wrong-wrong","new_password":"another-canary-wave"}`, `{"current_password":"` + password + `","new_password":"another-canary-wave"}`} {
		change.want([]string{"wrong password", "password"}[i], jsonEvent("POST /password", body, caller), []int{401, 200}[i])
	}
	rotate := w.start("rotatekeys")
	for range 2 {
		rotate.send(scheduledEvent)
	}
	for _, f := range []*running{login, authorizer, refresh, change, rotate} {
		silence(t, f.name+"'s log", f.Log(), "wrong-wrong-wrong", "another-canary-wave")
		if !strings.Contains(f.Log(), `"msg":"measured","table_ms":[`) {
			t.Errorf("%s does not say how long the table took:\n%s", f.name, f.Log())
		}
		for line := range bytes.Lines([]byte(f.Log())) {
			if !json.Valid(line) {
				t.Errorf("%s logs a line that is no JSON: %s", f.name, line)
			}
		}
	}
}

// TestEveryFunctionStartsWithWhatTheTemplateGivesIt also those that no other test here knows of. An event of a route that a function does not serve is
// a fault of the deployment: it is answered in the shape of every answer, and the function goes on.
func TestEveryFunctionStartsWithWhatTheTemplateGivesIt(t *testing.T) {
	w := newWorld(t, nil)
	if len(w.functions) < 10 {
		t.Fatalf("%d functions were found in template.yaml", len(w.functions))
	}
	for name := range w.functions {
		t.Run(name, func(t *testing.T) {
			f := w.start(name)
			if behindNoRoute[name] || name == "authorizer" {
				return // behind no route
			}
			for range 2 {
				if got := f.send(httpEvent("PUT /nowhere", nil, "", nil)); got.StatusCode != 500 || got.Error != "server_error" {
					t.Errorf("an unknown route: %d %s, want 500 server_error", got.StatusCode, got.Body)
				}
			}
		})
	}
}
