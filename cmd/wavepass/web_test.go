package main

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// webLogin logs in at the client "web" from its origin. more is members of the body, each with a comma behind.
func (s *server) webLogin(more string) answer {
	s.t.Helper()
	a := s.do("POST", "/login", mediaJSON,
		`{`+more+`"client_id":"web","username":"`+demoUsername+`","password":"`+demoPassword+`"}`, "Origin", pageOrigin)
	if a.Status != 200 || a.AccessToken == "" || a.RefreshToken != "" || len(a.Header["Set-Cookie"]) != 2 { // the second one makes the device known
		s.t.Fatalf("login at web: %d %s, cookies %q", a.Status, a.Error, a.Header["Set-Cookie"])
	}
	return a
}

// cookie is "name=value" of the first cookie that the answer sets, and does not delete, as a browser sends it back.
func (a answer) cookie() string {
	for _, set := range a.Header["Set-Cookie"] {
		if pair, _, _ := strings.Cut(set, ";"); !strings.HasSuffix(pair, "=") {
			return pair
		}
	}
	return ""
}

// webPost is a request of the page at the client's origin.
func (s *server) webPost(path, body, cookie string, header ...string) answer {
	s.t.Helper()
	return s.do("POST", path, mediaJSON, body, append(header, "Origin", pageOrigin, "Cookie", cookie)...)
}

func (s *server) webRefresh(cookie string) answer {
	s.t.Helper()
	return s.webPost("/refresh", `{"client_id":"web"}`, cookie)
}

func (s *server) webLogout(cookie, more string) answer {
	s.t.Helper()
	return s.webPost("/logout", `{`+more+`"client_id":"web"}`, cookie)
}

var refreshCookie = regexp.MustCompile(`^(__Host-Http-wprt-web)=wprt_[A-Za-z0-9_-]{99}; Path=/(?:; Max-Age=([0-9]+))?; Secure; HttpOnly; SameSite=Strict$`)

func TestBrowsersRefreshTokenIsInItsCookieOnly(t *testing.T) {
	s := start(t, "--data", t.TempDir())
	var bodies string
	for more, days := range map[string]int{"": 0, `"remember":false,`: 0, `"remember":true,`: 30} {
		a := s.webLogin(more)
		for _, step := range []string{"login", "refresh", "second refresh"} {
			m := refreshCookie.FindStringSubmatch(a.Header.Get("Set-Cookie"))
			if cookies := map[bool]int{true: 2, false: 1}[step == "login"]; m == nil || len(a.Header["Set-Cookie"]) != cookies { // a login makes the device known too
				t.Fatalf("%s with %s: cookies %q, want %d, the first with the flags of the design", step, more, a.Header["Set-Cookie"], cookies)
			}
			life, _ := strconv.Atoi(m[2])
			if most := days * 24 * 3600; life > most || life < most-60 || days == 0 && m[2] != "" {
				t.Errorf("%s with %s: Max-Age %q, want what is left of %d days, none for 0", step, more, m[2], days)
			}
			if a.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: Cache-Control %q, want no-store", step, a.Header.Get("Cache-Control"))
			}
			bodies += a.Body
			s.want("userinfo", s.userinfo(a.AccessToken), 200, "")
			a = s.webRefresh(a.cookie())
			s.want(step, a, 200, "")
		}
	}
	if strings.Contains(bodies, "wprt_") || strings.Contains(bodies, "refresh_token") {
		t.Errorf("a refresh token is in a body: %s", bodies)
	}
}

func TestTwoTabsGetTheSameSuccessor(t *testing.T) {
	t.Setenv("REVOCATION_STALENESS", "0s")
	s := start(t, "--data", t.TempDir())
	first := s.webLogin("")
	tabs := make([]answer, 20)
	var wg sync.WaitGroup
	for i := range tabs {
		wg.Go(func() { tabs[i] = s.webRefresh(first.cookie()) })
	}
	wg.Wait()
	for i, tab := range tabs {
		s.want("tab "+strconv.Itoa(i), tab, 200, "")
		if tab.cookie() != tabs[0].cookie() || tab.cookie() == first.cookie() {
			t.Errorf("tab %d has another successor than tab 0, or none", i)
		}
	}
	next := s.webRefresh(tabs[0].cookie())
	s.want("the successor", next, 200, "")
	reused := s.webRefresh(first.cookie())
	s.want("the cookie of two generations ago", reused, 400, "invalid_grant")
	if cookies := reused.Header["Set-Cookie"]; len(cookies) > 0 {
		t.Errorf("a refused refresh sets cookies, which might wipe a newer login: %q", cookies)
	}
	s.want("the newest cookie", s.webRefresh(next.cookie()), 400, "invalid_grant")
	s.want("the access token", s.userinfo(next.AccessToken), 403, "")
}

