package gateway_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/gateway"
)

// forwarding is the joined API, whose other stack has its functions at a plain HTTP server.
func forwarding(t *testing.T, to string, verdict string, opts gateway.Options) http.Handler {
	t.Helper()
	address, err := url.Parse(to)
	must(t, err)
	other, err := stackOf(t, "", "", "Wavepass")
	must(t, err)
	must(t, other.Place("open", gateway.Target{Forward: address}, nil))
	must(t, other.Place("Own", gateway.Target{Forward: address}, nil))
	api, err := gateway.New(joined(t, other), map[string]lambda.Handler{"open": echo, "guarded": echo, "authorizer": answering(verdict)}, opts)
	must(t, err)
	return api
}

// backEnd is a plain HTTP server that remembers the last request.
func backEnd(t *testing.T, answer http.HandlerFunc) (address string, last func() *http.Request) {
	t.Helper()
	var got atomic.Pointer[http.Request]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		seen := r.Clone(r.Context())
		seen.Body = io.NopCloser(bytes.NewReader(body))
		got.Store(seen)
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, func() *http.Request { return got.Swap(nil) }
}

const granted = `{"isAuthorized":true,"context":{"sub":"1","name":"Ada é 🌊 \u2028<","scope":"profile"}}`

func TestBackEndGetsTheContextAndNobodyElsesHeaderOfItsName(t *testing.T) {
	address, last := backEnd(t, func(http.ResponseWriter, *http.Request) {})
	api := forwarding(t, address+"/base/", granted, atHome())
	r := httptest.NewRequest("GET", "/orders/a%20b?x=1&x=2", nil)
	r.Host = "shop.example"
	r.Header = http.Header{
		"Authorization": {"Bearer t"}, "Cookie": {"a=1", "b=2"}, "X-Own": {"1", "2"}, "Connection": {"close, X-Named"}, "X-Named": {"n"}, "Te": {"trailers"},
		"Forwarded": {"for=evil"}, "X-Forwarded-For": {"9.9.9.9"}, "X-Forwarded-Host": {"evil"}, "Accept-Encoding": {"br"}, "Expect": {"100-continue"},
	}
	for _, name := range []string{
		"X-Wavepass-Context", "x-wavepass-context", "X_Wavepass_Context", "X-WAVEPASS_CONTEXT", "X.Wavepass.Context", "x_wavepass-context-key", "X-Wavepass-Context-Key", "X~Wavepass~Context",
	} {
		r.Header[name] = []string{`{"sub":"evil"}`}
	}
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	got := last()
	if w.Code != 200 || got == nil {
		t.Fatalf("%d %s, want the back end's answer", w.Code, w.Body)
	}
	want := http.Header{
		"Authorization": {"Bearer t"}, "Cookie": {"a=1", "b=2"}, "X-Own": {"1", "2"}, "Accept-Encoding": {"br"},
		"X-Forwarded-For": {"9.9.9.9, 192.0.2.1"}, "X-Forwarded-Host": {"shop.example"}, "X-Forwarded-Proto": {"http"}, "X-Forwarded-Port": {"3000"},
		"X-Wavepass-Context-Key": {contextKey},
		"X-Wavepass-Context":     {`{"sub":"1","name":"Ada \u00e9 \ud83c\udf0a \u2028<","scope":"profile"}`},
	}
	if diff := cmp.Diff(want, got.Header); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	if got.RequestURI != "/base/orders/a%20b?x=1&x=2" || "http://"+got.Host != address {
		t.Errorf("%s of %s, want the path below the back end's, and its host", got.RequestURI, got.Host)
	}
}

func TestOpenRouteHasNoContextWhateverItsCallerSays(t *testing.T) {
	address, last := backEnd(t, func(http.ResponseWriter, *http.Request) {})
	r := httptest.NewRequest("POST", "/free", strings.NewReader("hello"))
	r.Header.Set("X-Wavepass-Context", `{"sub":"evil"}`)
	forwarding(t, address, granted, atHome()).ServeHTTP(httptest.NewRecorder(), r)
	got := last()
	if got.Header.Get("X-Wavepass-Context") != "" || got.Header.Get("X-Wavepass-Context-Key") != contextKey || got.ContentLength != 5 {
		t.Errorf("%v, want the key, and no context", got.Header)
	}
}

func TestBackEndIsNotAskedWithoutTheAuthorizersYes(t *testing.T) {
	address, last := backEnd(t, func(http.ResponseWriter, *http.Request) {})
	for verdict, status := range map[string]int{`{"isAuthorized":false}`: 403, `{}`: 500, granted: 200} {
		r := httptest.NewRequest("GET", "/own", nil)
		r.Header.Set("Authorization", "Bearer t")
		w := httptest.NewRecorder()
		forwarding(t, address, verdict, atHome()).ServeHTTP(w, r)
		if got := last(); w.Code != status || (got != nil) != (status == 200) {
			t.Errorf("%s: %d, asked %v", verdict, w.Code, got != nil)
		}
	}
}

