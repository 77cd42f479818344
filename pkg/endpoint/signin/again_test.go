package signin_test

import (
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

var tryAgain = regexp.MustCompile(`<a href="([^"]*)">Try again</a>`)

// again is where the link of a failed page leads; empty for a page without one.
func again(page deployment.Page) string {
	if found := tryAgain.FindStringSubmatch(page.HTML); found != nil {
		return html.UnescapeString(found[1])
	}
	return ""
}

// TestFailedPageLeadsBackToTheRequest: after an outage, and after a provider that failed, people begin anew with a click, at this service
// and with the request that they came with.
func TestFailedPageLeadsBackToTheRequest(t *testing.T) {
	w, issuer, down := withProvider(t)
	v := w.Visitor()
	fields := v.Open("/authorize", request()).Form()
	fields.Set("username", deployment.Username)
	fields.Set("password", deployment.Password)
	v.SignIn(request())
	failing := func(open func() deployment.Page) deployment.Page {
		w.Store.Before = hooks.Fail("Session", "LoginName")
		defer func() { w.Store.Before = nil }()
		return open()
	}
	*down = true
	_, atProvider := w.leave(w.Visitor(), request())
	hinted := w.Visitor().Open("/authorize", request("provider", "up"))
	*down = false
	other := w.Visitor()
	state, _ := w.leave(other, request())
	denied := w.back(other, url.Values{"state": {state}, "iss": {issuer}, "error": {"access_denied"}})
	for what, page := range map[string]deployment.Page{
		"/authorize without the table":       failing(func() deployment.Page { return v.Open("/authorize", request("provider", "up")) }),
		"/authorize by a form":               failing(func() deployment.Page { return v.Post("/authorize", mustParse(t, request())) }),
		"the sign-in form without the table": failing(func() deployment.Page { return v.Post("/signin", fields) }),
		"a provider that is down":            atProvider,
		"the provider that the client wants": hinted,
		"a provider that says no":            denied,
	} {
		to := again(page)
		path, query, _ := strings.Cut(to, "?")
		if path != "/authorize" || query != mustParse(t, request()).Encode() {
			t.Errorf("%s (%d): the link leads to %q, want /authorize with the request\n%s", what, page.Status, to, page.HTML)
			continue
		}
		w.want(what+", tried again", w.Visitor().Open(path, query), 200, `action="/signin"`)
	}
	for what, page := range map[string]deployment.Page{
		"a request that is wrong":          v.Open("/authorize", request("redirect_uri", "https://evil.example/cb")),
		"an answer that belongs to nobody": w.back(w.Visitor(), url.Values{"state": {state}, "iss": {issuer}, "client_id": {"app"}, "redirect_uri": {callback}}),
		"/signout without the table": failing(func() deployment.Page {
			return v.Open("/signout", "client_id=app&post_logout_redirect_uri=https%3A%2F%2Fevil.example")
		}),
	} {
		if to := again(page); to != "" || page.Status < 400 {
			t.Errorf("%s (%d): leads to %q, want no link", what, page.Status, to)
		}
	}
}
