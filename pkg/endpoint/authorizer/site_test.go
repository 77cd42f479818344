package authorizer_test

import (
	"context"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/policy"
	"github.com/wavepass/wavepass/pkg/session"
)

// cookieShapes are the events that have cookies.
var cookieShapes = []string{"http-2.0", "http-1.0", "rest", "websocket"}

// visit sends a golden event with these cookies in place of the token. more are headers, name and value.
func (g guarded) visit(shape, cookies string, more ...string) reply {
	g.t.Helper()
	headers, lists := `"Cookie": "`+cookies+`"`, `"Cookie": ["`+cookies+`"]`
	for i := 0; i < len(more); i += 2 {
		headers += `, "` + more[i] + `": "` + more[i+1] + `"`
		lists += `, "` + more[i] + `": ["` + more[i+1] + `"]`
	}
	text := strings.NewReplacer(
		`"Authorization": "Bearer $ACCESS"`, headers, `"Authorization": ["Bearer $ACCESS"]`, lists, `"authorization": "Bearer $ACCESS"`, strings.ToLower(headers[:8])+headers[8:],
		`"identitySource": "Bearer $ACCESS"`, `"identitySource": "`+cookies+`"`, `"authorizationToken": "Bearer $ACCESS",`, "",
		`["Bearer $ACCESS"]`, `["`+cookies+`"]`, `["theme=dark"]`, `["`+strings.ReplaceAll(cookies, "; ", `", "`)+`"]`,
	).Replace(goldenEvent(g.t, shape))
	return g.send(shape, text)
}

func (g guarded) handle() string { g.t.Helper(); return g.LoginSite("site").CookiePair() }

const ownOrigin = deployment.Origin // of the client "site"

// By a cookie a route learns what it learns by a token, but for the token's id, and the CSRF token besides.
func TestCookieIsJudgedLikeATokenInEveryShape(t *testing.T) {
	routes := `
unlisted: deny
routes:
  GET /orders/{id}: { scopes: [profile], roles: [ROLE], max_auth_age: 1h }
  GET /$connect:    { scopes: [profile], roles: [ROLE], max_auth_age: 1h }
`
	for _, shape := range cookieShapes {
		g := newGuarded(t, strings.ReplaceAll(routes, "ROLE", "member"))
		login := g.LoginSite("site")
		nested := map[string]any{
			"sub": deployment.AccountID.String(), "client_id": "site", "scope": "profile account", "roles": []any{"member"}, "amr": []any{"pwd"},
			"claims": map[string]any{"plan": "pro"}, "auth_time": float64(deployment.Start.Unix()), "exp": float64(deployment.Start.Add(24 * time.Hour).Unix()),
			"csrf": login.CSRFToken,
		}
		if shape != "http-2.0" {
			nested = maps.Clone(nested)
			nested["roles"], nested["amr"], nested["claims"] = `["member"]`, `["pwd"]`, `{"plan":"pro"}`
			nested["auth_time"], nested["exp"] = "1772366400", "1772452800"
		}
		got := g.visit(shape, "theme=dark; "+login.CookiePair(), "Origin", ownOrigin)
		if got.status != 200 {
			t.Fatalf("%s: refused with %d: %v\n%s", shape, got.status, got.err, g.Log())
		}
		delete(got.context, "sid")
		if diff := cmp.Diff(nested, got.context); diff != "" {
			t.Errorf("%s: context (-want +got)\n%s", shape, diff)
		}
		g.Clock.Advance(time.Hour + time.Second)
		if got := g.visit(shape, login.CookiePair(), "Origin", ownOrigin); got.status != 403 {
			t.Errorf("%s: %d an hour later, want 403 by max_auth_age", shape, got.status)
		}
		other := newGuarded(t, strings.ReplaceAll(routes, "ROLE", "admin"))
		if got := other.visit(shape, other.handle(), "Origin", ownOrigin); got.status != 403 {
			t.Errorf("%s: %d without the role", shape, got.status)
		}
	}
}

