package apigw_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/go-json-experiment/json"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

const route = "POST /x"

// call sends e through a function whose only route has handler; the second result is what was logged.
func call(t *testing.T, e events.APIGatewayV2HTTPRequest, handler apigw.Handler) (events.APIGatewayV2HTTPResponse, string) {
	t.Helper()
	var logged bytes.Buffer
	cfg := apigw.Config{Issuer: "https://auth.example.com", Log: slog.New(slog.NewJSONHandler(&logged, nil))}
	if e.RouteKey == "" {
		e.RouteKey = route
	}
	e.RequestContext.RequestID = "request-1"
	response, err := apigw.Serve(cfg, map[string]apigw.Handler{route: handler})(context.Background(), e)
	if err != nil {
		t.Fatalf("the function failed instead of answering: %v", err)
	}
	return response, logged.String()
}

func errorOf(t *testing.T, r events.APIGatewayV2HTTPResponse) (code, description string) {
	t.Helper()
	var body struct {
		Code        string `json:"error"`
		Description string `json:"error_description"`
	}
	if err := json.Unmarshal([]byte(r.Body), &body); err != nil {
		t.Fatalf("the error answer is not JSON: %v: %s", err, r.Body)
	}
	return body.Code, body.Description
}

func TestEveryDomainErrorHasOneAnswer(t *testing.T) {
	secret := errors.New("internal detail 4711")
	for _, tc := range []struct {
		err        error
		status     int
		code       string
		retryAfter string
		logs       bool
	}{
		{session.ErrRefused, 400, "invalid_grant", "", false},
		{session.ErrForeign, 400, "invalid_grant", "", false},
		{session.ErrEnded, 401, "invalid_token", "", false},
		{session.ErrNotFound, 404, "not_found", "", false},
		{account.ErrPassword, 400, "invalid_request", "", false},
		{client.ErrUnknown, 401, "invalid_client", "", false},
		{client.ErrWrongKind, 400, "unauthorized_client", "", false},
		{account.ErrInvalidCredentials, 401, "invalid_credentials", "", false},
		{&account.TooManyAttemptsError{RetryAfter: 61*time.Second + time.Millisecond}, 429, "too_many_attempts", "62", false},
		{&account.TooManyAttemptsError{}, 429, "too_many_attempts", "1", false},
		{session.ErrOvertaken, 503, "temporarily_unavailable", "1", false},
		{oauth.ErrUnavailable, 503, "temporarily_unavailable", "2", true},
		{apigw.InvalidRequest("plain words"), 400, "invalid_request", "", false},
		{apigw.UnsupportedGrantType("plain words"), 400, "unsupported_grant_type", "", false},
		{apigw.ErrNotAuthorized, 401, "invalid_token", "", false},
		{secret, 500, "server_error", "", true},
	} {
		wrapped := fmt.Errorf("endpoint: %w: %w", tc.err, secret)
		r, logged := call(t, events.APIGatewayV2HTTPRequest{}, func(context.Context, *apigw.Request) (apigw.Response, error) {
			return apigw.Response{Status: 200, Body: []byte(`"half an answer"`)}, wrapped
		})
		code, description := errorOf(t, r)
		if r.StatusCode != tc.status || code != tc.code || r.Headers["Retry-After"] != tc.retryAfter {
			t.Errorf("%v: got %d %s Retry-After %q, want %d %s %q", tc.err, r.StatusCode, code, r.Headers["Retry-After"], tc.status, tc.code, tc.retryAfter)
		}
		if description == "" || strings.Contains(r.Body, "4711") {
			t.Errorf("%v: the answer says too little or too much: %s", tc.err, r.Body)
		}
		if level := map[bool]string{true: `"ERROR"`, false: `"INFO"`}[tc.logs]; strings.Count(logged, "\n") != 1 || !strings.Contains(logged, level) ||
			!strings.Contains(logged, "4711") || !strings.Contains(logged, "request-1") || strings.Contains(logged, `"refused"`) == tc.logs {
			t.Errorf("%v: logged %q, want one line at %s with the error and the request id", tc.err, logged, level)
		}
	}
}

