package main

import (
	"io"
	"net/http"
	"testing"

	"github.com/aws/aws-lambda-go/events"
)

func TestEventOfTheGatewayIsTheRequest(t *testing.T) {
	function := behindGateway(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		v := visitorOf(r)
		http.SetCookie(w, &http.Cookie{Name: "one", Value: "1"})
		http.SetCookie(w, &http.Cookie{Name: "two", Value: "2"})
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, r.Method+" "+r.URL.RequestURI()+" "+r.Header.Get("Cookie")+" "+r.Header.Get("Referer")+" "+string(body)+" "+v.Account+v.Session+v.CSRF)
	}))
	e := events.APIGatewayV2HTTPRequest{
		RawPath: "/basket", RawQueryString: "a=b%20c", Cookies: []string{"x=y", "z=w"}, Headers: map[string]string{"referer": "here", "x-wavepass-context": `{"sub":"evil"}`},
		Body: "aXRlbT13YXg=", IsBase64Encoded: true,
	}
	e.RequestContext.HTTP.Method = "POST"
	e.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{Lambda: map[string]any{"sub": "S", "sid": "I", "csrf": "C"}}
	got, err := function(t.Context(), e)
	if want := "POST /basket?a=b%20c x=y; z=w here item=wax SIC"; err != nil || got.StatusCode != 418 || got.Body != want || len(got.Cookies) != 2 {
		t.Errorf("%d %q, cookies %q, error %v; want %q", got.StatusCode, got.Body, got.Cookies, err, want)
	}
	e.RequestContext.Authorizer = nil // an open route: what a caller writes into a header counts for nothing
	if got, err := function(t.Context(), e); err != nil || got.Body != "POST /basket?a=b%20c x=y; z=w here item=wax " {
		t.Errorf("%q, error %v; want nobody", got.Body, err)
	}
	e.Body = "not base64!"
	if _, err := function(t.Context(), e); err == nil {
		t.Error("a body that is not what it is marked as is taken")
	}
}
