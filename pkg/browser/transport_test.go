package browser_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

const own = "https://auth.example.com"

var (
	app     = browser.Source{Origin: "https://app.example.com"}
	foreign = browser.Source{Origin: "https://evil.example"}
	nowhere = browser.Source{} // no browser says nothing

	start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

func registered(id string, kind client.Kind) client.Client {
	c := client.New(id, kind)
	c.Origins = []string{"https://app.example.com"}
	return c
}

func TestOnlyTheRegisteredKindDecidesWhereATokenIsTakenFrom(t *testing.T) {
	const cookie, another = "__Host-Http-wprt-id=in-cookie", "__Host-Http-wprt-other=other-cookie"
	for _, tc := range []struct {
		name    string
		kind    client.Kind
		body    string
		cookies []string
		from    browser.Source
		want    string
		err     error
	}{
		{"browser, cookie", client.Browser, "", []string{cookie, another}, app, "in-cookie", nil},
		{"browser, own origin", client.Browser, "", []string{cookie}, browser.Source{Origin: own}, "in-cookie", nil},
		{"browser, same-origin fetch", client.Browser, "", []string{cookie}, browser.Source{SecFetchSite: "same-origin"}, "in-cookie", nil},
		{"browser, nothing", client.Browser, "", nil, app, "", nil},
		{"browser, empty cookie", client.Browser, "", []string{"__Host-Http-wprt-id="}, app, "", nil},
		{"browser, another client's cookie", client.Browser, "", []string{another}, app, "", nil},
		{"browser, body", client.Browser, "in-body", nil, app, "", browser.ErrTwoTokens},
		{"browser, body and cookie", client.Browser, "in-body", []string{cookie}, app, "", browser.ErrTwoTokens},
		{"browser, the same in both", client.Browser, "in-cookie", []string{cookie}, app, "", browser.ErrTwoTokens},
		{"browser, two cookies", client.Browser, "", []string{cookie, cookie}, app, "", browser.ErrTwoCookies},
		{"browser, two cookies and body", client.Browser, "in-body", []string{cookie, cookie}, app, "", browser.ErrTwoTokens},

		// Another site learns nothing about the cookies, and a browser is known by its Origin.
		{"browser, foreign", client.Browser, "", []string{cookie}, foreign, "", browser.ErrCrossSite},
		{"browser, foreign, nothing", client.Browser, "", nil, foreign, "", browser.ErrCrossSite},
		{"browser, foreign, two cookies", client.Browser, "", []string{cookie, cookie}, foreign, "", browser.ErrCrossSite},
		{"browser, foreign, body", client.Browser, "in-body", nil, foreign, "", browser.ErrCrossSite},
		{"browser, no headers", client.Browser, "", []string{cookie}, nowhere, "", browser.ErrCrossSite},
		{"browser, same site only", client.Browser, "", []string{cookie}, browser.Source{SecFetchSite: "same-site"}, "", browser.ErrCrossSite},

		{"native, body", client.Native, "in-body", []string{another}, nowhere, "in-body", nil},
		{"native, body from any page", client.Native, "in-body", nil, foreign, "in-body", nil},
		{"native, nothing", client.Native, "", nil, nowhere, "", nil},
		{"native, empty cookie", client.Native, "in-body", []string{"__Host-Http-wprt-id="}, nowhere, "in-body", nil},
		{"native, cookie", client.Native, "", []string{cookie}, nowhere, "", browser.ErrTwoTokens},
		{"native, cookie from its own page", client.Native, "", []string{cookie}, app, "", browser.ErrTwoTokens},
		{"native, body and cookie", client.Native, "in-body", []string{cookie}, nowhere, "", browser.ErrTwoTokens},
		{"native, two cookies", client.Native, "in-body", []string{cookie, cookie}, nowhere, "", browser.ErrTwoTokens},
		{"native, cookie of the old name", client.Native, "in-body", []string{"__Host-wprt-id=t"}, nowhere, "", browser.ErrTwoTokens},
		{"site, cookie", client.Site, "", []string{cookie}, app, "", browser.ErrTwoTokens},
		{"site, body", client.Site, "in-body", nil, app, "in-body", nil},
		{"service, cookie", client.Service, "", []string{cookie}, app, "", browser.ErrTwoTokens},
		{"service, body", client.Service, "in-body", nil, nowhere, "in-body", nil},
	} {
		got, err := browser.Jar{}.Presented(browser.Visit{Client: registered("id", tc.kind), Issuer: own, Path: "/refresh", Cookies: tc.cookies, From: tc.from}, oauth.NewSecret(tc.body))
		if got.Reveal() != tc.want || !errors.Is(err, tc.err) {
			t.Errorf("%s: got %q, error %v, want %q, error %v", tc.name, got.Reveal(), err, tc.want, tc.err)
		}
	}
}

// An ending takes what each cookie holds, from this site only.
func TestEndingTakesEveryCookie(t *testing.T) {
	four := []string{"__Host-Http-wprt-id=a", "__Host-wprt-id=b", "x=y", "__Host-Http-wprt-id=c", "__Host-wprt-id=d"}
	for name, tc := range map[string]struct {
		kind    client.Kind
		body    string
		cookies []string
		from    browser.Source
		want    string
		err     error
	}{
		"browser":          {client.Browser, "", four, app, "a c b d", nil},
		"browser, none":    {client.Browser, "", nil, app, "", nil},
		"browser, body":    {client.Browser, "t", four, app, "", browser.ErrTwoTokens},
		"browser, foreign": {client.Browser, "", four, foreign, "", browser.ErrCrossSite},
		"native":           {client.Native, "t", nil, nowhere, "t", nil},
		"native, cookie":   {client.Native, "t", four, nowhere, "", browser.ErrTwoTokens},
	} {
		found, err := browser.Jar{}.PresentedToEnd(browser.Visit{Client: registered("id", tc.kind), Issuer: own, Cookies: tc.cookies, From: tc.from}, oauth.NewSecret(tc.body))
		var got []string
		for _, token := range found {
			got = append(got, token.Reveal())
		}
		if !errors.Is(err, tc.err) || err == nil && strings.Join(got, " ") != tc.want {
			t.Errorf("%s: got %q %v, want %q %v", name, got, err, tc.want, tc.err)
		}
	}
}

func TestTheBrowserSaysWhatAnotherSiteIs(t *testing.T) {
	for site, want := range map[string]bool{"cross-site": true, "same-site": false, "same-origin": false, "none": false, "": false} {
		if got := (browser.Source{Origin: "https://app.example.com", SecFetchSite: site}).CrossSite(); got != want {
			t.Errorf("%q: %v, want %v", site, got, want)
		}
	}
}

func issued(kind client.Kind, remembered bool, life time.Duration, now time.Time) grant.Issued {
	return grant.Issued{
		Tokens: oauth.TokenResponse{
			AccessToken: oauth.NewSecret("access"), ExpiresIn: 15 * time.Minute, Scope: "read",
			RefreshToken: oauth.NewSecret("wprt_refresh"),
		},
		Client:  registered("id", kind),
		Session: session.Session{ClientID: "id", Remembered: remembered, Expiry: now.Add(life), IdleExpiry: now.Add(life / 2)},
	}
}

func TestRefreshTokenOfABrowserIsDeliveredInItsCookieAlone(t *testing.T) {
	now := start
	const flags = "Secure; HttpOnly; SameSite=Strict"
	for name, tc := range map[string]struct {
		jar        browser.Jar
		remembered bool
		life       time.Duration
		want       string
	}{
		"until the browser ends": {browser.Jar{}, false, 24 * time.Hour, "__Host-Http-wprt-id=wprt_refresh; Path=/; " + flags},
		"remembered":             {browser.Jar{}, true, 24 * time.Hour, "__Host-Http-wprt-id=wprt_refresh; Path=/; Max-Age=86400; " + flags},
		"remembered, later":      {browser.Jar{}, true, 90 * time.Second, "__Host-Http-wprt-id=wprt_refresh; Path=/; Max-Age=90; " + flags},
		"remembered, at its end": {browser.Jar{}, true, 0, "__Host-Http-wprt-id=wprt_refresh; Path=/; " + flags},
		"domain": {
			browser.Jar{Domain: "example.com"}, false, time.Hour,
			"__Secure-wprt-id~dtqyjb7a=wprt_refresh; Path=/; Domain=example.com; " + flags,
		},
	} {
		given := issued(client.Browser, tc.remembered, tc.life, now)
		tokens, cookies := tc.jar.Deliver(browser.Visit{Client: given.Client, Issuer: own, Path: "/login"}, given, false, now)
		if diff := cmp.Diff([]string{tc.want}, cookies); diff != "" {
			t.Errorf("%s: cookies (-want +got):\n%s", name, diff)
		}
		if !tokens.RefreshToken.IsZero() {
			t.Errorf("%s: the refresh token is in the body too", name)
		}
		if tokens.AccessToken.Reveal() != "access" || tokens.ExpiresIn != 15*time.Minute || tokens.Scope != "read" {
			t.Errorf("%s: the rest of the answer is %+v, want it as it was issued", name, tokens)
		}
		if given.Tokens.RefreshToken.Reveal() != "wprt_refresh" {
			t.Errorf("%s: what was issued has lost its refresh token", name)
		}
	}
}

func TestOtherKindsAreDeliveredNoCookie(t *testing.T) {
	now := start
	for _, kind := range []client.Kind{client.Native, client.Service} {
		tokens, cookies := browser.Jar{}.Deliver(browser.Visit{Client: registered("id", kind), Issuer: own}, issued(kind, true, time.Hour, now), false, now)
		if len(cookies) > 0 || tokens.RefreshToken.Reveal() != "wprt_refresh" || tokens.AccessToken.Reveal() != "access" {
			t.Errorf("%s: cookies %q and refresh token %q, want both tokens in the body and no cookie",
				kind, cookies, tokens.RefreshToken.Reveal())
		}
	}
}
