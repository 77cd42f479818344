package deployment_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/endpoint/all"
	. "github.com/wavepass/wavepass/pkg/internal/deployment"
)

// siteRequests are one of each route that acts on a session handle, all good.
func siteRequests(sid string) map[string]Request {
	return map[string]Request{
		"GET /site/userinfo":           {Route: "GET /site/userinfo"},
		"GET /site/sessions":           {Route: "GET /site/sessions"},
		"DELETE /site/sessions/{id}":   {Route: "DELETE /site/sessions/{id}", Path: map[string]string{"id": sid}},
		"DELETE /site/sessions":        {Route: "DELETE /site/sessions"},
		"GET /site/grants":             {Route: "GET /site/grants"},
		"DELETE /site/grants/{client}": {Route: "DELETE /site/grants/{client}", Path: map[string]string{"client": "third"}},
		"POST /site/email":             JSON("POST /site/email", `{"current_password":"`+Password+`","email":"ada@example.org"}`),
		"DELETE /site/account":         JSON("DELETE /site/account", `{"current_password":"`+Password+`"}`),
		"POST /site/password":          JSON("POST /site/password", `{"current_password":"`+Password+`","new_password":"`+Password+`2"}`),
	}
}

// A route that is added below /site is tried too, or this fails.
func TestEverySiteRouteIsTried(t *testing.T) {
	tried := slices.Sorted(maps.Keys(siteRequests("")))
	var served []string
	for route := range Routes(all.Functions{}) {
		if strings.Contains(route, " /site/") {
			served = append(served, route)
		}
	}
	slices.Sort(served)
	if diff := cmp.Diff(served, tried); diff != "" {
		t.Errorf("routes (-served +tried)\n%s", diff)
	}
}

// foreign is what browsers and others say who are not a page of the site.
var foreign = map[string][]string{
	"another origin":                   {"origin", "https://evil.example"},
	"another origin, same-origin said": {"origin", "https://evil.example", "sec-fetch-site", "same-origin"},
	"a sibling":                        {"origin", "https://evil.app.example", "sec-fetch-site", "same-site"},
	"another port":                     {"origin", Origin + ":8443"},
	"another scheme":                   {"origin", strings.Replace(Origin, "https:", "http:", 1)},
	"no origin to speak of":            {"origin", "null"},
	"an origin twice":                  {"origin", Origin + "," + Origin},
	"an origin with a slash":           {"origin", Origin + "/"},
	"an origin in capitals":            {"origin", strings.ToUpper(Origin)},
	"cross-site said":                  {"sec-fetch-site", "cross-site"},
	"same-site said":                   {"sec-fetch-site", "same-site"},
	"none said":                        {"sec-fetch-site", "none"},
	"nothing said":                     nil,
	"a made-up CSRF token":             {"x-csrf-token", strings.Repeat("A", 43)},
	"an empty CSRF token":              {"x-csrf-token", ""},
}

// Whatever changes something is refused to other sites and changes nothing; what only reads is for their links, too.
func TestOtherSitesChangeNothing(t *testing.T) {
	d := New(t, browser.Jar{})
	login, bystander := d.LoginSite("site"), d.LoginSite("site")
	before := d.Store.Sessions()
	sid := sidOf(t, d, bystander.CookiePair())
	for route, r := range siteRequests(sid) {
		for how, headers := range foreign {
			for _, csrf := range []bool{false, true} {
				sent := r.With(headers...).Cookie(login.CookiePair())
				if csrf && how != "nothing said" && len(headers) > 0 && headers[0] != "x-csrf-token" {
					sent = sent.With("x-csrf-token", login.CSRFToken) // a page that was told it is no better for it
				}
				want := 403
				if strings.HasPrefix(route, "GET ") {
					want = 200
				}
				if got := d.AtSite(sent); got.StatusCode != want || want == 403 && got.Error != "" {
					t.Errorf("%s, %s (CSRF token: %t): %d %s, want %d of the authorizer", route, how, csrf, got.StatusCode, got.Error, want)
				}
			}
		}
	}
	if diff := cmp.Diff(before, d.Store.Sessions()); diff != "" {
		t.Errorf("sessions have changed (-before +after)\n%s", diff)
	}
	// The password is still the old one.
	d.LoginSite("site")
}

