package gateway_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/gateway"
)

// recording answers as it is told and keeps the last event.
type recording struct {
	answer string
	event  []byte
}

func (r *recording) Invoke(_ context.Context, payload []byte) ([]byte, error) {
	r.event = bytes.Clone(payload)
	return []byte(r.answer), nil
}

var fixedTime = time.Date(2026, 3, 1, 14, 5, 9, 123e6, time.FixedZone("", 2*3600))

// guardedSample is the sample template with a variable in the guarded path.
func guardedSample() string { return strings.Replace(sample, "/guarded", "'/guarded/{id}'", 1) }

func sampleRequest() *http.Request {
	r := httptest.NewRequest("GET", "/guarded/a%20b?x=1&y=%C3%A4&x=2&z=a+b&flag", strings.NewReader(`{"hello":"<world>"}`))
	r.RemoteAddr = "203.0.113.9:55555"
	r.Host = "localhost:3000"
	r.Header = http.Header{
		"Authorization":   {"Bearer one"},
		"Content-Type":    {"application/json; charset=utf-8"},
		"Cookie":          {"a=1; b=2", "c=3;d=4"},
		"User-Agent":      {"test/1.0"},
		"X-Forwarded-For": {"198.51.100.1"},
		"X-Many":          {"one", "two"},
	}
	return r
}

var requestID = regexp.MustCompile(`"requestId":"[^"]{10,}"`)

