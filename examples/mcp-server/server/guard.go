package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/wavepass/wavepass/pkg/verify"
)

// maxBody is how long a request may be. A Lambda event has at most 6 MB.
const maxBody = 1 << 20

// wellKnown is where clients look for the document of a resource, between its host and its path (RFC 9728 §3.1).
const wellKnown = "/.well-known/oauth-protected-resource"

type settings struct {
	Issuer       string // of Wavepass
	HTTPResource string // address of this server behind the HTTP API, exactly as clients call it; it is the audience of its tokens
	RESTResource string // the same behind the REST API; empty: there is none
	Laptop       bool   // addresses may be http on this machine
}

// guard lets requests with a good access token through to the tools.
type guard struct {
	behindHTTP, behindREST *verify.Verifier // of tokens for each API; their challenges are what MCP clients read
	open                   *http.ServeMux   // documents for everybody
	tools                  http.Handler
	path                   string // of HTTPResource
}

func newGuard(s settings) (*guard, error) {
	g := &guard{open: http.NewServeMux(), tools: streamable()}
	var err error
	if g.path, g.behindHTTP, err = g.describe(s, s.HTTPResource); err != nil {
		return nil, fmt.Errorf("HTTP_RESOURCE: %w", err)
	}
	if s.RESTResource != "" {
		if _, g.behindREST, err = g.describe(s, s.RESTResource); err != nil {
			return nil, fmt.Errorf("REST_RESOURCE: %w", err)
		}
	}
	return g, nil
}

// describe serves the document of a resource, and returns its path and what verifies tokens for it.
func (g *guard) describe(s settings, uri string) (string, *verify.Verifier, error) {
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" || len(u.Path) < 2 {
		return "", nil, fmt.Errorf("%q: want an address like https://mcp.example.com/mcp", uri)
	}
	v, err := verify.New(verify.Config{
		Issuer: s.Issuer, Audience: uri, Scopes: []string{readScope}, ResourceMetadata: u.Scheme + "://" + u.Host + wellKnown + u.Path, InsecureLoopbackHTTP: s.Laptop,
	})
	if err != nil {
		return "", nil, err
	}
	g.open.Handle(wellKnown+u.Path, v.MetadataHandler(verify.Resource{Name: "Waves", Scopes: []string{readScope, bookScope}}))
	return u.Path, v, nil
}

// byMiddleware checks the access token in this process. It sees a revocation when the token expires.
func (g *guard) byMiddleware() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(wellKnown+"/", g.open)
	mux.Handle(g.path, g.behindHTTP.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := verify.FromContext(r.Context())
		g.call(w, g.behindHTTP, withCaller(r, caller{claims.Subject, claims.ClientID, claims.Scopes}))
	})))
	return mux
}

// byAuthorizer takes what Wavepass's authorizer has found out about the token. Behind a REST API it has refused everybody else.
func (g *guard) byAuthorizer(context map[string]string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if context["sub"] == "" || g.behindREST == nil {
			http.Error(w, "this route has no authorizer of Wavepass, or REST_RESOURCE is not set", http.StatusInternalServerError)
			return
		}
		g.call(w, g.behindREST, withCaller(r, caller{context["sub"], context["client_id"], strings.Fields(context["scope"])}))
	})
}

// call hands a request to the tools, or asks the client for the scope that its tool needs. Only the body says which tool that is, so no gateway can know.
func (g *guard) call(w http.ResponseWriter, v *verify.Verifier, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		http.Error(w, "the request is longer than 1 MB", http.StatusRequestEntityTooLarge)
		return
	case err != nil:
		http.Error(w, "the request is cut off", http.StatusBadRequest)
		return
	}
	c, _ := r.Context().Value(callerKey{}).(caller)
	if scope := scopeOf(body); scope != "" && !c.has(scope) {
		v.InsufficientScope(w, scope) // beside readScope, which v asks for always
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	g.tools.ServeHTTP(w, r)
}

// scopeOf returns the scope that a call of a tool needs, or "". It is there for the client, which can ask for the scope then: the tool itself checks it
// once more.
func scopeOf(body []byte) string {
	var message struct {
		Method string `json:"method"`
		Params struct {
			Name string `json:"name"`
		} `json:"params"`
	}
	if json.Unmarshal(body, &message) != nil || message.Method != "tools/call" {
		return "" // the transport answers what is no message
	}
	return scopesOfTools[message.Params.Name]
}