// A back end that cleans a path, or decodes it again, would come to a route whose authorizer was not asked.
func TestPathsWithTwoReadingsAreNotForwarded(t *testing.T) {
	address, last := backEnd(t, func(http.ResponseWriter, *http.Request) {})
	api := forwarding(t, address, granted, atHome())
	for path, status := range map[string]int{
		"/files/a/b": 200, "/files/a%20b": 200, "/files/%C3%A9": 200, "/files/a/": 200, "/files/a.b..c": 200, "/files/a%3Fb": 200,
		"/files/../admin": 400, "/files/%2e%2e/admin": 400, "/files/a/./b": 400, "/files//b": 400, "/files/a%2Fb": 400, "/files/..%2fadmin": 400,
		"/files/a%5Cb": 400, "/files/a;b": 400, "/files/%252e%252e/admin": 400, "/files/a%00": 400, "/files/a%0ab": 400, "/files/a%7f": 400,
	} {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Authorization", "Bearer t")
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		if got := last(); w.Code != status || (got != nil) != (status == 200) || got != nil && got.URL.Path != r.URL.Path {
			t.Errorf("%s: %d, asked %v, want %d", path, w.Code, got != nil, status)
		}
	}
}

func TestAnswersOfABackEndReachTheCallerAsTheyAre(t *testing.T) {
	binary := make([]byte, 100_000)
	_, _ = rand.Read(binary)
	address, last := backEnd(t, func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header["Set-Cookie"] = []string{"a=1; HttpOnly", "b=2"}
		header.Set("Location", "/elsewhere")
		header.Set("Vary", "Accept")
		header.Set("Access-Control-Allow-Origin", "*")
		header.Set("Apigw-Requestid", "another")
		header["Connection"], header["X-Named"], header["Keep-Alive"] = []string{"X-Named"}, []string{"n"}, []string{"timeout=5"}
		header["Content-Type"], header["Date"] = nil, nil
		w.WriteHeader(303)
		_, _ = w.Write(binary)
	})
	r := httptest.NewRequest("PUT", "/orders/1", bytes.NewReader(binary))
	r.Header.Set("Authorization", "Bearer t")
	w := httptest.NewRecorder()
	forwarding(t, address, granted, atHome()).ServeHTTP(w, r)
	id := w.Header().Get("Apigw-Requestid")
	want := http.Header{"Set-Cookie": {"a=1; HttpOnly", "b=2"}, "Location": {"/elsewhere"}, "Vary": {"Origin, Accept"}, "Apigw-Requestid": {id}, "Content-Type": nil}
	if diff := cmp.Diff(want, w.Header()); diff != "" || id == "another" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	sent, err := io.ReadAll(last().Body)
	if w.Code != 303 || !bytes.Equal(w.Body.Bytes(), binary) || err != nil || !bytes.Equal(sent, binary) {
		t.Errorf("%d, %d bytes, and %d there (%v); want 303 and the same bytes both ways", w.Code, w.Body.Len(), len(sent), err)
	}
}

