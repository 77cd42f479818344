package demopage_test

import (
	"encoding/json"
	"html"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/demopage"
)

var settings = demopage.Settings{
	Origin: "http://localhost:3000", Username: `demo"<i>@wavepass.local`, Password: "surf", BrowserClient: "web", NativeClient: "app",
	MinAge: 10 * time.Second, OvertakenWithin: 15 * time.Second, Staleness: 1500 * time.Millisecond, Routes: []string{"GET /userinfo"},
}

func newPage(t *testing.T) *demopage.Page {
	t.Helper()
	page, err := demopage.New(settings)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

func get(page *demopage.Page, method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	page.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w
}

func TestEveryFileHasStrictHeaders(t *testing.T) {
	types := map[string]string{"": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
	page := newPage(t)
	if paths := page.Paths(); !slices.Contains(paths, "/") || len(paths) < 5 {
		t.Fatalf("paths %v, want / and the files that it asks for", paths)
	}
	for _, at := range page.Paths() {
		w := get(page, "GET", at)
		header := w.Header()
		if w.Code != 200 || w.Body.Len() == 0 || !strings.HasPrefix(header.Get("Content-Type"), types[path.Ext(at)]) || header.Get("Content-Type") == "" {
			t.Errorf("GET %s: %d, %d bytes, Content-Type %q", at, w.Code, w.Body.Len(), header.Get("Content-Type"))
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "same-origin",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if header.Get(name) != want {
				t.Errorf("GET %s: %s %q, want %q", at, name, header.Get(name), want)
			}
		}
		csp := header.Get("Content-Security-Policy")
		for _, want := range []string{
			"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "form-action 'none'", "base-uri 'none'",
			"frame-ancestors 'none'", "require-trusted-types-for 'script'",
		} {
			if !slices.Contains(strings.Split(csp, "; "), want) {
				t.Errorf("GET %s: Content-Security-Policy %q, want %q in it", at, csp, want)
			}
		}
		if strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") {
			t.Errorf("GET %s: Content-Security-Policy %q opens too much", at, csp)
		}
	}
	if w := get(page, "GET", "/demo/nothing.js"); w.Code != http.StatusNotFound {
		t.Errorf("a path that is none of the page's: %d, want 404", w.Code)
	}
}

// A reference that leads nowhere would only show as a page that does nothing.
func TestEveryReferenceLeadsToAFile(t *testing.T) {
	page := newPage(t)
	references := map[string]*regexp.Regexp{
		"":     regexp.MustCompile(`(?:src|href)="(/[^"]*)"`),
		".js":  regexp.MustCompile(`(?m)^(?:import|export) .* from '([^']+)'$`),
		".css": regexp.MustCompile(`url\(([^)]*)\)`),
	}
	asked := map[string]bool{"/": true}
	for _, at := range page.Paths() {
		if references[path.Ext(at)] == nil {
			continue
		}
		for _, found := range references[path.Ext(at)].FindAllStringSubmatch(get(page, "GET", at).Body.String(), -1) {
			to := found[1]
			if strings.HasPrefix(to, ".") {
				to = path.Join(path.Dir(at), to)
			}
			asked[to] = true
			if !slices.Contains(page.Paths(), to) {
				t.Errorf("%s asks for %s, which is not served", at, found[1])
			}
		}
	}
	for _, at := range page.Paths() {
		if !asked[at] {
			t.Errorf("nothing asks for %s", at)
		}
	}
}

func TestNothingIsInlineOrFromElsewhere(t *testing.T) {
	page := newPage(t)
	index := get(page, "GET", "/").Body.String()
	for what, pattern := range map[string]string{
		"a script": `<script(?:>| [^>]*>[^<])`, "a style": `<style|\sstyle=`, "a handler": `\son[a-z]+=`, "an address of a script": `javascript:`,
	} {
		if found := regexp.MustCompile(pattern).FindString(index); found != "" {
			t.Errorf("index.html has %s inline: %q", what, found)
		}
	}
	elsewhere := regexp.MustCompile(`(?:https?:)?//[a-z][a-z0-9.-]*\.[a-z]+`)
	for _, at := range page.Paths() {
		for _, address := range elsewhere.FindAllString(get(page, "GET", at).Body.String(), -1) {
			if address != "http://www.w3.org" { // the name of SVG
				t.Errorf("%s names %s: want nothing from elsewhere", at, address)
			}
		}
	}
}

// What the page's scripts are told is what the server goes by, and names cannot break out of their place.
func TestSettingsReachThePage(t *testing.T) {
	index := get(newPage(t), "GET", "/").Body.String()
	found := regexp.MustCompile(`data-settings="([^"]*)"`).FindStringSubmatch(index)
	if found == nil {
		t.Fatalf("no settings in %s", index)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(html.UnescapeString(found[1])), &got); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"origin": settings.Origin, "username": settings.Username, "password": settings.Password, "browserClient": "web", "nativeClient": "app",
		"minAge": 10_000.0, "overtakenWithin": 15_000.0, "staleness": 1500.0,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	if strings.Contains(index, "<i>") || !strings.Contains(index, "GET /userinfo") {
		t.Errorf("the name is not escaped, or no route is listed: %s", index)
	}
}
