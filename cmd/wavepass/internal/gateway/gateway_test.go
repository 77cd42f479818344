package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/gateway"
)

// message is the body of an answer in the gateway's own words.
func message(text string) string { return `{"message":"` + text + `"}` }

// wantAnswer compares status and body.
func wantAnswer(t *testing.T, what string, w *httptest.ResponseRecorder, status int, body string) {
	t.Helper()
	if got := strings.TrimSpace(w.Body.String()); w.Code != status || got != body {
		t.Errorf("%s: %d %s, want %d %s", what, w.Code, got, status, body)
	}
}

func TestAuthorizerDecidesAndOnlyAClearYesLetsIn(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		status int
		body   string
	}{
		"yes":                       {`{"isAuthorized":true}`, 200, `called`},
		"yes with context":          {`{"isAuthorized":true,"context":{"a":1}}`, 200, `called`},
		"yes with null context":     {`{"isAuthorized":true,"context":null}`, 200, `called`},
		"no":                        {`{"isAuthorized":false}`, 403, message("Forbidden")},
		"no with context":           {`{"isAuthorized":false,"context":{"a":1}}`, 403, message("Forbidden")},
		"no answer":                 {``, 500, message("Internal Server Error")},
		"null":                      {`null`, 500, message("Internal Server Error")},
		"true":                      {`true`, 500, message("Internal Server Error")},
		"empty object":              {`{}`, 500, message("Internal Server Error")},
		"yes as a text":             {`{"isAuthorized":"true"}`, 500, message("Internal Server Error")},
		"yes as a number":           {`{"isAuthorized":1}`, 500, message("Internal Server Error")},
		"yes in other letters":      {`{"IsAuthorized":true}`, 500, message("Internal Server Error")},
		"null verdict":              {`{"isAuthorized":null}`, 500, message("Internal Server Error")},
		"context that is a list":    {`{"isAuthorized":true,"context":[1]}`, 500, message("Internal Server Error")},
		"context that is a text":    {`{"isAuthorized":true,"context":"a"}`, 500, message("Internal Server Error")},
		"IAM policy":                {`{"principalId":"u","policyDocument":{"Statement":[{"Effect":"Allow"}]}}`, 500, message("Internal Server Error")},
		"something after an object": {`{"isAuthorized":true}{}`, 500, message("Internal Server Error")},
	} {
		t.Run(name, func(t *testing.T) {
			called := false
			guarded := handler(func(context.Context, []byte) ([]byte, error) { called = true; return []byte(`"called"`), nil })
			api := serve(t, sample, map[string]lambda.Handler{"open": echo, "guarded": guarded, "guard": answering(c.answer)}, quiet())
			r := httptest.NewRequest("GET", "/guarded", nil)
			r.Header.Set("Authorization", "Bearer x")
			wantAnswer(t, c.answer, ask(api, r), c.status, c.body)
			if called != (c.status == 200) {
				t.Errorf("%s: the function was called: %t", c.answer, called)
			}
		})
	}
}

// quiet throws the log away.
func quiet() gateway.Options { return gateway.Options{Log: slog.New(slog.DiscardHandler)} }

func TestAuthorizerIsNotAskedWithoutItsIdentitySources(t *testing.T) {
	template := strings.Replace(sample, "Headers: [Authorization]", "Headers: [Authorization, cookie]", 1)
	guard := &recording{answer: `{"isAuthorized":true}`}
	api := serve(t, template, map[string]lambda.Handler{"open": echo, "guarded": echo, "guard": guard}, quiet())
	for name, header := range map[string]http.Header{
		"none":                  {},
		"no cookie":             {"Authorization": {"Bearer x"}},
		"no authorization":      {"Cookie": {"a=1"}},
		"empty authorization":   {"Authorization": {""}, "Cookie": {"a=1"}},
		"look-alike of another": {"Authorization2": {"Bearer x"}, "Cookie": {"a=1"}},
	} {
		r := httptest.NewRequest("GET", "/guarded", nil)
		r.Header = header
		wantAnswer(t, name, ask(api, r), http.StatusUnauthorized, message("Unauthorized"))
	}
	if guard.event != nil {
		t.Errorf("the authorizer was called: %s", guard.event)
	}
	r := httptest.NewRequest("GET", "/guarded", nil)
	r.Header = http.Header{"Authorization": {"Bearer x", "Bearer y"}, "Cookie": {"a=1", "b=2"}}
	if w := ask(api, r); w.Code != http.StatusOK {
		t.Errorf("with both: %d %s, want 200", w.Code, w.Body)
	}
	if !bytes.Contains(guard.event, []byte(`"identitySource":["Bearer x,Bearer y","a=1; b=2"]`)) {
		t.Errorf("identity sources of %s", guard.event)
	}
}

// An authorizer whose identity source is the route is asked about people who show nothing, too.
func TestAuthorizerByTheRouteIsAlwaysAsked(t *testing.T) {
	var asked []byte
	guard := handler(func(_ context.Context, event []byte) ([]byte, error) {
		asked = event
		return []byte(`{"isAuthorized":true}`), nil
	})
	byRoute := strings.Replace(sample, "Headers: [Authorization]", "Context: [routeKey]", 1)
	api := serve(t, byRoute, map[string]lambda.Handler{"open": echo, "guarded": echo, "guard": guard}, quiet())
	for name, header := range map[string]http.Header{"nothing": {}, "a cookie": {"Cookie": {"a=1"}}, "a token": {"Authorization": {"Bearer x"}}} {
		r := httptest.NewRequest("GET", "/guarded", nil)
		r.Header = header
		asked = nil
		if w := ask(api, r); w.Code != http.StatusOK || !bytes.Contains(asked, []byte(`"identitySource":["GET /guarded"]`)) {
			t.Errorf("%s: %d, the authorizer was asked %s", name, w.Code, asked)
		}
	}
}

