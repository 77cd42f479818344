// Package trace tells an OpenTelemetry collector how long events and the calls within them took. It writes OTLP over HTTP, in JSON, to the collector that a layer of
// Lambda runs beside the function. It owns the form and the sending; what is worth a span is said by its callers.
//
// Without a Tracer there are no spans, and Span costs a look at the context.
package trace

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"strings"
	"sync"
	"time"
)

// Parent is where a trace goes on.
type Parent struct {
	TraceID string // 32 hexadecimal digits
	SpanID  string // 16; empty: the span is the first
	Sampled bool
}

// FromXRay reads the header X-Amzn-Trace-Id as Lambda writes it, "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1". When there is none
// that can be read, the parent is a new trace that is not sampled.
func FromXRay(header string) (p Parent) {
	for field := range strings.SplitSeq(header, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		switch name {
		case "Root": // 1-, the seconds in 8 digits, -, and 24 digits (AWS X-Ray, "Trace ID format"): together they are the id of the trace
			if version, id, _ := strings.Cut(value, "-"); version == "1" && len(id) == 33 && id[8] == '-' {
				p.TraceID = idOf(id[:8]+id[9:], 32)
			}
		case "Parent":
			p.SpanID = idOf(value, 16)
		case "Sampled":
			p.Sampled = value == "1"
		}
	}
	if p.TraceID == "" {
		return Parent{TraceID: newID(16)}
	}
	return p
}

// idOf returns an id of so many hexadecimal digits; empty when text is none, or all zeros, which OpenTelemetry takes for none.
func idOf(text string, digits int) string {
	if _, err := hex.DecodeString(text); err != nil || len(text) != digits || strings.Trim(text, "0") == "" {
		return ""
	}
	return strings.ToLower(text)
}

// newID returns an id of so many bytes, which is not all zeros.
func newID(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails
	b[0] |= 1
	return hex.EncodeToString(b)
}

// most is how many spans of one event are told.
const most = 128

// recording is what happens while one event is answered.
type recording struct {
	now   func() time.Time
	trace string
	root  string // id of the event's span

	mu    sync.Mutex
	spans []span
	lost  int
}

type recordingKey struct{}

// Attribute is something that is said of a span. It never has anything of a person or a credential.
type Attribute struct{ Name, Value string }

// Span begins a call within the event of ctx, and returns what ends it. It does nothing where no event is recorded.
func Span(ctx context.Context, name string, attributes ...Attribute) (ended func(error)) {
	r, _ := ctx.Value(recordingKey{}).(*recording)
	if r == nil {
		return func(error) {}
	}
	begun := r.now()
	return func(err error) {
		r.add(span{TraceID: r.trace, ID: newID(8), ParentID: r.root, Name: name, Kind: kindClient, Begun: nano(begun), Ended: nano(r.now()), Attributes: saidOf(attributes), Status: statusOf(err)})
	}
}

func (r *recording) add(s span) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.spans) == most {
		r.lost++
		return
	}
	r.spans = append(r.spans, s)
}
