package deployment_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
	. "github.com/wavepass/wavepass/pkg/internal/deployment"
)

const siteCookie = "__Host-Http-wpss-site"

// twoSites is a deployment with another site at the same address.
func twoSites(t *testing.T) *Deployment {
	d := New(t, browser.Jar{})
	other := client.New("site2", client.Site)
	other.Origins, other.Scopes = []string{Origin}, []string{"profile"}
	if err := d.Store.PutClient(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	return d
}

// besideCookies are cookies that may come with a request, made of another person's handle at the site and one at the other site.
func besideCookies(evil, evil2 string) map[string][]string {
	numbered := func(n int, cookie func(i int) string) (all []string) {
		for i := range n {
			all = append(all, cookie(i))
		}
		return all
	}
	return map[string][]string{
		"nothing":                   nil,
		"200 cookies":               numbered(200, func(i int) string { return fmt.Sprintf("__Host-Http-wpss-other%d=x", i) }),
		"200 cookies of one name":   numbered(200, func(int) string { return "theme=dark" }),
		"handles of 40 sites":       numbered(40, func(i int) string { return fmt.Sprintf("__Host-Http-wpss-other%d=%s", i, evil) }),
		"another site's handle":     {"__Host-Http-wpss-site2=" + evil2},
		"another site's name twice": {"__Host-Http-wpss-site2=x", "__Host-Http-wpss-site2="},
		"the name, empty":           {siteCookie + "="},
		"the name without a value":  {siteCookie},
		"the name, quoted":          {siteCookie + `="` + evil + `"`},
		"the name, 8 KB":            {siteCookie + "=" + strings.Repeat("A", 8192)},
		"the name, spaces within":   {siteCookie + "=" + evil[:40] + " " + evil[40:]},
		"the name, a tab and space": {" " + siteCookie + "\t=\t" + evil + "A "},
		"look-alike prefixes":       {"__Host-wpss-site=" + evil, "__Secure-wpss-site=" + evil, "wpss-site=" + evil, strings.ToUpper(siteCookie) + "=" + evil},
		"white space of other kinds": {
			"\u00a0" + siteCookie + "=" + evil, siteCookie + "\u3000=" + evil, "\n" + siteCookie + "=" + evil, "\v" + siteCookie + "=" + evil, "\u200b" + siteCookie + "=" + evil,
		},
	}
}

// after are the cookies that a browser has after an answer.
func after(cookies, setCookies []string) []string {
	nameOf := func(cookie string) string {
		name, _, _ := strings.Cut(cookie, "=")
		return strings.Trim(name, " \t")
	}
	cookies = slices.Clone(cookies)
	for _, set := range setCookies {
		pair, attributes, _ := strings.Cut(set, "; ")
		cookies = slices.DeleteFunc(cookies, func(c string) bool { return nameOf(c) == nameOf(pair) })
		if !strings.Contains(attributes, "Max-Age=0;") {
			cookies = append(cookies, pair)
		}
	}
	return cookies
}

// Whatever cookies a browser has, with or without the person's own, the next login signs them in, and nobody else out.
func TestNextLoginHeals(t *testing.T) {
	d := twoSites(t)
	bystander, bystander2 := d.LoginSite("site").CookiePair(), d.LoginSite("site2").CookiePair()
	_, evil, _ := strings.Cut(bystander, "=")
	_, evil2, _ := strings.Cut(bystander2, "=")
	userinfo := Request{Route: "GET /site/userinfo"}
	for what, beside := range besideCookies(evil, evil2) {
		for _, own := range []bool{false, true} {
			cookies := beside
			if own {
				cookies = append(slices.Clone(beside), d.LoginSite("site").CookiePair())
			}
			login := d.Do(JSON("POST /login", `{"client_id":"site","username":"ada","password":"`+Password+`"}`).From(Origin).Cookie(cookies...))
			d.Want(what, login, 200, "")
			given, _, _ := strings.Cut(login.Cookies[len(login.Cookies)-1], ";") // after the deletions
			got := d.AtSite(userinfo.Cookie(after(cookies, login.Cookies)...))
			if got.StatusCode != 200 || !strings.Contains(got.Body, sidOf(t, d, given)) {
				t.Errorf("%s (with their own: %t): %d %s, want the session that has just begun", what, own, got.StatusCode, got.Body)
			}
		}
		for _, cookie := range []string{bystander, bystander2} {
			if got := d.AtSite(userinfo.Cookie(cookie)); got.StatusCode != 200 {
				t.Errorf("%s: somebody else's session has ended: %d", what, got.StatusCode)
			}
		}
	}
}

// A logout ends the person's own session whatever comes beside its cookie, and nobody else's.
func TestLogoutAmongHostileCookies(t *testing.T) {
	d := twoSites(t)
	bystander, bystander2 := d.LoginSite("site").CookiePair(), d.LoginSite("site2").CookiePair()
	_, evil, _ := strings.Cut(bystander, "=")
	_, evil2, _ := strings.Cut(bystander2, "=")
	userinfo := Request{Route: "GET /site/userinfo"}
	for what, beside := range besideCookies(evil, evil2) {
		for way, r := range map[string]Request{
			"JSON": JSON("POST /logout", `{"client_id":"site"}`),
			"form": Form("POST /logout", "client_id=site&post_logout_redirect_uri="+strings.ReplaceAll(Origin, ":", "%3A")+"%2Fbye"),
		} {
			own := d.LoginSite("site").CookiePair()
			got := d.Do(r.From(Origin).Cookie(append(slices.Clone(beside), own)...))
			if want := map[string]int{"JSON": 200, "form": 303}[way]; got.StatusCode != want {
				t.Errorf("%s, %s: %d %s, want %d", what, way, got.StatusCode, got.Body, want)
			}
			if got := d.AtSite(userinfo.Cookie(own)); got.StatusCode != 403 {
				t.Errorf("%s, %s: the session lives on: %d", what, way, got.StatusCode)
			}
			for _, cookie := range []string{bystander, bystander2} {
				if got := d.AtSite(userinfo.Cookie(cookie)); got.StatusCode != 200 {
					t.Errorf("%s, %s: somebody else's session has ended: %d", what, way, got.StatusCode)
				}
			}
		}
	}
}

// Logging out by form or JSON is for pages of the site alone.
func TestOtherSitesLogNobodyOut(t *testing.T) {
	d := New(t, browser.Jar{})
	cookie := d.LoginSite("site").CookiePair()
	before := d.Trail()
	for how, headers := range foreign {
		for _, everywhere := range []bool{false, true} {
			for way, r := range map[string]Request{
				"JSON": JSON("POST /logout", fmt.Sprintf(`{"client_id":"site","everywhere":%t}`, everywhere)),
				"form": Form("POST /logout", fmt.Sprintf("client_id=site&everywhere=%t&post_logout_redirect_uri=%s%%2Fbye", everywhere, strings.ReplaceAll(Origin, ":", "%3A"))),
			} {
				got := d.Do(r.With(headers...).Cookie(cookie))
				if got.StatusCode != 403 || got.Headers["Location"] != "" || len(got.Cookies) > 0 {
					t.Errorf("%s, %s, everywhere %t: %d to %q, cookies %q", how, way, everywhere, got.StatusCode, got.Headers["Location"], got.Cookies)
				}
			}
		}
	}
	for _, media := range []string{"", "text/plain", "multipart/form-data; boundary=x", "text/json"} {
		d.Want(fmt.Sprintf("%q", media), d.Do(Request{Route: "POST /logout", Type: media, Body: `{"client_id":"site"}`}.From(Origin).Cookie(cookie)), 415, "invalid_request")
	}
	if got := d.AtSite(Request{Route: "GET /site/userinfo"}.Cookie(cookie)); got.StatusCode != 200 || d.Trail() != before {
		t.Errorf("the session has ended: %d\n%s", got.StatusCode, d.Trail())
	}
}

// A login says how long its session lives from its beginning, however long the table took.
func TestLifeOfASiteSessionIsSaidFromItsBeginning(t *testing.T) {
	d := New(t, browser.Jar{})
	d.Clock.Advance(700 * time.Millisecond)
	if got := d.LoginSite("site"); got.ExpiresIn != 24*60*60 {
		t.Errorf("expires_in %d, want a day", got.ExpiresIn)
	}
}