// Nothing tells what the answer for another request of the same cookies would be, so it may be kept for this one alone.
func TestAnswerForACookieIsForOneRequestOnly(t *testing.T) {
	g := newGuarded(t, `unlisted: allow`)
	for _, shape := range []string{"http-1.0", "rest"} {
		got := g.visit(shape, g.handle(), "Origin", ownOrigin)
		if got.status != 200 || len(got.document) != 1 || !strings.HasSuffix(got.document[0].Resource, "/prod/GET/orders/7") {
			t.Errorf("%s: %d, policy %v; want exactly the request", shape, got.status, got.document)
		}
	}
}

// A browser opens a WebSocket for any page, with the cookies that it has, and may send no Fetch Metadata: the origin decides.
func TestWebSocketOfAnotherSiteIsRefused(t *testing.T) {
	g := newGuarded(t, `unlisted: allow`)
	cookie := g.handle()
	csrf := g.LoginSite("site").CSRFToken
	for name, tc := range map[string]struct {
		headers []string
		status  int
	}{
		"a page of the site":             {[]string{"Origin", ownOrigin}, 200},
		"a page of another site":         {[]string{"Origin", "https://evil.example"}, 401},
		"a page that hides its origin":   {[]string{"Origin", "null"}, 401},
		"another site, same-origin said": {[]string{"Origin", "https://evil.example", "Sec-Fetch-Site", "same-origin"}, 401},
		"another port":                   {[]string{"Origin", ownOrigin + ":8443"}, 401},
		"nothing said":                   {nil, 401},
		"another session's CSRF token":   {[]string{"X-CSRF-Token", csrf}, 401},
	} {
		if got := g.visit("websocket", cookie, tc.headers...); got.status != tc.status {
			t.Errorf("%s: %d, want %d\n%s", name, got.status, tc.status, g.Log())
		}
	}
}

// Where both could count, the one that the gateway names does, and a token before cookies.
func TestOneCredentialCounts(t *testing.T) {
	g := newGuarded(t, `unlisted: allow`)
	cookie := g.handle()
	for _, shape := range []string{"rest", "websocket"} {
		if got := g.visit(shape, cookie, "Origin", ownOrigin, "Authorization", "Bearer nonsense"); got.status != 401 {
			t.Errorf("%s: %d with a bad token beside a good cookie, want 401", shape, got.status)
		}
	}
	// A token route is not opened by a handle where the token belongs.
	text := strings.ReplaceAll(goldenEvent(t, "http-2.0"), "Bearer $ACCESS", cookie)
	if got := g.send("http-2.0", text); got.status != 403 {
		t.Errorf("a cookie in the Authorization header: %d, want 403", got.status)
	}
	if got := g.event("rest-token", "Bearer $ACCESS", cookie); got.status != 401 {
		t.Errorf("a cookie as the token of a TOKEN event: %d, want 401", got.status)
	}
	// An authorizer without identity sources reads the cookies itself.
	none := strings.ReplaceAll(strings.ReplaceAll(goldenEvent(t, "http-2.0"), `["Bearer $ACCESS"]`, "null"), "theme=dark", cookie)
	if got := g.send("http-2.0", none); got.status != 200 {
		t.Errorf("without an identity source: %d, want 200\n%s", got.status, g.Log())
	}
	if got := g.send("http-2.0", strings.ReplaceAll(none, cookie, "theme=dark")); got.status != 403 {
		t.Errorf("without an identity source and without a handle: %d, want 403", got.status)
	}
}

// Two values of a header that decides leave it open which of them the browser wrote.
func TestTwoOriginsAreRefused(t *testing.T) {
	g := newGuarded(t, `unlisted: allow`)
	text := strings.NewReplacer(`"Authorization": ["Bearer $ACCESS"]`, `"Cookie": ["`+g.handle()+`"], "Origin": ["`+ownOrigin+`", "https://evil.example"]`,
		`"Authorization": "Bearer $ACCESS"`, `"Cookie": "x=y", "Origin": "`+ownOrigin+`"`).Replace(goldenEvent(t, "websocket"))
	if got := g.send("websocket", text); got.status != 401 {
		t.Errorf("%d, want 401", got.status)
	}
}

