package outbox

import (
	"embed"
	"errors"
	"html/template"
	"io/fs"
	"net"
	"net/http"
	"strings"
)

// Path is where the page is.
const Path = "/outbox"

const mostShown = 200

//go:embed page.html page.css
var assets embed.FS

var page = template.Must(template.New("page.html").Funcs(template.FuncMap{"isLink": isLink}).ParseFS(assets, "page.html"))

// isLink reports whether a line of a text is nothing but an address of the web.
func isLink(line string) bool {
	return (strings.HasPrefix(line, "https://") || strings.HasPrefix(line, "http://")) && !strings.ContainsAny(line, " \t")
}

const (
	pagePolicy = "default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
	// A mail brings its own styles. It may load nothing, run nothing and lead nowhere.
	mailPolicy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'; sandbox"
)

// ServeHTTP shows the mails, at Path and below, to this machine only: their links log people in.
func (f *Folder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Content-Security-Policy", pagePolicy)
	switch {
	case !isLoopback(r.RemoteAddr):
		http.Error(w, "the outbox is shown on the machine that wavepass local runs on", http.StatusForbidden)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "the outbox can only be read", http.StatusMethodNotAllowed)
	default:
		f.show(w, r)
	}
}

func isLoopback(remote string) bool {
	host, _, err := net.SplitHostPort(remote)
	return err == nil && net.ParseIP(host).IsLoopback()
}

func (f *Folder) show(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, Path), "/")
	if name == "page.css" {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		css, _ := assets.ReadFile(name) // it is embedded
		_, _ = w.Write(css)
		return
	}
	if html, ok := strings.CutSuffix(name, htmlEnding); ok {
		f.showHTML(w, r, html)
		return
	}
	var shown struct {
		Mails []letter
		Open  *letter
	}
	if name == "" {
		names, err := f.names(mostShown)
		if err != nil {
			failed(w, r, err)
			return
		}
		for _, name := range names {
			if l, err := f.read(name); err == nil { // one may be deleted meanwhile
				shown.Mails = append(shown.Mails, l)
			}
		}
	} else {
		l, err := f.read(name)
		if err != nil {
			failed(w, r, err)
			return
		}
		shown.Open = &l
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = page.Execute(w, shown)
}

func (f *Folder) showHTML(w http.ResponseWriter, r *http.Request, name string) {
	if !mailName.MatchString(name) {
		failed(w, r, fs.ErrNotExist)
		return
	}
	html, err := f.root.ReadFile(name + htmlEnding)
	if err != nil {
		failed(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", mailPolicy)
	_, _ = w.Write(html)
}

func failed(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, fs.ErrNotExist) {
		http.NotFound(w, r)
		return
	}
	http.Error(w, "the outbox cannot be read: "+err.Error(), http.StatusInternalServerError)
}
