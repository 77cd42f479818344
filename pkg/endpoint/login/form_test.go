package login_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

const (
	home   = deployment.Origin + "/"
	signIn = deployment.Origin + "/sign-in"
)

// fields are those of a good form of the client "site", with others in their place; "" leaves a field out.
func fields(changed ...string) url.Values {
	form := url.Values{
		"client_id": {"site"}, "username": {deployment.Username}, "password": {deployment.Password}, "redirect_uri": {home}, "error_uri": {signIn},
	}
	for i := 0; i < len(changed); i += 2 {
		form.Set(changed[i], changed[i+1])
	}
	return form
}

// post is the form as a browser sends it from the site's page.
func post(changed ...string) deployment.Request {
	return deployment.Form("POST /login", fields(changed...).Encode()).From(deployment.Origin)
}

// wantSentTo reports an answer that does not send the browser to an address, and nowhere else.
func wantSentTo(t *testing.T, what string, got deployment.Answer, address string) {
	t.Helper()
	if got.StatusCode != 303 || got.Headers["Location"] != address || got.Body != "" || got.Headers["Cache-Control"] != "no-store" {
		t.Errorf("%s: %d to %q, body %q, want 303 to %s", what, got.StatusCode, got.Headers["Location"], got.Body, address)
	}
}

// A form with a wrong address is answered here, before anything is looked up, begun or counted.
func TestFormWithAWrongAddressIsSentNowhere(t *testing.T) {
	for _, changed := range [][]string{
		{"redirect_uri", "https://evil.example/"}, {"redirect_uri", "//evil.example"}, {"redirect_uri", home + "?"}, {"redirect_uri", ""},
		{"error_uri", "https://evil.example/"}, {"error_uri", signIn + "/"}, {"error_uri", ""},
		{"return_to", "//evil.example"}, {"return_to", "https://evil.example"}, {"return_to", `/\evil.example`}, {"return_to", "/%2fevil.example"}, {"return_to", "/\t/evil.example"},
		{"redirect_uri", deployment.Origin + "/bye"}, // registered for logouts
		{"return_to", "//evil.example", "password", "wrong-canary-wave"},
	} {
		d := deployment.New(t, browser.Jar{})
		got := d.Do(post(changed...))
		d.Want(strings.Join(changed, " "), got, 400, "invalid_request")
		if got.Headers["Location"] != "" || len(got.Cookies) > 0 || d.Store.SessionCount() != 0 || d.Trail() != "" {
			t.Errorf("%q: sent to %q, cookies %q, %d sessions, events %s", changed, got.Headers["Location"], got.Cookies, d.Store.SessionCount(), d.Trail())
		}
	}
}

// Login CSRF: another site must not put people into a session of its choice, nor drive them through the redirect.
func TestFormOfAnotherSiteIsSentNowhere(t *testing.T) {
	form := deployment.Form("POST /login", fields().Encode())
	for name, r := range map[string]deployment.Request{
		"another origin":    form.From("https://evil.example"),
		"a sibling":         form.From("https://evil.example.com"),
		"another port":      form.From(deployment.Origin + ":8443"),
		"null":              form.From("null").With("sec-fetch-site", "same-origin"),
		"same site":         form.With("sec-fetch-site", "same-site"),
		"cross site":        form.With("sec-fetch-site", "cross-site"),
		"by hand":           form.With("sec-fetch-site", "none"),
		"without a word":    form,
		"with a wrong word": deployment.Form("POST /login", fields("password", "wrong-canary-wave").Encode()).From("https://evil.example"),
	} {
		d := deployment.New(t, browser.Jar{})
		got := d.Do(r)
		d.Want(name, got, 403, "cross_site_request")
		if got.Headers["Location"] != "" || len(got.Cookies) > 0 || d.Store.SessionCount() != 0 || d.Trail() != "" {
			t.Errorf("%s: sent to %q, cookies %q, %d sessions, events %s", name, got.Headers["Location"], got.Cookies, d.Store.SessionCount(), d.Trail())
		}
	}
}

