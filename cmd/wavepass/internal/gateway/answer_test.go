package gateway_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/gateway"
)

func TestAnswersAreReadAsInTheCloud(t *testing.T) {
	plain, inferred := "text/plain; charset=utf-8", "application/json"
	for raw, c := range map[string]struct {
		status            int
		contentType, body string
	}{
		`{"statusCode":201,"headers":{"content-type":"text/html"},"body":"<a>"}`: {201, "text/html", "<a>"},
		`{"statusCode":200,"body":"aGk=","isBase64Encoded":true}`:                {200, plain, "hi"},
		`{"statusCode":204}`:                             {204, plain, ""},
		`{"statusCode":302,"headers":{"Location":"/x"}}`: {302, plain, ""},
		`{"hello":1}`:                                    {200, inferred, `{"hello":1}`},
		`"hello"`:                                        {200, inferred, "hello"},
		`null`:                                           {200, inferred, "null"},
		`[1]`:                                            {200, inferred, "[1]"},
		`{"statusCode":"200"}`:                           {500, inferred, message("Internal Server Error")},
		`{"statusCode":99}`:                              {500, inferred, message("Internal Server Error")},
		`{"statusCode":101}`:                             {500, inferred, message("Internal Server Error")},
		`{"statusCode":600}`:                             {500, inferred, message("Internal Server Error")},
		`{"statusCode":200,"body":{"a":1}}`:              {500, inferred, message("Internal Server Error")},
		`{"statusCode":200,"headers":{"a":["b"]}}`:             {500, inferred, message("Internal Server Error")},
		`{"statusCode":200,"body":"*","isBase64Encoded":true}`: {500, inferred, message("Internal Server Error")},
		`hello`: {500, inferred, message("Internal Server Error")},
		``:      {500, inferred, message("Internal Server Error")},
		`{"statusCode":200,"headers":{"Content-Length":"1000"}}`: {200, plain, ""},
	} {
		api := serve(t, templateOf("GET /"), map[string]lambda.Handler{"f": answering(raw)}, quiet())
		w := ask(api, httptest.NewRequest("GET", "/", nil))
		wantAnswer(t, raw, w, c.status, c.body)
		if got := w.Header().Get("Content-Type"); got != c.contentType {
			t.Errorf("%s: content type %q, want %q", raw, got, c.contentType)
		}
		if got := w.Header().Get("Content-Length"); got != "" {
			t.Errorf("%s: the function's Content-Length %s was sent", raw, got)
		}
	}
}

func TestEachCookieIsAHeaderOfItsOwn(t *testing.T) {
	raw := `{"statusCode":200,"cookies":["a=1; HttpOnly","b=2"],"headers":{"X-One":"1"}}`
	api := serve(t, templateOf("GET /"), map[string]lambda.Handler{"f": answering(raw)}, quiet())
	w := ask(api, httptest.NewRequest("GET", "/", nil))
	if diff := cmp.Diff([]string{"a=1; HttpOnly", "b=2"}, w.Header()["Set-Cookie"]); diff != "" || w.Header().Get("X-One") != "1" {
		t.Errorf("headers %v; Set-Cookie (-want +got):\n%s", w.Header(), diff)
	}
}

func TestSizeLimits(t *testing.T) {
	api := serve(t, templateOf("POST /"), map[string]lambda.Handler{"f": answering(`"ok"`)}, quiet())
	for _, c := range []struct {
		mediaType string
		size      int
		status    int
	}{
		{"text/plain", 6 << 20, 413}, {"text/plain", 6<<20 - 2000, 200}, // Lambda takes 6 MB, with what surrounds the body
		{"image/png", 4_700_000, 200}, {"image/png", 4_720_000, 413}, // in base64
		{"image/png", 10<<20 + 1, 413},
	} {
		r := httptest.NewRequest("POST", "/", strings.NewReader(strings.Repeat("a", c.size)))
		r.Header.Set("Content-Type", c.mediaType)
		if w := ask(api, r); w.Code != c.status {
			t.Errorf("%s of %d bytes: %d %s, want %d", c.mediaType, c.size, w.Code, w.Body, c.status)
		}
	}
	const line = len("POST / HTTP/1.1") + len("example.com") // the request line, and the value of Host
	for size, status := range map[int]int{10240: 200, 10241: 431} {
		r := httptest.NewRequest("POST", "/", nil)
		r.Header.Set("X-Name-That-Does-Not-Count", strings.Repeat("a", size-line-100))
		r.Header.Add("X-Name-That-Does-Not-Count", strings.Repeat("b", 100))
		if w := ask(api, r); w.Code != status {
			t.Errorf("request line and values of %d bytes: %d %s, want %d", size, w.Code, w.Body, status)
		}
		r = httptest.NewRequest("POST", "/?a="+strings.Repeat("a", size-line-len("?a=")), nil)
		if w := ask(api, r); w.Code != status {
			t.Errorf("request line of %d bytes: %d %s, want %d", size, w.Code, w.Body, status)
		}
	}
	large := serve(t, templateOf("GET /"), map[string]lambda.Handler{"f": answering(`"` + strings.Repeat("a", 6<<20+200) + `"`)}, quiet())
	if w := ask(large, httptest.NewRequest("GET", "/", nil)); w.Code != 500 {
		t.Errorf("an answer of more than 6 MB: %d, want 500", w.Code)
	}
}