func TestVerdictsAreNotRemembered(t *testing.T) {
	asked := 0
	guard := handler(func(context.Context, []byte) ([]byte, error) { asked++; return []byte(`{"isAuthorized":true}`), nil })
	api := serve(t, sample, map[string]lambda.Handler{"open": echo, "guarded": echo, "guard": guard}, quiet())
	for range 3 {
		r := httptest.NewRequest("GET", "/guarded", nil)
		r.Header.Set("Authorization", "Bearer x")
		ask(api, r)
	}
	if asked != 3 {
		t.Errorf("the authorizer was asked %d times in 3 requests", asked)
	}
}

func TestFunctionsThatFailAreA500AndInTheLog(t *testing.T) {
	failing := func(context.Context, []byte) ([]byte, error) { return nil, errors.New("the reason") }
	panicking := func(context.Context, []byte) ([]byte, error) { panic("the reason") }
	for name, c := range map[string]struct {
		broken handler
		want   []string
	}{
		"error": {failing, []string{"function failed", "the reason"}},
		"panic": {panicking, []string{"function panicked", "the reason", "gateway_test.go"}}, // with a stack
	} {
		for _, path := range []string{"/open", "/guarded"} {
			var log bytes.Buffer
			functions := map[string]lambda.Handler{"open": c.broken, "guarded": echo, "guard": c.broken}
			api := serve(t, sample, functions, gateway.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
			r := httptest.NewRequest("GET", path, nil)
			r.Header.Set("Authorization", "Bearer canary")
			w := ask(api, r)
			wantAnswer(t, name+" "+path, w, http.StatusInternalServerError, message("Internal Server Error"))
			for _, text := range append(c.want, w.Header().Get("Apigw-Requestid")) {
				if !strings.Contains(log.String(), text) {
					t.Errorf("%s %s: no %q in the log: %s", name, path, text, &log)
				}
			}
			if strings.Contains(log.String(), "canary") {
				t.Errorf("%s %s: the token is in the log: %s", name, path, &log)
			}
		}
	}
}

// sleeping does not care about its context, like a function that hangs.
func sleeping(d time.Duration) handler {
	return func(context.Context, []byte) ([]byte, error) {
		time.Sleep(d)
		return []byte(`{"isAuthorized":true}`), nil
	}
}

func TestTimeLimits(t *testing.T) {
	slow := strings.Replace(sample, "Timeout: 7", "Timeout: 60", 1)
	for name, c := range map[string]struct {
		template        string
		path            string
		function, guard time.Duration
		status          int
		after           time.Duration
	}{
		"a function in its time":     {sample, "/open", 6 * time.Second, 0, 200, 6 * time.Second},
		"a function out of its time": {sample, "/open", 8 * time.Second, 0, 500, 7 * time.Second},
		"longer than the gateway":    {slow, "/open", 40 * time.Second, 0, 503, 30 * time.Second},
		"as long as the gateway":     {slow, "/open", 29 * time.Second, 0, 200, 29 * time.Second},
		"a slow authorizer":          {slow, "/guarded", 0, 12 * time.Second, 500, 10 * time.Second},
		"both together":              {slow, "/guarded", 25 * time.Second, 9 * time.Second, 503, 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				functions := map[string]lambda.Handler{"open": sleeping(c.function), "guarded": sleeping(c.function), "guard": sleeping(c.guard)}
				api := serve(t, c.template, functions, quiet())
				r := httptest.NewRequest("GET", c.path, nil)
				r.Header.Set("Authorization", "Bearer x")
				began := time.Now()
				w := ask(api, r)
				if took := time.Since(began); w.Code != c.status || took != c.after {
					t.Errorf("%d %s after %s, want %d after %s", w.Code, w.Body, took, c.status, c.after)
				}
				time.Sleep(time.Minute) // until what was left behind has ended
			})
		})
	}
}

func TestFunctionsKnowTheirDeadlineAndRequestAndOutliveTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var left time.Duration
		var id string
		var cancelled error
		f := handler(func(ctx context.Context, _ []byte) ([]byte, error) {
			deadline, _ := ctx.Deadline()
			left = time.Until(deadline)
			if lc, ok := lambdacontext.FromContext(ctx); ok {
				id = lc.AwsRequestID
			}
			cancelled = ctx.Err()
			return []byte(`{}`), nil
		})
		api := serve(t, sample, map[string]lambda.Handler{"open": f, "guarded": f, "guard": f}, quiet())
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		w := ask(api, httptest.NewRequest("GET", "/open", nil).WithContext(ctx))
		if left != 7*time.Second || cancelled != nil {
			t.Errorf("deadline in %s, context: %v; want 7s and a live context", left, cancelled)
		}
		if id == "" || id != w.Header().Get("Apigw-Requestid") {
			t.Errorf("request id %q, want %q", id, w.Header().Get("Apigw-Requestid"))
		}
	})
}
