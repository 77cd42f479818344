package resource_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/resource"
)

func TestAddressesHaveOneSpelling(t *testing.T) {
	for _, uri := range []string{
		"https://mcp.example.com", "https://mcp.example.com/mcp", "https://mcp.example.com:8443/a/b-c_d.e~f", "http://localhost:3000/mcp", "http://127.0.0.1/mcp",
		"http://[::1]:3000/mcp", "https://xn--caf-dma.example/MCP",
	} {
		if err := resource.CheckURI(uri); err != nil {
			t.Error(err)
		}
	}
	for uri, says := range map[string]string{
		"":                                              "want an address like",
		"mcp":                                           "want an address like",
		"mcp.example.com/mcp":                           "want an address like",
		"urn:example:mcp":                               "want an address like",
		"https:///mcp":                                  "want an address like",
		"ftp://mcp.example.com":                         "want an address like",
		"http://mcp.example.com/mcp":                    "want https",
		"http://127.0.0.1.example.com/mcp":              "want https",
		"http://10.0.0.1/mcp":                           "want https",
		"https://ada@mcp.example.com/mcp":               "user name",
		"https://mcp.example.com/mcp?x=1":               "query",
		"https://mcp.example.com/mcp?":                  "query",
		"https://mcp.example.com/mcp#":                  "fragment",
		"https://mcp.example.com/":                      "slash at the end",
		"https://mcp.example.com/mcp/":                  "slash at the end",
		"https://MCP.example.com/mcp":                   "want a host",
		"https://mcp.example.com:/mcp":                  "want a host",
		"https://mcp.example.com:0443/mcp":              "want a host",
		"https://mcp.example.com:0/mcp":                 "want a host",
		"https://mcp.example.com:99999/mcp":             "want a host",
		"https://*.example.com/mcp":                     "want a host",
		"https://mcp.example.com:443/mcp":               "leave the port out",
		"http://localhost:80/mcp":                       "leave the port out",
		"HTTPS://mcp.example.com/mcp":                   "write it as https://",
		"https://mcp.example.com//mcp":                  "want a path",
		"https://mcp.example.com/a/../mcp":              "want a path",
		"https://mcp.example.com/./mcp":                 "want a path",
		"https://mcp.example.com/m%63p":                 "write it as",
		"https://mcp.example.com/a%2Fb":                 "write it as",
		"https://mcp.example.com/a b":                   "want a path",
		"https://mcp.example.com/caf\u00e9":             "want a path",
		"https://mcp.example.com/{path}":                "want a path",
		"https://mcp.example.com/a\\b":                  "want a path",
		"https://mcp.example.com/mcp\n":                 "want an address like",
		"https://x.example/" + strings.Repeat("a", 143): "161 bytes",
	} {
		err := resource.CheckURI(uri)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want an error that says %q", uri, err, says)
		}
	}
	if err := resource.CheckURI("https://x.example/" + strings.Repeat("a", 142)); err != nil {
		t.Errorf("160 bytes: %v", err)
	}
}

func TestDefinitionsAreChecked(t *testing.T) {
	good := resource.Resource{
		URI: "https://mcp.example.com/mcp", Name: "Café notes", Documentation: "https://docs.example.com/mcp?v=1#start", Scopes: []string{"notes:read", "openid"},
	}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for says, change := range map[string]func(*resource.Resource){
		"resource":                 func(r *resource.Resource) { r.URI = "x" },
		"name":                     func(r *resource.Resource) { r.Name = strings.Repeat("é", 65) },
		"printable":                func(r *resource.Resource) { r.Name = "a\u0000b" },
		"documentation":            func(r *resource.Resource) { r.Documentation = "javascript:alert(1)" },
		"documentation \"http://d": func(r *resource.Resource) { r.Documentation = "http://docs.example.com" },
		"without space":            func(r *resource.Resource) { r.Scopes = []string{"a b"} },
		"twice":                    func(r *resource.Resource) { r.Scopes = []string{"a", "b", "a"} },
		"offline_access":           func(r *resource.Resource) { r.Scopes = []string{"offline_access"} },
		"\"account\"":              func(r *resource.Resource) { r.Scopes = []string{"account"} },
		"sessions:manage":          func(r *resource.Resource) { r.Scopes = []string{"sessions:manage"} },
		"512 bytes":                func(r *resource.Resource) { r.Scopes = []string{strings.Repeat("a", 300), strings.Repeat("b", 212)} },
	} {
		r := good
		change(&r)
		if err := r.Check(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
}

func TestMetadataIsTheDocumentOfRFC9728(t *testing.T) {
	r := resource.Resource{URI: "https://mcp.example.com/a/mcp", Name: "Notes", Documentation: "https://docs.example.com", Scopes: []string{"notes:read"}, Open: true}
	text, err := json.Marshal(r.Metadata("https://id.example.com"))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"resource":"https://mcp.example.com/a/mcp","authorization_servers":["https://id.example.com"],"scopes_supported":["notes:read"],` +
		`"bearer_methods_supported":["header"],"resource_name":"Notes","resource_documentation":"https://docs.example.com"}`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Error(diff)
	}
	for uri, want := range map[string]string{
		"https://mcp.example.com/a/mcp": "https://mcp.example.com/.well-known/oauth-protected-resource/a/mcp",
		"http://localhost:3000":         "http://localhost:3000/.well-known/oauth-protected-resource",
	} {
		if got := (resource.Resource{URI: uri}).MetadataAddress(); got != want {
			t.Errorf("%s: %s, want %s", uri, got, want)
		}
	}
}

func TestRemovedAndMalformedAddressesAreUnknown(t *testing.T) {
	store := fakestore.New(time.Now)
	put := func(uri string, version int64, document string) {
		t.Helper()
		if err := store.PutResource(context.Background(), resource.Key(uri), resource.Record{Version: version, Document: []byte(document)}); err != nil {
			t.Fatal(err)
		}
	}
	put("https://a.example", 1, `{"resource":"https://a.example","scopes_supported":["x"]}`)
	put("https://b.example", 1, `{"resource":"https://b.example"}`)
	put("https://b.example", 2, "")
	if r, err := resource.Find(t.Context(), store, "https://a.example"); err != nil || r.URI != "https://a.example" || len(r.Scopes) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	store.ForgetCalls()
	for _, uri := range []string{"https://a.example/", "https://A.example", "https://a.example/" + strings.Repeat("x", 1000), "%"} {
		if _, err := resource.Find(t.Context(), store, uri); !errors.Is(err, resource.ErrUnknown) {
			t.Errorf("%.40s: %v", uri, err)
		}
	}
	if calls := store.Calls(); len(calls) != 0 {
		t.Errorf("addresses that no resource can have asked the store %v", calls)
	}
	if _, err := resource.Find(t.Context(), store, "https://b.example"); !errors.Is(err, resource.ErrUnknown) {
		t.Errorf("removed: %v", err)
	}
	if all, err := resource.Registered(t.Context(), store); err != nil || len(all) != 1 || all[0].URI != "https://a.example" {
		t.Errorf("%+v, %v", all, err)
	}
}
