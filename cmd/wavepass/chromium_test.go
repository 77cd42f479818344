package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
)

// inChromium runs a case of testdata/chromium/cases.mjs. api and other are addresses of the service.
func inChromium(t *testing.T, name, api, other string) {
	t.Helper()
	drive(t, "cases.mjs", name, map[string]string{"api": api, "other": other, "screenshot": os.Getenv("WAVEPASS_SCREENSHOT")})
}

// drive runs a case of a driver in testdata/chromium.
func drive(t *testing.T, driver, name string, addresses map[string]string) (said string) {
	t.Helper()
	addresses["username"], addresses["password"] = demoUsername, demoPassword
	given, err := json.Marshal(addresses)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "node", "testdata/chromium/"+driver, name)
	command.Env = append(os.Environ(), "ADDRESSES="+string(given))
	out, err := command.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return string(out)
}

func needChromium(t *testing.T) {
	t.Helper()
	if os.Getenv("WAVEPASS_CHROMIUM") == "" {
		t.Skip("no Chromium: scripts/browser-tools go test -run Chromium ./cmd/wavepass")
	}
}

// Browsers take localhost for a safe place, and keep Secure cookies of it.
func TestChromiumOnThisMachine(t *testing.T) {
	needChromium(t)
	for name, minAge := range map[string]string{"life": "0s", "tabs": "10s", "whitespace": "0s", "othersite": "0s"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("ROTATION_MIN_AGE", minAge)
			s := start(t, "--data", t.TempDir())
			inChromium(t, name, s.url, strings.Replace(s.url, "localhost", "127.0.0.1", 1))
		})
	}
}

func TestChromiumCacheOfTwoOrigins(t *testing.T) {
	needChromium(t)
	var origins []string
	for range 2 {
		page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "text/html") }))
		t.Cleanup(page.Close)
		origins = append(origins, strings.Replace(page.URL, "127.0.0.1", "localhost", 1))
	}
	s := start(t, "--data", t.TempDir(), "--web-origins", strings.Join(origins, ","))
	inChromium(t, "jwks", s.url, strings.Join(origins, " "))
}

// front is https://HOST:port for every name that ends in .test, before servers that each have a folder of their own.
type front struct {
	t    *testing.T
	url  *url.URL
	hear map[string]*atomic.Pointer[url.URL] // by host: where its server listens
}

func newFront(t *testing.T, hosts ...string) *front {
	f := &front{t: t, hear: map[string]*atomic.Pointer[url.URL]{}}
	for _, host := range hosts {
		f.hear[host] = &atomic.Pointer[url.URL]{}
	}
	server := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		if at := f.hear[r.In.Host[:strings.LastIndex(r.In.Host, ":")]]; at != nil {
			r.SetURL(at.Load())
		}
	}})
	t.Cleanup(server.Close)
	var err error
	if f.url, err = url.Parse(server.URL); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *front) address(host string) string { return "https://" + host + ":" + f.url.Port() }

// serve starts a server for a host, in place of the one that it had.
func (f *front) serve(host, data, cookieDomain string, args ...string) *server {
	f.t.Setenv("COOKIE_DOMAIN", cookieDomain)
	s := start(f.t, append([]string{"--data", data, "--issuer", f.address(host)}, args...)...)
	at, err := url.Parse(s.url)
	if err != nil {
		f.t.Fatal(err)
	}
	f.hear[host].Store(at)
	return s
}

func TestChromiumWithTwoDeploymentsOnNestedDomains(t *testing.T) {
	needChromium(t)
	f := newFront(t, "example.test", "staging.example.test")
	f.serve("example.test", t.TempDir(), "example.test")
	f.serve("staging.example.test", t.TempDir(), "staging.example.test")
	inChromium(t, "nested", f.address("example.test"), f.address("staging.example.test"))
}

func TestChromiumWithACookieThatANeighbourPlanted(t *testing.T) {
	needChromium(t)
	f := newFront(t, "id.example.test")
	f.serve("id.example.test", t.TempDir(), "id.example.test")
	inChromium(t, "planted", f.address("id.example.test"), "")
}

func TestChromiumAfterCookieDomainChanged(t *testing.T) {
	needChromium(t)
	f := newFront(t, "app.example.test")
	data := t.TempDir()
	first := f.serve("app.example.test", data, "example.test")
	proxied := *f.hear["app.example.test"].Load()
	change := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/switch" {
			if err := first.stop(); err != nil {
				t.Errorf("the server did not end well: %v", err)
			}
			f.serve("app.example.test", data, "app.example.test")
			return
		}
		httputil.NewSingleHostReverseProxy(&proxied).ServeHTTP(w, r)
	}))
	t.Cleanup(change.Close)
	at, err := url.Parse(change.URL)
	if err != nil {
		t.Fatal(err)
	}
	f.hear["app.example.test"].Store(at)
	inChromium(t, "domain", f.address("app.example.test"), "")
}