// The same requests of the site's own pages are taken.
func TestSitesOwnPagesChangeWhatTheyAsk(t *testing.T) {
	for how, headers := range map[string]func(Answer) []string{
		"its origin":               func(Answer) []string { return []string{"origin", Origin} },
		"the service's own":        func(Answer) []string { return []string{"origin", Issuer} },
		"same-origin, no origin":   func(Answer) []string { return []string{"sec-fetch-site", "same-origin"} },
		"an old browser with CSRF": func(a Answer) []string { return []string{"x-csrf-token", a.CSRFToken} },
	} {
		for route := range siteRequests("") {
			d := New(t, browser.Jar{})
			login := d.LoginSite("site")
			r := siteRequests(sidOf(t, d, d.LoginSite("site").CookiePair()))[route]
			with(t, d, "third", func(c *client.Client) { c.FirstParty = false })
			got := d.AtSite(r.With(headers(login)...).Cookie(login.CookiePair()))
			status := 200
			if route == "POST /site/email" {
				status = 202 // the change is confirmed by mail
			}
			d.Want(route+", "+how, got, status, "")
		}
	}
}

// Nothing but JSON is taken where a form of another site could be.
func TestSiteRoutesTakeNoOtherMediaType(t *testing.T) {
	d := New(t, browser.Jar{})
	login := d.LoginSite("site")
	for _, media := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json; charset=latin1", "text/json"} {
		for _, route := range []string{"POST /site/password", "POST /site/email", "DELETE /site/account"} {
			r := siteRequests("")[route]
			r.Type = media
			d.Want(fmt.Sprintf("%s as %q", route, media), d.AtSite(r.From(Origin).Cookie(login.CookiePair())), 415, "invalid_request")
		}
	}
	d.LoginSite("site")
}

// sidOf is the session of a cookie.
func sidOf(t *testing.T, d *Deployment, cookie string) string {
	t.Helper()
	_, h, err := browser.Jar{}.Handle(Issuer, []string{cookie})
	if err != nil {
		t.Fatal(err)
	}
	return h.SessionID.String()
}

