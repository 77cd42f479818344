package main

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
)

// event is what the function reads of the events of both kinds of API.
type event struct {
	RouteKey        string            `json:"routeKey"`   // "GET /orders/{id}", of an HTTP API
	HTTPMethod      string            `json:"httpMethod"` // of a REST API, like the next one
	Resource        string            `json:"resource"`
	PathParameters  map[string]string `json:"pathParameters"`
	Body            string            `json:"body"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
	RequestContext  struct {
		Authorizer map[string]json.RawMessage `json:"authorizer"`
	} `json:"requestContext"`
}

func (e event) route() string { return cmp.Or(e.RouteKey, e.HTTPMethod+" "+e.Resource) }

func (e event) body() ([]byte, error) {
	if e.IsBase64Encoded {
		return base64.StdEncoding.DecodeString(e.Body)
	}
	return []byte(e.Body), nil
}

// response is what both kinds of API take.
type response struct {
	StatusCode int               `json:"statusCode"`
	Headers    map[string]string `json:"headers"`
	Body       string            `json:"body"`
}

func answer(status int, body any) (response, error) {
	text, err := json.Marshal(body)
	return response{status, map[string]string{"content-type": "application/json", "cache-control": "no-store"}, string(text)}, err
}

func refuse(status int, reason string) (response, error) {
	return answer(status, map[string]string{"error": reason})
}
