package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/endpoint/authorizer"
	"github.com/wavepass/wavepass/pkg/verify"
)

// What a third party's client signs in for in these tests.
const (
	oneResource     = "https://one.example/mcp"
	anotherResource = "https://another.example/mcp"
	pkceVerifier    = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	pkceChallenge   = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

// connected is a service with a client of a third party, which may ask for two resources.
type connected struct {
	*server
	data   string
	person *surfer
}

func connect(t *testing.T) connected {
	t.Helper()
	c := connected{data: t.TempDir(), person: &surfer{t: t, cookies: map[string]map[string]string{}, stop: mcpRedirect}}
	c.server = start(t, "--data", c.data)
	on := func(args ...string) { t.Helper(); mustCommand(t, append(args, "--data", c.data)...) }
	on("client", "add", "third", "--kind", "native", "--third-party", "--scope", "waves:read", "--redirect", "http://127.0.0.1/callback",
		"--audience", oneResource, "--audience", anotherResource)
	on("account", "set-access", demoUsername, "--scope", "waves:read", "--scope", "profile")
	for api, resource := range map[string]string{"one": oneResource, "another": anotherResource} {
		file := filepath.Join(t.TempDir(), "policy.yaml")
		check(t, os.WriteFile(file, []byte("audience: "+resource+"\nunlisted: deny\nroutes:\n  POST /mcp: { scopes: [\"waves:read\"] }\n"), 0o600))
		on("policy", "apply", file, "--api", api)
	}
	return c
}

// signIn has the person allow the client what it asks for, and returns its tokens.
func (c connected) signIn(t *testing.T, resource string) answer {
	t.Helper()
	page := c.person.visit(http.MethodGet, c.url+"/authorize?"+url.Values{
		"response_type": {"code"}, "client_id": {"third"}, "redirect_uri": {mcpRedirect}, "scope": {"waves:read"}, "resource": {resource},
		"code_challenge": {pkceChallenge}, "code_challenge_method": {"S256"},
	}.Encode(), nil)
	if strings.Contains(page.html, `action="/signin"`) {
		page = c.person.send(page, "/signin", "username", demoUsername, "password", demoPassword)
	}
	if strings.Contains(page.html, `action="/consent"`) {
		page = c.person.send(page, "/consent", "decision", "allow")
	}
	got := c.form("/token", "grant_type", "authorization_code", "client_id", "third", "redirect_uri", mcpRedirect, "code", page.at.Query().Get("code"),
		"code_verifier", pkceVerifier, "resource", resource)
	if got.Status != http.StatusOK {
		t.Fatalf("exchange: %d %s", got.Status, got.Body)
	}
	return got
}

// openAuthorizer opens the data of a server that has ended, and returns the authorizer over it.
func openAuthorizer(t *testing.T, data, issuer string) authorizer.Function {
	t.Helper()
	cfg, err := settings(map[string]string{"ISSUER": issuer})
	check(t, err)
	opened, err := folder{Data: data}.openData()
	check(t, err)
	t.Cleanup(opened.close)
	log := &syncBuffer{}
	s, err := endpoint.New(cfg, newLog(log), audit.NewTrail(log, time.Now), time.Now)
	check(t, err)
	return opened.functions(s).Authorizer
}

// mayCall asks as the REST API of this id does about POST /mcp.
func mayCall(t *testing.T, ask authorizer.Function, api, token string) bool {
	t.Helper()
	status, err := statusOfREST(t.Context(), ask, api, token)
	check(t, err)
	return status == http.StatusOK
}

// statusOfREST is what a REST API makes of its authorizer's answer about POST /mcp: 200 where the function is called, else the status of its gateway response.
func statusOfREST(ctx context.Context, ask authorizer.Function, api, token string) (int, error) {
	answer, err := ask(ctx, fmt.Appendf(nil, `{"type":"REQUEST","methodArn":"arn:aws:execute-api:eu-central-1:123456789012:%[1]s/v1/POST/mcp","resource":"/mcp",
		"path":"/mcp","httpMethod":"POST","headers":{"Authorization":"Bearer %[2]s"},"multiValueHeaders":{"Authorization":["Bearer %[2]s"]},
		"queryStringParameters":null,"pathParameters":null,"stageVariables":null,"requestContext":{"resourcePath":"/mcp","httpMethod":"POST","path":"/v1/mcp",
		"stage":"v1","requestId":"r","domainName":"%[1]s.execute-api.eu-central-1.amazonaws.com","apiId":"%[1]s"}}`, api, token))
	switch {
	case err != nil && err.Error() == "Unauthorized":
		return http.StatusUnauthorized, nil
	case err != nil:
		return 0, err
	case !strings.Contains(string(answer), `"Allow"`):
		return http.StatusForbidden, nil
	}
	return http.StatusOK, nil
}

func TestTokenForOneResourceIsRefusedAtAnother(t *testing.T) {
	c := connect(t)
	tokens := map[string]string{"one": c.signIn(t, oneResource).AccessToken, "another": c.signIn(t, anotherResource).AccessToken}
	for name, resource := range map[string]string{"one": oneResource, "another": anotherResource} {
		v, err := verify.New(verify.Config{Issuer: c.url, Audience: resource, InsecureLoopbackHTTP: true})
		check(t, err)
		for whose, token := range tokens {
			_, err := v.Verify(t.Context(), token)
			if (err == nil) != (whose == name) || err != nil && !errors.Is(err, verify.ErrInvalidToken) {
				t.Errorf("middleware of %s, token for %s: %v", name, whose, err)
			}
		}
	}
	check(t, c.stop())
	ask := openAuthorizer(t, c.data, c.url)
	for api := range tokens {
		for whose, token := range tokens {
			if may := mayCall(t, ask, api, token); may != (whose == api) {
				t.Errorf("gateway of %s, token for %s: let through: %v", api, whose, may)
			}
		}
	}
}

// A person sees what they have allowed and takes it back; the application's next call of a tool is refused, and so is its refresh.
func TestApplicationThatIsTakenBackCallsNoToolAnyMore(t *testing.T) {
	c := connect(t)
	given := c.signIn(t, oneResource)
	own := c.do("POST", "/login", "application/json", `{"client_id":"`+demoNative+`","username":"`+demoUsername+`","password":"`+demoPassword+`"}`)
	manage := func(method, path string, status int) string {
		t.Helper()
		got := c.do(method, path, "", "", "Authorization", "Bearer "+own.AccessToken)
		if got.Status != status {
			t.Fatalf("%s %s: %d %s", method, path, got.Status, got.Body)
		}
		return got.Body
	}
	if list := manage("GET", "/grants", 200); !strings.Contains(list, `"third"`) {
		t.Errorf("grants: %s, want the application", list)
	}
	if list := manage("GET", "/sessions", 200); !strings.Contains(list, `"client_id":"third"`) {
		t.Errorf("sessions: %s, want one of the application", list)
	}
	manage("DELETE", "/grants/third", 200)
	if list := manage("GET", "/sessions", 200); strings.Contains(list, `"third"`) {
		t.Errorf("sessions afterwards: %s", list)
	}
	if again := c.form("/token", "grant_type", "refresh_token", "client_id", "third", "refresh_token", given.RefreshToken); again.Status != 400 {
		t.Errorf("refresh afterwards: %d %s", again.Status, again.Body)
	}
	check(t, c.stop())
	ask := openAuthorizer(t, c.data, c.url)
	if mayCall(t, ask, "one", given.AccessToken) {
		t.Error("the gateway lets the access token of an application through that was taken back")
	}
}

// SECURITY warns of it: a service that verifies by the published keys alone does not see the denylist.
func TestVerifiersByKeysAloneTakeWhatIsRevoked(t *testing.T) {
	t.Setenv("REVOCATION_STALENESS", "0s")
	s := start(t, "--data", t.TempDir())
	verifier, err := verify.New(verify.Config{Issuer: s.url, Audience: s.url, InsecureLoopbackHTTP: true})
	check(t, err)
	token := s.login().AccessToken
	s.want("revoke", s.form("/revoke", "client_id", "app", "token", token), 200, "")
	s.want("at the gateway", s.userinfo(token), 403, "")
	if _, err := verifier.Verify(t.Context(), token); err != nil {
		t.Errorf("by the keys alone: %v, want it accepted until it expires", err)
	}
}
