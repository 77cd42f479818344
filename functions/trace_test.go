//go:build unix

package functions_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"sync"
	"testing"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

// idMembers are random, in characters that a short name may be made of, too.
var idMembers = regexp.MustCompile(`"(traceId|spanId|parentSpanId)":"[0-9a-f]+"`)

// TestFunctionsTellACollectorOfTheirCalls has a function send its traces, as it does beside a layer with a collector.
func TestFunctionsTellACollectorOfTheirCalls(t *testing.T) {
	var (
		mu    sync.Mutex
		names []string
		ids   = map[string]bool{}
		text  string
	)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		check(t, err)
		traces, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(body)
		check(t, err)
		mu.Lock()
		defer mu.Unlock()
		text += string(body)
		for _, resource := range traces.ResourceSpans().All() {
			for _, scope := range resource.ScopeSpans().All() {
				for _, s := range scope.Spans().All() {
					names, ids[s.TraceID().String()] = append(names, s.Name()), true
				}
			}
		}
	}))
	defer collector.Close()
	w := newWorld(t, map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_TRACES_SAMPLER": "always_on", "OTEL_EXPORTER_OTLP_ENDPOINT": collector.URL})
	login := w.start("login")
	tokens := login.login()
	w.start("authorizer").wantAllowed("traced", tokens.AccessToken, true)
	mu.Lock()
	defer mu.Unlock()
	for _, want := range []string{"POST /login", "DynamoDB.GetItem", "DynamoDB.Query", "DynamoDB.TransactWriteItems"} {
		if !slices.Contains(names, want) {
			t.Errorf("spans %q, want %s", names, want)
		}
	}
	if !ids["5bef4de7ad49b0e87f6ef6c87fc2e700"] || len(ids) != 1 {
		t.Errorf("traces %v, want that of Lambda's header", ids)
	}
	silence(t, "a trace", idMembers.ReplaceAllString(text, ""), tokens.AccessToken, tokens.RefreshToken, password, w.ada.Username)
}
