package refresh_test

import (
	"testing"
	"time"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

func stateOf(clientID string, cookies ...string) deployment.Request {
	return deployment.Request{Route: "GET /session", Query: map[string]string{"client_id": clientID}}.From(deployment.Origin).Cookie(cookies...)
}

func TestStateSaysWhetherARefreshWouldSucceed(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	first := d.Login("web").CookiePair()
	second := d.Do(byCookie(first)).CookiePair()
	third := d.Do(byCookie(second)).CookiePair()
	ended := d.Login("web").CookiePair()
	d.Want("logout", d.Do(deployment.JSON("POST /logout", `{"client_id":"web"}`).From(deployment.Origin).Cookie(ended)), 200, "")
	trail := d.Trail()
	for range 2 {
		for name, tc := range map[string]struct{ cookie, want string }{
			"newest":           {third, `{"active":true}`},
			"the one before":   {second, `{"active":true}`},
			"an old one":       {first, `{"active":false}`},
			"ended":            {ended, `{"active":false,"reason":"ended"}`},
			"no cookie":        {"a=b", `{"active":false}`},
			"empty":            {"__Host-Http-wprt-web=", `{"active":false}`},
			"made up":          {"__Host-Http-wprt-web=wprt_x", `{"active":false}`},
			"another client's": {"__Host-Http-wprt-web2=x", `{"active":false}`},
		} {
			got := d.Do(stateOf("web", tc.cookie))
			if got.StatusCode != 200 || got.Body != tc.want || len(got.Cookies) > 0 || got.Headers["Cache-Control"] != "no-store" {
				t.Errorf("%s: %d %s, cookies %q, headers %v, want 200 %s", name, got.StatusCode, got.Body, got.Cookies, got.Headers, tc.want)
			}
		}
	}
	if d.Trail() != trail || len(d.Store.Log()) > 1 {
		t.Errorf("asking left events or endings:\n%s", d.Trail())
	}
	d.Want("the newest afterwards", d.Do(byCookie(third)), 200, "")
	d.Clock.Advance(25 * time.Hour)
	if got := d.Do(stateOf("web", third)); got.Body != `{"active":false,"reason":"idle"}` && got.Body != `{"active":false,"reason":"absolute"}` {
		t.Errorf("a day later: %s, want its end and the reason", got.Body)
	}
}

// Whatever ends all sessions of an account, a page that is loaded later hears why.
func TestStateSaysWhyAllSessionsHaveEnded(t *testing.T) {
	for want, end := range map[string]func(*deployment.Deployment){
		"ended_elsewhere": func(d *deployment.Deployment) {
			d.Want("everywhere", d.Do(deployment.JSON("POST /logout", `{"client_id":"web","everywhere":true}`).From(deployment.Origin).Cookie(d.Login("web").CookiePair())), 200, "")
		},
		"password_changed": func(d *deployment.Deployment) {
			change := deployment.JSON("POST /password", `{"current_password":"`+deployment.Password+`","new_password":"a-new-and-longer-wave"}`)
			d.Want("password", d.As(d.Login("web").AccessToken, change.From(deployment.Origin)), 200, "")
		},
	} {
		d := deployment.New(t, browser.Jar{})
		cookie := d.Login("web").CookiePair()
		end(d)
		got := d.Do(stateOf("web", cookie))
		if got.StatusCode != 200 || got.Body != `{"active":false,"reason":"`+want+`"}` {
			t.Errorf("%s: %d %s, want that it is not active, and the reason", want, got.StatusCode, got.Body)
		}
	}
}

// Another site gets the same answer whoever is logged in.
func TestStateIsNoOracleForOtherSites(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	cookie := d.Login("web").CookiePair()
	for name, source := range map[string][]string{
		"foreign": {"origin", "https://evil.example"}, "null": {"origin", "null"}, "an image": {"sec-fetch-site", "cross-site"},
		"a neighbour's image": {"sec-fetch-site", "same-site"}, "typed": {"sec-fetch-site", "none"}, "no browser": {},
	} {
		var bodies []string
		for _, cookies := range [][]string{nil, {cookie}, {"__Host-Http-wprt-web=x"}, {cookie, cookie}} {
			d.Store.ForgetCalls()
			r := deployment.Request{Route: "GET /session", Query: map[string]string{"client_id": "web"}}.With(source...).Cookie(cookies...)
			got := d.Do(r)
			d.Want(name, got, 403, "cross_site_request")
			if bodies = append(bodies, got.Body); got.Body != bodies[0] || len(got.Cookies) > 0 || d.Store.Count("Session") > 0 {
				t.Errorf("%s with %q: %s with cookies %q, %d readings of a session; want what came without cookies", name, cookies, got.Body, got.Cookies, d.Store.Count("Session"))
			}
		}
	}
}

func TestStateRefuses(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	cookie := d.Login("web").CookiePair()
	for name, tc := range map[string]struct {
		query  map[string]string
		status int
		code   string
	}{
		"no client":      {nil, 400, "invalid_request"},
		"empty":          {map[string]string{"client_id": ""}, 400, "invalid_request"},
		"more":           {map[string]string{"client_id": "web", "x": ""}, 400, "invalid_request"},
		"two clients":    {map[string]string{"client_id": "web,web"}, 401, "invalid_client"},
		"unknown client": {map[string]string{"client_id": "nobody"}, 401, "invalid_client"},
		"native":         {map[string]string{"client_id": "app"}, 400, "unauthorized_client"},
	} {
		r := stateOf("web", cookie)
		r.Query = tc.query
		d.Want(name, d.Do(r), tc.status, tc.code)
	}
	two := d.Do(stateOf("web", cookie, cookie))
	d.Want("two cookies", two, 400, "invalid_request")
	if len(two.Cookies) == 0 {
		t.Error("two cookies: none is deleted")
	}
	for _, method := range []string{"Session", "Account", "Client"} {
		fresh := deployment.New(t, browser.Jar{})
		cookie := fresh.Login("web").CookiePair()
		fresh.Store.Before = hooks.Fail(method)
		fresh.Want(method+" fails", fresh.Do(stateOf("web", cookie)), 503, "temporarily_unavailable")
	}
}
