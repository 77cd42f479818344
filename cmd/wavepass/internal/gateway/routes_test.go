package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/gateway"
)

// templateOf returns a template whose function f has the routes, each "METHOD /path", "" for $default.
func templateOf(routes ...string) string {
	out := "Resources:\n  Api: { Type: AWS::Serverless::HttpApi }\n" +
		"  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      CodeUri: functions/f/\n      Events:\n"
	for i, route := range routes {
		what := ""
		if method, path, ok := strings.Cut(route, " "); ok {
			what = fmt.Sprintf(", Method: %s, Path: '%s'", method, path)
		}
		out += fmt.Sprintf("        E%d: { Type: HttpApi, Properties: { ApiId: !Ref Api%s } }\n", i, what)
	}
	return out
}

// serve returns the API of a template at http://localhost:3000.
func serve(t *testing.T, template string, functions map[string]lambda.Handler, opts gateway.Options) http.Handler {
	t.Helper()
	parsed, err := gateway.ParseTemplate("t.yaml", []byte(template), nil)
	if err != nil {
		t.Fatal(err)
	}
	if opts.Issuer == "" {
		opts.Issuer = "http://localhost:3000"
	}
	api, err := gateway.New(parsed, functions, opts)
	if err != nil {
		t.Fatal(err)
	}
	return api
}

// ask sends one request without a network.
func ask(api http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	return w
}

// echo answers with the route key, the path variables and the decoded path of its event.
var echo = handler(func(_ context.Context, payload []byte) ([]byte, error) {
	var e events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{"route": e.RouteKey, "vars": e.PathParameters, "path": e.RawPath})
})

func TestRoutesMatchAsInTheCloud(t *testing.T) {
	few := []string{"GET /", "GET /pets", "ANY /pets", "GET /pets/{id}", "GET /pets/dog", "ANY /pets/cat", "GET /pets/{id}/toys",
		"GET /pets/{rest+}", "POST /files/{path+}"}
	all := append([]string{"", "ANY /{all+}"}, few...)
	type vars = map[string]string
	for _, c := range []struct {
		routes      []string
		method, url string
		route       string // "" for 404
		vars        vars
	}{
		{few, "GET", "/", "GET /", nil},
		{few, "GET", "/pets", "GET /pets", nil},
		{few, "POST", "/pets", "ANY /pets", nil},
		{few, "OPTIONS", "/pets", "ANY /pets", nil},
		{few, "HEAD", "/", "", nil},
		{few, "POST", "/", "", nil},
		{few, "GET", "/pets?id=/pets/dog", "GET /pets", nil},
		{few, "GET", "/pets/dog", "GET /pets/dog", nil},
		{few, "GET", "/pets/cat", "ANY /pets/cat", nil},
		{few, "GET", "/pets/7", "GET /pets/{id}", vars{"id": "7"}},
		{few, "GET", "/pets/a%20b", "GET /pets/{id}", vars{"id": "a b"}},
		{few, "GET", "/pets/7/toys", "GET /pets/{id}/toys", vars{"id": "7"}},
		{few, "GET", "/pets/7/toys/1", "GET /pets/{rest+}", vars{"rest": "7/toys/1"}},
		{few, "GET", "/pets/7%2Ftoys", "GET /pets/{id}/toys", vars{"id": "7"}},
		{few, "GET", "/pets/dog/", "GET /pets/{rest+}", vars{"rest": "dog/"}},
		{few, "GET", "/pets/", "GET /pets/{rest+}", vars{"rest": ""}},
		{few, "POST", "/pets/", "", nil},
		{few, "GET", "/PETS", "", nil},
		{few, "GET", "//pets", "", nil},
		{few, "GET", "/none", "", nil},
		{few, "POST", "/files/a/b.txt", "POST /files/{path+}", vars{"path": "a/b.txt"}},
		{few, "POST", "/files", "", nil},
		{all, "PUT", "/none", "ANY /{all+}", vars{"all": "none"}},
		{all, "POST", "/", "ANY /{all+}", vars{"all": ""}},
		{all, "GET", "/pets/dog", "GET /pets/dog", nil},
		{[]string{"ANY /a", "GET /a"}, "GET", "/a", "GET /a", nil},
		{[]string{""}, "GET", "/any/thing", "$default", nil},
		{[]string{"", "GET /a"}, "POST", "/a", "$default", nil},
	} {
		api := serve(t, templateOf(c.routes...), map[string]lambda.Handler{"f": echo}, gateway.Options{})
		w := ask(api, httptest.NewRequest(c.method, c.url, nil))
		if c.route == "" {
			if w.Code != http.StatusNotFound || strings.TrimSpace(w.Body.String()) != `{"message":"Not Found"}` {
				t.Errorf("%s %s: %d %s, want 404 Not Found", c.method, c.url, w.Code, w.Body)
			}
			continue
		}
		var got struct {
			Route string
			Vars  vars
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Errorf("%s %s: %d %s, want the route %s", c.method, c.url, w.Code, w.Body, c.route)
			continue
		}
		if got.Route != c.route || !cmp.Equal(got.Vars, c.vars) {
			t.Errorf("%s %s: route %s with %v, want %s with %v", c.method, c.url, got.Route, got.Vars, c.route, c.vars)
		}
	}
}

func TestRoutesThatDifferOnlyInTheNamesOfVariablesAreRefused(t *testing.T) {
	for _, routes := range [][]string{
		{"GET /a/{x}", "GET /a/{y}"}, {"GET /{x+}", "GET /{y+}"}, {"get /a", "GET /a"}, {"", ""}, {"ANY /a", "any /a"},
	} {
		_, err := gateway.ParseTemplate("t.yaml", []byte(templateOf(routes...)), nil)
		if err == nil || !strings.Contains(err.Error(), "the route is taken by") {
			t.Errorf("%q: %v, want an error that says that the route is taken", routes, err)
		}
	}
	if _, err := gateway.ParseTemplate("t.yaml", []byte(templateOf("GET /a/{x}", "GET /a/{y+}", "ANY /a/{x}")), nil); err != nil {
		t.Error(err)
	}
}

func TestSlashAtTheEndIsNoWayAroundTheAuthorizer(t *testing.T) {
	api := serve(t, sample, map[string]lambda.Handler{
		"open": echo, "guarded": echo, "guard": answering(`{"isAuthorized":false}`),
	}, gateway.Options{})
	for _, path := range []string{"/guarded", "/guarded/", "//guarded", "/./guarded", "/open/../guarded", "/%67uarded", "/guarded%2F", "/GUARDED"} {
		if w := ask(api, httptest.NewRequest("GET", path, nil)); w.Code != http.StatusUnauthorized && w.Code != http.StatusNotFound {
			t.Errorf("%s without a token: %d %s, want 401 or 404", path, w.Code, w.Body)
		}
	}
}
