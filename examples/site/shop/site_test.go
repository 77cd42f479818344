package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const (
	contextKey = "a-key-of-24-characters-00"
	ada        = `{"sub":"0190b0e4-7e00-7000-8000-000000000001","sid":"0190b0e4-7e00-7000-8000-000000000002","csrf":"ada's token","client_id":"shop"}`
	eve        = `{"sub":"0190b0e4-7e00-7000-8000-000000000003","sid":"0190b0e4-7e00-7000-8000-000000000004","csrf":"eve's token","client_id":"shop"}`
)

// testShop is the shop behind a gateway, and beside a Wavepass that answers by wavepass.
type testShop struct {
	t        *testing.T
	handler  http.Handler
	wavepass http.HandlerFunc
}

func newTestShop(t *testing.T) *testShop {
	t.Helper()
	s := &testShop{t: t}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.wavepass(w, r) }))
	t.Cleanup(server.Close)
	stored := newFile(t)
	shop, err := newSite(stored, at("https://shop.example.com", server.URL))
	if err != nil {
		t.Fatal(err)
	}
	s.handler = behindWavepassLocal(shop, contextKey)
	return s
}

func newFile(t *testing.T) baskets {
	t.Helper()
	stored, err := openFile(filepath.Join(t.TempDir(), "baskets.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stored.(file).db.Close() })
	return stored
}

// as sends a request of somebody of whom the authorizer has said so much; "" on a route without one.
func (s *testShop) as(authorizer, method, path string, form url.Values, headers ...string) *http.Response {
	s.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	r.Header.Set("X-Wavepass-Context-Key", contextKey)
	if authorizer != "" {
		r.Header.Set("X-Wavepass-Context", authorizer)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	s.handler.ServeHTTP(recorder, r)
	return recorder.Result()
}

func textOf(t *testing.T, r *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func form(pairs ...string) url.Values {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return values
}

func TestBasketBelongsToOneSession(t *testing.T) {
	s := newTestShop(t)
	for range 2 {
		if got := s.as(ada, "POST", "/basket", form("item", "wax", "csrf", "ada's token")); got.StatusCode != 303 || got.Header.Get("Location") != "/basket" {
			t.Fatalf("add: %d to %q", got.StatusCode, got.Header.Get("Location"))
		}
	}
	if page := textOf(t, s.as(ada, "GET", "/basket", nil)); !strings.Contains(page, "2 × €7.00") || !strings.Contains(page, "€14.00") {
		t.Errorf("ada's basket lacks what she has put in:\n%s", page)
	}
	if page := textOf(t, s.as(eve, "GET", "/basket", nil)); strings.Contains(page, "Wax") {
		t.Errorf("eve sees ada's basket:\n%s", page)
	}
	if got := s.as(ada, "POST", "/basket", form("item", "wax", "do", "remove", "csrf", "ada's token")); got.StatusCode != 303 {
		t.Errorf("remove: %d", got.StatusCode)
	}
	if page := textOf(t, s.as(ada, "GET", "/basket", nil)); strings.Contains(page, "Wax") {
		t.Errorf("removed, and still there:\n%s", page)
	}
}

// Only a form that the shop has given to this session changes something.
func TestFormOfAnotherSessionChangesNothing(t *testing.T) {
	s := newTestShop(t)
	for name, tc := range map[string]struct {
		who    string
		form   url.Values
		status int
	}{
		"eve's token":        {ada, form("item", "wax", "csrf", "eve's token"), 403},
		"no token":           {ada, form("item", "wax"), 403},
		"an empty one":       {ada, form("item", "wax", "csrf", ""), 403},
		"a part of it":       {ada, form("item", "wax", "csrf", "ada's"), 403},
		"of the address":     {ada, form("item", "wax"), 403},
		"nobody, no token":   {`{"session":"none"}`, form("item", "wax", "csrf", ""), 303},
		"no authorizer":      {"", form("item", "wax", "csrf", ""), 303},
		"a session without":  {`{"sub":"a","sid":"b"}`, form("item", "wax", "csrf", ""), 303},
		"longer than 16 KB":  {ada, form("item", "wax", "csrf", "ada's token", "x", strings.Repeat("x", 17<<10)), 400},
		"no such item":       {ada, form("item", "yacht", "csrf", "ada's token"), 404},
		"a device, no token": {ada, form(), 403},
	} {
		path := "/basket"
		switch {
		case strings.HasPrefix(name, "a device"):
			path = "/devices/0190b0e4-7e00-7000-8000-000000000004"
		case name == "of the address":
			path = "/basket?csrf=ada%27s+token"
		}
		got := s.as(tc.who, "POST", path, tc.form)
		if got.StatusCode != tc.status || tc.status == 303 && !strings.HasPrefix(got.Header.Get("Location"), "/sign-in?") {
			t.Errorf("%s: %d to %q, want %d", name, got.StatusCode, got.Header.Get("Location"), tc.status)
		}
	}
	if page := textOf(t, s.as(ada, "GET", "/basket", nil)); strings.Contains(page, "Wax") {
		t.Errorf("something was changed:\n%s", page)
	}
}

func TestBasketIsBounded(t *testing.T) {
	s := newTestShop(t)
	for range maxOfOne {
		s.as(ada, "POST", "/basket", form("item", "wax", "csrf", "ada's token"))
	}
	if got := s.as(ada, "POST", "/basket", form("item", "wax", "csrf", "ada's token")); got.StatusCode != 409 {
		t.Errorf("one more than %d: %d, want 409", maxOfOne, got.StatusCode)
	}
}

// A person whose session has ended is told so, and comes back to where they were.
func TestNobodyIsSentToTheFormAndBack(t *testing.T) {
	s := newTestShop(t)
	for name, tc := range map[string]struct {
		method, path, context, referer, want string
	}{
		"a page":               {"GET", "/basket", `{"session":"none","reason":"idle"}`, "", "/sign-in?reason=idle&return_to=%2Fbasket"},
		"with a query":         {"GET", "/devices?page=2", `{"session":"none"}`, "", "/sign-in?return_to=%2Fdevices%3Fpage%3D2"},
		"with a strange query": {"GET", "/devices?page=%0d%0a", `{"session":"none"}`, "", "/sign-in?return_to=%2F"},
		"a form":               {"POST", "/basket", `{"session":"none","reason":"ended"}`, "https://shop.example.com/basket", "/sign-in?reason=ended&return_to=%2Fbasket"},
		"a form from outside":  {"POST", "/basket", `{"session":"none"}`, "https://evil.example/basket", "/sign-in?return_to=%2F"},
		"a form from nowhere":  {"POST", "/basket", `{"session":"none"}`, "", "/sign-in?return_to=%2F"},
		"the start":            {"POST", "/basket", "", "https://shop.example.com/", "/sign-in?return_to=%2F"},
		"two slashes":          {"POST", "/basket", "", "https://shop.example.com//evil.example", "/sign-in?return_to=%2F"},
	} {
		got := s.as(tc.context, tc.method, tc.path, nil, "Referer", tc.referer)
		if got.StatusCode != 303 || got.Header.Get("Location") != tc.want {
			t.Errorf("%s: %d to %q, want %q", name, got.StatusCode, got.Header.Get("Location"), tc.want)
		}
	}
}

func TestPageForSigningInSaysWhy(t *testing.T) {
	s := newTestShop(t)
	for query, want := range map[string]string{
		"":                           "",
		"?error=invalid_credentials": "That name and password do not belong together.",
		"?error=too_many_attempts&retry_after=61":  "Try again in 61 seconds.",
		"?error=too_many_attempts&retry_after=900": "Try again in 15 minutes.",
		"?error=too_many_attempts&retry_after=<b>": "Try again later.",
		"?error=temporarily_unavailable":           "Try again shortly.",
		"?error=<script>":                          "Fill in both fields",
		"?reason=idle&return_to=/basket":           "You were away for a while",
		"?reason=password_changed":                 "Your password was changed.",
		"?reason=<script>":                         "Your session was ended.",
		"?return_to=/basket":                       "Sign in to go on.",
	} {
		page := textOf(t, s.as("", "GET", "/sign-in"+query, nil))
		if want == "" && strings.Contains(page, "message") || !strings.Contains(page, want) || strings.Contains(page, "<script") {
			t.Errorf("%s: want %q:\n%s", query, want, page)
		}
		if strings.Contains(query, "return_to=/basket") != strings.Contains(page, `name="return_to" value="/basket"`) {
			t.Errorf("%s: the form does not say where to go:\n%s", query, page)
		}
	}
	for _, hostile := range []string{"//evil.example", "https://evil.example", `/\evil.example`, "/%2fevil.example", "javascript:alert(1)", "/a//b", "/\n"} {
		if page := textOf(t, s.as("", "GET", "/sign-in?return_to="+url.QueryEscape(hostile), nil)); strings.Contains(page, `name="return_to"`) {
			t.Errorf("%q is put into the form", hostile)
		}
	}
}

func TestPagesRunNothingAndAreKeptNowhere(t *testing.T) {
	s := newTestShop(t)
	for _, path := range []string{"/", "/basket", "/sign-in"} {
		got := s.as(ada, "GET", path, nil)
		policy := got.Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'; style-src 'self';") || !strings.Contains(policy, "frame-ancestors 'none'") ||
			got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("Referrer-Policy") != "same-origin" {
			t.Errorf("%s: headers %v", path, got.Header)
		}
		if page := textOf(t, got); regexp.MustCompile(`(?i)<script|style=|javascript:| on[a-z]+=`).MatchString(page) {
			t.Errorf("%s has something that runs:\n%s", path, page)
		}
	}
}

func TestDevicesAreThoseThatWavepassLists(t *testing.T) {
	s := newTestShop(t)
	const sid = "0190b0e4-7e00-7000-8000-00000000000a"
	var asked []string
	s.wavepass = func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.Path+" "+r.Header.Get("Cookie")+" "+r.Header.Get("X-CSRF-Token"))
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, `{"sessions":[{"id":"`+sid+`","device":"Firefox on <Linux>","created_at":1767225600,"last_used_at":1767225600,"current":true}]}`)
		}
	}
	page := textOf(t, s.as(ada, "GET", "/devices", nil, "Cookie", "__Host-Http-wpss-shop=wpss_x; other=y"))
	if !strings.Contains(page, "Firefox on &lt;Linux&gt;") || !strings.Contains(page, "this one") || !strings.Contains(page, `action="/devices/`+sid+`"`) {
		t.Errorf("the page lacks the device:\n%s", page)
	}
	got := s.as(ada, "POST", "/devices/"+sid, form("csrf", "ada's token"), "Cookie", "__Host-Http-wpss-shop=wpss_x; other=y")
	if got.StatusCode != 303 || got.Header.Get("Location") != "/devices" {
		t.Errorf("end: %d to %q", got.StatusCode, got.Header.Get("Location"))
	}
	want := []string{"GET /site/sessions __Host-Http-wpss-shop=wpss_x ada's token", "DELETE /site/sessions/" + sid + " __Host-Http-wpss-shop=wpss_x ada's token"}
	if strings.Join(asked, "\n") != strings.Join(want, "\n") {
		t.Errorf("asked\n%s\nwant\n%s", strings.Join(asked, "\n"), strings.Join(want, "\n"))
	}
	for _, odd := range []string{"..%2F..%2Fsessions", "x", strings.Repeat("a", 37)} {
		if got := s.as(ada, "POST", "/devices/"+odd, form("csrf", "ada's token")); got.StatusCode != 404 || len(asked) != 2 {
			t.Errorf("%s: %d, asked %q", odd, got.StatusCode, asked)
		}
	}
}

