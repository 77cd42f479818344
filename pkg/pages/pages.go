package pages

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/url"
	"strings"

	"golang.org/x/text/language"
)

//go:embed page.html style.css texts
var files embed.FS

// Looks are what an operator may change.
type Looks struct {
	Name   string // of the service, as people know it; empty: Wavepass
	Logo   string // address of an image, https; empty: none
	Colour string // of buttons and links, like #0a5fd9; empty: a dark blue
}

// Check returns nil when pages can be drawn with l.
func (l Looks) Check() error {
	var wrong []error
	if len(l.Name) > 64 || strings.ContainsFunc(l.Name, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }) {
		wrong = append(wrong, errors.New("name: want at most 64 bytes of printable text"))
	}
	if u, err := url.Parse(l.Logo); l.Logo != "" && (err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || len(l.Logo) > 512 || strings.ContainsAny(l.Logo, " ;,'\"")) {
		wrong = append(wrong, fmt.Errorf("logo %.60q: want an https address of at most 512 bytes, without ; and ,", l.Logo))
	}
	if _, err := parseColour(l.Colour); l.Colour != "" && err != nil {
		wrong = append(wrong, err)
	}
	return errors.Join(wrong...)
}

// Pages draws the pages of a deployment. Safe for concurrent use.
type Pages struct {
	looks     Looks
	languages language.Matcher
	templates []*template.Template // in the order of tags
	policy    string               // Content-Security-Policy
}

// tags are the languages that there are texts in. The first is for everybody else.
var tags = []language.Tag{language.English, language.German}

const (
	defaultName   = "Wavepass"
	defaultColour = "#1c4e8a"
)

// New returns the pages with these looks. Errors: those of Looks.Check.
func New(l Looks) (*Pages, error) {
	if err := l.Check(); err != nil {
		return nil, fmt.Errorf("pages: %w", err)
	}
	if l.Name == "" {
		l.Name = defaultName
	}
	if l.Colour == "" {
		l.Colour = defaultColour
	}
	style, err := styleOf(l.Colour)
	if err != nil {
		return nil, err
	}
	p := &Pages{looks: l, languages: language.NewMatcher(tags), policy: policyOf(style, l.Logo)}
	for _, tag := range tags {
		t, err := parse(tag, style)
		if err != nil {
			return nil, fmt.Errorf("pages: %s: %w", tag, err)
		}
		p.templates = append(p.templates, t)
	}
	return p, nil
}

// parse returns the templates with the texts of one language.
func parse(tag language.Tag, style string) (*template.Template, error) {
	document, err := files.ReadFile("texts/" + tag.String() + ".json")
	if err != nil {
		return nil, err
	}
	texts := map[string]string{}
	if err := json.Unmarshal(document, &texts); err != nil {
		return nil, err
	}
	functions := template.FuncMap{
		"t": func(key string, args ...any) (string, error) {
			text, ok := texts[key]
			if !ok {
				return "", fmt.Errorf("no text %q", key)
			}
			if len(args) == 0 {
				return text, nil
			}
			return fmt.Sprintf(text, args...), nil
		},
		"language": tag.String,
		"style":    func() template.CSS { return template.CSS(style) }, // ours, with a colour that was parsed
	}
	return template.New("page.html").Funcs(functions).ParseFS(files, "page.html")
}

// policyOf is the Content-Security-Policy of every page. There are no scripts. Forms go to this service alone, and Chromium holds the whole
// chain of redirects after a form to that, so no form is answered with a redirect to a client.
func policyOf(style, logo string) string {
	sum := sha256.Sum256([]byte(style))
	policy := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
	if logo != "" {
		policy += "; img-src " + logo
	}
	return policy
}

// Page is a page that was drawn.
type Page struct {
	HTML    []byte
	Headers map[string]string
}

// Languages says which language a page is in: what the client asks for, then what the browser says.
type Languages struct {
	Wanted []string // ui_locales, the best first
	Accept string   // header Accept-Language
}

func (p *Pages) template(l Languages) *template.Template {
	asked := make([]language.Tag, 0, len(l.Wanted))
	for _, text := range l.Wanted {
		if tag, err := language.Parse(text); err == nil {
			asked = append(asked, tag)
		}
	}
	accepted, _, _ := language.ParseAcceptLanguage(l.Accept) // unreadable: none
	_, i, _ := p.languages.Match(append(asked, accepted...)...)
	return p.templates[i]
}

// content is what the template is given.
type content struct {
	Looks
	Title string // key of a text
	Body  any    // one of the types below; its name says which part of the template draws it
	Kind  string
}

func (p *Pages) draw(l Languages, kind, title string, body any) Page {
	var out bytes.Buffer
	if err := p.template(l).Execute(&out, content{p.looks, title, body, kind}); err != nil {
		panic("pages: " + kind + ": " + err.Error()) // every page is drawn in each language by a test
	}
	return Page{out.Bytes(), map[string]string{
		"Content-Type":            "text/html; charset=utf-8",
		"Content-Security-Policy": p.policy,
		// With no-referrer the page's own forms would say "Origin: null". Nothing is sent to other sites.
		"Referrer-Policy":            "same-origin",
		"X-Frame-Options":            "DENY", // for browsers that do not know frame-ancestors
		"Cross-Origin-Opener-Policy": "same-origin",
	}}
}
