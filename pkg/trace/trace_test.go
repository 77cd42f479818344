package trace_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/wavepass/wavepass/pkg/trace"
)

const (
	traceID = "5bef4de7ad49b0e87f6ef6c87fc2e700"
	sampled = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1"
)

// collector takes what is sent, and reads it as OpenTelemetry's own collector does.
type collector struct {
	*httptest.Server
	mu    sync.Mutex
	spans []ptrace.Span
	of    []string // service.name
}

func newCollector(t *testing.T) *collector {
	c := &collector{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		traces, readErr := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(body)
		if err := errors.Join(err, readErr); err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: %v", r.Method, r.URL, err)
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, resource := range traces.ResourceSpans().All() {
			name, _ := resource.Resource().Attributes().Get("service.name")
			c.of = append(c.of, name.Str())
			for _, scope := range resource.ScopeSpans().All() {
				for _, s := range scope.Spans().All() {
					c.spans = append(c.spans, s)
				}
			}
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "{}")
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *collector) tracer(t *testing.T, sampler string, log io.Writer) *trace.Tracer {
	t.Helper()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var mu sync.Mutex
	tracer, err := trace.New(trace.Settings{Exporter: "otlp", Endpoint: c.URL, Sampler: sampler, Function: "refresh"}, slog.New(slog.NewTextHandler(log, nil)), func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(time.Millisecond)
		return now
	})
	if err != nil {
		t.Fatal(err)
	}
	return tracer
}

type handler func(context.Context, []byte) ([]byte, error)

func (h handler) Invoke(ctx context.Context, event []byte) ([]byte, error) { return h(ctx, event) }

// twoCalls answers an event after two calls of the table, one of which fails.
func twoCalls(ctx context.Context, _ []byte) ([]byte, error) {
	trace.Span(ctx, "DynamoDB.GetItem", trace.Attribute{Name: "db.operation.name", Value: "GetItem"})(nil)
	trace.Span(ctx, "DynamoDB.UpdateItem")(errors.New("with a secret in it"))
	return []byte(`{"statusCode":503}`), nil
}

func of(t *testing.T, header string) context.Context {
	//lint:ignore SA1029 the key of aws-lambda-go
	return context.WithValue(t.Context(), "x-amzn-trace-id", header)
}

func TestAnEventIsOneTraceFromItsParentToTheTable(t *testing.T) {
	c := newCollector(t)
	h := c.tracer(t, "", io.Discard).Around(handler(twoCalls))
	if answer, err := h.Invoke(of(t, sampled), []byte(`{"requestContext":{"routeKey":"POST /refresh"},"body":"a secret"}`)); err != nil || string(answer) != `{"statusCode":503}` {
		t.Fatalf("%s, %v", answer, err)
	}
	if len(c.spans) != 3 || len(c.of) != 1 || c.of[0] != "refresh" {
		t.Fatalf("%d spans of %q, want 3 of refresh in one request", len(c.spans), c.of)
	}
	get, update, root := c.spans[0], c.spans[1], c.spans[2]
	for _, s := range c.spans {
		if s.TraceID().String() != traceID || s.SpanID().IsEmpty() || !s.EndTimestamp().AsTime().After(s.StartTimestamp().AsTime()) {
			t.Errorf("%s: trace %s, span %s, from %s to %s", s.Name(), s.TraceID(), s.SpanID(), s.StartTimestamp(), s.EndTimestamp())
		}
	}
	if root.Name() != "POST /refresh" || root.Kind() != ptrace.SpanKindServer || root.ParentSpanID().String() != "9a9197af755a6419" || root.Status().Code() != ptrace.StatusCodeUnset {
		t.Errorf("the event: %q, kind %s, parent %s, status %s", root.Name(), root.Kind(), root.ParentSpanID(), root.Status().Code())
	}
	if status, _ := root.Attributes().Get("http.response.status_code"); status.Int() != 503 {
		t.Errorf("status %d", status.Int())
	}
	if operation, _ := get.Attributes().Get("db.operation.name"); get.Name() != "DynamoDB.GetItem" || get.Kind() != ptrace.SpanKindClient || get.ParentSpanID() != root.SpanID() || operation.Str() != "GetItem" {
		t.Errorf("the first call: %q, kind %s, parent %s, %q", get.Name(), get.Kind(), get.ParentSpanID(), operation.Str())
	}
	if update.Status().Code() != ptrace.StatusCodeError || update.Status().Message() != "" {
		t.Errorf("the call that failed: %s %q, want an error without words", update.Status().Code(), update.Status().Message())
	}
}

