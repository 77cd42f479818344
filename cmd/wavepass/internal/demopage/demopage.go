// Package demopage is the page that `wavepass local` serves at /, to try everything in a browser. It knows which files
// the page consists of and with which headers they are served. What the page does is in assets/.
package demopage

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"path"
	"slices"
	"strconv"
	"time"

	"github.com/wavepass/wavepass/clients/web"
)

// Settings are what the page has to know of its server.
type Settings struct {
	Origin             string // where the page has to be opened: the service refuses a login from another one
	Username, Password string // of the demo account
	BrowserClient      string // the page itself
	NativeClient       string // the app that the page plays, whose tokens are in JSON

	MinAge          time.Duration // of a refresh token, before it is replaced
	OvertakenWithin time.Duration // for how long a token that was replaced twice may just be late
	Staleness       time.Duration // how long after a revocation an access token may still be accepted

	Routes []string // of the server, as "GET /userinfo"
}

// Page serves the page's files. It answers GET and HEAD of its Paths, and is asked for nothing else.
type Page struct {
	files  map[string]file // by path
	origin string
}

type file struct {
	mediaType string
	content   []byte
}

//go:embed assets
var assets embed.FS

// mediaTypes are written out here, because those of package mime depend on the machine.
var mediaTypes = map[string]string{
	".css":  "text/css; charset=utf-8",
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// New returns the page of a server.
func New(s Settings) (*Page, error) {
	page := &Page{origin: s.Origin, files: map[string]file{"/demo/wavepass.js": {mediaTypes[".js"], web.Module}}}
	entries, err := assets.ReadDir("assets")
	if err != nil {
		return nil, fmt.Errorf("demo page: %w", err)
	}
	for _, entry := range entries {
		name := entry.Name()
		content, err := assets.ReadFile(path.Join("assets", name))
		if err != nil {
			return nil, fmt.Errorf("demo page: %w", err)
		}
		at := "/demo/" + name
		if name == "index.html" {
			at = "/"
			if content, err = render(string(content), s); err != nil {
				return nil, fmt.Errorf("demo page: %w", err)
			}
		}
		page.files[at] = file{mediaTypes[path.Ext(name)], content}
	}
	return page, nil
}

// render fills the settings into index.html.
func render(text string, s Settings) ([]byte, error) {
	page, err := template.New("index.html").Parse(text)
	if err != nil {
		return nil, err
	}
	forScripts, err := json.Marshal(map[string]any{
		"origin": s.Origin, "username": s.Username, "password": s.Password,
		"browserClient": s.BrowserClient, "nativeClient": s.NativeClient,
		"minAge": s.MinAge.Milliseconds(), "overtakenWithin": s.OvertakenWithin.Milliseconds(), "staleness": s.Staleness.Milliseconds(),
	})
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = page.Execute(&out, struct {
		Settings
		ForScripts string
	}{s, string(forScripts)})
	return out.Bytes(), err
}

// Origin is where the page has to be opened.
func (p *Page) Origin() string { return p.origin }

// Paths are those that the page answers.
func (p *Page) Paths() []string { return slices.Sorted(maps.Keys(p.files)) }

// policy lets the page use its own files and its own server, and nothing else. The page builds its elements without
// parsing markup, so no such sink is open either. form-action: a form that the script failed to take over must not put the
// password into an address.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// ServeHTTP implements http.Handler.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	file, ok := p.files[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	header := w.Header()
	header.Set("Content-Type", file.mediaType)
	header.Set("Content-Length", strconv.Itoa(len(file.content)))
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store") // the next version of the program has the same addresses
	header.Set("Referrer-Policy", "same-origin")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	_, _ = w.Write(file.content)
}
