package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/gateway"
	"github.com/wavepass/wavepass/pkg/config"
)

const forBrowsers = "text/html,application/xhtml+xml,*/*;q=0.8"

func TestFrontPageSaysWhatThisIs(t *testing.T) {
	s := start(t, "--data", t.TempDir())
	var page welcome
	got := s.do("GET", "/", "", "")
	if err := json.Unmarshal([]byte(got.Body), &page); err != nil || got.Status != 200 || page.Name != "Wavepass" || len(page.Routes) < 10 {
		t.Errorf("GET /: %d %s (%v)", got.Status, got.Body, err)
	}
	if got := s.do("GET", "/nothing", "", ""); got.Status != 404 {
		t.Errorf("GET /nothing: %d, want 404", got.Status)
	}
}

func TestDemoPageIsForBrowsersAtTheFrontDoor(t *testing.T) {
	s := start(t, "--data", t.TempDir())
	if want := "Open " + s.url + "/ in a browser"; !strings.Contains(s.greeting, want) {
		t.Errorf("the greeting is %s\nwant %q in it", s.greeting, want)
	}
	page := s.do("GET", "/", "", "", "Accept", forBrowsers)
	if page.Status != 200 || !strings.HasPrefix(page.Header.Get("Content-Type"), "text/html") || !strings.Contains(page.Body, demoUsername) ||
		!strings.Contains(page.Body, "GET /userinfo") || page.Header.Get("Vary") != "Accept" {
		t.Errorf("GET / for a browser: %d %v %.300s", page.Status, page.Header, page.Body)
	}
	head := s.do("HEAD", "/", "", "", "Accept", forBrowsers)
	if head.Status != 200 || head.Body != "" || head.Header.Get("Content-Length") != page.Header.Get("Content-Length") {
		t.Errorf("HEAD /: %d %v %.100s, want the headers of GET alone", head.Status, head.Header, head.Body)
	}
	for _, path := range []string{"/", "/demo/page.js"} {
		for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
			// The gateway answers as if there were no page.
			if got := s.do(method, path, "", "", "Accept", forBrowsers); got.Status/100 == 2 && got.Body != "" || got.Header.Get("Content-Security-Policy") != "" {
				t.Errorf("%s %s: %d %v, want what the gateway answers", method, path, got.Status, got.Header)
			}
		}
	}
	for _, path := range []string{"/demo", "/demo/", "/demo/nothing.js", "/demo/index.html", "/demo/../demo/page.js", "//demo/page.js"} {
		if got := s.do("GET", path, "", "", "Accept", forBrowsers); got.Status != 404 || !strings.Contains(got.Body, `"message"`) {
			t.Errorf("GET %s: %d %.80s, want the gateway's 404", path, got.Status, got.Body)
		}
	}
}

// A page elsewhere that rebinds its name to this machine would otherwise be of one origin with the demo page.
func TestDemoPageIsForThisHostOnly(t *testing.T) {
	s := start(t, "--data", t.TempDir())
	for _, path := range []string{"/", "/demo/page.js"} {
		r, err := http.NewRequest("GET", s.url+path, nil)
		check(t, err)
		r.Host = "evil.example"
		r.Header.Set("Accept", forBrowsers)
		got, err := http.DefaultClient.Do(r)
		check(t, err)
		_ = got.Body.Close()
		if got.StatusCode != http.StatusMisdirectedRequest {
			t.Errorf("GET %s for a foreign host: %d, want 421", path, got.StatusCode)
		}
	}
}

// A route of the template is never hidden by the page, and the page is never served in part.
func TestDemoPageMakesWayForRoutesOfTheTemplate(t *testing.T) {
	cfg := config.Config{Issuer: "http://localhost:3000", RotationMinAge: time.Second}
	own := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("own")) })
	for _, tc := range []struct {
		method, path string // of the one route of the template
		noDemo       bool
		index, style string // who answers / and /demo/page.css
	}{
		{"GET", "/orders", false, "demo", "demo"},
		{"POST", "/", false, "demo", "demo"},
		{"GET", "/demo", false, "demo", "demo"},
		{"GET", "/", false, "own", "own"},
		{"ANY", "/", false, "own", "own"},
		{"ANY", "$default", false, "own", "own"},
		{"ANY", "/{rest+}", false, "own", "own"},
		{"GET", "/demo/{file}", false, "list", "own"},
		{"GET", "/demo/{path+}", false, "list", "own"},
		{"ANY", "/demo/page.css", false, "list", "own"},
		{"GET", "/orders", true, "list", "own"},
	} {
		template := &gateway.Template{Routes: []gateway.Route{{Method: tc.method, Path: tc.path}}}
		page, err := data{demo: !tc.noDemo}.demoPage(template, cfg)
		check(t, err)
		front := frontPage(template, page, own)
		for path, want := range map[string]string{"/": tc.index, "/demo/page.css": tc.style} {
			r := httptest.NewRequest("GET", path, nil)
			r.Header.Set("Accept", forBrowsers)
			w := httptest.NewRecorder()
			front.ServeHTTP(w, r)
			got := "list"
			switch {
			case w.Body.String() == "own":
				got = "own"
			case strings.Contains(w.Header().Get("Content-Security-Policy"), "script-src"):
				got = "demo"
			}
			if got != want {
				t.Errorf("%s %s, without demo account %v: %s is answered by %s, want %s", tc.method, tc.path, tc.noDemo, path, got, want)
			}
		}
	}
}

// Without the demo account a browser is shown which routes there are.
func TestBrowserGetsAListOfRoutesWithoutADemoPage(t *testing.T) {
	template := &gateway.Template{Routes: []gateway.Route{{Method: "GET", Path: "/.well-known/jwks.json"}, {Method: "POST", Path: "/login"}}}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Accept", forBrowsers)
	w := httptest.NewRecorder()
	frontPage(template, nil, http.NotFoundHandler()).ServeHTTP(w, r)
	if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") || !strings.Contains(w.Body.String(), `<a href="/.well-known/jwks.json">`) ||
		strings.Contains(w.Body.String(), `<a href="/login"`) {
		t.Errorf("GET / for a browser: %d %v %s", w.Code, w.Header(), w.Body)
	}
}
