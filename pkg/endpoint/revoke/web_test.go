package revoke_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

func logout(more string, cookies ...string) deployment.Request {
	return deployment.JSON("POST /logout", `{`+more+`"client_id":"web"}`).From(deployment.Origin).Cookie(cookies...)
}

func refresh(cookie string) deployment.Request {
	return deployment.JSON("POST /refresh", `{"client_id":"web"}`).From(deployment.Origin).Cookie(cookie)
}

const everywhere = `"everywhere":true,`

func TestUnconfirmedLogoutKeepsTheCookies(t *testing.T) {
	for name, tc := range map[string]struct{ more, method string }{
		"one session": {"", "Revoke"}, "everywhere": {everywhere, "ChangeAccount"}, "the owner unknown": {everywhere, "Session"},
		"the account unknown": {everywhere, "Account"}, "the client unknown": {"", "Client"},
	} {
		for _, when := range []string{"before", "after"} {
			t.Run(name+", fault "+when, func(t *testing.T) {
				d := deployment.New(t, browser.Jar{})
				cookie := d.Login("web").CookiePair()
				if when == "before" {
					d.Store.Before = hooks.Fail(tc.method)
				} else {
					d.Store.After = hooks.Fail(tc.method)
				}
				got := d.Do(logout(tc.more, cookie))
				d.Want("during the fault", got, 503, "temporarily_unavailable")
				if len(got.Cookies) > 0 || got.Headers["Retry-After"] == "" {
					t.Errorf("503 with cookies %q and Retry-After %q, want none, and when to come back", got.Cookies, got.Headers["Retry-After"])
				}
				d.Store.Before, d.Store.After = nil, nil
				again := d.Do(logout("", cookie))
				d.Want("afterwards", again, 200, "")
				if len(again.Cookies) == 0 {
					t.Error("the confirmed logout clears no cookie")
				}
				d.Want("refresh", d.Do(refresh(cookie)), 400, "invalid_grant")
			})
		}
	}
}

// wantCleared expects the deletion of every cookie that may reach /logout of id.example.com in our name.
func wantCleared(t *testing.T, what string, got deployment.Answer) {
	t.Helper()
	want := []string{"__Host-Http-wprt-web=; Path=/", "__Host-wprt-web=; Path=/"}
	for _, name := range []string{"__Secure-wprt-web=", "__Secure-wprt-web~hu4ocrwp="} {
		for _, path := range []string{"; Path=/", "; Path=/logout"} {
			for _, domain := range []string{"", "; Domain=id.example.com", "; Domain=example.com"} {
				want = append(want, name+path+domain)
			}
		}
	}
	for i := range want {
		want[i] += "; Max-Age=0; Secure; HttpOnly; SameSite=Strict"
	}
	slices.Sort(want)
	if cleared := slices.Sorted(slices.Values(got.Cookies)); !slices.Equal(cleared, want) {
		t.Errorf("%s: got\n%s\nwant\n%s", what, strings.Join(cleared, "\n"), strings.Join(want, "\n"))
	}
}

func TestLogoutClearsEveryVariantOfTheCookies(t *testing.T) {
	for name, jar := range map[string]browser.Jar{"this host": {}, "a domain": {Domain: "example.com"}} {
		d := deployment.New(t, jar)
		got := d.Do(logout("", d.Login("web").CookiePair()))
		d.Want(name, got, 200, "")
		wantCleared(t, name, got)
	}
}

// Each of several cookies may keep somebody logged in, so each session that one is of ends.
func TestLogoutEndsTheSessionOfEachCookie(t *testing.T) {
	const name = "__Secure-wprt-web~hu4ocrwp="
	for _, more := range []string{"", everywhere} {
		d := deployment.New(t, browser.Jar{Domain: "example.com"})
		first, second := d.Login("web").CookiePair(), d.Login("web").CookiePair()
		old := strings.Replace(d.Login("web").CookiePair(), name, "__Secure-wprt-web=", 1)
		got := d.Do(logout(more, name+"planted", first, name, second, "theme=dark", old))
		d.Want("logout "+more, got, 200, "")
		wantCleared(t, "logout "+more, got)
		for which, cookie := range map[string]string{"first": first, "second": second, "old name": old} {
			d.Want(which, d.Do(refresh(cookie)), 400, "invalid_grant")
		}
		if more == "" && strings.Count(d.Trail(), `"event":"logged_out"`) != 3 {
			t.Errorf("want three events logged_out in\n%s", d.Trail())
		}
	}
}