// compareGolden compares an event with a file of testdata, apart from the random id.
func compareGolden(t *testing.T, file string, event []byte) {
	t.Helper()
	if !requestID.Match(event) {
		t.Errorf("%s: no request id in %s", file, event)
	}
	var want, got any
	golden, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(golden, &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(requestID.ReplaceAll(event, []byte(`"requestId":"id"`)), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func TestEventsAreThoseOfTheCloud(t *testing.T) {
	function := &recording{answer: `{}`}
	authorizer := &recording{answer: `{"isAuthorized":true,"context":{"sub":"u1","roles":["a","b"],"auth_time":1772373909}}`}
	api := serve(t, guardedSample(), map[string]lambda.Handler{"open": echo, "guarded": function, "guard": authorizer},
		gateway.Options{Now: func() time.Time { return fixedTime }})
	if w := ask(api, sampleRequest()); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	compareGolden(t, "function-event.json", function.event)
	compareGolden(t, "authorizer-event.json", authorizer.event)

	var e events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(function.event, &e); err != nil {
		t.Fatal(err)
	}
	if e.RequestContext.TimeEpoch != fixedTime.UnixMilli() || e.RequestContext.HTTP.SourceIP != "203.0.113.9" || e.Body != `{"hello":"<world>"}` {
		t.Errorf("as events.APIGatewayV2HTTPRequest: %+v", e)
	}
	if sub := e.RequestContext.Authorizer.Lambda["sub"]; sub != "u1" {
		t.Errorf("sub of the authorizer's context = %v, want u1", sub)
	}
	var a events.APIGatewayV2CustomAuthorizerV2Request
	if err := json.Unmarshal(authorizer.event, &a); err != nil {
		t.Fatal(err)
	}
	if a.RequestContext.RequestID != e.RequestContext.RequestID || !cmp.Equal(a.IdentitySource, []string{"Bearer one"}) {
		t.Errorf("as events.APIGatewayV2CustomAuthorizerV2Request: %+v", a)
	}
}

func TestBodiesAreTextOnlyWhereTheCloudSendsText(t *testing.T) {
	f := &recording{answer: `{}`}
	api := serve(t, templateOf("POST /"), map[string]lambda.Handler{"f": f}, gateway.Options{})
	for _, c := range []struct {
		contentType, body string
		text              bool
	}{
		{"application/json", `{"a":1}`, true},
		{"Application/JSON; charset=utf-8", `{"a":1}`, true},
		{"text/plain", "hello", true},
		{"text/csv; header=present", "a,b", true},
		{"application/xml", "<a/>", true},
		{"application/javascript", "1", true},
		{"application/x-www-form-urlencoded", "token=a&client_id=b", false},
		{"application/vnd.api+json", `{"a":1}`, false},
		{"application/octet-stream", "\x00\xff", false},
		{"application/json", "\xff\xfe", false},
		{"", "hello", false},
		{"nonsense;;;", "hello", false},
		{"application/json", "", true},
	} {
		r := httptest.NewRequest("POST", "/", strings.NewReader(c.body))
		if c.contentType != "" {
			r.Header.Set("Content-Type", c.contentType)
		}
		ask(api, r)
		var e events.APIGatewayV2HTTPRequest
		if err := json.Unmarshal(f.event, &e); err != nil {
			t.Fatal(err)
		}
		want := c.body
		if !c.text {
			want = base64.StdEncoding.EncodeToString([]byte(c.body))
		}
		if e.Body != want || e.IsBase64Encoded == c.text {
			t.Errorf("%q %q: body %q, base64 %t; want %q, base64 %t", c.contentType, c.body, e.Body, e.IsBase64Encoded, want, !c.text)
		}
	}
}

func TestEveryRequestHasAnIDOfItsOwn(t *testing.T) {
	f := &recording{answer: `{}`}
	api := serve(t, templateOf("GET /"), map[string]lambda.Handler{"f": f}, gateway.Options{})
	seen := map[string]bool{}
	for range 100 {
		w := ask(api, httptest.NewRequest("GET", "/", nil))
		id := w.Header().Get("Apigw-Requestid")
		if id == "" || !bytes.Contains(f.event, []byte(id)) {
			t.Fatalf("the answer's request id %q is not the event's: %s", id, f.event)
		}
		seen[id] = true
	}
	if len(seen) != 100 {
		t.Errorf("%d different ids in 100 requests", len(seen))
	}
}

func TestDomainNameIsTheIssuersHost(t *testing.T) {
	for issuer, want := range map[string][3]string{
		"http://localhost:3000":       {"localhost", "localhost", "3000"},
		"https://auth.example.com":    {"auth.example.com", "auth", "443"},
		"http://127.0.0.1/":           {"127.0.0.1", "127", "80"},
		"http://[::1]:3000/wavepass/": {"::1", "::1", "3000"},
	} {
		f := &recording{answer: `{}`}
		api := serve(t, templateOf("GET /"), map[string]lambda.Handler{"f": f}, gateway.Options{Issuer: issuer})
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = "evil.example"
		r.Header.Set("X-Forwarded-Proto", "gopher")
		ask(api, r)
		var e events.APIGatewayV2HTTPRequest
		if err := json.Unmarshal(f.event, &e); err != nil {
			t.Fatal(err)
		}
		got := [3]string{e.RequestContext.DomainName, e.RequestContext.DomainPrefix, e.Headers["x-forwarded-port"]}
		if got != want || !strings.HasPrefix(issuer, e.Headers["x-forwarded-proto"]+":") {
			t.Errorf("%s: domain, prefix and port %q, protocol %s; want %q", issuer, got, e.Headers["x-forwarded-proto"], want)
		}
	}
}

func TestQueryThatGoWouldCutShortReachesNoFunction(t *testing.T) {
	f := &recording{answer: `{}`}
	api := serve(t, templateOf("GET /"), map[string]lambda.Handler{"f": f}, gateway.Options{})
	for _, query := range []string{"a=1;b", "a=1;", ";", "%zz", "a=%", "a=1%", "a%=1", "a=1&b=%z1"} {
		wantAnswer(t, query, ask(api, httptest.NewRequest("GET", "/?"+query, nil)), http.StatusBadRequest, message("Bad Request"))
	}
	if f.event != nil {
		t.Errorf("the function was called: %s", f.event)
	}
}

func TestHeadersForTheNextHopStayOutOfEvents(t *testing.T) {
	f := &recording{answer: `{}`}
	api := serve(t, templateOf("GET /"), map[string]lambda.Handler{"f": f}, gateway.Options{})
	r := httptest.NewRequest("GET", "/", nil)
	r.Header = http.Header{
		"Connection": {"keep-alive, X-Named", "close"}, "Keep-Alive": {"timeout=5"}, "Proxy-Authorization": {"Basic x"}, "Proxy-Connection": {"close"},
		"Te": {"trailers"}, "Trailer": {"X"}, "Transfer-Encoding": {"chunked"}, "Upgrade": {"h2c"}, "X-Named": {"x"}, "X-Kept": {"x"},
	}
	ask(api, r)
	var e events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(f.event, &e); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"host": "example.com", "x-kept": "x", "x-forwarded-for": "192.0.2.1", "x-forwarded-proto": "http", "x-forwarded-port": e.Headers["x-forwarded-port"]}
	if diff := cmp.Diff(want, e.Headers); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}
