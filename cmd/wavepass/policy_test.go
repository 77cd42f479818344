package main

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/policy"
)

// file writes a file and returns its name.
func file(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "policy.yaml")
	check(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

func TestPolicyCountsOnARunningServerWithinAMinuteAndFromTheStart(t *testing.T) {
	data := t.TempDir()
	members := file(t, "unlisted: deny\nroutes:\n  GET /userinfo: { roles: [member] }\n")
	s := start(t, "--data", data, "--policy", members)
	token := s.login().AccessToken
	if got := s.get("/userinfo", token); got != http.StatusOK {
		t.Errorf("/userinfo by a member: %d, want 200", got)
	}
	if got := s.get("/sessions", token); got != http.StatusForbidden {
		t.Errorf("/sessions, which is not listed: %d, want 403", got)
	}

	admins := file(t, "unlisted: deny\nroutes:\n  GET /userinfo: { roles: [admin] }\n")
	said := mustCommand(t, "policy", "apply", admins, "--data", data)
	if !strings.Contains(said, "~ GET /userinfo: roles member → roles admin\n") || !strings.Contains(said, "applied") {
		t.Errorf("apply says %q, want the difference", said)
	}
	check(t, s.stop())
	s = start(t, "--data", data) // a function that starts reads it at once
	token = s.login().AccessToken
	if got := s.get("/userinfo", token); got != http.StatusForbidden {
		t.Errorf("/userinfo by a member: %d, want 403", got)
	}
	mustCommand(t, "policy", "remove", "--yes", "--data", data)
	check(t, s.stop())
	s = start(t, "--data", data)
	if got := s.get("/userinfo", s.login().AccessToken); got != http.StatusOK {
		t.Errorf("/userinfo without a policy: %d, want 200", got)
	}
}

// get returns the status of a request with an access token.
func (s *server) get(path, token string) int {
	s.t.Helper()
	return s.do("GET", path, "", "", "Authorization", "Bearer "+token).Status
}

func TestPolicyCommandsOnAnIdleFolder(t *testing.T) {
	deploymentInFolder(t)
	before := len(as[[]audit.Event](t, "audit", "list"))
	name := file(t, "unlisted: deny\nroutes:\n  GET /orders/{id}: { scopes: [orders:read], max_auth_age: 15m }\n  GET /news: {}\n")
	pages := file(t, "unlisted: deny\nroutes:\n  GET /shop: { session: optional }\n  GET /basket: {}\n")

	if got := as[result](t, "policy", "apply", pages, "--dry-run"); !slices.Contains(got.Changes, "+ GET /shop: session optional") {
		t.Errorf("dry run: %+v, want the line whose session is optional", got)
	}
	if got := as[result](t, "policy", "apply", name, "--dry-run"); !got.Changed || len(got.Changes) != 3 {
		t.Errorf("dry run: %+v, want three changes", got)
	}
	if got := as[[]policyJSON](t, "policy", "list"); len(got) != 0 {
		t.Errorf("after a dry run there is %+v", got)
	}
	for _, other := range []string{"1", "7"} {
		if _, _, err := command(t, "policy", "apply", name, "--replaces", other); err == nil || !strings.Contains(err.Error(), "has the version 0, and not "+other+", so nothing was done") {
			t.Errorf("in place of version %s, of which there is none: %v", other, err)
		}
	}
	if got := as[result](t, "policy", "apply", name, "--api", "abc123", "--replaces", "0"); !got.Changed || got.API != "abc123" {
		t.Errorf("apply: %+v, want it changed", got)
	}
	if got := as[result](t, "policy", "apply", name, "--api", "abc123"); got.Changed || len(got.Changes) != 0 {
		t.Errorf("apply again: %+v, want no change", got)
	}
	shown := as[policy.Document](t, "policy", "show", "--api", "abc123")
	if len(shown.Routes) != 2 || shown.Routes[0].MaxAuthAge != 900 {
		t.Errorf("shown: %+v", shown)
	}
	if text := mustCommand(t, "policy", "show", "--api", "abc123"); !strings.Contains(text, "max_auth_age: 15m}") {
		t.Errorf("shown as a file: %s", text)
	}
	for _, test := range []struct {
		args    []string
		allowed bool
		line    string
	}{
		{[]string{"GET /orders/7", "--scope", "orders:read"}, true, "GET /orders/{id}"},
		{[]string{"GET /orders/7", "--scope", "orders:read", "--auth-age", "16m"}, false, "GET /orders/{id}"},
		{[]string{"GET /orders/7", "--scope", "orders:read", "--no-login"}, false, "GET /orders/{id}"},
		{[]string{"GET /orders/7", "--role", "admin"}, false, "GET /orders/{id}"},
		{[]string{"GET /News", "--route", "$default"}, false, ""},
		{[]string{"GET /news"}, true, "GET /news"},
		{[]string{"GET /news", "--file", name}, true, "GET /news"},
		{[]string{"GET /news", "--no-session"}, false, "GET /news"},
		{[]string{"GET /shop", "--no-session", "--file", pages}, true, "GET /shop"},
		{[]string{"GET /basket", "--no-session", "--file", pages}, false, "GET /basket"},
	} {
		text, _, err := command(t, append([]string{"policy", "test", "--api", "abc123"}, test.args...)...)
		if allowed := err == nil; allowed != test.allowed || allowed && !strings.Contains(text, "by "+test.line) {
			t.Errorf("%v: %q, error %v, want it allowed: %t by %s", test.args, text, err, test.allowed, test.line)
		}
	}
	if got := as[result](t, "policy", "remove", "--api", "abc123", "--yes"); !got.Changed {
		t.Errorf("remove: %+v, want it changed", got)
	}
	if got := as[result](t, "policy", "remove", "--api", "abc123", "--yes"); got.Changed {
		t.Errorf("remove again: %+v, want no change", got)
	}
	if got := as[[]policyJSON](t, "policy", "list"); len(got) != 1 || got[0] != (policyJSON{"abc123", 2, true}) {
		t.Errorf("list: %+v, want one that was removed", got)
	}
	events := as[[]audit.Event](t, "audit", "list")[before:]
	if len(events) != 2 || events[0].Name != audit.PolicySet || events[0].API != "abc123" || events[1].Name != audit.PolicyRemoved || events[1].Actor != "operator:grace" {
		t.Errorf("events %+v, want one that it was set and one that it was removed", events)
	}
}

func TestPolicyThatIsWrongChangesNothing(t *testing.T) {
	deploymentInFolder(t)
	good := file(t, "unlisted: allow\nroutes: {}\n")
	mustCommand(t, "policy", "apply", good)
	for says, args := range map[string][]string{
		"line 3: GET /x: roles[0]":    {"apply", file(t, "unlisted: deny\nroutes:\n  GET /x: { roles: [a b] }\n")},
		"no such file":                {"apply", "none.yaml"},
		"longer than 128 KB":          {"apply", file(t, strings.Repeat("# more\n", 20_000))},
		`--api "a/b"`:                 {"apply", good, "--api", "a/b"},
		"add --yes":                   {"remove"},
		"the API abc123 is not there": {"show", "--api", "abc123"},
		"want a method, a space":      {"test", "/orders"},
		"is empty":                    {"apply", good, "--api", ""},
		"name it with --api":          {"apply", file(t, "unlisted: allow\naudience: https://orders.example.com\nroutes: {}\n")},
	} {
		if out, _, err := command(t, append([]string{"policy"}, args...)...); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: %q, error %v, want one that says %q", args, out, err, says)
		}
	}
	if got := as[policy.Document](t, "policy", "show"); got.Unlisted != policy.Allow || len(got.Routes) != 0 {
		t.Errorf("the policy is %+v, want the good one", got)
	}
}