func TestTransportIsTheRegisteredOne(t *testing.T) {
	s := start(t, "--data", t.TempDir())
	app, web := s.login(), s.webLogin("")
	_, webToken, _ := strings.Cut(web.cookie(), "=")
	appCookie := "__Host-Http-wprt-app=" + app.RefreshToken
	for _, tc := range []struct {
		name, path, body, cookie string
		header                   []string
		status                   int
		code                     string
	}{
		{"native token in a cookie", "/refresh", `{"client_id":"app"}`, appCookie, nil, 400, "invalid_request"},
		{"native token in a browser's cookie", "/refresh", `{"client_id":"web"}`, "__Host-Http-wprt-web=" + app.RefreshToken, nil, 400, "invalid_grant"},
		{"browser's token in the body", "/refresh", `{"client_id":"web","refresh_token":"` + webToken + `"}`, "", nil, 400, "invalid_request"},
		{"browser's token as the native client's", "/refresh", `{"client_id":"app","refresh_token":"` + webToken + `"}`, "", nil, 400, "invalid_grant"},
		{"transport in the body", "/refresh", `{"client_id":"app","transport":"cookie","kind":"browser"}`, appCookie, nil, 400, "invalid_request"},
		{"transport in headers", "/refresh", `{"client_id":"app"}`, appCookie, []string{"X-Transport", "cookie", "X-Client-Kind", "browser", "X-Token-Transport", "cookie", "Prefer", "transport=cookie"}, 400, "invalid_request"},
		{"client in the query", "/refresh?client_id=web", `{"client_id":"app"}`, web.cookie(), nil, 400, "invalid_request"},
		{"client in the query only", "/refresh?client_id=web", `{}`, web.cookie(), nil, 400, "invalid_request"},
		{"token in the query", "/refresh?refresh_token=" + app.RefreshToken, `{"client_id":"app"}`, "", nil, 400, "invalid_request"},
		{"token in a header", "/refresh", `{"client_id":"app"}`, "", []string{"Authorization", "Bearer " + app.RefreshToken, "X-Refresh-Token", app.RefreshToken}, 400, "invalid_request"},
		{"method in a header", "/logout", `{"client_id":"web","refresh_token":"` + webToken + `"}`, "", []string{"X-HTTP-Method-Override", "DELETE"}, 400, "invalid_request"},
		{"native token in a cookie, logout", "/logout", `{"client_id":"app"}`, appCookie, nil, 400, "invalid_request"},
		{"native token in a cookie, logout everywhere", "/logout", `{"client_id":"app","everywhere":true}`, appCookie, nil, 400, "invalid_request"},
		{"site's cookie", "/refresh", `{"client_id":"web"}`, "__Host-wpss-web=" + webToken, nil, 400, "invalid_grant"},
		{"cookie without its prefix", "/refresh", `{"client_id":"web"}`, "wprt-web=" + webToken, nil, 400, "invalid_grant"},
		{"cookie with the other prefix", "/refresh", `{"client_id":"web"}`, "__Secure-wprt-web=" + webToken, nil, 400, "invalid_grant"},
	} {
		got := s.webPost(tc.path, tc.body, tc.cookie, tc.header...)
		s.want(tc.name, got, tc.status, tc.code)
		if cookies := got.Header["Set-Cookie"]; len(cookies) > 0 || strings.Contains(got.Body, "wprt_") {
			t.Errorf("%s: cookies %q, body %s, want neither cookies nor tokens", tc.name, cookies, got.Body)
		}
	}
	for header, value := range map[string]string{"X-Transport": "body", "X-Requested-With": "XMLHttpRequest", "Accept": "application/json; refresh_token=body"} {
		got := s.do("POST", "/login", mediaJSON, `{"transport":"body","client_id":"web","username":"`+demoUsername+`","password":"`+demoPassword+`"}`,
			"Origin", pageOrigin, header, value)
		s.want("login with "+header, got, 200, "")
		if got.RefreshToken != "" || got.cookie() == "" {
			t.Errorf("login with %s: refresh token in the body", header)
		}
	}
	others := "theme=dark; __Host-Http-wprt-web2=" + app.RefreshToken + "; " + web.cookie() + "; __Host-wpss-site=wpss_x; __Host-Http-wprt-app=x"
	s.want("cookies of other clients beside", s.webRefresh(others), 200, "")
	s.want("the native client's token", s.refresh(app.RefreshToken), 200, "")
	if strings.Contains(s.log.String(), "race_replay") {
		t.Error("one of the refused requests had rotated a session")
	}
}

