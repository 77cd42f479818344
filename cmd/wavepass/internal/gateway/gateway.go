// Package gateway is API Gateway's HTTP API on a laptop. It reads routes and authorizers out of a SAM
// template, turns HTTP requests into payload-2.0 events, and calls functions in this process as Lambda
// would call them in theirs. It does not know what the functions do.
//
// It fails closed: what it does not understand of a template is an error, never an open route.
package gateway

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

// Limits of HTTP APIs.
const (
	maxBody        = 10 << 20         // bytes
	maxEvent       = 6291556          // bytes of JSON that Lambda takes and gives back, a body in base64 included
	maxHeaders     = 10240            // bytes: request line and header values together, without the names
	totalTime      = 30 * time.Second // from the arrival of a request to its answer
	authorizerTime = 10 * time.Second
)

// Options is what New needs to know besides the template.
type Options struct {
	// Issuer is the address that callers use, for example http://localhost:3000. Its host is the domain
	// name in events.
	Issuer string

	// ContextKey is what requests that are forwarded carry in X-Wavepass-Context-Key.
	ContextKey string

	// Log gets what the cloud would write into the function's log (errors, panics, time-outs) and why the gateway itself
	// refused a request. nil: slog.Default.
	Log *slog.Logger

	// Now is the clock that events are stamped by; nil: time.Now.
	Now func() time.Time

	limit time.Duration // of a request; 0: totalTime
}

// RequestIDHeader is where API Gateway tells a caller the id of the request. A handler around the gateway may set it
// before, so that its own lines of the log have the same id.
const RequestIDHeader = "Apigw-Requestid"

// NewRequestID returns an id for a request.
func NewRequestID() string { return rand.Text()[:16] }

type gateway struct {
	template *Template
	handlers map[string]lambda.Handler
	issuer   *url.URL
	key      string
	client   *http.Client // of what is forwarded
	limit    time.Duration
	log      *slog.Logger
	now      func() time.Time
}

// New returns the API of t as an http.Handler. functions are known by the names of their folders; every
// function that a route or its authorizer calls must be there. They are called concurrently, each with a
// context that has its deadline and a lambdacontext with the request id.
func New(t *Template, functions map[string]lambda.Handler, opts Options) (http.Handler, error) {
	issuer, err := url.Parse(opts.Issuer)
	if err != nil || issuer.Hostname() == "" || issuer.Scheme != "http" && issuer.Scheme != "https" {
		return nil, fmt.Errorf("gateway: issuer %q: want an address like http://localhost:3000", opts.Issuer)
	}
	for _, route := range t.Routes {
		file := route.home.File
		missing := func(what string, f *Function) error {
			return fmt.Errorf("%s:%d: %s: there is no handler for its %s %s", file, route.line, route.Key(), what, f.Name)
		}
		if route.Function.handler(functions) == nil && route.Function.target.Forward == nil {
			return nil, missing("function", route.Function)
		}
		if route.Authorizer == "" {
			continue
		}
		a, ok := route.home.authorizers[route.Authorizer]
		if !ok {
			return nil, fmt.Errorf("%s:%d: %s: there is no authorizer %s", file, route.line, route.Key(), route.Authorizer)
		}
		if a.function.handler(functions) == nil {
			return nil, missing("authorizer's function", a.function)
		}
	}
	log := opts.Log
	if log == nil {
		log = slog.Default()
	}
	now := opts.Now
	if now == nil {
		now = time.Now
	}
	return &gateway{template: t, handlers: functions, issuer: issuer, key: opts.ContextKey, client: newClient(), limit: cmp.Or(opts.limit, totalTime), log: log, now: now}, nil
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := w.Header().Get(RequestIDHeader)
	if id == "" {
		id = NewRequestID()
		w.Header().Set(RequestIDHeader, id)
	}
	size := headerSize(r)
	r = withoutHopByHop(r)
	route, vars, found := match(g.template.Routes, r.Method, r.URL.Path)
	cors := g.corsOf(r, route)
	cors.addHeaders(w.Header(), r)
	if !found && r.Method == http.MethodOptions && cors != nil {
		w.WriteHeader(http.StatusNoContent) // a preflight or not, the gateway answers it
		return
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	switch {
	case size > maxHeaders:
		g.refuse(w, http.StatusRequestHeaderFieldsTooLarge, "request line and header values are longer than 10,240 bytes")
	case err != nil:
		// A malformed escape, or a semicolon, at which the cloud splits the query and Go does not. The pair would be
		// missing from the event as if it had not been sent.
		g.refuse(w, http.StatusBadRequest, "query: "+malformed(err))
	case !found:
		g.refuse(w, http.StatusNotFound, "no route of the template")
	default:
		// A function does not notice that its caller has left, so neither may it here.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), g.limit)
		defer cancel()
		g.serve(ctx, w, r, route, g.describe(r, id, route, vars, query))
	}
}

// malformed says what is wrong with a query without quoting it: there may be a token in it.
func malformed(err error) string {
	var escape url.EscapeError
	if errors.As(err, &escape) {
		return "a malformed escape"
	}
	return "a semicolon"
}

// serve asks the route's authorizer and calls its function.
func (g *gateway) serve(ctx context.Context, w http.ResponseWriter, r *http.Request, route Route, common request) {
	if route.Authorizer != "" {
		granted, status, reason := g.authorize(ctx, route.home.authorizers[route.Authorizer], common, r.Header)
		if status != http.StatusOK {
			g.refuse(w, status, reason)
			return
		}
		common.RequestContext.Authorizer = granted
	}
	body, status, reason := readBody(w, r)
	if status != http.StatusOK {
		g.refuse(w, status, reason)
		return
	}
	if target := route.Function.target.Forward; target != nil {
		g.forward(ctx, w, r, route, target, common, body)
		return
	}
	answer, err := g.call(ctx, route.Function, route.Function.Timeout, common.RequestContext.RequestID, newFunctionEvent(common, body))
	switch {
	case errors.Is(err, errTooLarge):
		g.refuse(w, http.StatusRequestEntityTooLarge, "the event is larger than the 6 MB that Lambda takes")
	case errors.Is(err, errTooLate), errors.Is(err, errUnreachable):
		g.refuse(w, http.StatusServiceUnavailable, err.Error())
	case err != nil:
		g.refuse(w, http.StatusInternalServerError, err.Error())
	default:
		g.write(w, route, answer)
	}
}

// headerSize is what the limit counts.
func headerSize(r *http.Request) int {
	size := len(r.Method+" "+r.RequestURI+" "+r.Proto) + len(r.Host)
	for _, values := range r.Header {
		for _, value := range values {
			size += len(value)
		}
	}
	return size
}

// hopByHop are headers for the next hop alone (RFC 9110 §7.6.1), which is the gateway.
var hopByHop = []string{
	"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// withoutHopByHop returns a request without those headers, and those that its Connection header names.
func withoutHopByHop(r *http.Request) *http.Request {
	out := *r
	out.Header = r.Header.Clone()
	for _, list := range r.Header["Connection"] {
		for name := range strings.SplitSeq(list, ",") {
			out.Header.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range hopByHop {
		out.Header.Del(name)
	}
	return &out
}

func readBody(w http.ResponseWriter, r *http.Request) (body []byte, status int, reason string) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, http.StatusRequestEntityTooLarge, "the body is longer than 10 MB"
	case err != nil:
		return nil, http.StatusBadRequest, "the body could not be read"
	}
	return body, http.StatusOK, ""
}