// Cookies that come beside the good one, or in its place. None is ever taken for somebody else's session, and what a neighbour may
// plant locks nobody out.
func TestHostileCookies(t *testing.T) {
	d := New(t, browser.Jar{})
	registered := client.New("site2", client.Site)
	registered.Origins, registered.Scopes = []string{Origin}, []string{"profile"}
	if err := d.Store.PutClient(t.Context(), registered); err != nil {
		t.Fatal(err)
	}
	good := d.LoginSite("site").CookiePair()
	name, handle, _ := strings.Cut(good, "=")
	evil, _ := strings.CutPrefix(d.LoginSite("site").CookiePair(), name+"=")
	evil2, _ := strings.CutPrefix(d.LoginSite("site2").CookiePair(), "__Host-Http-wpss-site2=")
	pages := d.Visitor()
	pages.SignIn(Authorization("app", "http://127.0.0.1/cb"))
	own := pages.Cookie("__Host-Http-wpss-wavepass")
	many := make([]string, 200)
	for i := range many {
		many[i] = fmt.Sprintf("__Host-Http-wpss-other%d=x%d", i, i)
	}
	const ignored, refused = true, false
	for what, tc := range map[string]struct {
		beside  []string
		ignored bool
	}{
		"nothing":                            {nil, ignored},
		"200 cookies":                        {many, ignored},
		"other cookies":                      {[]string{"theme=dark", "=x", "x", "", "a=b=c"}, ignored},
		"another's, without the prefix":      {[]string{"wpss-site=" + evil}, ignored},
		"another's, an older prefix":         {[]string{"__Host-wpss-site=" + evil}, ignored},
		"another's, of a domain":             {[]string{"__Secure-wpss-site=" + evil, "__Secure-wpss-site~aaaaaaaa=" + evil}, ignored},
		"another's, small letters":           {[]string{strings.ToLower(name) + "=" + evil}, ignored},
		"another's, capitals":                {[]string{strings.ToUpper(name) + "=" + evil}, ignored},
		"another's, a no-break space before": {[]string{"\u00a0" + name + "=" + evil}, ignored},
		"another's, a no-break space behind": {[]string{name + "\u00a0=" + evil}, ignored},
		"another's, a line feed":             {[]string{"\n" + name + "=" + evil}, ignored},
		"another's, a vertical tab":          {[]string{"\v" + name + "=" + evil}, ignored},
		"another's, an ideographic space":    {[]string{"\u3000" + name + "=" + evil}, ignored},
		"another's, without a name":          {[]string{"=" + name + "=" + evil}, ignored},
		"another's, an unknown client":       {[]string{"__Host-Http-wpss-gone=" + evil}, refused},
		"another's, quoted, another client":  {[]string{`__Host-Http-wpss-site2="` + evil + `"`}, ignored},
		"a refresh token":                    {[]string{"__Host-Http-wprt-site=wprt_x", "__Host-Http-wprt-web=wprt_x"}, ignored},
		"garbage of another client":          {[]string{"__Host-Http-wpss-site2=" + strings.Repeat("x", 8192)}, ignored},
		"Wavepass's own pages":               {[]string{"__Host-Http-wpss-wavepass=" + own}, ignored},
		"Wavepass's own pages, twice":        {[]string{"__Host-Http-wpss-wavepass=" + own, "__Host-Http-wpss-wavepass=x"}, ignored},
		"the name twice":                     {[]string{name + "=" + evil}, refused},
		"the name twice, the same value":     {[]string{good}, refused},
		"the name twice, one empty":          {[]string{name + "="}, refused},
		"the name twice, one garbage":        {[]string{name + "=x"}, refused},
		"the name twice, one quoted":         {[]string{name + `="` + evil + `"`}, refused},
		"the name twice, spaces around":      {[]string{" " + name + "\t = " + evil}, refused},
		"the name twice, no value":           {[]string{name}, refused},
		"another site's handle":              {[]string{"__Host-Http-wpss-site2=" + evil2}, refused},
		"its own handle as another site's":   {[]string{"__Host-Http-wpss-site2=" + handle}, refused},
	} {
		for _, cookies := range [][]string{append([]string{good}, tc.beside...), append(slices.Clone(tc.beside), good)} {
			got := d.AtSite(Request{Route: "GET /site/userinfo", Cookies: cookies})
			switch {
			case tc.ignored && (got.StatusCode != 200 || !strings.Contains(got.Body, sidOf(t, d, good))):
				t.Errorf("%s: %d %s, want the person's own session", what, got.StatusCode, got.Body)
			case !tc.ignored && got.StatusCode != 403:
				t.Errorf("%s: %d %s, want it refused", what, got.StatusCode, got.Body)
			}
		}
	}
	for what, cookie := range map[string]string{
		"none": "", "empty": name + "=", "quoted": name + `="` + handle + `"`, "white space within": name + "=" + handle[:40] + " " + handle[40:],
		"8 KB": name + "=" + strings.Repeat("A", 8192), "another client's name": "__Host-Http-wpss-site2=" + handle, "no client": "__Host-Http-wpss-=" + handle,
		"a long client": "__Host-Http-wpss-" + strings.Repeat("c", 4000) + "=" + handle, "a control character": name + "=" + handle + "\x00",
		"a tail": name + "=" + handle + ",", "two in one": name + "=" + handle + "," + name + "=" + handle, "a comma before": "theme=dark," + good,
		"of a browser client": "__Host-Http-wpss-web=" + handle, "of a service": "__Host-Http-wpss-partner=" + handle, "Wavepass's own pages": "__Host-Http-wpss-wavepass=" + own,
	} {
		if got := d.AtSite(Request{Route: "GET /site/userinfo", Cookies: []string{cookie}}); got.StatusCode != 403 {
			t.Errorf("%s alone: %d %s, want it refused", what, got.StatusCode, got.Body)
		}
	}
	if got := d.AtSite(Request{Route: "GET /site/userinfo", Cookies: []string{" \t" + name + " \t= \t" + handle + "\t "}}); got.StatusCode != 200 {
		t.Errorf("spaces and tabs around name and value, which browsers strip too: %d", got.StatusCode)
	}
}