// A refusal is explained only to callers who may know, and what is for logs stays there.
func TestRefusalSaysItsReasonAndNothingElse(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want string
	}{
		{&session.RefusedError{Reason: session.BecauseIdle, Detail: "detail 4711"}, `{"error":"invalid_grant","error_description":"the refresh token is not valid","reason":"idle"}`},
		{&session.RefusedError{Detail: "detail 4711"}, `{"error":"invalid_grant","error_description":"the refresh token is not valid"}`},
		{session.ErrRefused, `{"error":"invalid_grant","error_description":"the refresh token is not valid"}`},
		{&account.CharacterError{Err: account.ErrPassword, Position: 12, Rune: 7}, `{"error":"invalid_request","error_description":"the new password: character 12, U+0007, cannot be used"}`},
		{&account.PasswordError{Fault: account.PasswordShort, Least: 15}, `{"error":"invalid_request","error_description":"the new password: it has fewer than 15 characters; a few words in a row are long and easy to remember"}`},
	} {
		r, _ := call(t, events.APIGatewayV2HTTPRequest{}, func(context.Context, *apigw.Request) (apigw.Response, error) {
			return apigw.Response{}, fmt.Errorf("endpoint: %w", tc.err)
		})
		if r.StatusCode != 400 || r.Body != tc.want {
			t.Errorf("%v: got %d %s, want 400 %s", tc.err, r.StatusCode, r.Body, tc.want)
		}
	}
}

func TestAnswersAreNotKept(t *testing.T) {
	r, _ := call(t, events.APIGatewayV2HTTPRequest{}, func(context.Context, *apigw.Request) (apigw.Response, error) {
		return apigw.Encode(map[string]string{"a": "b"})
	})
	for name, want := range map[string]string{
		"Cache-Control":                "no-store",
		"X-Content-Type-Options":       "nosniff",
		"Referrer-Policy":              "no-referrer",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Strict-Transport-Security":    "max-age=63072000; includeSubDomains",
		"Content-Type":                 "application/json",
		"Vary":                         "Origin",
	} {
		if got := r.Headers[name]; got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if r.StatusCode != 200 || r.Body != `{"a":"b"}` {
		t.Errorf("got %d %s", r.StatusCode, r.Body)
	}
}

func TestBodiesAreReadStrictly(t *testing.T) {
	type request struct {
		Name  string       `json:"name"`
		Token oauth.Secret `json:"token"`
		Flag  bool         `json:"flag"`
	}
	const jsonType, formType = "application/json", "application/x-www-form-urlencoded"
	long := strings.Repeat("x", 16<<10)
	b64 := base64.StdEncoding.EncodeToString
	for _, tc := range []struct {
		name, contentType, body string
		encoded                 bool
		status                  int
		want                    string // name|token
	}{
		{"json", jsonType, `{"name":"n","token":"t","other":{"a":[1]}}`, false, 200, "n|t"},
		{"json with charset", "Application/JSON; charset=UTF-8", `{"name":"n"}`, false, 200, "n|"},
		{"json in base64", jsonType, b64([]byte(`{"name":"n"}`)), true, 200, "n|"},
		{"form", formType, "name=n+m&token=%74&x=1", false, 200, "n m|t"},
		{"form in base64", formType, b64([]byte("name=n&token=t")), true, 200, "n|t"},
		{"form with an empty value", formType, "name=&token=t", false, 200, "|t"},
		{"case differs", jsonType, `{"Name":"n","TOKEN":"t"}`, false, 200, "|"},
		{"just short enough", jsonType, `{"name":"` + long[:len(long)-11] + `"}`, false, 200, long[:len(long)-11] + "|"},

		{"no content type", "", `{"name":"n"}`, false, 415, ""},
		{"text", "text/plain", `{"name":"n"}`, false, 415, ""},
		{"multipart", "multipart/form-data; boundary=x", "name=n", false, 415, ""},
		{"other charset", "application/json; charset=utf-16", `{"name":"n"}`, false, 415, ""},
		{"malformed content type", "application/json; charset", `{"name":"n"}`, false, 415, ""},
		{"two content types", "application/json,text/plain", `{"name":"n"}`, false, 415, ""},

		{"empty", jsonType, "", false, 400, ""},
		{"duplicate member", jsonType, `{"name":"n","name":"m"}`, false, 400, ""},
		{"duplicate member by escape", jsonType, `{"name":"n","n\u0061me":"m"}`, false, 400, ""},
		{"trailing data", jsonType, `{"name":"n"}{}`, false, 400, ""},
		{"trailing garbage", jsonType, `{"name":"n"}x`, false, 400, ""},
		{"invalid UTF-8", jsonType, "{\"name\":\"\xff\"}", false, 400, ""},
		{"lone surrogate", jsonType, `{"name":"\ud800"}`, false, 400, ""},
		{"array", jsonType, `[]`, false, 400, ""},
		{"wrong type", jsonType, `{"name":1}`, false, 400, ""},
		{"wrong type of a secret", jsonType, `{"token":1}`, false, 400, ""},
		{"wrong type of a flag", jsonType, `{"flag":"true"}`, false, 400, ""},
		{"comment", jsonType, `{"name":"n"/**/}`, false, 400, ""},
		{"byte order mark", jsonType, "\xef\xbb\xbf{}", false, 400, ""},
		{"depth 10,000", jsonType, `{"x":` + strings.Repeat("[", 8000) + strings.Repeat("]", 8000) + `}x`, false, 400, ""},
		{"too long", jsonType, `{"name":"` + long + `"}`, false, 400, ""},
		{"too long in base64", jsonType, b64([]byte(`{"name":"` + long + `"}`)), true, 400, ""},
		{"one byte too long in base64", jsonType, b64([]byte(long + "x")), true, 400, ""},
		{"not base64", jsonType, "{}", true, 400, ""},
		{"parameter twice", formType, "name=n&name=n", false, 400, ""},
		{"bad escape", formType, "name=%zz", false, 400, ""},
		{"semicolon", formType, "name=n;token=t", false, 400, ""},
		{"form not UTF-8", formType, "name=%ff", false, 400, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := events.APIGatewayV2HTTPRequest{Body: tc.body, IsBase64Encoded: tc.encoded}
			if tc.contentType != "" {
				e.Headers = map[string]string{"content-TYPE": tc.contentType}
			}
			var got string
			r, _ := call(t, e, func(_ context.Context, r *apigw.Request) (apigw.Response, error) {
				var in request
				if err := r.Decode(&in, apigw.JSON, apigw.Form); err != nil {
					return apigw.Response{}, err
				}
				got = in.Name + "|" + in.Token.Reveal()
				return apigw.Response{Status: 200}, nil
			})
			if r.StatusCode != tc.status || got != tc.want {
				t.Errorf("got %d %.60q, want %d %.60q; body %.80s", r.StatusCode, got, tc.status, tc.want, r.Body)
			}
			if tc.status != 200 {
				if code, _ := errorOf(t, r); code != "invalid_request" {
					t.Errorf("error %q, want invalid_request", code)
				}
			}
		})
	}
}

