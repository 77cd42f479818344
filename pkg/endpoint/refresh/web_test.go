package refresh_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/schema"
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
					d.Store.Before = hooks.Fail(method)
				} else {
					d.Store.After = hooks.Fail(method)
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
		"another client's name":      {byCookie("__Host-Http-wprt-web2=" + token), 400, "invalid_grant"},
		"another client":             {deployment.JSON("POST /refresh", `{"client_id":"web2"}`).From(deployment.Origin).Cookie("__Host-Http-wprt-web2=" + token), 400, "invalid_grant"},
		"without the prefix":         {byCookie("wprt-web=" + token), 400, "invalid_grant"},
		"the other prefix":           {byCookie("__Secure-wprt-web=" + token), 400, "invalid_grant"},
		"prefix in lower case":       {byCookie("__host-wprt-web=" + token), 400, "invalid_grant"},
		"quoted":                     {byCookie(`__Host-Http-wprt-web="` + token + `"`), 400, "invalid_grant"},
		"in a header":                {byCookie().With("cookie", own), 400, "invalid_grant"},
		"of a site":                  {deployment.JSON("POST /refresh", `{"client_id":"site"}`).From(deployment.Origin).Cookie("__Host-Http-wprt-site=" + token), 400, "invalid_request"},
		"native token in it":         {byCookie("__Host-Http-wprt-web=" + s.App.RefreshToken), 400, "invalid_grant"},
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
	s.Want("its own, among others", s.Do(byCookie("theme=dark", "__Host-Http-wprt-web2=x", own, "__Host-wpss-web=y")), 200, "")
}

// Two cookies of our name lock nobody out for longer than one login takes, and no session ends for them.
func TestTwoCookiesAreDeletedAndTheNextLoginHeals(t *testing.T) {
	s := deployment.NewScene(t)
	own := s.Web.CookiePair()
	before := s.State()
	for name, r := range map[string]deployment.Request{
		"alike": byCookie(own, own), "another between": byCookie(own, "a=b", "__Host-Http-wprt-web=x"), "one empty": byCookie("__Host-Http-wprt-web", own),
	} {
		got := s.Do(r)
		s.Want(name, got, 400, "invalid_request")
		if len(got.Cookies) < 10 || slices.ContainsFunc(got.Cookies, func(cookie string) bool { return !strings.Contains(cookie, "=; Path=/") }) {
			t.Errorf("%s: cookies %q, want deletions of every variant", name, got.Cookies)
		}
		if after := s.State(); after != before {
			t.Fatalf("%s: refused, but the state changed from\n%s\nto\n%s", name, before, after)
		}
	}
	login := s.Do(deployment.JSON("POST /login", `{"client_id":"web","username":"ada","password":"`+deployment.Password+`"}`).From(deployment.Origin).Cookie(own, own))
	s.Want("a login with both", login, 200, "")
	pair, _, _ := strings.Cut(login.Cookies[len(login.Cookies)-1], ";")
	s.Want("its cookie", s.Do(byCookie(pair)), 200, "")
	s.Want("the session of a deleted cookie", s.Do(byCookie(own)), 200, "")
}

// Functions of the version before look for their own name, so that is the one written until the number is raised.
func TestCookieNamesBesideTheVersionBefore(t *testing.T) {
	for jar, names := range map[browser.Jar][2]string{
		{}: {"__Host-wprt-web=", "__Host-Http-wprt-web="}, {Domain: "example.com"}: {"__Secure-wprt-web=", "__Secure-wprt-web~hu4ocrwp="},
	} {
		d := deployment.New(t, jar)
		cookie := d.Login("web").CookiePair()
		for _, number := range []int{schema.First, schema.First, schema.Current, schema.Current, schema.First} {
			d.Store.SetSchema(number)
			got := d.Do(byCookie(cookie))
			d.Want("refresh", got, 200, "")
			name, another := names[number-1], names[2-number]
			set := got.Cookies[len(got.Cookies)-1]
			if !strings.HasPrefix(set, name+"wprt_") {
				t.Errorf("schema %d: cookie %s, want %s", number, set, name)
			}
			if deleted := slices.ContainsFunc(got.Cookies, func(c string) bool { return strings.HasPrefix(c, another+"; Path=/;") }); deleted != strings.HasPrefix(cookie, another) {
				t.Errorf("schema %d: presented %.30s; the other name is deleted: %v", number, cookie, deleted)
			}
			cookie, _, _ = strings.Cut(set, ";")
		}
	}
}

// A page on another site gets no cookie and sends none, whatever its origin is registered for. Somebody has to be told.
func TestPageOnAnotherSiteIsToldWhyItIsLoggedOut(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	for _, site := range []string{"cross-site", "same-site"} {
		login := d.Do(deployment.JSON("POST /login", `{"client_id":"web","username":"ada","password":"`+deployment.Password+`"}`).From(deployment.Origin).With("sec-fetch-site", site))
		d.Want("login, "+site, login, 200, "")
		if strings.Count(d.Log(), "this login will not last") != 1 { // of the one before, or of this one
			t.Errorf("login, %s: the log says\n%s", site, d.Log())
		}
		got := d.Do(byCookie().With("sec-fetch-site", site))
		d.Want("refresh without a cookie, "+site, got, 400, "invalid_grant")
		if told := strings.Contains(got.Description, "another site"); told != (site == "cross-site") {
			t.Errorf("%s: the answer says %q", site, got.Description)
		}
		state := d.Do(stateOf("web").With("sec-fetch-site", site))
		if told := strings.Contains(state.Description, "another site"); told != (site == "cross-site") || !strings.HasPrefix(state.Body, `{"active":false`) {
			t.Errorf("%s: the state is %s", site, state.Body)
		}
	}
	if !strings.Contains(d.Log(), deployment.Origin) || !strings.Contains(d.Log(), "request-1") {
		t.Errorf("the log names neither the page nor the request:\n%s", d.Log())
	}
}
