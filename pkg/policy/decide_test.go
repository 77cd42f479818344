package policy_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/policy"
	"github.com/wavepass/wavepass/pkg/policy/policyfile"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// callers of the tables, all with a valid token.
var callers = map[string]policy.Caller{
	"nobody": {}, // a token without anything, as a partner service has
	"reader": {Scope: "orders:read", AuthTime: now},
	"writer": {Scope: "orders:read orders:write", AuthTime: now},
	"member": {Scope: "orders:read orders:write", Roles: []string{"member"}, AuthTime: now},
	"admin":  {Scope: "orders:read orders:write", Roles: []string{"admin"}, AuthTime: now.Add(-15 * time.Minute)},
	"stale":  {Roles: []string{"admin"}, AuthTime: now.Add(-15*time.Minute - time.Second)},
	"robot":  {Roles: []string{"admin"}},
	"many":   {Scope: "orders:read orders:write", RolesOmitted: true, AuthTime: now},
	"prefix": {Scope: "orders:rea orders:readx xorders:read", Roles: []string{"adminx", "admi"}, AuthTime: now},
}

func read(t testing.TB, text string) *policy.Policy {
	t.Helper()
	d, err := policyfile.Read([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	// What decides has been stored and read again.
	stored, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var again policy.Document
	if err := json.Unmarshal(stored, &again); err != nil {
		t.Fatal(err)
	}
	p, err := policy.New(again)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// want checks who may have the request: "all", "none", or the names of those who may.
func want(t *testing.T, p *policy.Policy, r policy.Request, who string) {
	t.Helper()
	for name, caller := range callers {
		err := p.Decide(r, caller, now)
		if err != nil && !errors.Is(err, policy.ErrRefused) {
			t.Errorf("%+v by %s: error %v, which is not ErrRefused", r, name, err)
		}
		may := who == "all" || strings.Contains(" "+who+" ", " "+name+" ")
		if may != (err == nil) {
			t.Errorf("%+v by %s: %v, want it allowed: %t", r, name, err, may)
		}
	}
}

const orders = `
unlisted: deny
routes:
  GET /orders:             { scopes: [orders:read] }
  GET /orders/{id}:        { scopes: [orders:read] }
  GET /orders/special:     { roles: [member] }
  POST /orders:            { scopes: [orders:read, orders:write], roles: [member, admin] }
  ANY /orders/{id}/lines/{path+}: { roles: [member] }
  DELETE /orders/{id}/lines/{path+}: { roles: [admin] }
  ANY /orders/{id}/lines/7: { roles: [admin] }
  ANY /admin/{proxy+}:     { roles: [admin], max_auth_age: 15m }
  GET /admin/status:       {}
  GET /news:               {}
  HEAD /news:              { roles: [admin] }
  ANY /:                   { roles: [member] }
`

// The gateway has named the route, and no line divides it: the path is not looked at, however it is spelt.
func TestRouteOfTheGatewayDecides(t *testing.T) {
	p := read(t, orders)
	for _, test := range []struct{ route, method, who string }{
		{"GET /orders", "GET", "reader writer member admin many"},
		{"ANY /orders", "GET", "reader writer member admin many"},
		{"ANY /orders", "HEAD", "reader writer member admin many"}, // as GET
		{"POST /orders", "POST", "member admin"},
		{"ANY /orders", "POST", "member admin"},
		{"ANY /orders", "PUT", "none"},
		{"PUT /orders", "PUT", "none"},
		{"GET /orders", "POST", "none"},                     // no gateway does that
		{"GET /orders/{order}/lines/{line}", "GET", "none"}, // divided by lines/7, and the path fits no line
		{"ANY /admin/{proxy+}", "POST", "admin"},
		{"ANY /admin/{other+}", "DELETE", "admin"},
		{"POST /admin/users", "POST", "admin"},
		{"POST /admin/users/{id}", "POST", "admin"},
		{"GET /admin/status", "GET", "all"},
		{"HEAD /admin/status", "HEAD", "all"},
		{"POST /admin/status", "POST", "admin"},
		{"GET /admin", "GET", "none"}, // {proxy+} is one part or more
		{"GET /news", "GET", "all"},
		{"HEAD /news", "HEAD", "admin stale robot"},
		{"GET /", "GET", "member"},
		{"DELETE /", "DELETE", "member"},
		{"GET /unknown", "GET", "none"},
		{"GET /Orders", "GET", "none"}, // differs in case from a line
		{"GET /orders/{id", "GET", "none"},
		{"GET orders", "GET", "none"},
		{"GET", "GET", "none"},
		{"ANY /orders", "get", "none"},
		{"ANY /orders", "ANY", "none"},
		{"ANY /orders", "", "none"},
	} {
		for _, path := range []string{"/elsewhere", "//x;/../%2e?", ""} {
			want(t, p, policy.Request{Route: test.route, Method: test.method, Path: path}, test.who)
		}
	}
}

// Lines divide the route of the gateway, so the path decides, and has to be one of the route.
func TestPathDecidesBelowADividedRoute(t *testing.T) {
	p := read(t, orders)
	for _, test := range []struct{ route, method, path, who string }{
		{"GET /orders/{id}", "GET", "/orders/8", "reader writer member admin many"},
		{"GET /orders/{id}", "GET", "/orders/a b", "reader writer member admin many"},
		{"GET /orders/{id}", "GET", "/orders/a%20b", "reader writer member admin many"},
		{"GET /orders/{id}", "GET", "/orders/caf%C3%A9", "reader writer member admin many"},
		{"GET /orders/{id}", "GET", "/orders/special", "member"},
		{"GET /orders/{id}", "HEAD", "/orders/special", "none"}, // the route is for GET
		{"ANY /orders/{id}", "HEAD", "/orders/special", "member"},
		{"GET /orders/{id}", "GET", "/orders/Special", "none"},
		{"GET /orders/{id}", "GET", "/orders/%73pecial", "none"},
		{"GET /orders/{id}", "GET", "/orders/special/", "none"},
		{"GET /orders/{id}", "GET", "/orders/8/9", "none"}, // not of the route
		{"GET /orders/{id}", "GET", "/elsewhere/8", "none"},
		{"GET /orders/{id}", "GET", "/orders", "none"},
		{"ANY /orders/{id}/lines/{line}", "GET", "/orders/8/lines/8", "member"},
		{"ANY /orders/{id}/lines/{line}", "GET", "/orders/8/lines/7", "admin stale robot"},
		{"ANY /orders/{id}/lines/{line}", "DELETE", "/orders/8/lines/8", "admin stale robot"},
		{"ANY /orders/{id}/lines/{path+}", "GET", "/orders/8/lines/7/8", "member"},
		{"ANY /admin/{proxy+}", "GET", "/admin/status", "all"},
		{"ANY /admin/{proxy+}", "GET", "/admin/Status", "admin"}, // the line with another case is not stricter
		{"ANY /admin/{proxy+}", "GET", "/admin/x", "admin"},
		{"$default", "GET", "/admin/status", "all"},
		{"$default", "GET", "/", "member"},
		{"$default", "GET", "", "none"},
		{"$default", "GET", "admin/x", "none"},
		{"", "GET", "/orders/7", "reader writer member admin many"},
		{"", "POST", "/orders", "member admin"},
		{"", "GET", "/unknown", "none"},
	} {
		want(t, p, policy.Request{Route: test.route, Method: test.method, Path: test.path}, test.who)
	}
}

// spellings of /admin/users that something behind a gateway may read as it.
var spellings = []string{
	"/Admin/users", "/ADMIN/users", "/admin/Users", "/adm\u0131n/users", "//admin/users", "/admin//users", "/admin/users/", "/admin;x/users", "/admin/users;x",
	"/admin%2Fusers", "/admin%2fusers", "/%61dmin/users", "/admin%5Cusers", "/admin\\users", "/./admin/users", "/x/../admin/users", "/x/%2E%2E/admin/users",
	"/admin/users%00", "/admin/users\x00", "/admin/users\n", "/admin/users?", "/admin/users%3F", "/admin/users#", "/*", "/admin/*", "/admin%252Fusers",
	"/admin/%C0%AFusers", "/admin/u\xffsers", "/admin/users%", "/admin/users%4", "/admin/u%73ers", "/admin%",
}

func TestOnlyOneSpellingOfAPathIsTaken(t *testing.T) {
	for name, text := range map[string]string{
		"denied":  "unlisted: deny\nroutes:\n  ANY /admin/users: { roles: [admin] }\n  ANY /{proxy+}: {}\n",
		"below":   "unlisted: deny\nroutes:\n  ANY /admin/{proxy+}: { roles: [admin] }\n  ANY /{proxy+}: {}\n",
		"allowed": "unlisted: allow\nroutes:\n  ANY /admin/users: { roles: [admin] }\n",
	} {
		p := read(t, text)
		for _, route := range []string{"$default", "ANY /{proxy+}", ""} {
			want(t, p, policy.Request{Route: route, Method: "GET", Path: "/admin/users"}, "admin stale robot")
			if name != "allowed" {
				want(t, p, policy.Request{Route: route, Method: "GET", Path: "/public/users"}, "all")
			}
			for _, path := range spellings {
				if path == "/adm\u0131n/users" { // a letter of its own: i without a dot
					continue
				}
				r := policy.Request{Route: route, Method: "GET", Path: path}
				if err := p.Decide(r, callers["member"], now); err == nil {
					t.Errorf("%s: %+v by a member is allowed", name, r)
				}
			}
		}
	}
}

func TestLettersThatFoldToASCIIAreThatLetter(t *testing.T) {
	p := read(t, "unlisted: deny\nroutes:\n  ANY /keys: { roles: [admin] }\n  ANY /{proxy+}: {}\n")
	for _, path := range []string{"/\u212Aeys", "/key\u017F", "/%E2%84%AAeys", "/key%C5%BF"} {
		if err := p.Decide(policy.Request{Route: "$default", Method: "GET", Path: path}, callers["member"], now); err == nil {
			t.Errorf("%s is allowed", path)
		}
	}
}

// Where the path decides and other paths are open, a backend that spells paths otherwise would open what is named.
func TestBroadRouteWithLinesBelowItIsNotOpenOtherwise(t *testing.T) {
	p := read(t, "unlisted: allow\nroutes:\n  GET /admin: { roles: [admin] }\n  GET /orders/7: { roles: [admin] }\n")
	for _, route := range []string{"$default", "ANY /{proxy+}", ""} {
		want(t, p, policy.Request{Route: route, Method: "GET", Path: "/public"}, "none")
		want(t, p, policy.Request{Route: route, Method: "GET", Path: "/admin"}, "admin stale robot")
	}
	want(t, p, policy.Request{Route: "GET /public", Method: "GET", Path: "/public"}, "all")
	want(t, p, policy.Request{Route: "ANY /public/{proxy+}", Method: "GET", Path: "/public/x"}, "all")
	want(t, p, policy.Request{Route: "GET /orders/{id}", Method: "GET", Path: "/orders/8"}, "all")
	want(t, p, policy.Request{Route: "GET /orders/{id}", Method: "GET", Path: "/orders/7"}, "admin stale robot")
}

func TestPathOfAnAPIMapping(t *testing.T) {
	const lines = "routes:\n  ANY /admin: { roles: [admin] }\n  ANY /{proxy+}: {}\n"
	for base, test := range map[string]map[string]string{
		"":                  {"/admin": "none", "/x": "none", "/v1/admin": "none"},
		"base_path: /\n":    {"/admin": "admin stale robot", "/x": "all"},
		"base_path: /v1\n":  {"/v1/admin": "admin stale robot", "/v1/x": "all", "/admin": "none", "/v2/x": "none", "/v10/x": "none", "/V1/x": "none", "/v1": "none", "/v1//x": "none"},
		"base_path: /a/b\n": {"/a/b/admin": "admin stale robot", "/a/b/c": "all", "/a/c": "none"},
	} {
		p := read(t, "unlisted: deny\n"+base+lines)
		for path, who := range test {
			want(t, p, policy.Request{Route: "$default", Method: "GET", Path: path, CustomDomain: true}, who)
		}
		want(t, p, policy.Request{Route: "$default", Method: "GET", Path: "/admin"}, "admin stale robot")
		want(t, p, policy.Request{Route: "GET /admin", Method: "GET", Path: "/whatever", CustomDomain: true}, "admin stale robot")
	}
}

// The gateway cuts the path at a question mark that was encoded; what it gives to the parameter still has it.
func TestPathThatTheGatewayHasCutIsRefused(t *testing.T) {
	p := read(t, "unlisted: deny\nroutes:\n  ANY /admin: { roles: [admin] }\n  ANY /{proxy+}: {}\n")
	want(t, p, policy.Request{Route: "ANY /{proxy+}", Method: "GET", Path: "/x", Rest: "x"}, "all")
	want(t, p, policy.Request{Route: "ANY /{proxy+}", Method: "GET", Path: "/caf%C3%A9/x", Rest: "café/x"}, "all")
	want(t, p, policy.Request{Route: "ANY /{proxy+}", Method: "GET", Path: "/x", Rest: "x?/../admin"}, "none")
	want(t, p, policy.Request{Route: "ANY /{proxy+}", Method: "GET", Path: "/x", Rest: "admin"}, "none")
}

func TestZeroPolicyRefuses(t *testing.T) {
	want(t, &policy.Policy{}, policy.Request{Route: "GET /x", Method: "GET", Path: "/x"}, "none")
	want(t, &policy.Policy{}, policy.Request{Route: "$default", Method: "GET", Path: "/x"}, "none")
}

func TestDocumentWithoutLinesIsWhatUnlistedSays(t *testing.T) {
	for unlisted, who := range map[string]string{"allow": "all", "deny": "none"} {
		p := read(t, "unlisted: "+unlisted+"\nroutes: {}\n")
		for _, route := range []string{"GET /x", "$default", "ANY /{proxy+}", ""} {
			want(t, p, policy.Request{Route: route, Method: "GET", Path: "//x"}, who)
		}
	}
}

// People without a session are let through where a line says so, and nowhere else. Everybody with a session may see such a page.
func TestNobodySeesPagesWhoseSessionIsOptional(t *testing.T) {
	p := read(t, `
unlisted: deny
routes:
  GET /:                { session: optional }
  GET /help/{page+}:    { session: optional }
  GET /basket:          { session: optional }
  POST /basket:         { session: optional }
  PUT /basket:          {}
  HEAD /basket:         {}
  GET /account:         {}
  GET /admin:           { roles: [admin] }
`[1:])
	for r, may := range map[policy.Request]bool{
		{Route: "GET /", Method: "GET", Path: "/"}:                                    true,
		{Route: "ANY /", Method: "HEAD", Path: "/"}:                                   true,
		{Route: "ANY /", Method: "POST", Path: "/"}:                                   false,
		{Route: "GET /basket", Method: "GET", Path: "/basket"}:                        true,
		{Route: "HEAD /basket", Method: "HEAD", Path: "/basket"}:                      false,
		{Route: "POST /basket", Method: "POST", Path: "/basket"}:                      true,
		{Route: "GET /account", Method: "GET", Path: "/account"}:                      false,
		{Route: "GET /admin", Method: "GET", Path: "/admin"}:                          false,
		{Route: "GET /unlisted", Method: "GET", Path: "/unlisted"}:                    false,
		{Route: "$default", Method: "GET", Path: "/basket"}:                           true,
		{Route: "$default", Method: "GET", Path: "/Basket"}:                           false,
		{Route: "$default", Method: "GET", Path: "/basket/"}:                          false,
		{Route: "GET /help/{page+}", Method: "GET", Path: "/help/a"}:                  true,
		{Route: "POST /help/{page+}", Method: "POST", Path: "/help/a"}:                false,
		{Route: "$default", Method: "GET", Path: "/account"}:                          false,
		{Route: "$default", Method: "PUT", Path: "/basket"}:                           false,
		{Route: "GET /basket", Method: "POST", Path: "/basket"}:                       false,
		{Route: "GET /{page}", Method: "GET", Path: "/account"}:                       false,
		{Route: "GET /{page}", Method: "GET", Path: "/basket"}:                        true,
		{Route: "GET /{page}", Method: "GET", Path: "/%62asket"}:                      false,
		{Route: "GET /{page}", Method: "GET", Path: "/elsewhere"}:                     false,
		{Route: "$default", Method: "GET", Path: "/help/a", CustomDomain: true}:       false,
		{Route: "GET /basket", Method: "GET", Path: "/v1/basket", CustomDomain: true}: true,
	} {
		if err := p.DecideNobody(r); (err == nil) != may || err != nil && !errors.Is(err, policy.ErrRefused) {
			t.Errorf("%+v by nobody: %v, want it allowed: %t", r, err, may)
		}
		if !may {
			continue
		}
		want(t, p, r, "all")
	}
	for _, unlisted := range []string{"allow", "deny"} {
		if err := read(t, "unlisted: "+unlisted+"\nroutes: {}\n").DecideNobody(policy.Request{Route: "GET /x", Method: "GET", Path: "/x"}); err == nil {
			t.Errorf("unlisted: %s lets nobody through", unlisted)
		}
	}
	if err := (&policy.Policy{}).DecideNobody(policy.Request{Route: "GET /", Method: "GET", Path: "/"}); err == nil {
		t.Error("the zero policy lets nobody through")
	}
}

// A line that needs a session is stricter than one in other letters that does not.
func TestSpellingOfAPathDoesNotMakeASessionOptional(t *testing.T) {
	p := read(t, "unlisted: deny\nroutes:\n  GET /account: {}\n  GET /{page+}: { session: optional }\n")
	if err := p.DecideNobody(policy.Request{Route: "$default", Method: "GET", Path: "/Account"}); err == nil {
		t.Error("/Account is open to nobody")
	}
}
