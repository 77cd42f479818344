package discovery_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/endpoint/discovery"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/resource"
)

const (
	rootResource = "GET /.well-known/oauth-protected-resource"
	belowIt      = "GET /.well-known/oauth-protected-resource/{path+}"
)

func register(t *testing.T, store resource.Store, uri, document string) {
	t.Helper()
	if err := store.PutResource(t.Context(), resource.Key(uri), resource.Record{Version: 1, Document: []byte(document)}); err != nil {
		t.Fatal(err)
	}
}

func TestResourcesOfTheIssuersOwnHostAreDescribed(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	register(t, d.Store, "https://id.example.com/a/mcp", `{"resource":"https://id.example.com/a/mcp","resource_name":"Notes","scopes_supported":["notes:read"]}`)
	register(t, d.Store, "https://id.example.com", `{"resource":"https://id.example.com"}`)
	register(t, d.Store, "https://other.example/b", `{"resource":"https://other.example/b"}`)
	below := func(path string) deployment.Request {
		return deployment.Request{Route: belowIt, Path: map[string]string{"path": path}}
	}
	got := d.Do(below("a/mcp"))
	d.Want("below", got, 200, "")
	const want = `{"resource":"https://id.example.com/a/mcp","authorization_servers":["https://id.example.com"],"scopes_supported":["notes:read"],` +
		`"bearer_methods_supported":["header"],"resource_name":"Notes"}`
	if got.Body != want || got.Headers["Cache-Control"] != "public, max-age=300" {
		t.Errorf("%s\nwant %s\n%v", got.Body, want, got.Headers)
	}
	for _, request := range []deployment.Request{{Route: rootResource}, below("a/mcp")} {
		if again := d.Do(request.With("if-none-match", "*")); again.StatusCode != 304 || again.Body != "" {
			t.Errorf("%s again: %d %s", request.Route, again.StatusCode, again.Body)
		}
	}
	d.Want("a host without one", deployment.New(t, browser.Jar{}).Do(deployment.Request{Route: rootResource}), 404, "not_found")
	if root := d.Do(deployment.Request{Route: rootResource}); root.StatusCode != 200 || !strings.Contains(root.Body, `"resource":"https://id.example.com"`) {
		t.Errorf("root: %d %s", root.StatusCode, root.Body)
	}
	for _, path := range []string{"b", "a/mcp/", "/a/mcp", "a//mcp", "A/mcp", "a/mcp?x", "../b", "a/%6dcp", strings.Repeat("x", 5000), "\x00"} {
		got := d.Do(below(path))
		if got.StatusCode != 404 || got.Error != "not_found" || got.Headers["Cache-Control"] != "no-store" {
			t.Errorf("%.20q: %d %s %v, want a 404 that no cache keeps", path, got.StatusCode, got.Body, got.Headers)
		}
	}
	d.Store.Before = hooks.Fail("Resource")
	d.Want("while the table is away", d.Do(below("a/mcp")), 503, "temporarily_unavailable")
}

// An issuer may have a path: the resources of its host have none of it.
func TestIssuerWithAPathDescribesItsHost(t *testing.T) {
	clock := testclock.New(deployment.Start)
	store := fakestore.New(clock.Now)
	register(t, store, "https://example.com/mcp", `{"resource":"https://example.com/mcp"}`)
	settings := deployment.Settings(io.Discard, clock.Now)
	settings.Issuer = "https://example.com/auth"
	got, err := discovery.New(settings, store)(context.Background(), events.APIGatewayV2HTTPRequest{RouteKey: belowIt, PathParameters: map[string]string{"path": "mcp"},
		Headers: map[string]string{"host": "other.example"}})
	if err != nil || got.StatusCode != 200 || !strings.Contains(got.Body, `"authorization_servers":["https://example.com/auth"]`) {
		t.Errorf("%d %s %v", got.StatusCode, got.Body, err)
	}
}
