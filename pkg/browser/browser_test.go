package browser_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/oauth"
)

func TestRefreshCookieFlags(t *testing.T) {
	token := oauth.NewSecret("wprt_abc")
	for _, tc := range []struct {
		jar  browser.Jar
		keep time.Duration
		want string
	}{
		{browser.Jar{}, 0, "__Host-wprt-web=wprt_abc; Path=/; Secure; HttpOnly; SameSite=Strict"},
		{browser.Jar{}, 90*time.Second + 1, "__Host-wprt-web=wprt_abc; Path=/; Max-Age=90; Secure; HttpOnly; SameSite=Strict"},
		{browser.Jar{}, 500 * 24 * time.Hour, "__Host-wprt-web=wprt_abc; Path=/; Max-Age=34560000; Secure; HttpOnly; SameSite=Strict"},
		{browser.Jar{Domain: "example.com"}, 0, "__Secure-wprt-web=wprt_abc; Path=/; Domain=example.com; Secure; HttpOnly; SameSite=Strict"},
	} {
		if got := tc.jar.SetRefresh("web", token, tc.keep); got != tc.want {
			t.Errorf("%+v keep %s:\ngot  %s\nwant %s", tc.jar, tc.keep, got, tc.want)
		}
	}
}

func TestLongestCookieFits(t *testing.T) {
	token := oauth.NewSecret("wprt_" + strings.Repeat("x", 99))
	got := browser.Jar{Domain: strings.Repeat("d", 253)}.SetRefresh(strings.Repeat("c", 64), token, time.Hour)
	if len(got) > 4096 {
		t.Errorf("%d bytes, want at most 4,096", len(got))
	}
}

func TestRefreshCookieIsReadByItsExactName(t *testing.T) {
	host, domain := browser.Jar{}, browser.Jar{Domain: "example.com"}
	for _, tc := range []struct {
		name    string
		jar     browser.Jar
		cookies []string
		want    string
		err     error
	}{
		{"ours", host, []string{"a=b", "__Host-wprt-web=t", "c=d"}, "t", nil},
		{"white space", host, []string{" __Host-wprt-web=t"}, "t", nil},
		{"value with =", host, []string{"__Host-wprt-web=t=u"}, "t=u", nil},
		{"none", host, nil, "", nil},
		{"another client's", host, []string{"__Host-wprt-web2=t"}, "", nil},
		{"another prefix", host, []string{"__Secure-wprt-web=t", "wprt-web=t", "__host-wprt-web=t"}, "", nil},
		{"a session handle", host, []string{"__Host-wpss-web=t"}, "", nil},
		{"domain setting", domain, []string{"__Secure-wprt-web=t", "__Host-wprt-web=u"}, "t", nil},
		{"two", host, []string{"__Host-wprt-web=t", "__Host-wprt-web=u"}, "", browser.ErrTwoCookies},
		{"two alike", host, []string{"__Host-wprt-web=t", "x=y", "__Host-wprt-web=t"}, "", browser.ErrTwoCookies},
		{"two, one empty", host, []string{"__Host-wprt-web", "__Host-wprt-web=t"}, "", browser.ErrTwoCookies},
	} {
		got, err := tc.jar.Refresh(tc.cookies, "web")
		if got.Reveal() != tc.want || !errors.Is(err, tc.err) {
			t.Errorf("%s: got %q %v, want %q %v", tc.name, got.Reveal(), err, tc.want, tc.err)
		}
	}
}

func TestClearRemovesEveryVariant(t *testing.T) {
	got := browser.Jar{Domain: "example.com"}.Clear("web")
	for _, want := range []string{
		"__Host-wprt-web=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict",
		"__Secure-wprt-web=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict",
		"__Secure-wprt-web=; Path=/; Domain=example.com; Max-Age=0; Secure; HttpOnly; SameSite=Strict",
		"__Host-wpss-web=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict",
		"__Secure-wpss-web=; Path=/; Domain=example.com; Max-Age=0; Secure; HttpOnly; SameSite=Strict",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, strings.Join(got, "\n"))
		}
	}
}

func TestCrossSiteCheck(t *testing.T) {
	const own = "https://auth.example.com/tenant"
	origins := []string{"https://app.example.com", "http://localhost:5173"}
	for _, tc := range []struct {
		origin, fetchSite string
		want              bool
	}{
		{"https://auth.example.com", "", true},
		{"https://app.example.com", "", true},
		{"https://app.example.com", "same-site", true},
		{"http://localhost:5173", "cross-site", true},
		{"", "same-origin", true},

		{"", "", false},
		{"", "none", false},
		{"", "same-site", false},
		{"", "cross-site", false},
		{"", "Same-Origin", false},
		{"null", "same-origin", false},
		{"https://evil.example", "same-origin", false},
		{"https://evil.example.com", "", false},
		{"http://auth.example.com", "", false},
		{"https://auth.example.com:8443", "", false},
		{"https://auth.example.com/", "", false},
		{"https://auth.example.com/tenant", "", false},
		{"https://AUTH.example.com", "", false},
		{"https://app.example.com.evil.example", "", false},
		{"https://app.example.com,https://evil.example", "", false},
		{" https://app.example.com", "", false},
	} {
		if got := (browser.Source{Origin: tc.origin, SecFetchSite: tc.fetchSite}).SameSite(own, origins); got != tc.want {
			t.Errorf("Origin %q Sec-Fetch-Site %q: %v, want %v", tc.origin, tc.fetchSite, got, tc.want)
		}
	}
	if (browser.Source{}).SameSite("", nil) || (browser.Source{Origin: ""}).SameSite("nonsense", []string{""}) {
		t.Error("nothing was taken for an origin")
	}
}