func TestOnlySitesHaveTheForm(t *testing.T) {
	for clientID, want := range map[string]struct {
		status int
		code   string
	}{
		"app": {400, "unauthorized_client"}, "web": {400, "unauthorized_client"}, "partner": {400, "unauthorized_client"},
		"nobody": {401, "invalid_client"}, "": {400, "invalid_request"},
	} {
		d := deployment.New(t, browser.Jar{})
		got := d.Do(post("client_id", clientID))
		d.Want("form of "+clientID, got, want.status, want.code)
		if got.Headers["Location"] != "" || len(got.Cookies) > 0 || got.AccessToken != "" {
			t.Errorf("form of %s: sent to %q, cookies %q", clientID, got.Headers["Location"], got.Cookies)
		}
	}
}

func TestMalformedFormIsAnsweredDirectly(t *testing.T) {
	good := fields().Encode()
	for name, r := range map[string]struct {
		request deployment.Request
		status  int
	}{
		"a field twice":       {deployment.Form("POST /login", good+"&redirect_uri="+url.QueryEscape(signIn)), 400},
		"another media type":  {deployment.Request{Route: "POST /login", Type: "text/plain", Body: good}, 415},
		"multipart":           {deployment.Request{Route: "POST /login", Type: "multipart/form-data; boundary=x", Body: good}, 415},
		"another encoding":    {deployment.Request{Route: "POST /login", Type: "application/x-www-form-urlencoded; charset=iso-8859-1", Body: good}, 415},
		"a malformed escape":  {deployment.Form("POST /login", good+"&x=%zz"), 400},
		"bytes that are none": {deployment.Form("POST /login", good+"&x=%ff"), 400},
		"17 KB":               {deployment.Form("POST /login", good+"&x="+strings.Repeat("x", 17<<10)), 400},
	} {
		d := deployment.New(t, browser.Jar{})
		got := d.Do(r.request.From(deployment.Origin))
		d.Want(name, got, r.status, "invalid_request")
		if got.Headers["Location"] != "" || len(got.Cookies) > 0 {
			t.Errorf("%s: sent to %q, cookies %q", name, got.Headers["Location"], got.Cookies)
		}
	}
}

// The page that is told never learns what was typed: its address ends in logs and histories.
func TestFieldThatIsMissingOrWrongIsSaidOnThePage(t *testing.T) {
	for _, changed := range [][]string{
		{"username", ""}, {"password", ""}, {"remember", "maybe"}, {"end_others", "1"}, {"device_name", strings.Repeat("x", 65)}, {"device_name", "a\nb"},
	} {
		d := deployment.New(t, browser.Jar{})
		wantSentTo(t, strings.Join(changed, " "), d.Do(post(changed...)), signIn+"?error=invalid_request")
		wantSentTo(t, strings.Join(changed, " "), d.Do(post(append(changed, "return_to", "/orders/7")...)), signIn+"?error=invalid_request&return_to=%2Forders%2F7")
		if d.Store.SessionCount() != 0 {
			t.Errorf("%q: a session was begun", changed)
		}
	}
}

func TestFormLogsInAndSendsTheBrowserOn(t *testing.T) {
	for _, tc := range []struct{ returnTo, remember, address, flags string }{
		{"", "", home, "; Path=/; Secure; HttpOnly; SameSite=Lax"},
		{"/orders/7?page=2", "on", deployment.Origin + "/orders/7?page=2", "; Path=/; Max-Age=2592000; Secure; HttpOnly; SameSite=Lax"},
		{"", "true", home, "; Path=/; Max-Age=2592000; Secure; HttpOnly; SameSite=Lax"},
		{"", "false", home, "; Path=/; Secure; HttpOnly; SameSite=Lax"},
	} {
		d := deployment.New(t, browser.Jar{})
		got := d.Do(post("return_to", tc.returnTo, "remember", tc.remember, "device_name", "Firefox on Linux"))
		wantSentTo(t, tc.returnTo, got, tc.address)
		if len(got.Cookies) != 1 || !strings.HasPrefix(got.Cookies[0], "__Host-Http-wpss-site=wpss_") || !strings.HasSuffix(got.Cookies[0], tc.flags) {
			t.Fatalf("%+v: cookies %q", tc, got.Cookies)
		}
		if visit := d.AtSite(deployment.Request{Route: "GET /site/userinfo"}.Cookie(got.CookiePair())); visit.StatusCode != 200 {
			t.Errorf("%+v: the session that was begun is not good: %d", tc, visit.StatusCode)
		}
	}
}

