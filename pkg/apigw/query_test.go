package apigw_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/wavepass/wavepass/pkg/apigw"
)

// ask sends a query, and what API Gateway read in it, to a route with these parameters. It returns what the handler saw.
func ask(t *testing.T, parameters, raw string, asRead map[string]string) (seen map[string]string, status int) {
	t.Helper()
	called := false
	handler := func(_ context.Context, r *apigw.Request) (apigw.Response, error) {
		seen, called = r.Query, true
		return apigw.Response{Status: 200}, nil
	}
	serve := apigw.Serve(apigw.Config{Issuer: "https://auth.example.com", Log: slog.New(slog.DiscardHandler)}, map[string]apigw.Handler{"GET /x" + parameters: handler})
	got, err := serve(context.Background(), events.APIGatewayV2HTTPRequest{RouteKey: "GET /x", RawQueryString: raw, QueryStringParameters: asRead})
	if err != nil || called != (got.StatusCode == 200) {
		t.Fatalf("%q: status %d, handler called %v, error %v", raw, got.StatusCode, called, err)
	}
	return seen, got.StatusCode
}

func TestQueryHasOnlyTheParametersOfTheRoute(t *testing.T) {
	for _, tc := range []struct {
		parameters, raw string
		asRead, want    map[string]string // no want: refused
	}{
		{"", "", nil, map[string]string{}},
		{"", "", map[string]string{}, map[string]string{}},
		{"?a&b", "", nil, map[string]string{}},
		{"?a&b", "b=2&a=1", map[string]string{"a": "1", "b": "2"}, map[string]string{"a": "1", "b": "2"}},
		{"?a&b", "a=%C3%A4+%2B%26", map[string]string{"a": "ä +&"}, map[string]string{"a": "ä +&"}},
		{"?a&b", "a=1=2", map[string]string{"a": "1=2"}, map[string]string{"a": "1=2"}},
		{"", "a=1", map[string]string{"a": "1"}, nil},
		{"", "a", map[string]string{"a": ""}, nil},
		{"", "", map[string]string{"a": "1"}, nil},
		{"?a&b", "c=1", map[string]string{"c": "1"}, nil},
		{"?a&b", "A=1", map[string]string{"A": "1"}, nil},
		{"?a&b", "a=1&a=1", map[string]string{"a": "1,1"}, nil},
		{"?a&b", "a=1&%61=1", map[string]string{"a": "1"}, nil},
		{"?a&b", "a=1", map[string]string{"a": "2"}, nil},
		{"?a&b", "a=1", map[string]string{"a": "1", "b": "2"}, nil},
	} {
		seen, status := ask(t, tc.parameters, tc.raw, tc.asRead)
		if want := map[bool]int{true: 200, false: 400}[tc.want != nil]; status != want || !maps.Equal(seen, tc.want) {
			t.Errorf("%q with %q, read as %v: %d %v, want %d %v", tc.parameters, tc.raw, tc.asRead, status, seen, want, tc.want)
		}
	}
}

// FuzzQuery looks for a query that is accepted and is not, pair by pair, what the handler sees.
func FuzzQuery(f *testing.F) {
	f.Add("a=1&b=%32", "a", "1", "b", "2")
	f.Fuzz(func(t *testing.T, raw, name, value, otherName, otherValue string) {
		asRead := map[string]string{name: value, otherName: otherValue}
		delete(asRead, "")
		seen, status := ask(t, "?a&b", raw, asRead)
		if status != 200 {
			return
		}
		strict, err := url.ParseQuery(raw)
		pairs := strings.Count(raw, "&") + 1
		if raw == "" {
			pairs = 0
		}
		if err != nil || len(strict) != len(seen) || pairs != len(seen) || !maps.Equal(seen, asRead) {
			t.Fatalf("%q was accepted as %v; API Gateway read %v, a parser %v (%v)", raw, seen, asRead, strict, err)
		}
		for name, value := range seen {
			if fmt.Sprint(strict[name]) != "["+value+"]" || name != "a" && name != "b" || value == "" {
				t.Errorf("%q: %s is %q, a parser says %q", raw, name, value, strict[name])
			}
		}
	})
}