func TestBodyThatBreaksOffIsNotHandedOn(t *testing.T) {
	f := &recording{answer: `{}`}
	api := serve(t, templateOf("POST /"), map[string]lambda.Handler{"f": f}, quiet())
	w := ask(api, httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader("half"), brokenReader{})))
	wantAnswer(t, "broken body", w, http.StatusBadRequest, message("Bad Request"))
	if f.event != nil {
		t.Errorf("the function was called with %s", f.event)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, net.ErrClosed }

// corsSample is the sample with web origins, which hold when the condition does.
func corsSample(condition string) string {
	return "Conditions:\n  Web: " + condition + strings.Replace(sample, "      Auth:\n", `      CorsConfiguration: !If
        - Web
        - AllowOrigins: !Split [",", !Ref Origins]
          AllowHeaders: [authorization, content-type]
          AllowMethods: [GET, POST]
          AllowCredentials: true
          ExposeHeaders: [x-one]
          MaxAge: 300
        - !Ref AWS::NoValue
      Auth:
`, 1)
}

func TestCORSIsTheGatewaysAlone(t *testing.T) {
	template := corsSample(`!Not [!Equals [!Ref Origins, ""]]`)
	none := corsSample(`!Equals [!Ref Origins, ""]`)
	open := answering(`{"statusCode":200,"headers":{"access-control-allow-origin":"*","x-one":"1"}}`)
	functions := map[string]lambda.Handler{"open": open, "guarded": open, "guard": answering(`{"isAuthorized":false}`)}
	simple := http.Header{
		"Access-Control-Allow-Origin":      {"https://two.example"},
		"Access-Control-Allow-Credentials": {"true"},
		"Access-Control-Expose-Headers":    {"x-one"},
	}
	preflight := http.Header{
		"Access-Control-Allow-Origin":      {"https://two.example"},
		"Access-Control-Allow-Credentials": {"true"},
		"Access-Control-Allow-Headers":     {"authorization,content-type"},
		"Access-Control-Allow-Methods":     {"GET,POST"},
		"Access-Control-Max-Age":           {"300"},
	}
	for name, c := range map[string]struct {
		template, method, path, origin string
		status                         int
		want                           http.Header
	}{
		"simple":                    {template, "GET", "/open", "https://two.example", 200, simple},
		"refused by the authorizer": {template, "GET", "/guarded", "https://two.example", 401, simple},
		"preflight":                 {template, "OPTIONS", "/guarded", "https://two.example", 204, preflight},
		"preflight of no route":     {template, "OPTIONS", "/none", "https://two.example", 204, preflight},
		"another origin":            {template, "GET", "/open", "https://three.example", 200, http.Header{}},
		"another port":              {template, "GET", "/open", "https://two.example:8443", 200, http.Header{}},
		"preflight, another origin": {template, "OPTIONS", "/guarded", "null", 204, http.Header{}},
		"no origin":                 {template, "GET", "/open", "", 200, http.Header{}},
		"options without origin":    {template, "OPTIONS", "/open", "", 204, http.Header{}},
		"no configuration":          {sample, "GET", "/open", "https://two.example", 200, http.Header{"Access-Control-Allow-Origin": {"*"}}},
		"condition that fails":      {none, "GET", "/open", "https://two.example", 200, http.Header{"Access-Control-Allow-Origin": {"*"}}},
		"preflight without one":     {sample, "OPTIONS", "/open", "https://two.example", 404, http.Header{}},
	} {
		r := httptest.NewRequest(c.method, c.path, nil)
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		if c.method == "OPTIONS" {
			r.Header.Set("Access-Control-Request-Method", "GET")
		}
		w := ask(serve(t, c.template, functions, quiet()), r)
		if configured := c.template == template; (w.Header().Get("Vary") == "Origin") != configured {
			t.Errorf("%s: Vary %q; origins are configured: %v", name, w.Header().Values("Vary"), configured)
		}
		got := http.Header{}
		for header, values := range w.Header() {
			if strings.HasPrefix(header, "Access-Control-") {
				got[header] = values
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" || w.Code != c.status {
			t.Errorf("%s: status %d, want %d; headers (-want +got):\n%s", name, w.Code, c.status, diff)
		}
	}
}

// A preflight for something that is not listed is answered without CORS headers, so that the browser refuses.
func TestPreflightForWhatIsNotListed(t *testing.T) {
	template := corsSample(`!Not [!Equals [!Ref Origins, ""]]`)
	api := serve(t, template, map[string]lambda.Handler{"open": answering(`{}`), "guarded": answering(`{}`), "guard": answering(`{}`)}, quiet())
	for _, c := range []struct {
		method, headers string
		allowed         bool
	}{
		{"POST", "", true}, {"POST", "content-type", true}, {"GET", "Authorization, Content-Type", true}, {"POST", "content-type,,authorization", true},
		{"DELETE", "", false}, {"post", "", false}, {"POST", "x-other", false}, {"POST", "content-type,x-other", false}, {"POST", "*", false},
	} {
		r := httptest.NewRequest("OPTIONS", "/open", nil)
		r.Header.Set("Origin", "https://two.example")
		r.Header.Set("Access-Control-Request-Method", c.method)
		if c.headers != "" {
			r.Header.Set("Access-Control-Request-Headers", c.headers)
		}
		w := ask(api, r)
		if allowed := w.Header().Get("Access-Control-Allow-Origin") != ""; w.Code != 204 || allowed != c.allowed || w.Header().Get("Vary") != "Origin" {
			t.Errorf("%s with %q: %d %v, want 204, allowed %v, Vary: Origin", c.method, c.headers, w.Code, w.Header(), c.allowed)
		}
	}
}

// The cloud hands OPTIONS to a route that takes it, its authorizer included.
func TestRouteOfItsOwnTakesOptions(t *testing.T) {
	template := strings.Replace(corsSample(`!Not [!Equals [!Ref Origins, ""]]`), "Method: get", "Method: ANY", 1)
	f := &recording{answer: `{"statusCode":200,"headers":{"Vary":"Accept"}}`}
	r := httptest.NewRequest("OPTIONS", "/open", nil)
	r.Header.Set("Origin", "https://two.example")
	w := ask(serve(t, template, map[string]lambda.Handler{"open": f, "guarded": f, "guard": f}, quiet()), r)
	if f.event == nil || w.Code != 200 || w.Header().Get("Vary") != "Origin, Accept" || w.Header().Get("Access-Control-Allow-Origin") == "" {
		t.Errorf("got %d %v, function called: %v; want its answer with CORS headers and both names in Vary", w.Code, w.Header(), f.event != nil)
	}
}

func TestOriginThatNeverMatchesIsRefused(t *testing.T) {
	template := corsSample(`!Not [!Equals [!Ref Origins, ""]]`)
	for origins, want := range map[string]string{
		"http://localhost:5173/":                       "write http://localhost:5173",
		"localhost:5173":                               "want an origin like",
		"https://one.example, https://two.example":     "want an origin like",
		"https://one.example,":                         "want an origin like",
		"https://one.example,HTTPS://two.example":      "write https://two.example",
		"https://*.example":                            "no wildcards",
		"*":                                            "* is not supported",
		"https://one.example,https://two.example:8443": "",
	} {
		_, err := gateway.ParseTemplate("t.yaml", []byte(template), map[string]string{"Origins": origins})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "t.yaml:")) {
			t.Errorf("%q: error %v, want one that says %q", origins, err, want)
		}
	}
}