func TestOnlyAcceptedMediaTypesAreRead(t *testing.T) {
	e := events.APIGatewayV2HTTPRequest{Body: "a=b", Headers: map[string]string{"content-type": "application/x-www-form-urlencoded"}}
	r, _ := call(t, e, func(_ context.Context, r *apigw.Request) (apigw.Response, error) {
		return apigw.Response{Status: 200}, r.Decode(&struct{}{}, apigw.JSON)
	})
	if _, description := errorOf(t, r); r.StatusCode != 415 || !strings.Contains(description, "application/json") {
		t.Errorf("got %d %q, want 415 that names application/json", r.StatusCode, description)
	}
}

func TestClientCredentials(t *testing.T) {
	basic := func(text string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(text)) }
	for _, tc := range []struct {
		name, header, bodyID, bodySecret string
		id, secret                       string // "" id: refused
	}{
		{"body", "", "app", "", "app", ""},
		{"body with secret", "", "partner", "s", "partner", "s"},
		{"basic", basic("partner:s"), "", "", "partner", "s"},
		{"basic with an empty secret", basic("app:"), "", "", "app", ""},
		{"basic and the same id in the body", basic("app:"), "app", "", "app", ""},
		{"basic in lower case", strings.Replace(basic("app:"), "Basic", "basic", 1), "", "", "app", ""},
		{"basic, form-encoded", basic("a%2Dp:p%3A+%25"), "", "", "a-p", "p: %"},
		{"a colon in the secret", basic("partner:a:b"), "", "", "partner", "a:b"},
		{"bearer beside the body", "Bearer abc", "app", "", "app", ""},

		{"nothing", "", "", "", "", ""},
		{"two values", basic("app:") + "," + basic("app:"), "", "", "", ""},
		{"two bearer values", "Bearer a, Bearer b", "app", "", "", ""},
		{"two clients", basic("app:"), "partner", "", "", ""},
		{"two secrets", basic("partner:s"), "partner", "s", "", ""},
		{"not base64", "Basic %%%", "app", "", "", ""},
		{"no colon", basic("app"), "", "", "", ""},
		{"no id", basic(":s"), "", "", "", ""},
		{"bad escape", basic("a%zz:s"), "", "", "", ""},
		{"only a scheme", "Basic", "app", "", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := events.APIGatewayV2HTTPRequest{Headers: map[string]string{"authorization": tc.header}}
			r, _ := call(t, e, func(_ context.Context, r *apigw.Request) (apigw.Response, error) {
				id, secret, err := r.ClientCredentials(tc.bodyID, oauth.NewSecret(tc.bodySecret))
				if err == nil && (id != tc.id || secret.Reveal() != tc.secret) {
					t.Errorf("got %q %q, want %q %q", id, secret.Reveal(), tc.id, tc.secret)
				}
				return apigw.Response{Status: 200}, err
			})
			if want := map[bool]int{true: 400, false: 200}[tc.id == ""]; r.StatusCode != want {
				t.Errorf("status %d, want %d: %s", r.StatusCode, want, r.Body)
			}
		})
	}
}

