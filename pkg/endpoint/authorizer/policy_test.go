package authorizer_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/policy"
	"github.com/wavepass/wavepass/pkg/policy/policyfile"
)

const (
	apiID = "abc123"
	own   = apiID + ".execute-api.eu-central-1.amazonaws.com"
)

// guarded is a deployment with a policy, and a token of ada. Their account has the scope profile and the role member.
type guarded struct {
	*deployment.Deployment
	t     *testing.T
	token string
}

func newGuarded(t *testing.T, file string) guarded {
	t.Helper()
	d := deployment.New(t, browser.Jar{})
	a, err := d.Store.Account(t.Context(), deployment.AccountID)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Store.SetAccess(t.Context(), a.ID, a.Access(), account.Access{Roles: []string{"member"}, Scopes: a.Scopes, Claims: `{"plan":"pro"}`}); err != nil {
		t.Fatal(err)
	}
	g := guarded{d, t, d.Login("app").AccessToken}
	g.putFile(policy.Default, file)
	return g
}

func (g guarded) putFile(api, file string) {
	g.t.Helper()
	document, err := policyfile.Read([]byte(file))
	if err != nil {
		g.t.Fatal(err)
	}
	data, err := json.Marshal(document)
	if err != nil {
		g.t.Fatal(err)
	}
	before, err := g.Store.Policy(g.t.Context(), api)
	if err != nil && !errors.Is(err, policy.ErrNone) {
		g.t.Fatal(err)
	}
	if err := g.Store.PutPolicy(g.t.Context(), api, policy.Record{Version: before.Version + 1, Document: data}); err != nil {
		g.t.Fatal(err)
	}
}

// ask asks about a request as the gateway describes it.
func (g guarded) ask(route, method, path, domain, stage string, parameters map[string]string) bool {
	g.t.Helper()
	e := events.APIGatewayV2CustomAuthorizerV2Request{
		Version: "2.0", Type: "REQUEST", RouteKey: route, RawPath: path, IdentitySource: []string{"Bearer " + g.token}, PathParameters: parameters,
	}
	e.RequestContext = events.APIGatewayV2HTTPRequestContext{APIID: apiID, RouteKey: route, DomainName: domain, Stage: stage}
	e.RequestContext.HTTP.Method, e.RequestContext.HTTP.Path = method, path
	got, err := deployment.AskAuthorizer(g.t.Context(), g.Authorizer, e)
	if err != nil {
		g.t.Fatal(err)
	}
	if !got.IsAuthorized && got.Context != nil {
		g.t.Errorf("%s %s: refused, with a context: %v", method, path, got.Context)
	}
	return got.IsAuthorized
}

func TestPolicyDecidesByWhatTheGatewayDescribes(t *testing.T) {
	g := newGuarded(t, `
unlisted: deny
routes:
  GET /orders:           { scopes: [profile], roles: [member] }
  POST /orders:          { roles: [admin] }
  GET /files/{path+}:    {}
  GET /files/secret:     { roles: [admin] }
  GET /recent:           { max_auth_age: 10m }
`)
	for _, test := range []struct {
		route, method, path, domain, stage string
		parameters                         map[string]string
		want                               bool
	}{
		{"GET /orders", "GET", "/orders", own, "$default", nil, true},
		{"ANY /orders", "POST", "/orders", own, "$default", nil, false},
		{"GET /unlisted", "GET", "/unlisted", own, "$default", nil, false},
		{"GET /files/{path+}", "GET", "/files/a/b", own, "$default", map[string]string{"path": "a/b"}, true},
		{"GET /files/{path+}", "GET", "/files/secret", own, "$default", map[string]string{"path": "secret"}, false},
		{"GET /files/{path+}", "GET", "/files/a", own, "$default", map[string]string{"path": "a?/../secret"}, false},
		{"GET /files/{path+}", "GET", "/files/a/b", "id.example.com", "$default", nil, false}, // no base_path
		{"GET /files/{path+}", "GET", "/files/a/b", "localhost:3000", "$default", nil, true},
		{"GET /files/{path+}", "GET", "/files/a/b", "127.0.0.1", "$default", nil, true},
		{"GET /files/{path+}", "GET", "/files/a/b", "localhost.example.com", "$default", nil, false},
		{"$default", "GET", "/prod/orders", own, "prod", nil, true},
		{"$default", "GET", "/prod/files/secret", own, "prod", nil, false},
		{"$default", "GET", "/production/orders", own, "prod", nil, false},
		{"$default", "GET", "/prod", own, "prod", nil, false},
		{"$default", "HEAD", "/orders", own, "$default", nil, true},
		{"$default", "GET", "/Orders", own, "$default", nil, false},
		{"GET /recent", "GET", "/recent", own, "$default", nil, true},
	} {
		if got := g.ask(test.route, test.method, test.path, test.domain, test.stage, test.parameters); got != test.want {
			t.Errorf("%s, %s %s at %s/%s: %t, want %t", test.route, test.method, test.path, test.domain, test.stage, got, test.want)
		}
	}
	if !strings.Contains(g.Log(), "GET /files/secret needs one of the roles admin") || !strings.Contains(g.Log(), "base_path") {
		t.Errorf("the log does not say why:\n%s", g.Log())
	}
	g.Clock.Advance(10*time.Minute + time.Second)
	if g.ask("GET /recent", "GET", "/recent", own, "$default", nil) {
		t.Error("a login of 10 minutes and a second ago is recent")
	}
	if !g.ask("GET /orders", "GET", "/orders", own, "$default", nil) {
		t.Error("/orders asks for no recent login, and is refused")
	}
}

