package authorizer_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
)

// guardedRoutes has a rule for the route of every golden event, whose role is ROLE.
const guardedRoutes = `
unlisted: OTHERS
routes:
  GET /orders/{id}: { roles: [ROLE] }
  GET /$connect:    { roles: [ROLE] }
  POST /graphql:    { roles: [ROLE] }
`

func routesFor(role, others string) string {
	return strings.NewReplacer("ROLE", role, "OTHERS", others).Replace(guardedRoutes)
}

// lost are the events that come of one by the loss of a member, or by something else in its place, by the member's path.
func lost(t *testing.T, event string) map[string][]string {
	t.Helper()
	var tree map[string]any
	if err := json.Unmarshal([]byte(event), &tree); err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	var visit func(path string, members map[string]any)
	visit = func(path string, members map[string]any) {
		for name, was := range maps.Clone(members) {
			at := strings.TrimPrefix(path+"."+name, ".")
			delete(members, name)
			changed := []string{encodeEvent(t, tree)}
			for _, odd := range []any{nil, map[string]any{}, []any{}, []any{nil}, "", "*", 0, true} {
				members[name] = odd
				changed = append(changed, encodeEvent(t, tree))
			}
			members[name] = was
			out[at] = changed
			if inner, ok := was.(map[string]any); ok {
				visit(at, inner)
			}
		}
	}
	visit("", tree)
	return out
}

func encodeEvent(t *testing.T, tree map[string]any) string {
	t.Helper()
	text, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// needed are the members of each event without which nobody is let through.
var needed = map[string]string{
	"http-2.0":   "identitySource requestContext requestContext.http requestContext.http.method type version",
	"http-1.0":   "httpMethod identitySource methodArn resource type",
	"rest":       "httpMethod methodArn resource type",
	"rest-token": "authorizationToken methodArn type",
	"websocket":  "methodArn requestContext requestContext.eventType requestContext.routeKey type",
	"appsync":    "authorizationToken requestContext",
}

// Whatever an event has lost, it is answered, nobody gets in who may not, and a member without which the caller or the route is not known
// is never done without.
func TestEventsThatHaveLostAMemberOpenNothing(t *testing.T) {
	for _, kind := range shapes {
		event := goldenEvent(t, kind)
		member, admin, open := newGuarded(t, routesFor("member", "deny")), newGuarded(t, routesFor("admin", "deny")), newGuarded(t, routesFor("member", "allow"))
		var refused []string
		for path, events := range lost(t, event) {
			let := 0
			for _, text := range events {
				if got := admin.sendFilled(kind, text); got.status == 200 {
					t.Errorf("%s, %s: somebody without the role is let through: %s", kind, path, text)
				}
				if got := open.sendFilled(kind, strings.ReplaceAll(text, "$ACCESS", "garbage")); got.status == 200 {
					t.Errorf("%s, %s: nobody is let through: %s", kind, path, text)
				}
				if got := member.sendFilled(kind, text); got.status == 200 {
					let++
				}
			}
			if let == 0 {
				refused = append(refused, path)
			}
		}
		own := newGuarded(t, "unlisted: allow\nroutes: {}\n")
		own.putFile(apiID, routesFor("admin", "deny"))
		for _, path := range []string{"requestContext", "requestContext.apiId"} {
			for i, text := range lost(t, event)[path] {
				if got := own.sendFilled(kind, text); i < 2 && got.status == 200 { // without it, and null
					t.Errorf("%s, without %s: the policy of the API is passed by: %s", kind, path, text)
				}
			}
		}
		slices.Sort(refused)
		if got := strings.Join(refused, " "); got != needed[kind] {
			t.Errorf("%s: refused without one of\n%s\nwant\n%s", kind, got, needed[kind])
		}
	}
}

// sendFilled sends an event with the token in its place, and expects an answer that the gateway understands.
func (g guarded) sendFilled(kind, text string) reply {
	g.t.Helper()
	got := g.send(kind, strings.ReplaceAll(text, "$ACCESS", g.token))
	if got.status == 500 {
		g.t.Errorf("%s: failed, which is a 500: %v\n%s", kind, got.err, text)
	}
	return got
}

// A stage or a base path before the path and another partition of AWS make no difference to what a route asks for. A method in lower case is none.
func TestAddressesOfARouteAreJudgedAlike(t *testing.T) {
	const arn, prod, domain = "arn:aws:execute-api", "abc123/prod/", `"domainName": "abc123.execute-api.eu-central-1.amazonaws.com"`
	for kind, all := range map[string]map[string][]string{
		"http-2.0": {
			"a stage":               {`"stage": "$default"`, `"stage": "prod"`, `"rawPath": "/orders/7"`, `"rawPath": "/prod/orders/7"`},
			"a stage like the path": {`"stage": "$default"`, `"stage": "orders"`, `"rawPath": "/orders/7"`, `"rawPath": "/orders/orders/7"`},
			"a base path":           {domain, `"domainName": "api.example.com"`, `"rawPath": "/orders/7"`, `"rawPath": "/v1/orders/7"`},
			"lower case":            {`"method": "GET"`, `"method": "get"`},
		},
		"http-1.0": {
			"$default":              {prod, "abc123/$default/", `"stage": "prod"`, `"stage": "$default"`, `"path": "/prod/orders/7"`, `"path": "/orders/7"`},
			"a stage like the path": {prod, "abc123/orders/", `"stage": "prod"`, `"stage": "orders"`, `"path": "/prod/orders/7"`, `"path": "/orders/orders/7"`},
			"a base path":           {domain, `"domainName": "api.example.com"`, `"path": "/prod/orders/7"`, `"path": "/v1/orders/7"`},
			"China":                 {arn, "arn:aws-cn:execute-api"},
			"lower case":            {"prod/GET/", "prod/get/", `"httpMethod": "GET"`, `"httpMethod": "get"`},
		},
		"rest": {
			"a stage like a method": {prod, "abc123/GET/", `"stage": "prod"`, `"stage": "GET"`},
			"a base path":           {domain, `"domainName": "api.example.com"`, `"path": "/orders/7"`, `"path": "/v1/orders/7"`},
			"GovCloud":              {arn, "arn:aws-us-gov:execute-api"},
			"lower case":            {"prod/GET/", "prod/get/", `"httpMethod": "GET"`, `"httpMethod": "get"`},
		},
		"rest-token": {
			"a stage like a method": {prod, "abc123/GET/"}, "a stage like the path": {prod, "abc123/orders/"}, "China": {arn, "arn:aws-cn:execute-api"},
			"lower case": {"prod/GET/", "prod/get/"},
		},
		"websocket": {"$default": {prod, "abc123/$default/"}, "a base path": {domain, `"domainName": "api.example.com"`}, "GovCloud": {arn, "arn:aws-us-gov:execute-api"}},
	} {
		for what, replacements := range all {
			let := newGuarded(t, routesFor("member", "deny")).event(kind, replacements...)
			if want := what != "lower case"; (let.status == 200) != want {
				t.Errorf("%s, %s: %d, want %v: %s %v", kind, what, let.status, want, let.raw, let.err)
			}
			if got := newGuarded(t, routesFor("admin", "allow")).event(kind, replacements...); got.status != 403 {
				t.Errorf("%s, %s, without the role: %d, want 403: %s %v", kind, what, got.status, got.raw, got.err)
			}
		}
	}
}
