package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/internal/samtemplate"
	"github.com/wavepass/wavepass/pkg/policy"
	"github.com/wavepass/wavepass/pkg/policy/policyfile"
)

// exampleRoutes are the routes of one kind of event in the example's template, and whether each is open.
func exampleRoutes(t *testing.T, kind, api, id string) map[string]bool {
	t.Helper()
	template, err := samtemplate.Read(filepath.Join(protectedAPI, "template.yaml"), nil)
	check(t, err)
	open := map[string]bool{}
	for _, f := range template.Resources("AWS::Serverless::Function") {
		for _, event := range f.Value.Get("Properties").Get("Events").Fields {
			if event.Value.Get("Type").Text != kind {
				continue
			}
			properties := event.Value.Get("Properties")
			if got := properties.Get(id); got.Tag != "!Ref" || got.Text != api {
				t.Errorf("%s of %s is at another API than %s", event.Name, f.Name, api)
			}
			open[properties.Get("Method").Text+" "+properties.Get("Path").Text] = properties.Get("Auth").Kind != samtemplate.Absent
		}
	}
	return open
}

// Each route is at both APIs, asks the authorizer unless it is meant to be open, and has a line of the policy.
func TestProtectedAPIGuardsEveryRoute(t *testing.T) {
	routes := exampleRoutes(t, "HttpApi", "HttpApi", "ApiId")
	if difference := cmp.Diff(routes, exampleRoutes(t, "Api", "RestApi", "RestApiId")); difference != "" {
		t.Errorf("the APIs have other routes (-HTTP +REST):\n%s", difference)
	}
	text, err := os.ReadFile(filepath.Join(protectedAPI, "policy.yaml"))
	check(t, err)
	document, err := policyfile.Read(text)
	check(t, err)
	compiled, err := policy.New(document)
	check(t, err)
	var open []string
	for _, route := range slices.Sorted(maps.Keys(routes)) {
		if routes[route] {
			open = append(open, route)
			continue
		}
		method, path, _ := strings.Cut(route, " ")
		line, err := compiled.Line(policy.Request{Route: route, Method: method, Path: path})
		if err != nil || line == "unlisted" {
			t.Errorf("%s: by %q, error %v; want a line of the policy", route, line, err)
		}
	}
	if want := []string{"GET /items"}; !slices.Equal(open, want) {
		t.Errorf("open routes %v, want %v", open, want)
	}
	if document.Unlisted != policy.Deny {
		t.Error("routes that are forgotten in the policy are not denied")
	}
}
