package deployment

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// TestRefusalsOfPagesAndMetadata sends what docs/openapi.yaml says is refused, to the routes whose requests are no JSON of a caller.
func TestRefusalsOfPagesAndMetadata(t *testing.T) {
	form := func(route string, fields ...string) Request {
		values := url.Values{}
		for i := 0; i < len(fields); i += 2 {
			values.Set(fields[i], fields[i+1])
		}
		return Form(route, values.Encode()).From(Issuer)
	}
	leave := form("POST /signout", "client_id", "site", "post_logout_redirect_uri", Origin+"/bye")
	authorization := Authorization("app", "http://127.0.0.1/cb")
	push := func(name, value string) Request {
		return Form("POST /par", Authorization("app", "http://127.0.0.1/cb", name, value))
	}
	for _, one := range []struct {
		what    string
		status  int
		request Request
	}{
		{"a form that no client sends", 400, Form("POST /authorize", "scope=openid")},
		{"an application that has registered no such address", 400, form("POST /signout", "client_id", "site", "post_logout_redirect_uri", "https://evil.example/")},
		{"signed out, and sent back", 303, leave},
		{"an address of a request of another service", 400, push("request_uri", "https://evil.example/request")},
		{"registration", 400, push("registration", "{}")},
		{"no address", 400, form("POST /signup", "email", "ada@example")},
		{"a form of another site", 403, form("POST /account/keep", "link", "x").From("https://evil.example")},
		{"a form of another site", 403, form("POST /recover", "email", "ada@example.com").From("https://evil.example")},
		{"a document that was read before", 304, Request{Route: "GET /.well-known/oauth-authorization-server"}.With("if-none-match", "*")},
	} {
		if got := New(t, browser.Jar{}).Raw(one.request); got.StatusCode != one.status {
			t.Errorf("%s, %s: %d %s, want %d", one.request.Route, one.what, got.StatusCode, got.Body, one.status)
		}
	}
	for _, route := range []string{
		"GET /signup", "GET /signup/verify", "GET /recover", "GET /recover/finish", "GET /email/change", "GET /email/confirm", "GET /email/takeback", "GET /account/close", "GET /account/keep", "GET /.well-known/oauth-authorization-server",
		"GET /.well-known/oauth-protected-resource", "GET /.well-known/oauth-protected-resource/{path+}",
	} {
		if got := New(t, browser.Jar{}).Raw(Request{Route: route, Query: map[string]string{"unknown": "x"}}); got.StatusCode != 400 {
			t.Errorf("%s, a parameter: %d %s, want 400", route, got.StatusCode, got.Body)
		}
	}
	for _, path := range []string{"/signin", "/signin/provider", "/consent", "/signup", "/signup/verify", "/recover", "/recover/finish", "/email/change", "/email/confirm", "/email/takeback", "/account/close", "/account/keep"} {
		got := New(t, browser.Jar{}).Raw(Request{Route: "POST " + path, Type: "text/plain", Body: "x"}.From(Issuer))
		if got.StatusCode != 415 {
			t.Errorf("%s, another media type: %d %s, want 415", path, got.StatusCode, got.Body)
		}
	}
	for _, request := range []Request{
		leave, {Route: "GET /signout", Raw: "client_id=site&post_logout_redirect_uri=" + url.QueryEscape(Origin+"/bye")},
		form("POST /consent", "request", authorization, "token", "x", "decision", "allow"),
		form("POST /signup", "email", "ada@example.com"), form("POST /recover", "email", "ada@example.com"),
		form("POST /email/change", "username", Username, "password", Password, "email", "ada@example.org"), form("POST /account/close", "username", Username, "password", Password),
		{Route: "GET /.well-known/oauth-protected-resource"},
	} {
		d := New(t, browser.Jar{})
		d.Store.Before = func(context.Context, string) error { return oauth.ErrUnavailable }
		if got := d.Raw(request); got.StatusCode != 503 || got.Headers["Retry-After"] == "" {
			t.Errorf("%s without a table: %d %v %s, want 503", request.Route, got.StatusCode, got.Headers, got.Body)
		}
	}
	silent := New(t, browser.Jar{}).Beside(func(s *endpoint.Settings) { s.SelfService = endpoint.SelfService{} })
	for _, path := range []string{"/signup", "/signup/verify", "/recover", "/recover/finish", "/email/change", "/email/confirm", "/email/takeback"} {
		for _, request := range []Request{{Route: "GET " + path}, form("POST "+path, "email", "ada@example.com")} {
			if got := silent.Raw(request); got.StatusCode != 404 || !strings.HasPrefix(got.Body, "<!doctype html>") {
				t.Errorf("%s of a service without mails: %d %s, want a page and 404", request.Route, got.StatusCode, got.Body)
			}
		}
	}
	busy := New(t, browser.Jar{})
	last := 0
	for range 61 {
		last = busy.Raw(form("POST /signup", "email", "ada@example.com")).StatusCode
	}
	if last != 429 {
		t.Errorf("the 61st mail for one network: %d, want 429", last)
	}
}

