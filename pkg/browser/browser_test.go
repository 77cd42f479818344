package browser_test

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// visit is a request of the client "web" at id.example.com.
func visit(cookies ...string) browser.Visit {
	return browser.Visit{Client: registered("web", client.Browser), Issuer: "https://id.example.com", Path: "/refresh", Cookies: cookies, From: app}
}

const (
	hostName   = "__Host-Http-wprt-web"
	domainName = "__Secure-wprt-web~hu4ocrwp" // the mark of https://id.example.com
	flags      = "; Secure; HttpOnly; SameSite=Strict"
)

func deliver(jar browser.Jar, v browser.Visit, keep time.Duration, old bool) []string {
	given := issued(client.Browser, keep > 0, keep, start)
	given.Client = v.Client
	_, cookies := jar.Deliver(v, given, old, start)
	return cookies
}

func TestRefreshCookieFlags(t *testing.T) {
	for _, tc := range []struct {
		jar  browser.Jar
		keep time.Duration
		old  bool
		want string
	}{
		{browser.Jar{}, 0, false, hostName + "=wprt_refresh; Path=/" + flags},
		{browser.Jar{}, 90*time.Second + 1, false, hostName + "=wprt_refresh; Path=/; Max-Age=90" + flags},
		{browser.Jar{}, 500 * 24 * time.Hour, false, hostName + "=wprt_refresh; Path=/; Max-Age=34560000" + flags},
		{browser.Jar{Domain: "example.com"}, 0, false, domainName + "=wprt_refresh; Path=/; Domain=example.com" + flags},
		{browser.Jar{}, 0, true, "__Host-wprt-web=wprt_refresh; Path=/" + flags},
		{browser.Jar{Domain: "example.com"}, 0, true, "__Secure-wprt-web=wprt_refresh; Path=/; Domain=example.com" + flags},
	} {
		if got := deliver(tc.jar, visit(), tc.keep, tc.old); !slices.Equal(got, []string{tc.want}) {
			t.Errorf("%+v keep %s:\ngot  %s\nwant %s", tc.jar, tc.keep, got, tc.want)
		}
	}
}

func TestLongestCookieFits(t *testing.T) {
	v := visit()
	v.Client.ID = strings.Repeat("c", 64)
	got := deliver(browser.Jar{Domain: strings.Repeat("d", 253)}, v, time.Hour, false)[0]
	if size := len(got) + len(strings.Repeat("x", 104-len("wprt_refresh"))); size > 4096 {
		t.Errorf("%d bytes, want at most 4,096", size)
	}
}

func TestNestedDeploymentsNeverMeet(t *testing.T) {
	names := map[string]string{}
	for _, issuer := range []string{"https://example.test", "https://staging.example.test", "https://example.test/tenant", "http://example.test"} {
		v := visit()
		v.Issuer = issuer
		name, _, _ := strings.Cut(deliver(browser.Jar{Domain: "example.test"}, v, 0, false)[0], "=")
		if !regexp.MustCompile(`^__Secure-wprt-web~[a-z2-7]{8}$`).MatchString(name) || names[name] != "" {
			t.Errorf("%s: cookie %s; taken by %q", issuer, name, names[name])
		}
		names[name] = issuer
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
		{"ours", host, []string{"a=b", hostName + "=t", "c=d"}, "t", nil},
		{"spaces and tabs", host, []string{" \t" + hostName + " \t=\t t "}, "t", nil},
		{"value with =", host, []string{hostName + "=t=u"}, "t=u", nil},
		{"none", host, nil, "", nil},
		{"another client's", host, []string{hostName + "2=t"}, "", nil},
		{"another prefix", host, []string{"__Secure-wprt-web=t", "wprt-web=t", "__host-http-wprt-web=t", "__Http-wprt-web=t", domainName + "=t"}, "", nil},
		{"a session handle", host, []string{"__Host-Http-wpss-web=t"}, "", nil},
		{"domain setting", domain, []string{domainName + "=t", hostName + "=u"}, "t", nil},
		{"another deployment's", domain, []string{domainName[:len(domainName)-1] + "x=t"}, "", nil},

		{"of the version before", host, []string{"__Host-wprt-web=t"}, "t", nil},
		{"of the version before, domain", domain, []string{"__Secure-wprt-web=t"}, "t", nil},
		{"of both versions", host, []string{"__Host-wprt-web=old", hostName + "=t"}, "t", nil},
		{"of both versions, the old one twice", domain, []string{"__Secure-wprt-web=old", domainName + "=t", "__Secure-wprt-web=older"}, "t", nil},

		{"two", host, []string{hostName + "=t", hostName + "=u"}, "", browser.ErrTwoCookies},
		{"two alike", host, []string{hostName + "=t", "x=y", hostName + "=t"}, "", browser.ErrTwoCookies},
		{"two, one empty", host, []string{hostName, hostName + "=t"}, "", browser.ErrTwoCookies},
		{"two of the version before", domain, []string{"__Secure-wprt-web=t", "__Secure-wprt-web=u"}, "", browser.ErrTwoCookies},
	} {
		got, err := tc.jar.Presented(visit(tc.cookies...), oauth.Secret{})
		if got.Reveal() != tc.want || !errors.Is(err, tc.err) {
			t.Errorf("%s: got %q %v, want %q %v", tc.name, got.Reveal(), err, tc.want, tc.err)
		}
	}
}