func TestLogoutOutlivesTheAccessToken(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	login := d.Login("web")
	d.Clock.Advance(time.Hour)
	for _, turn := range []string{"first", "second"} {
		got := d.Do(logout("", login.CookiePair()).With("authorization", "Bearer "+login.AccessToken))
		d.Want(turn+" logout", got, 200, "")
	}
	if !strings.Contains(d.Trail(), `"event":"logged_out"`) {
		t.Errorf("no event logged_out in\n%s", d.Trail())
	}
	d.Want("refresh", d.Do(refresh(login.CookiePair())), 400, "invalid_grant")
}

func TestLogoutEverywhereByAnOldCookieEndsNothing(t *testing.T) {
	s := deployment.NewScene(t)
	oldest := s.Web.CookiePair()
	before := s.Do(refresh(oldest)).CookiePair()
	newest := s.Do(refresh(before)).CookiePair()
	state := s.State()
	got := s.Do(logout(everywhere, oldest))
	s.Want("everywhere by the oldest", got, 400, "invalid_grant")
	if len(got.Cookies) == 0 || s.State() != state {
		t.Errorf("refused, with cookies %q, want them cleared, and the state is\n%s\nafter\n%s", got.Cookies, s.State(), state)
	}
	s.Want("everywhere by the one before", s.Do(logout(everywhere, before)), 200, "")
	s.Want("the newest", s.Do(refresh(newest)), 400, "invalid_grant")
	s.Want("the native session", s.Do(deployment.JSON("POST /refresh", `{"client_id":"app","refresh_token":"`+s.App.RefreshToken+`"}`)), 400, "invalid_grant")
}

func TestLogoutTakesTheTokenFromItsOwnPlaceOnly(t *testing.T) {
	s := deployment.NewScene(t)
	own := s.Web.CookiePair()
	_, token, _ := strings.Cut(own, "=")
	state := s.State()
	app := func(body string, cookies ...string) deployment.Request {
		return deployment.JSON("POST /logout", body).Cookie(cookies...)
	}
	for name, tc := range map[string]struct {
		request deployment.Request
		status  int
		code    string
	}{
		"in the body":               {logout(`"refresh_token":"`+token+`",`, ""), 400, "invalid_request"},
		"in both":                   {logout(`"refresh_token":"`+token+`",`, own), 400, "invalid_request"},
		"native, by cookie":         {app(`{"client_id":"app"}`, "__Host-Http-wprt-app="+s.App.RefreshToken), 400, "invalid_request"},
		"native, in both":           {app(`{"client_id":"app","refresh_token":"`+s.App.RefreshToken+`"}`, "__Host-Http-wprt-app="+s.App.RefreshToken), 400, "invalid_request"},
		"native, nowhere":           {app(`{"client_id":"app"}`), 400, "invalid_request"},
		"foreign":                   {logout("", own).From("https://evil.example"), 403, "cross_site_request"},
		"foreign, everywhere":       {logout(everywhere, own).From("null"), 403, "cross_site_request"},
		"another client's":          {logout("", "__Host-Http-wprt-web="+s.App.RefreshToken), 200, ""},
		"another's, everywhere":     {logout(everywhere, "__Host-Http-wprt-web="+s.App.RefreshToken), 400, "invalid_grant"},
		"as another client":         {app(`{"client_id":"app","refresh_token":"` + token + `"}`), 200, ""},
		"as another, everywhere":    {app(`{"everywhere":true,"client_id":"app","refresh_token":"` + token + `"}`), 400, "invalid_grant"},
		"an access token":           {logout("", "__Host-Http-wprt-web="+s.Web.AccessToken), 200, ""},
		"no cookie":                 {logout(""), 200, ""},
		"no cookie, everywhere":     {logout(everywhere), 400, "invalid_grant"},
		"by form":                   {deployment.Form("POST /logout", "client_id=web").From(deployment.Origin).Cookie(own), 400, "unauthorized_client"},
		"a cookie at /revoke":       {deployment.Form("POST /revoke", "client_id=web").From(deployment.Origin).Cookie(own), 400, "invalid_request"},
		"a service with its secret": {app(`{"client_id":"partner","client_secret":"` + deployment.Secret + `","refresh_token":"` + s.App.RefreshToken + `"}`), 401, "invalid_client"},
	} {
		s.Want(name, s.Do(tc.request), tc.status, tc.code)
		if after := s.State(); after != state {
			t.Fatalf("%s: the state changed from\n%s\nto\n%s", name, state, after)
		}
	}
}
