package revoke_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

const bye = deployment.Origin + "/bye"

func logoutForm(pairs ...string) deployment.Request {
	form := url.Values{"client_id": {"site"}, "post_logout_redirect_uri": {bye}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return deployment.Form("POST /logout", form.Encode())
}

func isIn(d *deployment.Deployment, cookie string) bool {
	return d.AtSite(deployment.Request{Route: "GET /site/userinfo"}.Cookie(cookie)).StatusCode == 200
}

func TestFormLogsOutAndSendsTheBrowserOn(t *testing.T) {
	for name, jar := range map[string]browser.Jar{"this host": {}, "a domain": {Domain: "example.com"}} {
		d := deployment.New(t, jar)
		one, other := d.LoginSite("site"), d.LoginSite("site")
		for range 2 { // the second time there is nothing to end
			got := d.Do(logoutForm().From(deployment.Origin).Cookie(one.CookiePair()))
			if got.StatusCode != 303 || got.Headers["Location"] != bye || got.Body != "" {
				t.Fatalf("%s: %d to %q, body %q", name, got.StatusCode, got.Headers["Location"], got.Body)
			}
			cookie, _, _ := strings.Cut(one.CookiePair(), "=")
			if !slices.ContainsFunc(got.Cookies, func(c string) bool {
				return strings.HasPrefix(c, cookie+"=; Path=/") && strings.Contains(c, "Max-Age=0")
			}) {
				t.Errorf("%s: the cookie is not cleared: %q", name, got.Cookies)
			}
		}
		if isIn(d, one.CookiePair()) || !isIn(d, other.CookiePair()) {
			t.Errorf("%s: want this session ended and the other one not", name)
		}
	}
}

func TestFormEndsEachSessionOfItsCookies(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	one, other, third := d.LoginSite("site"), d.LoginSite("site"), d.LoginSite("site")
	got := d.Do(logoutForm().From(deployment.Origin).Cookie(one.CookiePair(), "__Host-Http-wpss-site=x", other.CookiePair()))
	if got.StatusCode != 303 || isIn(d, one.CookiePair()) || isIn(d, other.CookiePair()) || !isIn(d, third.CookiePair()) {
		t.Errorf("%d; want both sessions of the cookies ended, and no other", got.StatusCode)
	}
	if got := d.Do(logoutForm("everywhere", "on").From(deployment.Origin).Cookie(third.CookiePair())); got.StatusCode != 303 || isIn(d, third.CookiePair()) {
		t.Errorf("everywhere: %d", got.StatusCode)
	}
}

// Another site neither logs people out nor sends them anywhere, and a wrong address is gone to by nobody.
func TestLogoutFormOfAnotherSiteOrAddressDoesNothing(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	login := d.LoginSite("site")
	for name, tc := range map[string]struct {
		request deployment.Request
		status  int
		code    string
	}{
		"another origin":       {logoutForm().From("https://evil.example"), 403, "cross_site_request"},
		"null":                 {logoutForm().From("null"), 403, "cross_site_request"},
		"same site":            {logoutForm().With("sec-fetch-site", "same-site"), 403, "cross_site_request"},
		"no word":              {logoutForm(), 403, "cross_site_request"},
		"another address":      {logoutForm("post_logout_redirect_uri", "https://evil.example/").From(deployment.Origin), 400, "invalid_request"},
		"one of the login":     {logoutForm("post_logout_redirect_uri", deployment.Origin+"/").From(deployment.Origin), 400, "invalid_request"},
		"no address":           {logoutForm("post_logout_redirect_uri", "").From(deployment.Origin), 400, "invalid_request"},
		"half an everywhere":   {logoutForm("everywhere", "yes").From(deployment.Origin), 400, "invalid_request"},
		"of an SPA":            {logoutForm("client_id", "web").From(deployment.Origin), 400, "unauthorized_client"},
		"of nobody":            {logoutForm("client_id", "").From(deployment.Origin), 400, "invalid_request"},
		"of an unknown client": {logoutForm("client_id", "nobody").From(deployment.Origin), 401, "invalid_client"},
	} {
		got := d.Do(tc.request.Cookie(login.CookiePair()))
		d.Want(name, got, tc.status, tc.code)
		if got.Headers["Location"] != "" || len(got.Cookies) > 0 || !isIn(d, login.CookiePair()) {
			t.Errorf("%s: sent to %q, cookies %q", name, got.Headers["Location"], got.Cookies)
		}
	}
	d.Store.Before = hooks.Fail("Revoke")
	got := d.Do(logoutForm().From(deployment.Origin).Cookie(login.CookiePair()))
	d.Want("outage", got, 503, "temporarily_unavailable")
	if len(got.Cookies) > 0 {
		t.Errorf("an outage clears cookies: %q", got.Cookies)
	}
}