func TestBearer(t *testing.T) {
	for header, want := range map[string]string{
		"Bearer abc": "abc", "bearer abc": "abc", "BEARER  abc": "abc", "Bearer a, Bearer b": "a, Bearer b",
	} {
		if got, ok := apigw.Bearer(header); !ok || got.Reveal() != want {
			t.Errorf("Bearer(%q) = %q %v, want %q", header, got.Reveal(), ok, want)
		}
	}
	for _, header := range []string{"", "abc", "Bearer", "Basic abc", "Bearerabc", "\tBearer abc"} {
		if _, ok := apigw.Bearer(header); ok {
			t.Errorf("Bearer(%q) was accepted", header)
		}
	}
}

func TestBasicChallengeOnlyForWhoTriedBasic(t *testing.T) {
	for header, want := range map[string]string{"": "", "Basic eDo=": `Basic realm="wavepass"`} {
		e := events.APIGatewayV2HTTPRequest{}
		if header != "" {
			e.Headers = map[string]string{"authorization": header}
		}
		r, _ := call(t, e, func(context.Context, *apigw.Request) (apigw.Response, error) {
			return apigw.Response{}, client.ErrUnknown
		})
		if got := r.Headers["Www-Authenticate"]; got != want {
			t.Errorf("Authorization %q: WWW-Authenticate %q, want %q", header, got, want)
		}
	}
}

// RFC 6750 §3.
func TestBearerChallengeForWhoNeedsAnotherToken(t *testing.T) {
	for err, want := range map[error]string{
		apigw.ErrNotAuthorized: `Bearer error="invalid_token"`, session.ErrEnded: `Bearer error="invalid_token"`,
		account.ErrInvalidCredentials: "", session.ErrNotFound: "",
	} {
		r, _ := call(t, events.APIGatewayV2HTTPRequest{}, func(context.Context, *apigw.Request) (apigw.Response, error) {
			return apigw.Response{}, err
		})
		if got := r.Headers["Www-Authenticate"]; got != want {
			t.Errorf("%v: WWW-Authenticate %q, want %q", err, got, want)
		}
	}
}