func TestLimitsOfForwardedRequests(t *testing.T) {
	release := make(chan struct{})
	address, _ := backEnd(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case "PUT":
			_, _ = io.CopyN(w, zeros{}, 10<<20+1)
		case "GET":
			<-release
		}
	})
	defer close(release)
	gone := httptest.NewServer(nil)
	gone.Close()
	half := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte("half"))
	}))
	defer half.Close()
	for name, test := range map[string]struct {
		to, method, path string
		body             int64
		status           int
		says             string
	}{
		"body of 10 MB":      {address, "POST", "/free", 10 << 20, 200, ""},
		"body beyond":        {address, "POST", "/free", 10<<20 + 1, 413, "longer than 10 MB"},
		"answer beyond":      {address, "PUT", "/orders/1", 0, 500, "answer is longer than 10 MB"},
		"back end is slow":   {address, "GET", "/own", 0, 503, "took longer than 50ms"},
		"back end is down":   {gone.URL, "GET", "/own?token=secret", 0, 503, "refused"},
		"answer that breaks": {half.URL, "GET", "/own", 0, 503, "unexpected EOF"},
	} {
		var log bytes.Buffer
		opts := atHome()
		opts.Log = logTo(&log)
		if name == "back end is slow" {
			opts = opts.WithLimit(50 * time.Millisecond)
		}
		r := httptest.NewRequest(test.method, test.path, io.LimitReader(zeros{}, test.body))
		r.Header.Set("Authorization", "Bearer t")
		w := httptest.NewRecorder()
		forwarding(t, test.to, granted, opts).ServeHTTP(w, r)
		if want := message(http.StatusText(test.status)); w.Code != test.status || test.status != 200 && strings.TrimSpace(w.Body.String()) != want {
			t.Errorf("%s: %d %.100s, want %d", name, w.Code, w.Body, test.status)
		}
		if !strings.Contains(log.String(), test.says) || strings.Contains(log.String(), "secret") {
			t.Errorf("%s: logged %s, want %q and no query", name, &log, test.says)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// startLambda answers as SAM CLI's start-lambda does: it checks what a request may be, runs the function, and tells errors
// in a header beside status 200.
func startLambda(t *testing.T, functions map[string]string) *url.URL {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /2015-03-31/functions/{name}/invocations", func(w http.ResponseWriter, r *http.Request) {
		answer, ok := functions[r.PathValue("name")]
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.Header.Get("Content-Type") != "application/json" || r.URL.RawQuery != "" || len(body) == 0 || body[0] != '{':
			w.WriteHeader(415)
		case r.Header.Get("X-Amz-Invocation-Type") != "RequestResponse" || r.Header.Get("X-Amz-Log-Type") != "":
			w.WriteHeader(501)
		case !ok:
			w.WriteHeader(404)
			_, _ = fmt.Fprintf(w, `{"Type":"User","Message":"Function not found: arn:aws:lambda:us-west-2:012345678901:function:%s"}`, r.PathValue("name"))
		default:
			if strings.Contains(answer, "errorMessage") && !strings.Contains(answer, "emulator") {
				w.Header().Set("X-Amz-Function-Error", "Unhandled")
			}
			_, _ = io.WriteString(w, answer)
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	address, err := url.Parse(server.URL)
	must(t, err)
	return address
}

func TestFunctionsBehindAnInvokeAPI(t *testing.T) {
	at := startLambda(t, map[string]string{
		"Good": `{"statusCode":201,"body":"aGk=","isBase64Encoded":true,"cookies":["a=1","b=2"]}`, "Text": `"hi"`,
		"Fails": `{"errorMessage":"x","errorType":"E"}`, "FailsInAnEmulator": `{"errorMessage":"emulator","errorType":"E","stackTrace":[]}`,
		"Late": `Task timed out after 3.00 seconds`, "Like": `{"errorMessage":"emulator","errorType":"E","orders":[]}`,
		"Long": `"` + strings.Repeat("a", 7<<20) + `"`,
	})
	gone := httptest.NewServer(nil)
	gone.Close()
	down, err := url.Parse(gone.URL)
	must(t, err)
	direct := at.JoinPath("2015-03-31", "functions", "Text", "invocations")
	for name, test := range map[string]struct {
		handler lambda.Handler
		status  int
		body    string
	}{
		"answers":                {gateway.InvokeAt(at, "Good"), 201, "hi"},
		"a text":                 {gateway.InvokeAt(at, "Text"), 200, "hi"},
		"an address with a path": {gateway.InvokeAt(direct, "Anything"), 200, "hi"},
		"an error":               {gateway.InvokeAt(at, "Fails"), 500, message("Internal Server Error")},
		"an emulator's error":    {gateway.InvokeAt(at, "FailsInAnEmulator"), 500, message("Internal Server Error")},
		"JSON like an error":     {gateway.InvokeAt(at, "Like"), 200, `{"errorMessage":"emulator","errorType":"E","orders":[]}`},
		"out of time":            {gateway.InvokeAt(at, "Late"), 500, message("Internal Server Error")},
		"too long":               {gateway.InvokeAt(at, "Long"), 500, message("Internal Server Error")},
		"not there":              {gateway.InvokeAt(at, "Nobody"), 500, message("Internal Server Error")},
		"down":                   {gateway.InvokeAt(down, "Good"), 503, message("Service Unavailable")},
	} {
		other, err := stackOf(t, "", "", "Wavepass")
		must(t, err)
		must(t, other.Place("open", gateway.Target{Invoke: test.handler}, nil))
		must(t, other.Place("Own", gateway.Target{Invoke: test.handler}, nil))
		api, err := gateway.New(joined(t, other), map[string]lambda.Handler{"open": echo, "guarded": echo, "authorizer": answering(granted)}, atHome())
		must(t, err)
		r := httptest.NewRequest("GET", "/own", nil)
		r.Header.Set("Authorization", "Bearer t")
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		wantAnswer(t, name, w, test.status, test.body)
		if test.status == 201 && len(w.Header()["Set-Cookie"]) != 2 {
			t.Errorf("%s: cookies %q, want both", name, w.Header()["Set-Cookie"])
		}
	}
}

func logTo(out io.Writer) *slog.Logger { return slog.New(slog.NewJSONHandler(out, nil)) }
