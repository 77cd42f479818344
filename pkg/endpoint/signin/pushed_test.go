package signin_test

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

// push has a public client push a request, and returns the query that the browser comes with.
func (w world) push(clientID, redirect string, parameters ...string) string {
	w.t.Helper()
	got := w.Do(deployment.Form("POST /par", deployment.Authorization(clientID, redirect, parameters...)))
	w.Want("push", got, 201, "")
	var said struct {
		RequestURI string `json:"request_uri"`
	}
	if err := json.Unmarshal([]byte(got.Body), &said); err != nil {
		w.t.Fatal(err)
	}
	return url.Values{"client_id": {clientID}, "request_uri": {said.RequestURI}}.Encode()
}

func mustParse(t *testing.T, query string) url.Values {
	t.Helper()
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// TestPushedRequestMayTakeItsTime: what was pushed has to be opened within 90 s, and the pages that it leads to need it no more.
func TestPushedRequestMayTakeItsTime(t *testing.T) {
	w := newWorld(t)
	v := w.Visitor()
	query := w.push("third", partnerCallback, "max_age", "3600")
	w.Clock.Advance(30 * time.Second)
	page := v.Open("/authorize", query)
	w.want("the sign-in page", page, 200, `action="/signin"`)
	w.want("reloaded", v.Open("/authorize", query), 200, `action="/signin"`)
	w.Clock.Advance(10 * time.Minute)
	w.want("opened anew", v.Open("/authorize", query), 400, "begin anew")

	fields := page.Form()
	fields.Set("username", deployment.Username)
	fields.Set("password", "wrong")
	page = v.Post("/signin", fields)
	w.want("a wrong password", page, 400, `action="/signin"`)
	fields = page.Form()
	fields.Set("username", deployment.Username)
	fields.Set("password", deployment.Password)
	page = v.Follow(v.Post("/signin", fields))
	w.want("the consent page", page, 200, `action="/consent"`)
	w.Clock.Advance(10 * time.Minute)
	fields = page.Form()
	fields.Set("decision", "allow")
	if w.answer("the answer", v.Post("/consent", fields), partnerCallback).Get("code") == "" {
		t.Error("no code")
	}
}

func TestPushedRequestDecidesAlone(t *testing.T) {
	w := newWorld(t)
	v := w.Visitor()
	v.SignIn(request())
	query := w.push("app", callback, "prompt", "none")
	for name, beside := range map[string]string{
		"nothing":           "",
		"another redirect":  "&redirect_uri=https%3A%2F%2Fevil.example%2Fcb",
		"another state":     "&state=another",
		"another challenge": "&code_challenge=" + strings.Repeat("A", 43),
		"more scopes":       "&scope=openid+orders%3Aread",
		"a login":           "&prompt=login",
		"a parameter twice": "&state=a&state=b",
	} {
		code := w.answer(name, v.Open("/authorize", query+beside), callback).Get("code")
		got := w.Do(deployment.Exchange("app", callback, code))
		w.Want(name+": exchange", got, 200, "")
		if !strings.Contains(got.Body, `"scope":"openid profile"`) {
			t.Errorf("%s: %s, want the scope that was pushed", name, got.Body)
		}
	}
	w.answer("as a form", v.Post("/authorize", mustParse(t, query)), callback)
	// The error of a pushed request goes to its redirect, too.
	w.wantError("nobody is signed in", w.Visitor().Open("/authorize", query), callback, "login_required")
}

func TestPushedRequestIsItsClientsUntilItChanges(t *testing.T) {
	w := newWorld(t)
	v := w.Visitor()
	v.SignIn(request())
	query := w.push("app", callback, "prompt", "none")
	uri := strings.TrimPrefix(query, "client_id=app&")
	for name, query := range map[string]string{
		"another client's":    "client_id=third&" + uri,
		"nobody's":            uri,
		"an unknown client's": "client_id=nobody&" + uri,
		"twice":               query + "&" + uri,
		"one that is not":     "client_id=app&request_uri=" + url.QueryEscape("urn:ietf:params:oauth:request_uri:"+strings.Repeat("A", 43)),
	} {
		w.want(name, v.Open("/authorize", query), 400, "")
	}
	w.wantError("an address elsewhere", v.Open("/authorize", request("request_uri", "https://evil.example/r")), callback, "request_uri_not_supported")
	w.wantError("a request object", v.Open("/authorize", request("request", "a.b.c")), callback, "request_not_supported")

	w.register("app", func(c *client.Client) { c.Redirects = []string{"http://127.0.0.1/another"} })
	w.restart()
	w.want("the redirect was taken from the client meanwhile", v.Open("/authorize", query), 400, "redirect_uri is none")
}

// TestPushedRequestCostsOneRead: beside what any other request costs, and an outage of that read costs nothing but time.
func TestPushedRequestCostsOneRead(t *testing.T) {
	w := newWorld(t)
	v := w.Visitor()
	v.SignIn(request())
	query := w.push("app", callback)
	calls := func(query string) []string {
		w.Store.ForgetCalls()
		w.answer("a code", v.Open("/authorize", query), callback)
		return w.Store.Calls()
	}
	calls(request()) // warm
	plain, pushed := calls(request()), calls(query)
	if want := slices.Sorted(slices.Values(append(plain, "Pushed"))); !slices.Equal(pushed, want) {
		t.Errorf("a pushed request asks for %v, want %v", pushed, want)
	}
	w.Store.Before = hooks.Fail("Pushed")
	w.want("an outage", v.Open("/authorize", query), 503, "")
	w.Store.Before = nil
	w.answer("afterwards", v.Open("/authorize", query), callback)
}
