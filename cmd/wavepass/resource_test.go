package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/resource"
)

func TestLifeOfAResource(t *testing.T) {
	data := t.TempDir()
	s := start(t, "--data", data)
	uri := s.url + "/mcp"
	on := func(args ...string) []string { return append(args, "--data", data) }
	add := on("resource", "add", uri, "--scope", "notes:read", "--scope", "notes:write", "--name", "Notes", "--open")
	if out := mustCommand(t, add...); !strings.Contains(out, "added  resource "+uri) || !strings.Contains(out, s.url+"/.well-known/oauth-protected-resource/mcp") {
		t.Errorf("add: %s", out)
	}
	if _, _, err := command(t, add...); err == nil || !strings.Contains(err.Error(), "resource set") {
		t.Errorf("add again: %v, want an error that names `resource set`", err)
	}
	served := func() resource.Metadata {
		t.Helper()
		a := s.do("GET", "/.well-known/oauth-protected-resource/mcp", "", "")
		var m resource.Metadata
		if err := json.Unmarshal([]byte(a.Body), &m); err != nil || a.Status != 200 {
			t.Fatalf("%d %s (%v)", a.Status, a.Body, err)
		}
		return m
	}
	if m := served(); m.Resource != uri || m.Servers[0] != s.url || strings.Join(m.Scopes, " ") != "notes:read notes:write" || m.Name != "Notes" {
		t.Errorf("served: %+v", m)
	}
	mustCommand(t, on("resource", "set", uri, "--scope", "notes:read", "--clear", "name", "--documentation", "https://docs.example.com", "--no-open")...)
	if out := mustCommand(t, on("resource", "set", uri, "--no-open")...); !strings.Contains(out, "no change") {
		t.Errorf("the same again: %s", out)
	}
	if m := served(); strings.Join(m.Scopes, " ") != "notes:read" || m.Name != "" || m.Documentation != "https://docs.example.com" {
		t.Errorf("after set: %+v", m)
	}
	if list := as[[]resourceJSON](t, on("resource", "list", "--json")...); len(list) != 1 || list[0].URI != uri || list[0].Open || list[0].Scopes[0] != "notes:read" {
		t.Errorf("list: %+v", list)
	}
	if m := as[resource.Metadata](t, on("resource", "show", uri, "--document", "https://id.example.com", "--json")...); m.Servers[0] != "https://id.example.com" || m.Resource != uri {
		t.Errorf("document: %+v", m)
	}
	mustCommand(t, on("resource", "remove", uri, "--yes")...)
	if a := s.do("GET", "/.well-known/oauth-protected-resource/mcp", "", ""); a.Status != 404 {
		t.Errorf("after the removal: %d", a.Status)
	}
	for _, args := range [][]string{{"show", uri}, {"set", uri, "--open"}, {"remove", uri, "--yes"}} {
		if _, _, err := command(t, on(append([]string{"resource"}, args...)...)...); err == nil || !strings.Contains(err.Error(), "there is no resource") {
			t.Errorf("%v of one that was removed: %v", args, err)
		}
	}
	var names []string
	for _, e := range as[[]audit.Event](t, on("audit", "list")...) {
		if e.Resource == uri {
			names = append(names, e.Name)
		}
	}
	if got := strings.Join(names, " "); got != "resource_set resource_set resource_removed" {
		t.Errorf("events: %s", got)
	}
	mustCommand(t, add...) // comes back under its address
}

func TestResourcesAreRefusedWithAReason(t *testing.T) {
	data := t.TempDir()
	start(t, "--data", data)
	for says, args := range map[string][]string{
		"without the slash at the end": {"add", "https://mcp.example.com/"},
		"want https":                   {"add", "http://mcp.example.com"},
		"offline_access":               {"add", "https://mcp.example.com", "--scope", "offline_access"},
		"nothing to set":               {"set", "https://mcp.example.com"},
		"exactly as its metadata say":  {"show", "https://mcp.example.com", "--document", "https://id.example.com/"},
		"there is no resource":         {"show", "https://mcp.example.com"},
		"--yes":                        {"remove", "https://mcp.example.com"},
	} {
		if _, _, err := command(t, append([]string{"resource"}, append(args, "--data", data)...)...); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: %v, want an error that says %q", args, err, says)
		}
	}
	if list := as[[]resourceJSON](t, "resource", "list", "--json", "--data", data); len(list) != 0 {
		t.Errorf("%v", list)
	}
}
