package trace

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Handler is a function as Lambda calls it; a lambda.Handler.
type Handler interface {
	Invoke(ctx context.Context, event []byte) ([]byte, error)
}

// OTLP is the Exporter of Settings that want traces.
const OTLP = "otlp"

// Settings are variables of OpenTelemetry ("Environment Variable Specification", "OpenTelemetry Protocol Exporter").
type Settings struct {
	Exporter string // OTEL_TRACES_EXPORTER: none or empty, which is none, or OTLP
	Endpoint string // OTEL_EXPORTER_OTLP_ENDPOINT: of the collector; empty: http://localhost:4318
	Sampler  string // OTEL_TRACES_SAMPLER: parentbased_always_on or empty, which asks what Lambda has decided, or always_on
	Service  string // OTEL_SERVICE_NAME; empty: Function

	Function string // AWS_LAMBDA_FUNCTION_NAME
}

// sendTime is how long an event may wait for the collector, which runs on the same machine.
const sendTime = 200 * time.Millisecond

// Tracer tells a collector of events.
type Tracer struct {
	url      string
	always   bool
	resource []attribute
	client   *http.Client
	log      *slog.Logger
	now      func() time.Time
	warned   sync.Once
}

// New returns a Tracer; nil, where the settings want none.
func New(s Settings, log *slog.Logger, now func() time.Time) (*Tracer, error) {
	switch s.Exporter {
	case "", "none":
		return nil, nil
	case OTLP:
	default:
		return nil, fmt.Errorf("OTEL_TRACES_EXPORTER: %q: want none or otlp", s.Exporter)
	}
	t := &Tracer{client: &http.Client{Timeout: sendTime}, log: log, now: now}
	switch s.Sampler {
	case "", "parentbased_always_on":
	case "always_on":
		t.always = true
	default:
		return nil, fmt.Errorf("OTEL_TRACES_SAMPLER: %q: want parentbased_always_on or always_on", s.Sampler)
	}
	if s.Endpoint == "" {
		s.Endpoint = "http://localhost:4318"
	}
	u, err := url.Parse(s.Endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_ENDPOINT: want an address like http://localhost:4318")
	}
	t.url = strings.TrimSuffix(s.Endpoint, "/") + "/v1/traces"
	if s.Service == "" {
		s.Service = s.Function
	}
	t.resource = saidOf([]Attribute{{"service.name", s.Service}, {"faas.name", s.Function}, {"cloud.provider", "aws"}, {"cloud.platform", "aws_lambda"}})
	return t, nil
}

// Around returns h with a span of each event that is sampled, and those of the calls within. The spans are sent before the event is answered, because a function is frozen
// afterwards. When the collector does not take them, they are lost, and a line in the log says so once.
func (t *Tracer) Around(h Handler) Handler {
	if t == nil {
		return h
	}
	return traced{t, h}
}

type traced struct {
	*Tracer
	handler Handler
}

// Invoke implements Handler.
func (t traced) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	header, _ := ctx.Value("x-amzn-trace-id").(string) // by aws-lambda-go
	parent := FromXRay(header)
	if !parent.Sampled && !t.always {
		return t.handler.Invoke(ctx, event)
	}
	r := &recording{now: t.now, trace: parent.TraceID, root: newID(8)}
	begun := t.now()
	answer, err := t.handler.Invoke(context.WithValue(ctx, recordingKey{}, r), event)
	r.mu.Lock()
	defer r.mu.Unlock()
	root := span{TraceID: r.trace, ID: r.root, ParentID: parent.SpanID, Name: nameOf(event), Kind: kindServer, Begun: nano(begun), Ended: nano(t.now()), Status: statusOf(err)}
	if status := statusCodeOf(answer); status != 0 {
		root.Attributes = append(root.Attributes, number("http.response.status_code", status))
	}
	if r.lost > 0 {
		root.Attributes = append(root.Attributes, number("wavepass.spans_lost", r.lost))
	}
	t.send(ctx, append(r.spans, root))
	return answer, err
}

// nameOf is the route of an event, as the gateway names it; of another event, what it is.
func nameOf(event []byte) string {
	var e struct {
		RouteKey, Resource, HTTPMethod string
		RequestContext                 struct{ RouteKey, HTTPMethod, ResourcePath string }
	}
	if err := json.Unmarshal(event, &e); err != nil {
		return "event"
	}
	switch {
	case e.RequestContext.RouteKey != "":
		return e.RequestContext.RouteKey
	case e.RouteKey != "":
		return e.RouteKey
	case e.Resource != "" && e.HTTPMethod != "":
		return e.HTTPMethod + " " + e.Resource
	}
	return "event"
}

// statusCodeOf is the status of an answer to an API; 0 of another answer.
func statusCodeOf(answer []byte) int {
	var a struct {
		StatusCode int `json:"statusCode"`
	}
	if err := json.Unmarshal(answer, &a); err != nil {
		return 0
	}
	return a.StatusCode
}

func (t *Tracer) send(ctx context.Context, spans []span) {
	if err := t.post(ctx, spans); err != nil {
		t.warned.Do(func() {
			t.log.WarnContext(ctx, "the collector of traces takes none; this is said once", "reason", err.Error())
		})
	}
}

func (t *Tracer) post(ctx context.Context, spans []span) error {
	body, err := json.Marshal(request{[]resourceSpans{{resource{t.resource}, []scopeSpans{{scope{"wavepass"}, spans}}}}})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := t.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<16))
	if answer.StatusCode != http.StatusOK {
		return errors.Join(fmt.Errorf("it answers %s", answer.Status), err)
	}
	return err
}