// TestRefusalsAtASite asks with the cookie of a site for what nobody has, and tries wrong passwords.
func TestRefusalsAtASite(t *testing.T) {
	d := New(t, browser.Jar{})
	cookie := d.LoginSite("site").CookiePair()
	ask := func(r Request, path map[string]string) Answer {
		r.Path = path
		return d.AtSite(r.From(Origin).Cookie(cookie))
	}
	d.Want("no such client", ask(Request{Route: "DELETE /site/grants/{client}"}, map[string]string{"client": "nobody"}), 404, oauth.CodeNotFound)
	d.Want("no such session", ask(Request{Route: "DELETE /site/sessions/{id}"}, map[string]string{"id": unknown}), 404, oauth.CodeNotFound)
	try := func() Answer {
		return ask(JSON("POST /site/password", `{"current_password":"a-wrong-canary-wave","new_password":"another-canary-wave"}`), nil)
	}
	d.Want("a new address", ask(JSON("POST /site/email", `{"current_password":"`+Password+`","email":"ada@example.org"}`), nil), 202, "")
	d.Want("a new address with a wrong password", ask(JSON("POST /site/email", `{"current_password":"a-wrong-canary-wave","email":"ada@example.org"}`), nil), 401, oauth.CodeInvalidCredentials)
	d.Want("a wrong password", try(), 401, oauth.CodeInvalidCredentials)
	closing := func(route string) Request { return JSON(route, `{"current_password":"a-wrong-canary-wave"}`) }
	d.Want("closing with a wrong password", ask(closing("DELETE /site/account"), nil), 401, oauth.CodeInvalidCredentials)
	own := d.Login("app")
	d.Restart(browser.Jar{}, func(string) keyring.Sealer { return d.Sealer }) // with the limits of a deployment
	status := 0
	for i := 0; i < 22 && status != 429; i++ {
		status = try().StatusCode
	}
	if status != 429 {
		t.Errorf("after 22 wrong passwords: %d, want 429", status)
	}
	d.Want("closing then", ask(closing("DELETE /site/account"), nil), 429, oauth.CodeTooManyAttempts)
	d.Want("closing by token then", d.As(own.AccessToken, closing("DELETE /account")), 429, oauth.CodeTooManyAttempts)
	provided := New(t, browser.Jar{}) // an account without a password, whose login is too old to stand for one
	cookie, d = provided.LoginSite("site").CookiePair(), provided
	a, err := d.Store.Account(t.Context(), AccountID)
	if err != nil {
		t.Fatal(err)
	}
	a.Username, a.Subject = "", account.Subject{Directory: "idp:up", ID: "1"}
	d.Store.SetAccount(a, "")
	d.Clock.Advance(grant.YoungLogin + time.Second)
	d.Want("closing long after the login", ask(JSON("DELETE /site/account", "{}"), nil), 401, oauth.CodeInsufficientAuthentication)
}
