package authorizer_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/keyring"
)

// goldenEvent is an event as AWS writes it for GET /orders/7 of the route GET /orders/{id}, with $ACCESS for the token.
func goldenEvent(t testing.TB, shape string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "events", shape+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var shapes = []string{"http-2.0", "http-1.0", "rest", "rest-token", "websocket", "appsync"}

// reply is what comes back of an event, whatever its shape.
type reply struct {
	status    int // as API Gateway or AppSync would answer
	document  []statement
	principal string
	context   map[string]any
	err       error
	raw       string
}

type statement struct{ Action, Effect, Resource string }

// event sends a golden event with texts replaced, each of which must be in it. It reads the answer as the gateway of the
// shape does.
func (g guarded) event(shape string, replacements ...string) reply {
	g.t.Helper()
	text := goldenEvent(g.t, shape)
	for i := 0; i < len(replacements); i += 2 {
		if !strings.Contains(text, replacements[i]) {
			g.t.Fatalf("%s has no %s", shape, replacements[i])
		}
		text = strings.ReplaceAll(text, replacements[i], replacements[i+1])
	}
	return g.send(shape, strings.ReplaceAll(text, "$ACCESS", g.token))
}

func (g guarded) send(shape, text string) reply {
	g.t.Helper()
	raw, err := g.Authorizer(g.t.Context(), []byte(text))
	got := reply{err: err, raw: string(raw), status: 500}
	var answer struct {
		IsAuthorized    *bool
		Context         map[string]any
		ResolverContext map[string]any
		TTLOverride     *int
		PrincipalID     string
		PolicyDocument  struct {
			Version   string
			Statement []statement
		}
	}
	switch {
	case err != nil && err.Error() == "Unauthorized":
		got.status = 401
		return got
	case err != nil:
		return got
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&answer); err != nil {
		g.t.Fatalf("%s: answer %s: %v", shape, raw, err)
	}
	got.principal, got.document = answer.PrincipalID, answer.PolicyDocument.Statement
	got.context = answer.Context
	switch shape {
	case "http-2.0", "appsync":
		if answer.IsAuthorized == nil {
			g.t.Fatalf("%s: answer %s", shape, raw)
		}
		if shape == "appsync" {
			if *answer.IsAuthorized && (answer.TTLOverride == nil || *answer.TTLOverride != 0) {
				g.t.Errorf("appsync: an answer that is kept: %s", raw)
			}
			got.context = answer.ResolverContext
		}
		got.status = 403
		if *answer.IsAuthorized {
			got.status = 200
		}
	default:
		var event struct{ MethodARN any }
		if err := json.Unmarshal([]byte(text), &event); err != nil {
			g.t.Fatal(err)
		}
		got.status = 403
		if answer.PolicyDocument.Version == "2012-10-17" && allows(got.document, fmt.Sprint(event.MethodARN)) {
			got.status = 200
		}
	}
	if got.status != 200 && got.context != nil {
		g.t.Errorf("%s: refused, with a context: %s", shape, raw)
	}
	return got
}

// All shapes let the same caller through, for the same reasons, and tell the route the same.
func TestEveryShapeIsJudgedAlike(t *testing.T) {
	routes := `
unlisted: deny
routes:
  GET /orders/{id}: { scopes: [profile], roles: [ROLE] }
  GET /$connect:    { scopes: [profile], roles: [ROLE] }
  POST /graphql:    { scopes: [profile], roles: [ROLE] }
`
	nested := map[string]any{
		"sub": deployment.AccountID.String(), "client_id": "app", "scope": "profile account", "roles": []any{"member"}, "amr": []any{"pwd"},
		"claims": map[string]any{"plan": "pro"}, "auth_time": float64(deployment.Start.Unix()), "exp": float64(deployment.Start.Add(15 * time.Minute).Unix()),
	}
	flat := maps.Clone(nested)
	flat["roles"], flat["amr"], flat["claims"] = `["member"]`, `["pwd"]`, `{"plan":"pro"}`
	flat["auth_time"], flat["exp"] = "1772366400", "1772367300"
	for _, shape := range shapes {
		g := newGuarded(t, strings.ReplaceAll(routes, "ROLE", "member"))
		got := g.event(shape)
		if got.status != 200 {
			t.Fatalf("%s: refused with %d: %v\n%s", shape, got.status, got.err, g.Log())
		}
		want := flat
		if shape == "http-2.0" {
			want = nested
		} else if shape != "appsync" && got.principal != deployment.AccountID.String() {
			t.Errorf("%s: principal %q", shape, got.principal)
		}
		for _, id := range []string{"jti", "sid"} {
			if text, ok := got.context[id].(string); !ok || len(text) != 36 {
				t.Errorf("%s: %s is %v", shape, id, got.context[id])
			}
			delete(got.context, id)
		}
		if diff := cmp.Diff(want, got.context); diff != "" {
			t.Errorf("%s: context (-want +got):\n%s", shape, diff)
		}
	}
}

// ofBackEnd makes the account one of a user of the directory "shop", and logs in anew.
func (g guarded) ofBackEnd(id string) guarded {
	g.t.Helper()
	a, err := g.Store.Account(g.t.Context(), deployment.AccountID)
	if err != nil {
		g.t.Fatal(err)
	}
	a.Subject = account.Subject{Directory: "shop", ID: id}
	g.Store.SetAccount(a, "")
	g.token = g.Login("app").AccessToken
	return g
}

// A route finds the person in its own tables by the external id, whichever API it stands behind.
func TestEveryShapeNamesTheUserOfABackEnd(t *testing.T) {
	for _, shape := range shapes {
		g := newGuarded(t, "unlisted: allow\nroutes: {}\n")
		later := g.ofBackEnd(`é"4711\`)
		if got := g.event(shape); got.status != 200 || got.context["external_id"] != nil { // signed without the claim, as older versions did
			t.Errorf("%s, without the claim: %d, external_id %v", shape, got.status, got.context["external_id"])
		}
		if got := later.event(shape); got.status != 200 || got.context["external_id"] != `shop/é"4711\` {
			t.Errorf("%s: %d, external_id %v", shape, got.status, got.context["external_id"])
		}
	}
}

func TestEveryShapeSaysWhyItRefuses(t *testing.T) {
	role := `
unlisted: deny
routes:
  GET /orders/{id}: { roles: [admin] }
  GET /$connect:    { roles: [admin] }
  POST /graphql:    { roles: [admin] }
`
	everybody := "unlisted: allow\nroutes: {}\n"
	for _, shape := range shapes {
		byPolicy, byToken, outage := 403, 401, 500
		if shape == "http-2.0" || shape == "appsync" {
			byToken, outage = 403, 403 // they know no other refusal
		}
		g := newGuarded(t, role)
		if got := g.event(shape); got.status != byPolicy {
			t.Errorf("%s, without the role: %d, want %d: %s %v", shape, got.status, byPolicy, got.raw, got.err)
		}
		g = newGuarded(t, everybody)
		for what, token := range map[string]string{"garbage": "garbage", "altered": g.token + "A", "nothing": "", "two": g.token + "," + g.token} {
			if got := g.event(shape, "$ACCESS", token); got.status != byToken {
				t.Errorf("%s, %s: %d, want %d: %s %v", shape, what, got.status, byToken, got.raw, got.err)
			}
		}
		if shape != "appsync" {
			for _, scheme := range []string{"Basic ", "Bearer", `Bearer\t`, ""} {
				if got := g.event(shape, "Bearer ", scheme); got.status != byToken {
					t.Errorf("%s, scheme %q: %d, want %d", shape, scheme, got.status, byToken)
				}
			}
		}
		g.Restart(browser.Jar{}, func(string) keyring.Sealer { return g.Sealer })
		g.Store.Before = hooks.Fail("ReadPart")
		if got := g.event(shape); got.status != outage {
			t.Errorf("%s, table out of reach: %d, want %d: %s %v", shape, got.status, outage, got.raw, got.err)
		}
		g.Store.Before = nil
		if got := g.event(shape); got.status != 200 {
			t.Errorf("%s: refused with %d afterwards: %v", shape, got.status, got.err)
		}
		g.Clock.Advance(15 * time.Minute)
		if got := g.event(shape); got.status != byToken {
			t.Errorf("%s, expired: %d, want %d", shape, got.status, byToken)
		}
	}
}

func TestOddEventsAreRefused(t *testing.T) {
	g := newGuarded(t, "unlisted: allow\nroutes: {}\n")
	const arn = "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/GET/orders/7"
	for shape, all := range map[string][][2]string{
		"http-2.0": {
			{`"version": "2.0"`, `"version": "3.0"`}, {`"version": "2.0"`, `"version": 2.0`}, {`"version": "2.0"`, `"Version": "2.0"`}, {`"version": "2.0",`, ``},
			{`"version": "2.0"`, `"version": "2.0", "version": "2.0"`}, {`"type": "REQUEST"`, `"type": "TOKEN"`}, {`"type": "REQUEST",`, ``},
			{`["Bearer $ACCESS"]`, `null`}, {`["Bearer $ACCESS"]`, `[]`}, {`["Bearer $ACCESS"]`, `["Bearer $ACCESS", "Bearer $ACCESS"]`},
			{`["Bearer $ACCESS"]`, `"Bearer $ACCESS"`}, {`["Bearer $ACCESS"]`, `[["Bearer $ACCESS"]]`}, {`"identitySource"`, `"identitysource"`},
		},
		"http-1.0": {
			{`"version": "1.0"`, `"version": "1.1"`}, {`"identitySource": "Bearer $ACCESS"`, `"identitySource": ["Bearer $ACCESS"]`},
			{`"identitySource": "Bearer $ACCESS"`, `"identitySource": null`}, {`"identitySource": "Bearer $ACCESS",`, ``},
			{`"httpMethod": "GET"`, `"httpMethod": "POST"`}, {`"apiId": "abc123"`, `"apiId": "abc124"`}, {arn, ""},
		},
		"rest": {
			{`"apiId": "abc123"`, `"apiId": "abc124"`}, {`"httpMethod": "GET"`, `"httpMethod": "get"`}, {`"type": "REQUEST"`, `"type": "Request"`},
			{`"Authorization": ["Bearer $ACCESS"]`, `"Authorization": ["Bearer $ACCESS", "Bearer $ACCESS"]`},
			{`"Authorization": ["Bearer $ACCESS"]`, `"Authorization": ["Bearer $ACCESS"], "authorization": ["Bearer $ACCESS"]`},
			{`"Authorization": ["Bearer $ACCESS"]`, `"Authorization": []`}, {`"Authorization": ["Bearer $ACCESS"]`, `"Authorization": "Bearer $ACCESS"`},
		},
		"rest-token": {
			{arn, "arn:aws:execute-api:eu-central-1:123456789012:abc123/*/GET/orders/7"}, {arn, "*"}, {arn, "arn:aws:execute-api:eu-central-1:123456789012:*/prod/GET/"},
			{arn, "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/*/orders"}, {arn, "arn:aws:execute-api:*:123456789012:abc123/prod/GET/"},
			{arn, "arn:aws:execute-api:eu-central-1:*:abc123/prod/GET/"}, {arn, "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod"},
			{arn, "arn:aws:execute-api:eu-central-1:123456789012:abc123"}, {arn, "arn:aws:lambda:eu-central-1:123456789012:abc123/prod/GET/"},
			{arn, "arn:aws:execute-api:eu-central-1:123456789012:/prod/GET/"}, {arn, "arn:aws:execute-api:eu-central-1:123456789012:abc123//GET/"},
			{arn, "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/?/"}, {arn, "arn:aws:execute-api:eu-central-1:123456789012:abc123/${x}/GET/"},
			{arn, "ARN:aws:execute-api:eu-central-1:123456789012:abc123/prod/GET/"}, {`"authorizationToken"`, `"authorizationtoken"`},
		},
		"websocket": {
			{`"routeKey": "$connect"`, `"routeKey": "$disconnect"`}, {`"routeKey": "$connect"`, `"routeKey": "$default"`}, {`"eventType": "CONNECT"`, `"eventType": "MESSAGE"`},
			{`prod/$connect`, `prod/$default`}, {`prod/$connect`, `prod/$connect/x`}, {`"Authorization": ["Bearer $ACCESS"],`, `"Authorization": ["Bearer $ACCESS", "x"],`},
		},
		"appsync": {{`"apiId": "abc123"`, `"apiId": ""`}, {`"$ACCESS"`, `"Basic $ACCESS"`}, {`"$ACCESS"`, `""`}, {`"$ACCESS"`, `["$ACCESS"]`}},
	} {
		for _, change := range all {
			if got := g.event(shape, change[0], change[1]); got.status == 200 || strings.Contains(got.raw, `"Allow"`) || strings.Contains(got.raw, "true") {
				t.Errorf("%s with %s for %s: let through: %s", shape, change[1], change[0], got.raw)
			}
		}
	}
	for _, text := range []string{"", "null", "{}", "[]", "7", `"Bearer"`, "{", `{"version":"2.0"}`, `{"type":"TOKEN"}`, `{"requestContext":null}`, `{"type":"REQUEST","methodArn":"` + arn + `"}`} {
		raw, err := g.Authorizer(t.Context(), []byte(text))
		if (err == nil || err.Error() != "Unauthorized") && string(raw) != `{"isAuthorized":false}` {
			t.Errorf("event %s: %s, error %v", text, raw, err)
		}
	}
	if strings.Contains(g.Log(), `"level":"ERROR"`) {
		t.Errorf("an odd event was logged as an outage:\n%s", g.Log())
	}
}

// FuzzEvents looks for an event that is let through without the signed token, and for one that makes the function panic.
func FuzzEvents(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		s := deployment.NewScene(t)
		raw, err := s.Authorizer(t.Context(), []byte(strings.ReplaceAll(text, "$ACCESS", s.App.AccessToken)))
		if err != nil && err.Error() != "Unauthorized" {
			t.Fatalf("error %v", err)
		}
		s.CheckLog(t)
		if !strings.Contains(text, "$ACCESS") && err == nil && !bytes.Contains(raw, []byte(`"Deny"`)) && string(raw) != `{"isAuthorized":false}` && string(raw) != `{"isAuthorized":false,"ttlOverride":0}` {
			t.Errorf("let through without a token: %s", raw)
		}
	})
}
