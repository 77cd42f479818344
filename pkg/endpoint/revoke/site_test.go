package revoke_test

import (
	"strings"
	"testing"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

func visit(cookie string) deployment.Request {
	return deployment.Request{Route: "GET /site/userinfo"}.Cookie(cookie)
}

// RFC 7009 for handles: the site's server hands one in.
func TestHandleIsRevoked(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	cookie := d.LoginSite("site").CookiePair()
	_, handle, _ := strings.Cut(cookie, "=")
	revoke := func(clientID, token string) deployment.Answer {
		return d.Do(deployment.Form("POST /revoke", "client_id="+clientID+"&token="+token))
	}
	d.Want("another client's", revoke("app", handle), 400, "invalid_grant")
	d.Want("a made-up secret", revoke("site", handle[:len(handle)-8]+strings.Repeat("A", 8)), 200, "")
	d.Want("no handle", revoke("site", "wpss_x"), 200, "")
	d.Store.Before = hooks.Fail("Revoke")
	d.Want("not confirmed", revoke("site", handle), 503, "temporarily_unavailable")
	d.Store.Before = nil
	if got := d.AtSite(visit(cookie)); got.StatusCode != 200 {
		t.Fatalf("the session has ended: %d\n%s", got.StatusCode, d.Log())
	}
	for range 2 { // it may be repeated
		d.Want("revoked", revoke("site", handle), 200, "")
	}
	if got := d.AtSite(visit(cookie)); got.StatusCode != 403 {
		t.Errorf("after the revocation: %d", got.StatusCode)
	}
	if n := strings.Count(d.Trail(), `"event":"session_revoked"`); n != 1 {
		t.Errorf("%d events of the revocation, want 1\n%s", n, d.Trail())
	}
}

func TestSiteLogsOutEverywhere(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	first, second, app := d.LoginSite("site").CookiePair(), d.LoginSite("site").CookiePair(), d.Login("app")
	everywhere := deployment.JSON("POST /logout", `{"client_id":"site","everywhere":true}`).From(deployment.Origin)
	got := d.Do(everywhere.Cookie(first))
	d.Want("logout", got, 200, "")
	if len(got.Cookies) == 0 || !strings.HasPrefix(got.Cookies[0], "__Host-Http-wpss-site=; Path=/; Max-Age=0;") {
		t.Errorf("cookies %q, want the site's deleted", got.Cookies)
	}
	for what, cookie := range map[string]string{"its own": first, "another": second} {
		if got := d.AtSite(visit(cookie)); got.StatusCode != 403 {
			t.Errorf("%s session lives on: %d", what, got.StatusCode)
		}
	}
	d.Want("the app's", d.Do(deployment.Form("POST /refresh", "client_id=app&refresh_token="+app.RefreshToken)), 400, "invalid_grant")
	d.Want("repeated", d.Do(everywhere.Cookie(first)), 200, "")
	alone := d.LoginSite("site").CookiePair()
	d.Want("logged out alone", d.Do(deployment.JSON("POST /logout", `{"client_id":"site"}`).From(deployment.Origin).Cookie(alone)), 200, "")
	other := d.LoginSite("site").CookiePair()
	d.Want("everywhere, by a session that has ended", d.Do(everywhere.Cookie(alone)), 400, "invalid_grant")
	d.Want("everywhere, by a made-up handle", d.Do(everywhere.Cookie(alone[:len(alone)-8]+"AAAAAAAA")), 400, "invalid_grant")
	if got := d.AtSite(visit(other)); got.StatusCode != 200 {
		t.Errorf("a handle that is not good has ended others: %d", got.StatusCode)
	}
}