func TestLogoutEndsTheSessionAndClearsEveryCookie(t *testing.T) {
	t.Setenv("REVOCATION_STALENESS", "0s")
	s := start(t, "--data", t.TempDir())
	a, other := s.webLogin(""), s.webLogin("")
	cleared := []string{
		"__Host-Http-wprt-web=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict",
		"__Secure-wprt-web=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict",
		"__Host-wprt-web=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict",
	}
	for _, how := range []struct{ name, cookie string }{{"first", a.cookie()}, {"second", a.cookie()}, {"without a cookie", ""}, {"a forged one", "__Host-Http-wprt-web=x"}} {
		got := s.webPost("/logout", `{"client_id":"web"}`, how.cookie, "Authorization", "Bearer expired.long.ago")
		s.want(how.name, got, 200, "")
		for _, want := range cleared {
			if !strings.Contains(strings.Join(got.Header["Set-Cookie"], "\n"), want) {
				t.Errorf("%s: no %s in %q", how.name, want, got.Header["Set-Cookie"])
			}
		}
	}
	s.want("refresh after logout", s.webRefresh(a.cookie()), 400, "invalid_grant")
	s.want("userinfo after logout", s.userinfo(a.AccessToken), 403, "")
	s.want("the other session", s.webRefresh(other.cookie()), 200, "")
}

func TestLogoutEverywhereNeedsALiveToken(t *testing.T) {
	t.Setenv("REVOCATION_STALENESS", "0s")
	s := start(t, "--data", t.TempDir())
	app, gone := s.login(), s.webLogin("")
	s.want("logout of the third session", s.webLogout(gone.cookie(), ""), 200, "")
	oldest := s.webLogin("")
	before := s.webRefresh(oldest.cookie())
	newest := s.webRefresh(before.cookie())
	s.want("two refreshes", newest, 200, "")
	for name, cookie := range map[string]string{"an old cookie": oldest.cookie(), "a session that has ended": gone.cookie(), "no cookie": "", "a forged cookie": "__Host-Http-wprt-web=wprt_x"} {
		got := s.webLogout(cookie, `"everywhere":true,`)
		s.want("everywhere with "+name, got, 400, "invalid_grant")
		if got.cookie() != "" || len(got.Header["Set-Cookie"]) == 0 {
			t.Errorf("everywhere with %s was refused; cookies %q, want them cleared", name, got.Header["Set-Cookie"])
		}
	}
	s.want("the native session lives", s.userinfo(app.AccessToken), 200, "")
	s.want("the browser's session lives", s.userinfo(newest.AccessToken), 200, "")

	s.want("everywhere with the cookie before", s.webLogout(before.cookie(), `"everywhere":true,`), 200, "")
	s.want("the browser's access token", s.userinfo(newest.AccessToken), 403, "")
	s.want("the native access token", s.userinfo(app.AccessToken), 403, "")
	s.want("the browser's cookie", s.webRefresh(newest.cookie()), 400, "invalid_grant")
	s.want("the native refresh token", s.refresh(app.RefreshToken), 400, "invalid_grant")
	s.want("a new login", s.userinfo(s.webLogin("").AccessToken), 200, "")
}

func TestCookieDomainSharesCookiesBetweenSubdomains(t *testing.T) {
	t.Setenv("COOKIE_DOMAIN", "example.com")
	s := start(t, "--data", t.TempDir())
	a := s.webLogin("")
	if m, _ := regexp.MatchString(`^__Secure-wprt-web~[a-z2-7]{8}=wprt_[A-Za-z0-9_-]{99}; Path=/; Domain=example\.com; Secure; HttpOnly; SameSite=Strict$`, a.Header.Get("Set-Cookie")); !m {
		t.Errorf("cookie %s, want __Secure- with the domain", a.Header.Get("Set-Cookie"))
	}
	_, token, _ := strings.Cut(a.cookie(), "=")
	s.want("under the name of the other setting", s.webRefresh("__Host-Http-wprt-web="+token), 400, "invalid_grant")
	next := s.webRefresh(a.cookie())
	s.want("refresh", next, 200, "")
	got := strings.Join(s.webLogout(next.cookie(), "").Header["Set-Cookie"], "\n")
	for _, want := range []string{"__Host-Http-wprt-web=; Path=/; Max-Age=0", "__Secure-wprt-web=; Path=/; Max-Age=0", "__Secure-wprt-web=; Path=/; Domain=example.com; Max-Age=0"} {
		if !strings.Contains(got, want) {
			t.Errorf("logout: no %s in\n%s", want, got)
		}
	}
}
