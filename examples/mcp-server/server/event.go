package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
)

// event is what the function reads of the events of both kinds of API.
type event struct {
	HTTPMethod      string            `json:"httpMethod"` // of a REST API, like Path
	Path            string            `json:"path"`
	RawPath         string            `json:"rawPath"` // of an HTTP API
	Headers         map[string]string `json:"headers"`
	Body            string            `json:"body"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
	RequestContext  struct {
		HTTP struct {
			Method string `json:"method"`
		} `json:"http"`
		Authorizer map[string]json.RawMessage `json:"authorizer"`
	} `json:"requestContext"`
}

// response is what both kinds of API take.
type response struct {
	StatusCode int               `json:"statusCode"`
	Headers    map[string]string `json:"headers"`
	Body       string            `json:"body"`
}

// serveEvent answers an event of a REST API by what its authorizer says, and one of an HTTP API by the access token itself.
func (g *guard) serveEvent(ctx context.Context, e event) (response, error) {
	body := []byte(e.Body)
	if e.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(e.Body); err != nil {
			return response{}, fmt.Errorf("the event's body: %w", err)
		}
	}
	method := cmp.Or(e.HTTPMethod, e.RequestContext.HTTP.Method)
	r, err := http.NewRequestWithContext(ctx, method, "https://api.invalid"+cmp.Or(e.RawPath, e.Path), bytes.NewReader(body))
	if err != nil {
		return response{}, err
	}
	for name, value := range e.Headers {
		r.Header.Set(name, value)
	}
	handler := g.byMiddleware()
	if e.HTTPMethod != "" {
		handler = g.byAuthorizer(textOf(e.RequestContext.Authorizer))
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	answer := response{StatusCode: w.Code, Headers: map[string]string{}, Body: w.Body.String()}
	for name, values := range w.Header() {
		answer.Headers[name] = strings.Join(values, ", ")
	}
	return answer, nil
}

// textOf returns the members of a REST API's context that are text, which are all that this server reads.
func textOf(members map[string]json.RawMessage) map[string]string {
	all := map[string]string{}
	for name, value := range members {
		var text string
		if json.Unmarshal(value, &text) == nil {
			all[name] = text
		}
	}
	return all
}
