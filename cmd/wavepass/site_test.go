package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

const siteExample = "../../examples/site"

// people are those who sign in at the shop, each in a case of their own: the list of somebody's devices has nobody else's.
var people = map[string]string{
	"ada": "surf-the-first-wave", "grace": "surf-the-second-wave", "alan": "surf-the-third-wave", "hedy": "surf-the-fourth-wave",
	"eve": "surf-the-fifth-wave", "barbara": "surf-the-sixth-wave", "frances": "surf-the-seventh-wave", "katherine": "surf-the-eighth-wave",
}

// emptyPage is a server of one at a free port, whose address begins with http://localhost, or else with http://127.0.0.1.
func emptyPage(t *testing.T) (localhost, number string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!doctype html><title>page</title><link rel=icon href=data:,><body>")
	}))
	t.Cleanup(server.Close)
	return strings.Replace(server.URL, "127.0.0.1", "localhost", 1), server.URL
}

// startSite runs examples/site by its one command, beside the pages of an origin.
func startSite(t *testing.T, origin string) *shop {
	t.Helper()
	needs(t, "bash", "sed", "go")
	s := startExample(t, siteExample, "--web-origins", origin)
	for name, password := range people {
		if name != "ada" { // whom the script registers
			s.sh("echo " + password + " | wavepass account add " + name + " --scope profile")
		}
	}
	return s
}

// TestChromiumSite visits examples/site.
func TestChromiumSite(t *testing.T) {
	needChromium(t)
	app, _ := emptyPage(t)
	_, elsewhere := emptyPage(t)
	s := startSite(t, app)
	given, err := json.Marshal(map[string]any{
		"shop": s.url, "app": app, "elsewhere": elsewhere, "folder": s.folder, "passwords": people, "screenshots": os.Getenv("WAVEPASS_SCREENSHOTS"),
	})
	check(t, err)
	play(t, "site.mjs", []string{
		"withoutScript", "devices", "ended", "cookie", "looks",
		"forms", "scripts", "links", "loginCSRF", "fixation", "targets", "hybrid",
	}, "SHOP="+string(given))
}

// TestChromiumSitesOnSiblingSubdomains shares the cookie of one login between two hosts of a deployment, of which one serves a site's pages.
func TestChromiumSitesOnSiblingSubdomains(t *testing.T) {
	needChromium(t)
	const id, page = "id.example.test", "shop.example.test"
	f, data := newFront(t, id, page), t.TempDir()
	f.serve(id, data, "example.test", "--allow-host", page)
	f.hear[page].Store(f.hear[id].Load())
	mustCommand(t, "client", "add", "sibling", "--kind", "site", "--origin", f.address(page), "--redirect", f.address(page)+"/page",
		"--post-logout-redirect", f.address(page)+"/page", "--scope", "account", "--scope", "profile", "--data", data)
	inChromium(t, "siblings", f.address(id), f.address(page))
}
