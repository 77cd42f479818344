package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

// behindGateway makes a Lambda function of the site, for an HTTP API with payload format 2.0.
func behindGateway(next http.Handler) func(context.Context, events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
	return func(ctx context.Context, e events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		r, err := requestOf(ctx, e)
		if err != nil {
			return events.APIGatewayV2HTTPResponse{}, err
		}
		page := &page{header: http.Header{}, status: http.StatusOK}
		next.ServeHTTP(page, r)
		answer := events.APIGatewayV2HTTPResponse{
			StatusCode: page.status, Headers: map[string]string{}, Cookies: page.header.Values("Set-Cookie"), Body: page.body.String(),
		}
		for name, values := range page.header {
			if name != "Set-Cookie" {
				answer.Headers[name] = strings.Join(values, ", ")
			}
		}
		return answer, nil
	}
}

func requestOf(ctx context.Context, e events.APIGatewayV2HTTPRequest) (*http.Request, error) {
	body := []byte(e.Body)
	if e.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(e.Body); err != nil {
			return nil, fmt.Errorf("the body is not the base64 that it is marked as: %w", err)
		}
	}
	var authorizer []byte
	if a := e.RequestContext.Authorizer; a != nil && a.Lambda != nil {
		var err error
		if authorizer, err = json.Marshal(a.Lambda); err != nil {
			return nil, err
		}
	}
	ctx, err := withVisitor(ctx, authorizer)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, e.RequestContext.HTTP.Method, e.RawPath, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.URL.RawQuery = e.RawQueryString
	for name, value := range e.Headers {
		r.Header.Set(name, value)
	}
	if len(e.Cookies) > 0 {
		r.Header.Set("Cookie", strings.Join(e.Cookies, "; "))
	}
	return r, nil
}

// page is an answer that is written into memory.
type page struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (p *page) Header() http.Header               { return p.header }
func (p *page) WriteHeader(status int)            { p.status = status }
func (p *page) Write(content []byte) (int, error) { return p.body.Write(content) }
