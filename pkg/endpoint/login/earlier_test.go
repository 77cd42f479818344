package login_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

// siteLogins are the two ways to log in to the client "site".
var siteLogins = map[string]struct {
	request deployment.Request
	status  int
}{
	"form": {post(), 303},
	"JSON": {deployment.JSON("POST /login", `{"client_id":"site","username":"ada","password":"`+deployment.Password+`"}`).From(deployment.Origin), 200},
}

// wantLive reports a cookie that opens its session, or does not, against the wish.
func wantLive(t *testing.T, d *deployment.Deployment, what, cookie string, live bool) {
	t.Helper()
	if got := d.AtSite(deployment.Request{Route: "GET /site/userinfo"}.Cookie(cookie)); (got.StatusCode == 200) != live {
		t.Errorf("%s: %d, want it to open its session: %t\n%s", what, got.StatusCode, live, d.Log())
	}
}

// addSite registers another site at the same address.
func addSite(t *testing.T, d *deployment.Deployment, id string) {
	t.Helper()
	c := client.New(id, client.Site)
	c.Origins, c.Scopes = []string{deployment.Origin}, []string{"profile"}
	if err := d.Store.PutClient(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

func TestLoginEndsTheEarlierSessionOfTheBrowser(t *testing.T) {
	for way, login := range siteLogins {
		d := deployment.New(t, browser.Jar{})
		earlier, other := d.LoginSite("site").CookiePair(), d.LoginSite("site").CookiePair()
		got := d.Do(login.request.Cookie(earlier))
		d.Want(way, got, login.status, "")
		wantLive(t, d, way+": the earlier session", earlier, false)
		wantLive(t, d, way+": the session of another browser", other, true)
		wantLive(t, d, way+": the new session", got.CookiePair(), true)
		if n := strings.Count(d.Trail(), `"event":"logged_out"`); n != 1 || !strings.Contains(d.Trail(), `"reason":"replaced"`) {
			t.Errorf("%s: %d events of its end, want 1 with its reason\n%s", way, n, d.Trail())
		}
		// The browser may have kept its cookie when the answer was lost; it logs in again.
		d.Want(way+" again", d.Do(login.request.Cookie(earlier)), login.status, "")
		if n := strings.Count(d.Trail(), `"event":"logged_out"`); n != 1 {
			t.Errorf("%s: %d events of its end after a repetition, want 1", way, n)
		}
	}
}

// A refused login costs nobody the session that the browser has.
func TestRefusedLoginEndsNothing(t *testing.T) {
	for what, r := range map[string]deployment.Request{
		"wrong password":   post("password", "wrong-canary-wave"),
		"another site":     deployment.Form("POST /login", fields().Encode()).From("https://evil.example"),
		"a wrong address":  post("redirect_uri", "https://evil.example/"),
		"a wrong checkbox": post("remember", "maybe"),
		"no username":      post("username", ""),
	} {
		d := deployment.New(t, browser.Jar{})
		earlier := d.LoginSite("site").CookiePair()
		before := d.Store.Sessions()
		d.Do(r.Cookie(earlier))
		if diff := cmp.Diff(before, d.Store.Sessions()); diff != "" {
			t.Errorf("%s: sessions (-before +after)\n%s", what, diff)
		}
		wantLive(t, d, what, earlier, true)
	}
}

// Only the secret of a handle ends its session, and only at its client: what somebody plants in a browser, or makes up, is harmless.
func TestLoginEndsNothingByAHandleThatIsNotGood(t *testing.T) {
	for way, login := range siteLogins {
		d := deployment.New(t, browser.Jar{})
		addSite(t, d, "site2")
		victim := d.LoginSite("site").CookiePair()
		victim2 := d.LoginSite("site2").CookiePair()
		before := d.Store.Sessions()
		name, handle, _ := strings.Cut(victim, "=")
		_, handle2, _ := strings.Cut(victim2, "=")
		for what, cookies := range map[string][]string{
			"a made-up secret":             {name + "=" + handle[:len(handle)-8] + "AAAAAAAA"},
			"another site's handle":        {name + "=" + handle2},
			"of another site, in its name": {victim2},
			"quoted":                       {name + `="` + handle + `"`},
			"two cookies of the name":      {victim, name + "=x"},
			"a look-alike":                 {"__Host-wpss-site=" + handle, "wpss-site=" + handle, "\u00a0" + victim},
			"8 KB":                         {name + "=" + handle + strings.Repeat("A", 8192)},
		} {
			got := d.Do(login.request.Cookie(cookies...))
			d.Want(way+", "+what, got, login.status, "")
			after := d.Store.Sessions()
			for id := range after {
				if _, had := before[id]; !had {
					delete(after, id)
				}
			}
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("%s, %s: sessions (-before +after)\n%s", way, what, diff)
			}
		}
		if strings.Contains(d.Trail(), "logged_out") {
			t.Errorf("%s: an event of an end\n%s", way, d.Trail())
		}
	}
}

// The login is as good when the earlier session can't be read or ended, whether the table has lost the call or its answer.
func TestEarlierSessionNeverCostsTheLogin(t *testing.T) {
	for way, login := range siteLogins {
		for _, method := range []string{"Session", "Account", "Revoke"} {
			for how, lost := range map[string]struct {
				before, after func(context.Context, string) error
			}{
				"not carried out": {before: hooks.Fail(method)},
				"answer lost":     {after: hooks.Fail(method)},
			} {
				what := fmt.Sprintf("%s, %s %s", way, method, how)
				d := deployment.New(t, browser.Jar{})
				earlier := d.LoginSite("site").CookiePair()
				d.Store.Before, d.Store.After = lost.before, lost.after
				got := d.Do(login.request.Cookie(earlier))
				d.Store.Before, d.Store.After = nil, nil
				d.Want(what, got, login.status, "")
				wantLive(t, d, what+": the new session", got.CookiePair(), true)
				ended := method == "Revoke" && lost.after != nil
				wantLive(t, d, what+": the earlier session", earlier, !ended)
				if !strings.Contains(d.Log(), "could not be ended") {
					t.Errorf("%s: no warning\n%s", what, d.Log())
				}
			}
		}
	}
}

func TestLoginThatEndsAllOthersLeavesOneEvent(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	earlier := d.LoginSite("site").CookiePair()
	d.Want("login", d.Do(post("end_others", "on").Cookie(earlier)), 303, "")
	wantLive(t, d, "the earlier session", earlier, false)
	if strings.Contains(d.Trail(), "logged_out") || !strings.Contains(d.Trail(), "other_sessions_ended") {
		t.Errorf("events\n%s", d.Trail())
	}
}

// The authorizer refuses the handles of two sites at once, so a login leaves the browser with its own.
func TestLoginRemovesTheHandlesOfOtherSites(t *testing.T) {
	for domain, jar := range map[string]browser.Jar{"one host": {}, "a domain": {Domain: "app.example"}} {
		for way, login := range siteLogins {
			what := domain + ", " + way
			d := deployment.New(t, jar)
			addSite(t, d, "site2")
			other := d.LoginSite("site2").CookiePair()
			name, _, _ := strings.Cut(other, "=")
			unknown := strings.Replace(name, "site2", "gone", 1)
			_, handle, _ := strings.Cut(other, "=")
			spa := d.Login("web").CookiePair()
			pages := strings.Replace(name, "site2", client.Reserved, 1)
			got := d.Do(login.request.Cookie(other, unknown+"="+handle, unknown+"=", spa, pages+"="+handle, "theme=dark"))
			d.Want(what, got, login.status, "")
			var deleted []string
			for _, cookie := range got.Cookies {
				id, value, _ := strings.Cut(cookie, "=")
				if strings.HasPrefix(value, ";") && strings.Contains(value, "Path=/;") {
					deleted = append(deleted, id)
				}
			}
			for _, id := range []string{name, unknown} {
				if !strings.Contains(strings.Join(deleted, " "), id) {
					t.Errorf("%s: deletes %q, want %s too", what, deleted, id)
				}
			}
			for _, id := range deleted {
				if id != name && id != unknown {
					t.Errorf("%s: deletes %s, which stands in nobody's way", what, id)
				}
			}
			// The session of the other site's cookie lives on, as that of every cookie that is deleted.
			wantLive(t, d, what+": the other site", other, true)
		}
	}
}
