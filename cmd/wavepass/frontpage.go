package main

import (
	htmltemplate "html/template"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/gateway"
)

// welcome is what somebody is told who opens the address of `wavepass local`.
type welcome struct {
	Name   string   `json:"name"`
	What   string   `json:"what"`
	Routes []string `json:"routes"`
}

// frontPage answers GET / where the template has no such route, as JSON or, for a browser, as HTML.
func frontPage(t *gateway.Template, next http.Handler) http.Handler {
	page := welcome{Name: "Wavepass", What: "Sessions for serverless backends. This is `wavepass local`, a stand-in for API Gateway, Lambda and DynamoDB on this machine."}
	for _, route := range t.Routes {
		if route.Key() == "GET /" || route.Key() == "ANY /" || route.Key() == "$default" {
			return next
		}
		page.Routes = append(page.Routes, route.Key())
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" || r.Method != http.MethodGet && r.Method != http.MethodHead {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if strings.Contains(r.Header.Get("Accept"), "text/html") {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
			_ = frontHTML.Execute(w, page)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.MarshalWrite(w, page, jsontext.Multiline(true))
		_, _ = w.Write([]byte{'\n'})
	})
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