func TestOutageIsSaidAndChangesNothing(t *testing.T) {
	s := newTestShop(t)
	s.wavepass = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }
	for _, r := range []*http.Response{
		s.as(ada, "GET", "/devices", nil), s.as(ada, "POST", "/devices/0190b0e4-7e00-7000-8000-00000000000a", form("csrf", "ada's token")),
	} {
		if page := textOf(t, r); r.StatusCode != 503 || !strings.Contains(page, "try again shortly") {
			t.Errorf("%d:\n%s", r.StatusCode, page)
		}
	}
	broken, err := newSite(brokenBaskets{}, at("https://shop.example.com", ""))
	if err != nil {
		t.Fatal(err)
	}
	s.handler = behindWavepassLocal(broken, contextKey)
	for _, r := range []*http.Response{s.as(ada, "GET", "/basket", nil), s.as(ada, "POST", "/basket", form("item", "wax", "csrf", "ada's token"))} {
		if r.StatusCode != 503 {
			t.Errorf("%d, want 503", r.StatusCode)
		}
	}
}

type brokenBaskets struct{}

var errBroken = errors.New("the table is out of reach")

func (brokenBaskets) counts(context.Context, string) (map[string]int, error) { return nil, errBroken }
func (brokenBaskets) add(context.Context, string, string, time.Time) error   { return errBroken }
func (brokenBaskets) remove(context.Context, string, string) error           { return errBroken }

// Anybody on the machine can reach the port of the shop.
func TestOnlyWavepassLocalIsBelieved(t *testing.T) {
	s := newTestShop(t)
	for _, given := range []string{"", "wrong", contextKey + "x"} {
		if got := s.as(ada, "GET", "/basket", nil, "X-Wavepass-Context-Key", given); got.StatusCode != 403 {
			t.Errorf("key %q: %d, want 403", given, got.StatusCode)
		}
	}
	s.handler = behindWavepassLocal(http.NotFoundHandler(), "")
	if got := s.as(ada, "GET", "/basket", nil, "X-Wavepass-Context-Key", ""); got.StatusCode != 403 {
		t.Errorf("no key on either side: %d, want 403", got.StatusCode)
	}
}

func TestDeviceIsNamedByItsBrowser(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36":                                   "Chrome on Linux",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1": "Safari on an iPhone",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36 Edg/156.0.0.0":           "Edge on Windows",
		"curl/8.9": "", "": "",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("User-Agent", agent)
		if got := deviceName(r); got != want {
			t.Errorf("%s: %q, want %q", agent, got, want)
		}
	}
}