// Only SP and HTAB are white space around a cookie's name (RFC 6265bis §5.6).
func TestNameWithOtherWhiteSpaceIsNotOurs(t *testing.T) {
	for _, space := range []string{"\u00a0", "\u0085", "\v", "\f", "\u2003", "\u3000", "\ufeff", "\x00", "\r", "\n"} {
		for _, cookie := range []string{space + hostName + "=t", hostName + space + "=t"} {
			got, err := browser.Jar{}.Presented(visit(hostName+"=ours", cookie), oauth.Secret{})
			if err != nil || got.Reveal() != "ours" {
				t.Errorf("%q beside ours: got %q %v, want ours", cookie, got.Reveal(), err)
			}
			if got, err := (browser.Jar{}).Presented(visit(cookie), oauth.Secret{}); err != nil || !got.IsZero() {
				t.Errorf("%q alone: got %q %v, want none", cookie, got.Reveal(), err)
			}
		}
	}
}

// variants are the cookies of one name that a browser may send to /refresh of id.example.com.
func variants(name string) (out []string) {
	for _, path := range []string{"/", "/refresh"} {
		for _, domain := range []string{"", "; Domain=id.example.com", "; Domain=example.com"} {
			out = append(out, name+"=; Path="+path+domain+"; Max-Age=0"+flags)
		}
	}
	return out
}

func wantCookies(t *testing.T, what string, got, want []string) {
	t.Helper()
	if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(got))); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestTwoCookiesAreAnsweredWithTheDeletionOfEveryVariant(t *testing.T) {
	all := slices.Concat(
		[]string{hostName + "=; Path=/; Max-Age=0" + flags, "__Host-wprt-web=; Path=/; Max-Age=0" + flags},
		variants(domainName), variants("__Secure-wprt-web"))
	for name, jar := range map[string]browser.Jar{"this host": {}, "a domain": {Domain: "example.com"}} {
		v := visit(hostName+"=t", hostName+"=u", domainName+"=t", domainName+"=u")
		_, err := jar.Presented(v, oauth.Secret{})
		var clearing *browser.ClearingError
		if !errors.As(err, &clearing) {
			t.Fatalf("%s: error %v, want a ClearingError", name, err)
		}
		wantCookies(t, name, clearing.Cookies, all)
		wantCookies(t, name+", Clear", jar.Clear(v), all)
	}
}

// Deliver leaves one cookie behind, whatever was there, and in whatever order the headers are read.
func TestDeliveryRemovesWhatWasPresented(t *testing.T) {
	host, domain := browser.Jar{}, browser.Jar{Domain: "example.com"}
	set := func(name, domain string) string { return name + "=wprt_refresh; Path=/" + domain + flags }
	const here = "; Domain=example.com"
	without := func(all []string, one string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(cookie string) bool { return cookie == one })
	}
	ours := domainName + "=; Path=/" + here + "; Max-Age=0" + flags
	for name, tc := range map[string]struct {
		jar     browser.Jar
		cookies []string
		old     bool
		want    []string
	}{
		"nothing":             {domain, nil, false, []string{set(domainName, here)}},
		"this host":           {host, []string{hostName + "=t"}, false, []string{set(hostName, "")}},
		"the very token":      {host, []string{hostName + "=wprt_refresh"}, false, nil},
		"the same, a domain":  {domain, []string{domainName + "=wprt_refresh"}, false, nil},
		"this host, two":      {host, []string{hostName + "=t", hostName + "=u"}, false, []string{set(hostName, "")}},
		"this host, old name": {host, []string{"__Host-wprt-web=t"}, false, []string{"__Host-wprt-web=; Path=/; Max-Age=0" + flags, set(hostName, "")}},
		"a domain":            {domain, []string{domainName + "=t"}, false, append(without(variants(domainName), ours), set(domainName, here))},
		"a domain, old name":  {domain, []string{"__Secure-wprt-web=t"}, false, append(variants("__Secure-wprt-web"), set(domainName, here))},
		"written in the old form": {domain, []string{"__Secure-wprt-web=t"}, true, append(
			without(variants("__Secure-wprt-web"), "__Secure-wprt-web=; Path=/"+here+"; Max-Age=0"+flags), set("__Secure-wprt-web", here))},
		"in the old form, after a new one": {host, []string{hostName + "=t"}, true, []string{hostName + "=; Path=/; Max-Age=0" + flags, set("__Host-wprt-web", "")}},
		"somebody else's":                  {domain, []string{"a=b", "__Secure-wprt-web2=t", hostName + "=t"}, false, []string{set(domainName, here)}},
	} {
		wantCookies(t, name, deliver(tc.jar, visit(tc.cookies...), 0, tc.old), tc.want)
	}
}