// An audience of an API's own is asked of cookies too: a client that is not registered for it has no business there.
func TestSiteOfAnotherAudienceIsRefused(t *testing.T) {
	g := newGuarded(t, "unlisted: allow\naudience: https://orders.example\n")
	if got := g.visit("http-2.0", g.handle()); got.status != 403 {
		t.Errorf("%d, want 403", got.status)
	}
	c, err := g.Store.Client(t.Context(), "site")
	if err != nil {
		t.Fatal(err)
	}
	c.Audiences = []string{"https://orders.example"}
	if err := g.Store.PutClient(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	g.Clock.Advance(client.CacheLife)
	if got := g.visit("http-2.0", g.handle()); got.status != 200 {
		t.Errorf("registered for it: %d, want 200\n%s", got.status, g.Log())
	}
}

// Whatever changes an account or ends a session counts with the next request.
func TestNextRequestByCookieKnows(t *testing.T) {
	const routes = "unlisted: deny\nroutes:\n  GET /orders/{id}: { scopes: [profile], roles: [member] }\n"
	ada := func(g guarded) account.Account {
		a, err := g.Store.Account(g.t.Context(), deployment.AccountID)
		if err != nil {
			g.t.Fatal(err)
		}
		return a
	}
	for name, change := range map[string]func(g guarded, a account.Account, cookie string){
		"logout": func(g guarded, _ account.Account, cookie string) {
			g.Want("logout", g.Do(deployment.JSON("POST /logout", `{"client_id":"site"}`).From(ownOrigin).Cookie(cookie)), 200, "")
		},
		"logout everywhere, at an app": func(g guarded, _ account.Account, _ string) {
			app := g.Login("app")
			g.Want("logout", g.Do(deployment.JSON("POST /logout", `{"client_id":"app","everywhere":true,"refresh_token":"`+app.RefreshToken+`"}`)), 200, "")
		},
		"disabled":           func(g guarded, a account.Account, _ string) { a.Disabled = true; g.Store.SetAccount(a, "") },
		"a role taken away":  func(g guarded, a account.Account, _ string) { a.Roles = nil; g.Store.SetAccount(a, "") },
		"a scope taken away": func(g guarded, a account.Account, _ string) { a.Scopes = nil; g.Store.SetAccount(a, "") },
		"the default policy changed": func(g guarded, _ account.Account, _ string) {
			g.putFile(policy.Default, strings.Replace(routes, "member", "admin", 1))
		},
		"a policy of its own": func(g guarded, _ account.Account, _ string) { g.putFile("abc123", "unlisted: deny\n") },
		"the account deleted": func(g guarded, a account.Account, _ string) {
			if err := account.NewAdministrator(g.Store, g.Clock.Now).Delete(g.t.Context(), a.ID); err != nil {
				g.t.Fatal(err)
			}
		},
	} {
		g := newGuarded(t, routes)
		cookie := g.handle()
		if got := g.visit("http-2.0", cookie); got.status != 200 {
			t.Fatalf("%s: %d before\n%s", name, got.status, g.Log())
		}
		change(g, ada(g), cookie)
		if got := g.visit("http-2.0", cookie); got.status != 403 {
			t.Errorf("%s: %d with the next request, want 403", name, got.status)
		}
	}
}

// A table that does not answer refuses, and when it answers again nobody has to log in.
func TestOutageRefusesCookiesAndHeals(t *testing.T) {
	for _, call := range []string{"Session", "Account", "Client"} {
		g := newGuarded(t, `unlisted: allow`)
		cookie := g.handle()
		g.Store.Before = hooks.Fail(call)
		if got := g.visit("http-2.0", cookie); got.status != 403 || !strings.Contains(g.Log(), `"level":"ERROR","msg":"refused"`) {
			t.Errorf("%s: %d, want 403 and the line that the alarm looks for\n%s", call, got.status, g.Log())
		}
		g.Store.Before = nil
		if got := g.visit("http-2.0", cookie); got.status != 200 {
			t.Errorf("%s: %d afterwards\n%s", call, got.status, g.Log())
		}
	}
}

// Where only the read of the policy fails, the last one decides for a minute, as it does for tokens. Without a handle there is nothing that a
// policy could be too late for, so nothing is read.
func TestPolicyOfACookieIsReadEachTime(t *testing.T) {
	g := newGuarded(t, `unlisted: allow`)
	cookie := g.handle()
	visit := func(what, cookies string, status, reads int) {
		t.Helper()
		g.Store.ForgetCalls()
		if got := g.visit("http-2.0", cookies); got.status != status || g.Store.Count("Policy") != reads {
			t.Errorf("%s: %d with %d reads of the policy, want %d with %d\n%s", what, got.status, g.Store.Count("Policy"), status, reads, g.Log())
		}
	}
	visit("cold", cookie, 200, 2)
	visit("warm", cookie, 200, 2)
	visit("no handle", "theme=dark", 403, 0)
	visit("a handle twice", cookie+"; "+cookie, 403, 0)
	g.putFile("abc123", `unlisted: allow`)
	visit("a policy of its own, read for the first time", cookie, 200, 2)
	visit("a policy of its own", cookie, 200, 1)
	g.Store.Before = hooks.Fail("Policy")
	visit("not readable", cookie, 200, 1)
	g.Clock.Advance(policy.Age)
	visit("not readable for a minute", cookie, 403, 1)
	g.Store.Before = nil
	visit("readable again", cookie, 200, 1)
}

// The use of a session is written once in five minutes, by a request that was let through.
func TestUseOfASessionIsRecordedNowAndThen(t *testing.T) {
	g := newGuarded(t, "unlisted: deny\nroutes:\n  GET /orders/{id}: { scopes: [profile] }\n  GET /$connect: { roles: [admin] }\n")
	cookie := g.handle()
	visits := func(what, shape string, status, recorded int, headers ...string) {
		t.Helper()
		g.Store.ForgetCalls()
		if got := g.visit(shape, cookie, headers...); got.status != status {
			t.Errorf("%s: %d, want %d\n%s", what, got.status, status, g.Log())
		}
		if got := g.Store.Count("RecordUse"); got != recorded {
			t.Errorf("%s: the use was recorded %d times, want %d", what, got, recorded)
		}
	}
	visits("at once", "http-2.0", 200, 0)
	g.Clock.Advance(session.UseInterval - time.Millisecond)
	visits("a moment before five minutes", "http-2.0", 200, 0)
	g.Clock.Advance(time.Millisecond)
	visits("of another site", "websocket", 401, 0)
	visits("refused by the policy", "websocket", 403, 0, "Origin", ownOrigin)
	visits("after five minutes", "http-2.0", 200, 1)
	visits("once more", "http-2.0", 200, 0)
	g.Clock.Advance(session.UseInterval)
	visits("after ten", "http-2.0", 200, 1)
	for _, s := range g.Store.Sessions() {
		if s.ClientID == "site" && (!s.UsedAt.Equal(g.Clock.Now()) || s.UsedFrom != "203.0.113.0/24") {
			t.Errorf("the session says that it was used at %v from %q", s.UsedAt, s.UsedFrom)
		}
	}
}

// The request was found to be good. An outage of the write that follows takes nothing from anybody.
func TestUseThatCannotBeRecordedRefusesNobody(t *testing.T) {
	g := newGuarded(t, `unlisted: allow`)
	cookie := g.handle()
	g.Clock.Advance(session.UseInterval)
	g.Store.Before = hooks.Fail("RecordUse")
	if got := g.visit("http-2.0", cookie); got.status != 200 || !strings.Contains(g.Log(), "the use of a session could not be recorded") {
		t.Errorf("%d, want 200 and a line in the log\n%s", got.status, g.Log())
	}
	g.Store.Before = func(ctx context.Context, method string) error { // a table that hangs
		if method == "RecordUse" {
			<-ctx.Done()
		}
		return nil
	}
	if got := g.visit("http-2.0", cookie); got.status != 200 {
		t.Errorf("%d where the write hangs, want 200", got.status)
	}
}