func TestCallerIsWhoTheAuthorizerLetThrough(t *testing.T) {
	const sub, sid = "0190b0e4-7e00-7000-8000-000000000001", "0190b0e4-7e00-7000-8000-000000000002"
	for name, tc := range map[string]struct {
		handedOn map[string]any
		status   int
		code     string
	}{
		"a person":               {map[string]any{"sub": sub, "sid": sid, "client_id": "app", "scope": "profile account"}, 200, ""},
		"no scope":               {map[string]any{"sub": sub, "sid": sid, "client_id": "app"}, 403, "insufficient_scope"},
		"another scope":          {map[string]any{"sub": sub, "sid": sid, "client_id": "app", "scope": "profile accounts"}, 403, "insufficient_scope"},
		"a scope in a list":      {map[string]any{"sub": sub, "sid": sid, "client_id": "app", "scope": []string{"account"}}, 403, "insufficient_scope"},
		"no authorizer":          {nil, 401, "invalid_token"},
		"nobody":                 {map[string]any{"sid": sid, "client_id": "app"}, 401, "invalid_token"},
		"no session":             {map[string]any{"sub": sub, "client_id": "app"}, 403, "access_denied"},
		"a client of its own":    {map[string]any{"sub": "partner", "client_id": "partner"}, 403, "access_denied"},
		"an empty session":       {map[string]any{"sub": sub, "sid": "", "client_id": "app"}, 403, "access_denied"},
		"a session of no person": {map[string]any{"sub": "partner", "sid": sid}, 401, "invalid_token"},
		"a malformed session":    {map[string]any{"sub": sub, "sid": sid[1:]}, 401, "invalid_token"},
		"other types":            {map[string]any{"sub": 1, "sid": []string{sid}}, 401, "invalid_token"},
	} {
		e := events.APIGatewayV2HTTPRequest{}
		if tc.handedOn != nil {
			e.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{Lambda: tc.handedOn}
		}
		r, _ := call(t, e, func(_ context.Context, r *apigw.Request) (apigw.Response, error) {
			caller, err := r.Caller()
			if err == nil && (caller.AccountID.String() != sub || caller.SessionID.String() != sid || caller.ClientID != "app") {
				t.Errorf("%s: caller %+v, want %s, %s and app", name, caller, sub, sid)
			}
			return apigw.Response{Status: 200}, err
		})
		code := ""
		if r.StatusCode != 200 {
			code, _ = errorOf(t, r)
		}
		if challenge := r.Headers["Www-Authenticate"]; code == "insufficient_scope" && challenge != `Bearer error="insufficient_scope"` {
			t.Errorf("%s: challenge %q (RFC 6750 §3.1)", name, challenge)
		}
		if r.StatusCode != tc.status || code != tc.code {
			t.Errorf("%s: %d %s, want %d %s", name, r.StatusCode, code, tc.status, tc.code)
		}
	}
}

func TestUnknownRouteIsAnInternalError(t *testing.T) {
	r, logged := call(t, events.APIGatewayV2HTTPRequest{RouteKey: "GET /y"}, nil)
	if r.StatusCode != 500 || !strings.Contains(logged, "template.yaml") {
		t.Errorf("got %d, logged %q", r.StatusCode, logged)
	}
}

func TestIssuerComesFromTheGatewayOnlyWhenItIsItsOwnName(t *testing.T) {
	const region = "eu-central-1"
	for _, tc := range []struct{ issuer, apiID, domain, want string }{
		{"https://auth.example.com", "abc", "anything", "https://auth.example.com"},
		{"", "abc", "abc.execute-api.eu-central-1.amazonaws.com", "https://abc.execute-api.eu-central-1.amazonaws.com"},
		{"", "abc", "abc.execute-api.eu-central-1.amazonaws.com.cn", "https://abc.execute-api.eu-central-1.amazonaws.com.cn"},
		{"", "abc", "abc.execute-api.eu-central-1.amazonaws.eu", "https://abc.execute-api.eu-central-1.amazonaws.eu"},
		{"", "abc", "auth.example.com", ""},
		{"", "abc", "xyz.execute-api.eu-central-1.amazonaws.com", ""},
		{"", "abc", "abc.execute-api.us-east-1.amazonaws.com", ""},
		{"", "abc", "abc.execute-api.eu-central-1.amazonaws.com.evil.example", ""},
		{"", "abc", "abc.execute-api.eu-central-1.evil.example", ""},
		{"", "abc", "abc.execute-api.eu-central-1.", ""},
		{"", "", ".execute-api.eu-central-1.amazonaws.com", ""},
		{"", "abc", "", ""},
	} {
		at, err := apigw.PlaceOf(apigw.Config{Issuer: tc.issuer, Region: region}, tc.apiID, tc.domain)
		if at.Issuer != tc.want || at.Audience != tc.want || (err != nil) != (tc.want == "") {
			t.Errorf("%+v: got %+v %v", tc, at, err)
		}
	}
	if _, err := apigw.PlaceOf(apigw.Config{}, "abc", "abc.execute-api..amazonaws.com"); err == nil {
		t.Error("an unknown region was accepted")
	}
	if at, _ := apigw.PlaceOf(apigw.Config{Issuer: "https://i.example", Audience: "https://a.example"}, "", ""); at.Audience != "https://a.example" {
		t.Errorf("audience %q, want the configured one", at.Audience)
	}
}

