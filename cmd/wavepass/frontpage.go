package main

import (
	htmltemplate "html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/demopage"
	"github.com/wavepass/wavepass/cmd/wavepass/internal/gateway"
	"github.com/wavepass/wavepass/pkg/config"
	"github.com/wavepass/wavepass/pkg/session"
)

// welcome is what somebody is told who opens the address of `wavepass local`.
type welcome struct {
	Name   string   `json:"name"`
	What   string   `json:"what"`
	Routes []string `json:"routes"`
}

// frontPage answers GET / where the template has no such route: as JSON, or for a browser with the demo page. Without a
// demo page a browser gets a list of the routes.
func frontPage(t *gateway.Template, demo *demopage.Page, next http.Handler) http.Handler {
	if t.Takes(http.MethodGet, "/") {
		return next
	}
	page := welcome{
		Name: "Wavepass", What: "Sessions for serverless backends. This is `wavepass local`, a stand-in for API Gateway, Lambda and DynamoDB on this machine.",
		Routes: routesOf(t),
	}
	mux := map[string]http.Handler{"/": byAccept(http.HandlerFunc(page.html), http.HandlerFunc(page.json))}
	if demo != nil {
		for _, path := range demo.Paths() {
			mux[path] = demo
		}
		mux["/"] = byAccept(demo, http.HandlerFunc(page.json))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler, ok := mux[r.URL.Path]
		if !ok || r.Method != http.MethodGet && r.Method != http.MethodHead {
			handler = next
		}
		handler.ServeHTTP(w, r)
	})
}

// demoPage returns nil without the demo account, and where the template has a route for one of the page's paths: the page
// would be in its way.
func (d data) demoPage(t *gateway.Template, cfg config.Config) (*demopage.Page, error) {
	if !d.demo {
		return nil, nil
	}
	page, err := demopage.New(demopage.Settings{
		Origin: originOf(cfg.Issuer), Username: demoUsername, Password: demoPassword, BrowserClient: demoBrowser, NativeClient: demoNative,
		MinAge: cfg.RotationMinAge, OvertakenWithin: session.OvertakenWithin, Staleness: cfg.Staleness, Routes: routesOf(t),
	})
	if err != nil || slices.ContainsFunc(page.Paths(), func(path string) bool { return t.Takes(http.MethodGet, path) }) {
		return nil, err
	}
	return page, nil
}

func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Scheme + "://" + u.Host
}

func routesOf(t *gateway.Template) (keys []string) {
	for _, route := range t.Routes {
		keys = append(keys, route.Key())
	}
	return keys
}

func byAccept(html, other http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Accept")
		if strings.Contains(r.Header.Get("Accept"), "text/html") {
			html.ServeHTTP(w, r)
			return
		}
		other.ServeHTTP(w, r)
	})
}

func (page welcome) json(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Type", "application/json")
	_ = json.MarshalWrite(w, page, jsontext.Multiline(true))
	_, _ = w.Write([]byte{'\n'})
}

func (page welcome) html(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	_ = frontHTML.Execute(w, page)
}

var frontHTML = htmltemplate.Must(htmltemplate.New("").Funcs(htmltemplate.FuncMap{"link": link}).Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{{.Name}}</title>
<h1>{{.Name}}</h1>
<p>{{.What}}</p>
<ul>{{range .Routes}}
<li>{{with link .}}<a href="{{.}}">GET {{.}}</a>{{else}}{{.}}{{end}}</li>{{end}}
</ul>
</html>
`))

// link is where a route can be looked at in a browser, "" where it cannot.
func link(route string) string {
	path, isGet := strings.CutPrefix(route, "GET ")
	if !isGet || strings.Contains(path, "{") {
		return ""
	}
	return path
}
