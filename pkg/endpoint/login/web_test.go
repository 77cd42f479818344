package login_test

import (
	"strings"
	"testing"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

func TestCookieLivesAsLongAsThePersonAsked(t *testing.T) {
	for name, tc := range map[string]struct {
		jar             browser.Jar
		remember        string
		prefix, between string // before the value, and between the value and the last flags
	}{
		"this browser session":           {browser.Jar{}, "false", "__Host-Http-wprt-web=", "; Path=/"},
		"remembered":                     {browser.Jar{}, "true", "__Host-Http-wprt-web=", "; Path=/; Max-Age=2592000"},
		"shared between subdomains":      {browser.Jar{Domain: "example.com"}, "false", "__Secure-wprt-web~hu4ocrwp=", "; Path=/; Domain=example.com"},
		"shared between, remembered":     {browser.Jar{Domain: "example.com"}, "true", "__Secure-wprt-web~hu4ocrwp=", "; Path=/; Domain=example.com; Max-Age=2592000"},
		"null is as if it weren't there": {browser.Jar{}, "null", "__Host-Http-wprt-web=", "; Path=/"},
	} {
		t.Run(name, func(t *testing.T) {
			d := deployment.New(t, tc.jar)
			got := d.Do(deployment.JSON("POST /login", `{"remember":`+tc.remember+`,"client_id":"web","username":"ada","password":"`+deployment.Password+`"}`).From(deployment.Origin))
			if got.StatusCode != 200 || len(got.Cookies) != 1 || strings.Contains(got.Body, "wprt_") {
				t.Fatalf("got %d, cookies %q, body %s, want one cookie and no refresh token in the body", got.StatusCode, got.Cookies, got.Body)
			}
			value := strings.TrimPrefix(got.CookiePair(), tc.prefix)
			if want := tc.prefix + value + tc.between + "; Secure; HttpOnly; SameSite=Strict"; got.Cookies[0] != want || !strings.HasPrefix(value, "wprt_") {
				t.Errorf("got  %s\nwant %s", got.Cookies[0], want)
			}
		})
	}
}

func TestRefusedOrFailedLoginSetsNoCookie(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	good := `{"client_id":"web","username":"ada","password":"` + deployment.Password + `"}`
	login := deployment.JSON("POST /login", good)
	none := func(what string, got deployment.Answer, status int, code string) {
		t.Helper()
		d.Want(what, got, status, code)
		if len(got.Cookies) > 0 || got.AccessToken != "" {
			t.Errorf("%s: cookies %q and access token %q", what, got.Cookies, got.AccessToken)
		}
	}
	none("wrong password", d.Do(deployment.JSON("POST /login", strings.Replace(good, "wave", "wavf", 1)).From(deployment.Origin)), 401, "invalid_credentials")
	none("foreign", d.Do(login.From("https://evil.example")), 403, "cross_site_request")
	none("foreign, at a site", d.Do(deployment.JSON("POST /login", strings.Replace(good, "web", "site", 1)).From("https://evil.example")), 403, "cross_site_request")
	silent := d.Do(login)
	none("silent", silent, 403, "cross_site_request")
	if !strings.Contains(silent.Description, "Origin is missing") {
		t.Errorf("without Origin it says %q", silent.Description)
	}
	if got := d.Store.SessionCount(); got != 0 {
		t.Errorf("%d sessions after refused logins, want none", got)
	}
	for _, method := range []string{"LoginName", "AccountAndLogin", "Take", "Create", "ReadPart"} {
		fresh := deployment.New(t, browser.Jar{})
		fresh.Store.Before = hooks.Fail(method)
		none(method+" fails", fresh.Do(login.From(deployment.Origin)), 503, "temporarily_unavailable")
	}
}