func TestNetworkIsAPrefix(t *testing.T) {
	for ip, want := range map[string]string{
		"203.0.113.7":               "203.0.113.0/24",
		"::ffff:203.0.113.7":        "203.0.113.0/24",
		"2001:db8:1:2:3:4:5:6":      "2001:db8:1:2::/64",
		"fe80::1%eth0":              "fe80::/64",
		"":                          "unknown",
		"203.0.113.7, 198.51.100.1": "unknown",
	} {
		if got := apigw.Network(ip); got != want {
			t.Errorf("Network(%q) = %q, want %q", ip, got, want)
		}
	}
}

func TestTokenResponseIsRFC6749(t *testing.T) {
	r, err := apigw.Tokens(oauth.TokenResponse{
		AccessToken: oauth.NewSecret("a.b.c"), ExpiresIn: 15 * time.Minute, Scope: "x y", RefreshToken: oauth.NewSecret("wprt_r"),
	}, nil)
	want := `{"access_token":"a.b.c","token_type":"Bearer","expires_in":900,"scope":"x y","refresh_token":"wprt_r"}`
	if err != nil || r.Status != 200 || string(r.Body) != want {
		t.Errorf("got %d %s %v, want 200 %s", r.Status, r.Body, err, want)
	}
	r, err = apigw.Tokens(oauth.TokenResponse{AccessToken: oauth.NewSecret("a.b.c"), ExpiresIn: time.Minute}, []string{"c=d"})
	want = `{"access_token":"a.b.c","token_type":"Bearer","expires_in":60}`
	if err != nil || string(r.Body) != want || len(r.Cookies) != 1 {
		t.Errorf("got %s %v %v, want %s and a cookie", r.Body, r.Cookies, err, want)
	}
}

// A browser that has sent a form sees a page of the site's, which is told the code and how long to wait, and nothing else.
func TestErrorOfAFormSendsTheBrowserToThePage(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want string
	}{
		{account.ErrInvalidCredentials, "invalid_credentials 0s"},
		{&account.TooManyAttemptsError{RetryAfter: 61 * time.Second}, "too_many_attempts 1m1s"},
		{oauth.ErrUnavailable, "temporarily_unavailable 2s"},
		{apigw.InvalidRequest("username is missing"), "invalid_request 0s"},
		{errors.New("internal detail 4711"), "server_error 0s"},
		{&browser.ClearingError{Err: browser.ErrTwoCookies, Cookies: []string{"a=b"}}, "invalid_request 0s"},
	} {
		got, logged := call(t, events.APIGatewayV2HTTPRequest{}, func(context.Context, *apigw.Request) (apigw.Response, error) {
			return apigw.Response{}, &apigw.FormError{Err: tc.err, Page: func(code string, wait time.Duration) string {
				return "https://shop.example.com/" + code + " " + wait.String()
			}}
		})
		if got.StatusCode != 303 || got.Headers["Location"] != "https://shop.example.com/"+tc.want || got.Body != "" {
			t.Errorf("%v: %d to %q, body %q, want 303 to %q", tc.err, got.StatusCode, got.Headers["Location"], got.Body, tc.want)
		}
		if !strings.Contains(logged, `"reason":"`+tc.err.Error()) {
			t.Errorf("%v: the log does not say it: %s", tc.err, logged)
		}
		if clearing := new(browser.ClearingError); errors.As(tc.err, &clearing) != (len(got.Cookies) == 1) {
			t.Errorf("%v: cookies %q", tc.err, got.Cookies)
		}
	}
}
