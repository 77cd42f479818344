package main

import (
	"embed"
	"errors"
	"fmt"
	"html/template"
	"log"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

const maxForm = 16 << 10 // bytes

// clientID is that of clients.yaml.
const clientID = "shop"

//go:embed pages
var files embed.FS

// site answers the shop's routes. What it needs of a visitor is asked for by each handler: the authorizer lets people without a session
// through, so that they see a page and not an error of the gateway's.
type site struct {
	http.Handler
	baskets baskets
	places  func(*http.Request) place
	pages   *template.Template
	style   []byte
}

func newSite(b baskets, places func(*http.Request) place) (*site, error) {
	pages, err := template.New("").Funcs(template.FuncMap{"money": money}).ParseFS(files, "pages/*.html")
	if err != nil {
		return nil, err
	}
	style, err := files.ReadFile("pages/style.css")
	if err != nil {
		return nil, err
	}
	s := &site{baskets: b, places: places, pages: pages, style: style}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.catalogue)
	mux.HandleFunc("GET /sign-in", s.signIn)
	mux.HandleFunc("GET /style.css", s.styleSheet)
	mux.HandleFunc("GET /basket", s.signedIn(s.basket))
	mux.HandleFunc("POST /basket", s.signedIn(s.form(s.changeBasket)))
	mux.HandleFunc("GET /devices", s.signedIn(s.devices))
	mux.HandleFunc("POST /devices/{sid}", s.signedIn(s.form(s.endDevice)))
	s.Handler = mux
	return s, nil
}

// signedIn sends people without a session to the form, and from there back to where they came from.
func (s *site) signedIn(next func(http.ResponseWriter, *http.Request, visitor)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := visitorOf(r)
		if v.signedIn() {
			next(w, r, v)
			return
		}
		query := url.Values{"return_to": {s.cameFrom(r)}}
		if v.Reason != "" {
			query.Set("reason", v.Reason)
		}
		http.Redirect(w, r, "/sign-in?"+query.Encode(), http.StatusSeeOther)
	}
}

// form refuses a form that the shop has not given to this visitor.
func (s *site) form(next func(http.ResponseWriter, *http.Request, visitor)) func(http.ResponseWriter, *http.Request, visitor) {
	return func(w http.ResponseWriter, r *http.Request, v visitor) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			s.problem(w, r, http.StatusBadRequest, "That form could not be read.")
			return
		}
		if !v.sentForm(r) {
			s.problem(w, r, http.StatusForbidden, "That form is not from this visit. Go back, reload the page, and try again.")
			return
		}
		next(w, r, v)
	}
}

// ownPath has the paths of this shop and no other text, so that Wavepass takes each of them to return to.
var ownPath = regexp.MustCompile(`^/([a-z0-9-]+(/[a-z0-9-]+)*)?(\?[A-Za-z0-9_=&-]*)?$`)

// cameFrom is the page to go back to: the one that was asked for, or the one whose form was sent.
func (s *site) cameFrom(r *http.Request) string {
	path := r.URL.RequestURI()
	if r.Method != http.MethodGet {
		path = strings.TrimPrefix(r.Referer(), s.places(r).site)
	}
	if len(path) > 200 || !ownPath.MatchString(path) {
		return "/"
	}
	return path
}

func (s *site) catalogue(w http.ResponseWriter, r *http.Request) {
	s.show(w, r, http.StatusOK, "catalogue.html", shelf)
}

func (s *site) styleSheet(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=300")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(s.style)
}

// signInPage is what the page for signing in says.
type signInPage struct {
	Message  string
	ReturnTo string
	Device   string
}

// signIn shows the form that is sent to Wavepass. It stays what it is without a session, and when one has ended.
func (s *site) signIn(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	page := signInPage{Message: messageOf(query), ReturnTo: query.Get("return_to"), Device: deviceName(r)}
	if !ownPath.MatchString(page.ReturnTo) {
		page.ReturnTo = ""
	}
	s.show(w, r, http.StatusOK, "signin.html", page)
}

// messageOf says in words what Wavepass (error) and the authorizer (reason) say in codes. Text of an address is never shown.
func messageOf(query url.Values) string {
	switch code := query.Get("error"); code {
	case "":
	case "invalid_credentials":
		return "That name and password do not belong together."
	case "too_many_attempts":
		return "Too many attempts. Try again " + later(query.Get("retry_after")) + "."
	case "temporarily_unavailable":
		return "Signing in does not work at the moment. Try again shortly."
	default:
		return "Signing in did not work. Fill in both fields and try again."
	}
	switch query.Get("reason") {
	case "":
		if query.Has("return_to") {
			return "Sign in to go on."
		}
		return ""
	case "idle", "absolute":
		return "You were away for a while, so we signed you out. Sign in to go on where you were."
	case "password_changed":
		return "Your password was changed. Sign in with the new one."
	default:
		return "Your session was ended. Sign in to go on where you were."
	}
}

func later(seconds string) string {
	n, err := strconv.Atoi(seconds)
	switch {
	case err != nil || n < 1 || n > 24*60*60:
		return "later"
	case n <= 90:
		return fmt.Sprintf("in %d seconds", n)
	}
	return fmt.Sprintf("in %d minutes", (n+59)/60)
}

// view is what every page knows.
type view struct {
	visitor
	place
	ClientID string
	Here     string // path of the page
	Page     any
}

func (v view) SignedIn() bool    { return v.signedIn() }
func (v view) SiteURL() string   { return v.site }
func (v view) Wavepass() string  { return v.wavepass }
func (v view) CSRFField() string { return v.CSRF }

// show renders a page first and sends it then, so that nobody gets half of one.
func (s *site) show(w http.ResponseWriter, r *http.Request, status int, name string, content any) {
	where := s.places(r)
	var text strings.Builder
	if err := s.pages.ExecuteTemplate(&text, name, view{visitorOf(r), where, clientID, r.URL.Path, content}); err != nil {
		log.Print(err)
		http.Error(w, "Something went wrong.", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store") // pages are about one person
	// Forms go to this shop and to Wavepass. No script runs, and no other site shows a page in a frame.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' "+originOf(where.wavepass))
	h.Set("Referrer-Policy", "same-origin") // with no-referrer, forms would not say where they come from, and Wavepass would refuse them
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text.String()))
}

func (s *site) problem(w http.ResponseWriter, r *http.Request, status int, message string) {
	s.show(w, r, status, "problem.html", message)
}

// unavailable answers when a store or Wavepass does not.
func (s *site) unavailable(w http.ResponseWriter, r *http.Request, err error) {
	log.Print(err)
	s.problem(w, r, http.StatusServiceUnavailable, "That does not work at the moment. Nothing was changed; try again shortly.")
}

func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

var errNoItem = errors.New("no such item")