func TestPolicyOfTheAPIComesBeforeTheDefault(t *testing.T) {
	g := newGuarded(t, "unlisted: deny\nroutes: {}\n")
	g.putFile(apiID, "unlisted: deny\nroutes:\n  GET /orders: {}\n")
	if !g.ask("GET /orders", "GET", "/orders", own, "$default", nil) {
		t.Error("refused by the policy of other APIs")
	}
}

func TestPolicyThatCannotBeReadRefuses(t *testing.T) {
	g := newGuarded(t, "unlisted: allow\nroutes: {}\n")
	g.Store.Before = hooks.Fail("Policy")
	if g.ask("GET /orders", "GET", "/orders", own, "$default", nil) {
		t.Error("allowed without a policy")
	}
	if !strings.Contains(g.Log(), `"level":"ERROR"`) || !strings.Contains(g.Log(), "policy: unusable") {
		t.Errorf("the log does not say so:\n%s", g.Log())
	}
	g.Store.Before = nil
	if !g.ask("GET /orders", "GET", "/orders", own, "$default", nil) {
		t.Error("refused though the policy can be read again")
	}
}

// A cold authorizer waits for one round trip: the keys, the log of revocations and the policy are read side by side.
func TestColdAuthorizerReadsThePolicyBesideTheRest(t *testing.T) {
	g := newGuarded(t, "unlisted: allow\nroutes: {}\n")
	g.Restart(browser.Jar{}, func(string) keyring.Sealer { return g.Sealer })
	g.Store.Before = hooks.Meet(10*time.Second, "Policy", "Policy", "ReadPart")
	if !g.ask("GET /orders", "GET", "/orders", own, "$default", nil) {
		t.Errorf("the reads do not run side by side:\n%s", g.Log())
	}
}

// The page that says what a route learns names every member and its JSON type.
func TestPageSaysWhatARouteLearns(t *testing.T) {
	page, err := os.ReadFile("../../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "## What the route learns")
	named := map[string]string{"roles_omitted": "boolean"} // only there where roles did not fit
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\| ([a-z ]+) \\|").FindAllStringSubmatch(table, -1) {
		named[row[1]] = row[2]
	}
	g := newGuarded(t, "unlisted: allow\nroutes: {}\n").ofBackEnd("4711")
	learnt, context := map[string]string{"roles_omitted": "boolean"}, map[string]any{}
	for _, source := range []string{"Bearer " + g.token, g.handle()} { // by a token, and by the cookie of a site
		e := events.APIGatewayV2CustomAuthorizerV2Request{IdentitySource: []string{source}}
		e.RequestContext.HTTP.Method = "GET"
		got, err := deployment.AskAuthorizer(t.Context(), g.Authorizer, e)
		if err != nil || !got.IsAuthorized {
			t.Fatalf("%+v, error %v", got, err)
		}
		maps.Copy(context, got.Context)
	}
	for name, value := range context {
		switch value.(type) {
		case string:
			learnt[name] = "string"
		case float64:
			learnt[name] = "number"
		case map[string]any:
			learnt[name] = "object"
		case []any: // the documentation says of what
			learnt[name] = "array of strings"
		default:
			learnt[name] = fmt.Sprintf("%T", value)
		}
	}
	if difference := cmp.Diff(named, learnt); difference != "" {
		t.Errorf("members (-page +context):\n%s", difference)
	}
}
