package refresh_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
)

const day = 24 * time.Hour

func byCookie(cookies ...string) deployment.Request {
	return deployment.JSON("POST /refresh", `{"client_id":"web"}`).From(deployment.Origin).Cookie(cookies...)
}

func TestTabsShareASuccessorWithinTheWindowOnly(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	first := d.Login("web").CookiePair()
	one, two := d.Do(byCookie(first)), d.Do(byCookie(first))
	d.Want("first tab", one, 200, "")
	d.Want("second tab", two, 200, "")
	if one.CookiePair() != two.CookiePair() || one.CookiePair() == first || strings.Contains(one.Body+two.Body, "wprt_") {
		t.Errorf("the tabs got %s and %s after %s, want one successor, in cookies only", one.CookiePair(), two.CookiePair(), first)
	}
	d.Clock.Advance(66 * time.Second)
	late := d.Do(byCookie(first))
	d.Want("a tab after the window", late, 400, "invalid_grant")
	if len(late.Cookies) > 0 {
		t.Errorf("a refused refresh sets cookies, which might wipe a newer login: %q", late.Cookies)
	}
	d.Want("the successor of a reused cookie", d.Do(byCookie(one.CookiePair())), 400, "invalid_grant")
}

func TestRememberedCookieShrinksWithItsSession(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	login := d.Do(deployment.JSON("POST /login", `{"remember":true,"client_id":"web","username":"ada","password":"`+deployment.Password+`"}`).From(deployment.Origin))
	cookie := login.CookiePair()
	for range 2 {
		d.Clock.Advance(10 * day)
		got := d.Do(byCookie(cookie))
		d.Want("refresh", got, 200, "")
		cookie = got.CookiePair()
		left := int(deployment.Start.Add(30*day).Sub(d.Clock.Now()) / time.Second)
		if want := "; Max-Age=" + strconv.Itoa(left) + "; "; !strings.Contains(got.Cookies[0], want) {
			t.Errorf("cookie %s, want %q in it", got.Cookies[0], want)
		}
	}
	d.Clock.Advance(10 * day)
	got := d.Do(byCookie(cookie))
	d.Want("at the absolute expiry", got, 400, "invalid_grant")
	if len(got.Cookies) > 0 {
		t.Errorf("refused, with cookies %q", got.Cookies)
	}
}

func TestFaultCostsTheBrowserNothing(t *testing.T) {
	for _, method := range []string{"Rotate", "Account", "ReadPart", "Client"} {
		for _, when := range []string{"before", "after"} {
			t.Run(method+" fails "+when+" it is carried out", func(t *testing.T) {
				d := deployment.New(t, browser.Jar{})
				cookie := d.Login("web").CookiePair()
				if when == "before" {
					d.Store.Before = fakestore.Fail(method)
				} else {
					d.Store.After = fakestore.Fail(method)
				}
				got := d.Do(byCookie(cookie))
				d.Want("during the fault", got, 503, "temporarily_unavailable")
				if len(got.Cookies) > 0 || got.Headers["Retry-After"] == "" {
					t.Errorf("503 with cookies %q and Retry-After %q, want none, and when to come back", got.Cookies, got.Headers["Retry-After"])
				}
				d.Store.Before, d.Store.After = nil, nil
				again := d.Do(byCookie(cookie))
				d.Want("afterwards, with the same cookie", again, 200, "")
				d.Want("with what that gave", d.Do(byCookie(again.CookiePair())), 200, "")
			})
		}
	}
}

func TestOnlyTheClientsOwnCookieCounts(t *testing.T) {
	s := deployment.NewScene(t)
	own := s.Web.CookiePair()
	_, token, _ := strings.Cut(own, "=")
	before := s.State()
	for name, tc := range map[string]struct {
		request deployment.Request
		status  int
		code    string
	}{
		"two of one name":            {byCookie(own, own), 400, "invalid_request"},
		"two, another between":       {byCookie(own, "a=b", "__Host-wprt-web=x"), 400, "invalid_request"},
		"another client's name":      {byCookie("__Host-wprt-web2=" + token), 400, "invalid_grant"},
		"another client":             {deployment.JSON("POST /refresh", `{"client_id":"web2"}`).From(deployment.Origin).Cookie("__Host-wprt-web2=" + token), 400, "invalid_grant"},
		"without the prefix":         {byCookie("wprt-web=" + token), 400, "invalid_grant"},
		"the other prefix":           {byCookie("__Secure-wprt-web=" + token), 400, "invalid_grant"},
		"prefix in lower case":       {byCookie("__host-wprt-web=" + token), 400, "invalid_grant"},
		"quoted":                     {byCookie(`__Host-wprt-web="` + token + `"`), 400, "invalid_grant"},
		"in a header":                {byCookie().With("cookie", own), 400, "invalid_grant"},
		"of a site":                  {deployment.JSON("POST /refresh", `{"client_id":"site"}`).From(deployment.Origin).Cookie("__Host-wprt-site=" + token), 400, "invalid_request"},
		"native token in it":         {byCookie("__Host-wprt-web=" + s.App.RefreshToken), 400, "invalid_grant"},
		"body beside the cookie":     {deployment.JSON("POST /refresh", `{"client_id":"web","refresh_token":"`+token+`"}`).From(deployment.Origin).Cookie(own), 400, "invalid_request"},
		"body instead of the cookie": {deployment.JSON("POST /refresh", `{"client_id":"web","refresh_token":"`+token+`"}`).From(deployment.Origin), 400, "invalid_request"},
		"foreign, two of one name":   {byCookie(own, own).From("https://evil.example"), 403, "cross_site_request"},
	} {
		got := s.Do(tc.request)
		s.Want(name, got, tc.status, tc.code)
		if len(got.Cookies) > 0 {
			t.Errorf("%s: refused, with cookies %q", name, got.Cookies)
		}
		if after := s.State(); after != before {
			t.Fatalf("%s: refused, but the state changed from\n%s\nto\n%s", name, before, after)
		}
	}
	s.Want("its own, among others", s.Do(byCookie("theme=dark", "__Host-wprt-web2=x", own, "__Host-wpss-web=y")), 200, "")
}
