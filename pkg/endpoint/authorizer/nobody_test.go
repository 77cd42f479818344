package authorizer_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

const pages = `
unlisted: deny
routes:
  GET /basket:  { session: optional }
  POST /basket: { session: optional }
  GET /account: {}
`

// asked is what the gateway asks where the authorizer's identity source is the route.
func (g guarded) asked(route string, headers map[string]string, cookies ...string) events.APIGatewayV2CustomAuthorizerSimpleResponse {
	g.t.Helper()
	method, path, _ := strings.Cut(route, " ")
	e := events.APIGatewayV2CustomAuthorizerV2Request{IdentitySource: []string{route}, RouteKey: route, RawPath: path, Cookies: cookies, Headers: headers}
	e.RequestContext.RouteKey, e.RequestContext.HTTP.Method = route, method
	answer, err := deployment.AskAuthorizer(g.t.Context(), g.Authorizer, e)
	if err != nil {
		g.t.Fatal(err)
	}
	return answer
}

// People without a session are let through as nobody where the policy says so. They are told why a session of theirs has ended,
// and nobody else is.
func TestNobodySeesWhatThePolicyLetsThemSee(t *testing.T) {
	g := newGuarded(t, pages)
	live, ended := g.LoginSite("site"), g.LoginSite("site")
	g.Want("logout", g.Do(deployment.JSON("POST /logout", `{"client_id":"site"}`).From(deployment.Origin).Cookie(ended.CookiePair())), 200, "")
	forged := live.CookiePair()[:len(live.CookiePair())-2] + "AA"
	for name, tc := range map[string]struct {
		cookies []string
		reason  string
	}{
		"no cookie":             {nil, ""},
		"another cookie":        {[]string{"theme=dark"}, ""},
		"no handle":             {[]string{"__Host-Http-wpss-site=x"}, ""},
		"a forged handle":       {[]string{forged}, ""},
		"an ended session":      {[]string{ended.CookiePair()}, "ended"},
		"two cookies":           {[]string{live.CookiePair(), live.CookiePair()}, ""},
		"a client that is none": {[]string{strings.Replace(live.CookiePair(), "wpss-site", "wpss-nobody", 1)}, ""},
	} {
		want := map[string]any{"session": "none"}
		if tc.reason != "" {
			want["reason"] = tc.reason
		}
		for _, route := range []string{"GET /basket", "POST /basket"} {
			answer := g.asked(route, nil, tc.cookies...)
			if diff := cmp.Diff(want, answer.Context); !answer.IsAuthorized || diff != "" {
				t.Errorf("%s, %s: let through %t; context (-want +got):\n%s\n%s", name, route, answer.IsAuthorized, diff, g.Log())
			}
		}
		if answer := g.asked("GET /account", nil, tc.cookies...); answer.IsAuthorized {
			t.Errorf("%s: nobody has /account", name)
		}
	}
	if answer := g.asked("GET /basket", nil, live.CookiePair()); answer.Context["sub"] != deployment.AccountID.String() || answer.Context["csrf"] != live.CSRFToken {
		t.Errorf("whoever has a session is %v", answer.Context)
	}
	g.Clock.Advance(25 * time.Hour)
	if answer := g.asked("GET /basket", nil, live.CookiePair()); answer.Context["reason"] != "absolute" {
		t.Errorf("a day later: %v", answer.Context)
	}
}

// An outage, and a request that another site may have sent with the cookie of a live session, are no lack of a session.
func TestDoubtIsNotNobody(t *testing.T) {
	g := newGuarded(t, pages)
	login := g.LoginSite("site")
	foreign := map[string]string{"origin": "https://evil.example"}
	if answer := g.asked("POST /basket", foreign, login.CookiePair()); answer.IsAuthorized {
		t.Errorf("a form of another site: %+v", answer)
	}
	for _, method := range []string{"Session", "Account"} {
		g.Store.Before = hooks.Fail(method)
		if answer := g.asked("GET /basket", nil, login.CookiePair()); answer.IsAuthorized {
			t.Errorf("%s cannot be read: %+v", method, answer)
		}
	}
	g.Store.Before = nil
	// A bearer token is no cookie: where it is what counts, it has to be good.
	e := events.APIGatewayV2CustomAuthorizerV2Request{IdentitySource: []string{"Bearer x"}, Headers: map[string]string{"authorization": "Bearer x"}, RouteKey: "GET /basket", RawPath: "/basket"}
	e.RequestContext.RouteKey, e.RequestContext.HTTP.Method = "GET /basket", "GET"
	if answer, err := deployment.AskAuthorizer(t.Context(), g.Authorizer, e); err != nil || answer.IsAuthorized {
		t.Errorf("a bad token: %+v, error %v", answer, err)
	}
}
