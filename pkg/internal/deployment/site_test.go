package deployment_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/browser"
	. "github.com/wavepass/wavepass/pkg/internal/deployment"
)

func TestPersonLogsInAtASite(t *testing.T) {
	d := New(t, browser.Jar{})
	login := d.LoginSite("site")
	cookie := login.Cookies[0]
	if !strings.HasPrefix(cookie, "__Host-Http-wpss-site=wpss_") || !strings.HasSuffix(cookie, "; Path=/; Secure; HttpOnly; SameSite=Lax") {
		t.Errorf("cookie %q", cookie)
	}
	if login.ExpiresIn != 24*60*60 || strings.Contains(login.Body, "wpss_") || strings.Contains(login.Body, "token_type") {
		t.Errorf("the body of the answer is %s", login.Body)
	}
	got := d.AtSite(Request{Route: "GET /site/userinfo"}.Cookie(login.CookiePair()))
	var said map[string]any
	if err := json.Unmarshal([]byte(got.Body), &said); err != nil || got.StatusCode != 200 || said["sub"] != AccountID.String() || said["client_id"] != "site" {
		t.Errorf("userinfo: %d %s", got.StatusCode, got.Body)
	}
	out := d.Do(JSON("POST /logout", `{"client_id":"site"}`).From(Origin).Cookie(login.CookiePair()))
	d.Want("logout", out, 200, "")
	if got := d.AtSite(Request{Route: "GET /site/userinfo"}.Cookie(login.CookiePair())); got.StatusCode != 403 {
		t.Errorf("after the logout: %d %s", got.StatusCode, got.Body)
	}
}

func TestRememberedSiteSessionOutlivesTheBrowser(t *testing.T) {
	d := New(t, browser.Jar{})
	login := d.Do(JSON("POST /login", `{"client_id":"site","username":"ada","password":"`+Password+`","remember":true}`).From(Origin))
	d.Want("login", login, 200, "")
	if !strings.Contains(login.Cookies[0], "; Max-Age=2592000;") || login.ExpiresIn != 14*24*60*60 {
		t.Errorf("cookie %q, expires_in %d; want 30 days, and 14 if it is not used", login.Cookies[0], login.ExpiresIn)
	}
	// Used once in ten days, it lives as long as it may.
	for range 2 {
		d.Clock.Advance(10 * 24 * time.Hour)
		if got := d.AtSite(Request{Route: "GET /site/userinfo"}.Cookie(login.CookiePair())); got.StatusCode != 200 {
			t.Fatalf("used every ten days: %d %s", got.StatusCode, got.Body)
		}
	}
	d.Clock.Advance(10 * 24 * time.Hour)
	if got := d.AtSite(Request{Route: "GET /site/userinfo"}.Cookie(login.CookiePair())); got.StatusCode != 403 {
		t.Errorf("after 30 days: %d", got.StatusCode)
	}
}
