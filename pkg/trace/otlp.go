package trace

import (
	"strconv"
	"time"
)

// The form is ExportTraceServiceRequest of OTLP 1.x in its JSON encoding: ids are hexadecimal, 64-bit numbers are text, enums are numbers.
type request struct {
	ResourceSpans []resourceSpans `json:"resourceSpans"`
}

type resourceSpans struct {
	Resource   resource     `json:"resource"`
	ScopeSpans []scopeSpans `json:"scopeSpans"`
}

type resource struct {
	Attributes []attribute `json:"attributes"`
}

type scopeSpans struct {
	Scope scope  `json:"scope"`
	Spans []span `json:"spans"`
}

type scope struct {
	Name string `json:"name"`
}

type span struct {
	TraceID    string      `json:"traceId"`
	ID         string      `json:"spanId"`
	ParentID   string      `json:"parentSpanId,omitempty"`
	Name       string      `json:"name"`
	Kind       int         `json:"kind"`
	Begun      string      `json:"startTimeUnixNano"`
	Ended      string      `json:"endTimeUnixNano"`
	Attributes []attribute `json:"attributes,omitempty"`
	Status     status      `json:"status"`
}

type status struct {
	Code int `json:"code,omitempty"`
}

const (
	kindServer = 2
	kindClient = 3

	statusError = 2
)

type attribute struct {
	Key   string `json:"key"`
	Value value  `json:"value"`
}

type value struct {
	Text   string `json:"stringValue,omitempty"`
	Number string `json:"intValue,omitempty"`
}

func number(name string, n int) attribute {
	return attribute{name, value{Number: strconv.Itoa(n)}}
}

func saidOf(attributes []Attribute) (said []attribute) {
	for _, a := range attributes {
		said = append(said, attribute{a.Name, value{Text: a.Value}})
	}
	return said
}

// statusOf says that a call failed, and not how: an error may have what no trace should.
func statusOf(err error) status {
	if err != nil {
		return status{statusError}
	}
	return status{}
}

func nano(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) }
