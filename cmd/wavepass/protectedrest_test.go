package main

import (
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/endpoint/authorizer"
)

// restAPI is examples/protected-api's REST API: the functions of the example, and Wavepass's authorizer before them.
type restAPI struct {
	t          *testing.T
	authorizer authorizer.Function
	ports      map[string]string // of functions, by the beginning of their path
}

// TestInteropProtectedAPIBehindREST gives the functions of the example the events of a REST API, with the context that the
// authorizer answers to one.
func TestInteropProtectedAPIBehindREST(t *testing.T) {
	needs(t, "go", "node", "python3")
	data := t.TempDir()
	s := start(t, "--data", data)
	on := func(args ...string) { t.Helper(); mustCommand(t, append(args, "--data", data)...) }
	on("client", "apply", filepath.Join(protectedAPI, "clients.yaml"))
	on("policy", "apply", filepath.Join(protectedAPI, "policy.yaml"), "--api", "abc123")
	on("account", "set-access", demoUsername, "--role", "member", "--scope", "orders:read", "--claim", "plan=pro", "--claim", "seats=5")
	token := (&shop{server: *s}).login(demoUsername, demoPassword).AccessToken
	check(t, s.stop())
	api := openRESTAPI(t, data, s.url)

	var answers []string
	for _, language := range []string{"", "/node", "/python"} {
		status, body := api.get(language+"/prices/{item}", language+"/prices/board", `{"item":"board"}`, token)
		if status != http.StatusOK || !strings.Contains(body, `"cents":44910,`) || !strings.Contains(body, `"roles":["member"],"plan":"pro"`) {
			t.Errorf("%s/prices/board: %d %s, want what the authorizer says of the caller", language, status, body)
		}
		answers = append(answers, body)
	}
	if answers[0] != answers[1] || answers[0] != answers[2] {
		t.Errorf("the languages differ:\n%s", strings.Join(answers, "\n"))
	}
	if status, body := api.get("/admin/orders/{owner}", "/admin/orders/ada", `{"owner":"ada"}`, token); status != http.StatusForbidden {
		t.Errorf("what an admin may: %d %s, want 403", status, body)
	}
	if status, body := api.get("/orders", "/orders", "null", token[:len(token)-4]+"AAAA"); status != http.StatusUnauthorized {
		t.Errorf("with a token that is none: %d %s, want 401", status, body)
	}
}

// openRESTAPI starts the functions, and opens the data of a server that has ended.
func openRESTAPI(t *testing.T, dataFolder, issuer string) *restAPI {
	t.Helper()
	cfg, err := settings(map[string]string{"ISSUER": issuer})
	check(t, err)
	log := &syncBuffer{}
	opened, err := folder{Data: dataFolder}.openData()
	check(t, err)
	t.Cleanup(opened.close)
	settings, err := endpoint.New(cfg, newLog(log), audit.NewTrail(log, time.Now), time.Now)
	check(t, err)

	copied := filepath.Join(t.TempDir(), "shop")
	copyVisible(t, copied, protectedAPI)
	program := filepath.Join(copied, "orders", "program")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".")
	build.Dir = filepath.Dir(program)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v: %s", err, out)
	}
	return &restAPI{t, opened.functions(settings).Authorizer, map[string]string{
		"/node/":   startBackEnd(t, copied, "node", "local/invoke.mjs", "prices-node/index.mjs"),
		"/python/": startBackEnd(t, copied, "python3", "local/invoke.py", "prices-python/index.py"),
		"/":        startBackEnd(t, copied, program),
	}}
}

// get is a request as a REST API takes it: it asks the authorizer, and then the function.
func (a *restAPI) get(resource, path, parameters, token string) (status int, body string) {
	a.t.Helper()
	event := `{"type":"REQUEST","methodArn":"arn:aws:execute-api:eu-central-1:123456789012:abc123/v1/GET` + path + `","resource":"` + resource +
		`","path":"` + path + `","httpMethod":"GET","headers":{"Authorization":"Bearer ` + token + `"},"multiValueHeaders":{"Authorization":["Bearer ` + token +
		`"]},"queryStringParameters":null,"pathParameters":` + parameters + `,"stageVariables":null,"requestContext":{"resourcePath":"` + resource +
		`","httpMethod":"GET","path":"/v1` + path + `","stage":"v1","requestId":"r","domainName":"abc123.execute-api.eu-central-1.amazonaws.com","apiId":"abc123"}}`
	answer, err := a.authorizer(a.t.Context(), []byte(event))
	if err != nil {
		if err.Error() == "Unauthorized" {
			return http.StatusUnauthorized, ""
		}
		a.t.Fatalf("%s: %v", path, err)
	}
	var policy struct {
		PrincipalID    string `json:"principalId"`
		PolicyDocument struct{ Statement []struct{ Effect string } }
		Context        map[string]string `json:"context"`
	}
	check(a.t, json.Unmarshal(answer, &policy, json.MatchCaseInsensitiveNames(true)))
	if statements := policy.PolicyDocument.Statement; len(statements) == 0 || statements[0].Effect != "Allow" {
		return http.StatusForbidden, ""
	}
	context := map[string]any{"principalId": policy.PrincipalID, "integrationLatency": 7} // as the gateway adds them
	for name, value := range policy.Context {
		context[name] = value
	}
	handed, err := json.Marshal(context)
	check(a.t, err)
	return a.invoke(path, strings.TrimSuffix(event, "}}")+`,"authorizer":`+string(handed)+`},"body":null,"isBase64Encoded":false}`)
}

// invoke asks the function of the path.
func (a *restAPI) invoke(path, event string) (status int, body string) {
	a.t.Helper()
	port := a.ports["/"]
	for prefix, other := range a.ports {
		if prefix != "/" && strings.HasPrefix(path, prefix) {
			port = other
		}
	}
	response, err := http.Post("http://127.0.0.1:"+port+"/2015-03-31/functions/function/invocations", "application/json", strings.NewReader(event))
	check(a.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	check(a.t, err)
	if response.Header.Get("X-Amz-Function-Error") != "" {
		return http.StatusBadGateway, string(text)
	}
	var answer struct {
		StatusCode int    `json:"statusCode"`
		Body       string `json:"body"`
	}
	check(a.t, json.Unmarshal(text, &answer))
	return answer.StatusCode, answer.Body
}