func TestDeletionsFollowThePathAndTheHost(t *testing.T) {
	for _, tc := range []struct {
		issuer, path string
		paths        []string
		domains      []string
	}{
		{"https://id.example.com", "/a/b", []string{"/", "/a", "/a/", "/a/b"}, []string{"id.example.com", "example.com"}},
		{"https://id.example.com", "/", []string{"/"}, []string{"id.example.com", "example.com"}},
		{"https://id.example.com", "", []string{"/"}, []string{"id.example.com", "example.com"}},
		{"https://id.example.com", "/a/", []string{"/", "/a", "/a/"}, []string{"id.example.com", "example.com"}},
		{"https://id.example.com", "/a; Domain=x", []string{"/"}, []string{"id.example.com", "example.com"}},
		{"https://id.example.com", "/a\r\nx: y", []string{"/"}, []string{"id.example.com", "example.com"}},
		{"https://a.b.example.com:8443/tenant", "/", []string{"/"}, []string{"a.b.example.com", "b.example.com", "example.com"}},
		{"http://localhost:3000", "/", []string{"/"}, nil},
		{"http://app.localhost:3000", "/", []string{"/"}, []string{"app.localhost"}},
		{"http://127.0.0.1:3000", "/", []string{"/"}, nil},
		{"http://[::1]:3000", "/", []string{"/"}, nil},
	} {
		v := visit()
		v.Issuer, v.Path = tc.issuer, tc.path
		var want []string
		for _, path := range tc.paths {
			for _, domain := range append([]string{""}, tc.domains...) {
				if domain != "" {
					domain = "; Domain=" + domain
				}
				want = append(want, "__Secure-wprt-web=; Path="+path+domain+"; Max-Age=0"+flags)
			}
		}
		var got []string
		for _, deletion := range (browser.Jar{}).Clear(v) {
			if strings.HasPrefix(deletion, "__Secure-wprt-web=") {
				got = append(got, deletion)
			}
		}
		wantCookies(t, tc.issuer+" "+tc.path, got, want)
	}
}

// API Gateway refuses an answer whose headers are longer than 10 KB, and nobody could log out.
func TestDeletionsFitIntoAnAnswer(t *testing.T) {
	v := visit()
	v.Client.ID, v.Issuer, v.Path = strings.Repeat("c", 30), "https://a.b.c.d.e.f.g.h.example.com", "/"+strings.Repeat("a/", 30)
	got := browser.Jar{}.Clear(v)
	if size := len(strings.Join(got, "")); size > 9000 || !slices.Contains(got, "__Host-wprt-"+v.Client.ID+"=; Path=/; Max-Age=0"+flags) {
		t.Errorf("%d bytes of deletions, want at most 9,000, the common ones among them", size)
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
		from := browser.Source{Origin: tc.origin, SecFetchSite: tc.fetchSite}
		if got := from.SameSite(own, origins); got != tc.want {
			t.Errorf("Origin %q Sec-Fetch-Site %q: %v, want %v", tc.origin, tc.fetchSite, got, tc.want)
		}
		refused := from.OneSite(own, origins)
		if errors.Is(refused, browser.ErrCrossSite) == tc.want || errors.Is(refused, browser.ErrNoOrigin) != (from == browser.Source{}) {
			t.Errorf("Origin %q Sec-Fetch-Site %q: %v", tc.origin, tc.fetchSite, refused)
		}
	}
	if (browser.Source{}).SameSite("", nil) || (browser.Source{Origin: ""}).SameSite("nonsense", []string{""}) {
		t.Error("nothing was taken for an origin")
	}
}