func TestOnlySampledEventsAreTold(t *testing.T) {
	for _, tc := range []struct {
		sampler, header string
		spans           int
	}{
		{"", strings.Replace(sampled, "Sampled=1", "Sampled=0", 1), 0}, {"parentbased_always_on", "", 0}, {"parentbased_always_on", sampled, 3},
		{"always_on", strings.Replace(sampled, "Sampled=1", "Sampled=0", 1), 3}, {"always_on", "", 3}, {"always_on", "Root=1-x;Parent=y", 3},
	} {
		c := newCollector(t)
		if _, err := c.tracer(t, tc.sampler, io.Discard).Around(handler(twoCalls)).Invoke(of(t, tc.header), []byte(`{}`)); err != nil || len(c.spans) != tc.spans {
			t.Errorf("%q, %q: %d spans, %v, want %d", tc.sampler, tc.header, len(c.spans), err, tc.spans)
		}
		for _, s := range c.spans {
			if s.TraceID().IsEmpty() {
				t.Errorf("%q, %q: a span of no trace", tc.sampler, tc.header)
			}
		}
	}
}

func TestSpansThatAreTooManyAreCounted(t *testing.T) {
	c := newCollector(t)
	_, err := c.tracer(t, "always_on", io.Discard).Around(handler(func(ctx context.Context, _ []byte) ([]byte, error) {
		for range 200 {
			trace.Span(ctx, "call")(nil)
		}
		return nil, errors.New("failed")
	})).Invoke(t.Context(), []byte(`{}`))
	if err == nil || len(c.spans) != 129 {
		t.Fatalf("%d spans, %v, want 128 and that of the event", len(c.spans), err)
	}
	root := c.spans[128]
	if lost, _ := root.Attributes().Get("wavepass.spans_lost"); lost.Int() != 72 || root.Status().Code() != ptrace.StatusCodeError {
		t.Errorf("%d lost, status %s", lost.Int(), root.Status().Code())
	}
}

// A collector that fails, hangs or is not there costs a bounded time, one line in the log, and no answer.
func TestCollectorThatTakesNothingFailsNoEvent(t *testing.T) {
	release := make(chan struct{})
	for name, serve := range map[string]http.HandlerFunc{
		"fails": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"hangs": func(http.ResponseWriter, *http.Request) { <-release },
		"gone":  nil,
	} {
		c, log := &collector{Server: httptest.NewServer(serve)}, &bytes.Buffer{}
		if serve == nil {
			c.Close()
		} else {
			defer c.Close()
		}
		h := c.tracer(t, "always_on", log).Around(handler(twoCalls))
		begun := time.Now()
		for range 2 {
			if _, err := h.Invoke(t.Context(), []byte(`{}`)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if took := time.Since(begun); took > 5*time.Second || strings.Count(log.String(), "\n") != 1 {
			t.Errorf("%s: took %s, logged %q", name, took, log)
		}
	}
	close(release)
}

func TestWithoutExporterThereIsNoTracerAndASpanAllocatesNothing(t *testing.T) {
	for _, exporter := range []string{"", "none"} {
		if tracer, err := trace.New(trace.Settings{Exporter: exporter, Endpoint: "nonsense"}, nil, nil); tracer != nil || err != nil {
			t.Errorf("%q: %v, %v", exporter, tracer, err)
		}
	}
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() { trace.Span(ctx, "call")(nil) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestSettingsThatCannotBeMeantAreNamed(t *testing.T) {
	for variable, s := range map[string]trace.Settings{
		"OTEL_TRACES_EXPORTER":        {Exporter: "zipkin"},
		"OTEL_TRACES_SAMPLER":         {Exporter: "otlp", Sampler: "xray"},
		"OTEL_EXPORTER_OTLP_ENDPOINT": {Exporter: "otlp", Endpoint: "localhost:4318"},
	} {
		if _, err := trace.New(s, nil, nil); err == nil || !strings.HasPrefix(err.Error(), variable) {
			t.Errorf("%s: %v", variable, err)
		}
	}
}