func TestErrorOfALoginIsSaidOnThePage(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	wantSentTo(t, "wrong password", d.Do(post("password", "wrong-canary-wave", "return_to", "/orders/7")), signIn+"?error=invalid_credentials&return_to=%2Forders%2F7")
	wantSentTo(t, "unknown name", d.Do(post("username", "eve")), signIn+"?error=invalid_credentials")
	d.Store.Before = hooks.Fail("Create")
	wantSentTo(t, "outage", d.Do(post()), signIn+"?error=temporarily_unavailable&retry_after=2")
	d.Store.Before = nil
	for range 10 {
		d.Do(post("password", "wrong-canary-wave"))
	}
	if got := d.Do(post()); !strings.HasPrefix(got.Headers["Location"], signIn+"?error=too_many_attempts&retry_after=") {
		t.Errorf("too many attempts: to %q", got.Headers["Location"])
	}
	if log := d.Log() + d.Trail(); strings.Contains(log, "wrong-canary-wave") || strings.Contains(log, deployment.Password) {
		t.Error("a password is in the log")
	}
}

// Session fixation and session swap: what a browser presents at the login is never what it has afterwards, and a login heals
// a browser that has two cookies of one name.
func TestLoginGivesANewHandleWhateverWasThere(t *testing.T) {
	for name, jar := range map[string]browser.Jar{"this host": {}, "a domain": {Domain: "example.com"}} {
		d := deployment.New(t, jar)
		planted := d.Do(post())
		for what, cookies := range map[string][]string{
			"a good handle": {planted.CookiePair()}, "nonsense": {"__Host-Http-wpss-site=x"}, "two": {planted.CookiePair(), planted.CookiePair()},
			"quoted": {strings.Replace(planted.CookiePair(), "=", `="`, 1) + `"`}, "200 of them": slices.Repeat([]string{planted.CookiePair()}, 200),
			"8 KB": {strings.Repeat("x", 8<<10) + "=y", planted.CookiePair()},
		} {
			got := d.Do(post().Cookie(cookies...))
			wantSentTo(t, name+", "+what, got, home)
			given := got.Cookies[len(got.Cookies)-1]
			if pair, _, _ := strings.Cut(given, ";"); !strings.Contains(pair, "=wpss_") || slices.Contains(cookies, pair) {
				t.Errorf("%s, %s: the last cookie is %q, want a new handle", name, what, given)
			}
			for _, deletion := range got.Cookies[:len(got.Cookies)-1] {
				if !strings.Contains(deletion, "=; ") || !strings.Contains(deletion, "Max-Age=0") {
					t.Errorf("%s, %s: %q is set before the handle", name, what, deletion)
				}
			}
		}
	}
}

// One person, one browser, an SPA and a site: each has its own cookie, and neither is looked at, changed or ended for the other.
func TestSiteAndSPAAreKeptApart(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	app, site := d.Login("web"), d.Do(post())
	both := []string{app.CookiePair(), site.CookiePair()}
	refreshed := d.Do(deployment.JSON("POST /refresh", `{"client_id":"web"}`).From(deployment.Origin).Cookie(both...))
	d.Want("refresh beside a handle", refreshed, 200, "")
	if again := d.Do(post().Cookie(both...)); len(again.Cookies) == 0 || strings.Contains(strings.Join(again.Cookies, "\n"), "wprt") {
		t.Errorf("a login at the site sets %q", again.Cookies)
	}
	out := d.Do(deployment.Form("POST /logout", url.Values{"client_id": {"site"}, "post_logout_redirect_uri": {deployment.Origin + "/bye"}}.Encode()).From(deployment.Origin).Cookie(both...))
	wantSentTo(t, "logout of the site", out, deployment.Origin+"/bye")
	d.Want("the SPA", d.Do(deployment.JSON("POST /refresh", `{"client_id":"web"}`).From(deployment.Origin).Cookie(refreshed.CookiePair())), 200, "")
}
