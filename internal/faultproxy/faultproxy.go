// Package faultproxy stands between a test and DynamoDB Local or a local KMS, as an HTTP proxy on the loopback
// address. It makes calls fail in the ways in which the real thing fails, by operation and count, and records every
// call, from which follow the number of round trips and the permissions that a function needs. It knows their
// protocol (JSON, X-Amz-Target), not what the items mean.
package faultproxy

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Rule says which calls meet a fault. The first rule that fits a call, and has not run out, decides.
type Rule struct {
	Operation string // as X-Amz-Target names it ("UpdateItem"); "" for every one
	Key       string // beginning of one of the leading keys that the call touches ("SESSIONS#"), or of the purpose; "" for any
	Skip      int    // how many calls that fit pass untouched first
	Times     int    // how many calls meet the fault; 0 for all
	Fault     Fault
}

// Proxy forwards calls to an endpoint. Safe for concurrent use.
type Proxy struct {
	URL string // what a store is given as its endpoint

	upstream  string
	transport *http.Transport

	mu    sync.Mutex
	rules []*Rule
	calls []Call
	reads map[string]Response // by request: the last answer that was passed on, for Stale
}

// Start returns a proxy in front of upstream, an address such as "http://127.0.0.1:8000". It ends with the
// test, and ends calls that hang.
func Start(tb testing.TB, upstream string) *Proxy {
	p := &Proxy{
		upstream: strings.TrimSuffix(upstream, "/"),
		// Bodies pass as they are: DynamoDB's answers carry a checksum of what was sent.
		transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64},
		reads:     map[string]Response{},
	}
	server := httptest.NewServer(p)
	p.URL = server.URL
	tb.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		p.transport.CloseIdleConnections()
	})
	return p
}

// Inject adds a rule behind those that are there.
func (p *Proxy) Inject(r Rule) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = append(p.rules, &r)
}

// Heal removes every rule. Calls that hang go on hanging.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = nil
}

// Forget begins a new record of calls.
func (p *Proxy) Forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = nil
}

// Calls returns the calls that have ended since the last Forget, in the order in which they began. A call
// is among them before its caller can have seen the answer.
func (p *Proxy) Calls() []Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	calls := slices.Clone(p.calls)
	slices.SortStableFunc(calls, func(a, b Call) int { return a.Start.Compare(b.Start) })
	return calls
}

// ServeHTTP implements http.Handler.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the caller has gone
	}
	e := &Exchange{proxy: p, w: w, request: r, body: body}
	service, operation, ok := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if !ok {
		e.Pass() // not a call, but what a store dials connections with
		return
	}
	e.Call = parseCall(service, operation, body)
	e.Call.Start = start
	fault := p.faultFor(e.Call)
	if fault == nil {
		fault = (*Exchange).Pass
	}
	fault(e)
	e.finish()
}

// faultFor counts the call at every rule that it fits, up to the one that decides; nil when none does.
func (p *Proxy) faultFor(c Call) Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, r := range p.rules {
		if r.Operation != "" && r.Operation != c.Operation || !c.touches(r.Key) {
			continue
		}
		if r.Skip > 0 {
			r.Skip--
			continue
		}
		if r.Times == 1 {
			p.rules = slices.Delete(p.rules, i, i+1)
		}
		r.Times-- // never 0 again when it was 0: that means all
		return r.Fault
	}
	return nil
}

func (p *Proxy) record(c Call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, c)
}

func (p *Proxy) remember(c Call, answer Response) {
	if c.Writes() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reads[c.request] = answer
}

func (p *Proxy) earlier(c Call) (Response, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	answer, ok := p.reads[c.request]
	return answer, ok
}

func (p *Proxy) send(r *http.Request, body []byte) (Response, error) {
	// What was begun is carried out, as by the real table, also when the caller does not wait for it.
	out, err := http.NewRequest(r.Method, p.upstream+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return Response{}, err
	}
	out.Header = r.Header.Clone()
	answer, err := p.transport.RoundTrip(out)
	if err != nil {
		return Response{}, err
	}
	defer func() { _ = answer.Body.Close() }()
	read, err := io.ReadAll(answer.Body)
	return Response{answer.StatusCode, answer.Header, read}, err
}
