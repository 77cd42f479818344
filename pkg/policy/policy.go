// Package policy decides which callers a route is open to: a document names routes, and the scopes, roles and age of the login that each
// of them asks for. It reads nothing and keeps nothing; the authorizer gives it what the event says.
//
// A route is judged by the route that the gateway has chosen, whose text no caller can change. Only where lines of the
// document divide that route further, as they can below {proxy+} and $default, does the path of the request count. It is then
// refused in every spelling but one, because what answers the request may read other spellings as the same path.
package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wavepass/wavepass/pkg/oauth"
)

// Limits of a document.
const (
	MaxRoutes = 500 // an HTTP API has at most 300
	MaxNames  = 20  // scopes, or roles, of one route
	MaxLength = 512 // bytes of a route
	MaxAge    = 365 * 24 * time.Hour

	maxAudience = 160 // bytes, as a client's
)

// What becomes of a route that no line names.
const (
	Allow = "allow"
	Deny  = "deny"
)

// Document is a route policy as it is stored.
type Document struct {
	Unlisted string `json:"unlisted"`            // Allow or Deny
	BasePath string `json:"base_path,omitempty"` // of the API mapping, where the API has a custom domain: "/" or "/v1"
	Audience string `json:"audience,omitempty"`  // that a token has to be for; empty: the deployment's own
	Routes   []Line `json:"routes"`
}

// Line says what the route asks of its callers, beyond a valid access token.
type Line struct {
	Route string `json:"route"` // a method or ANY, and a path: "GET /orders/{id}"
	Needs
}

// Needs are all to be met.
type Needs struct {
	Scopes     []string `json:"scopes,omitempty"`       // each of them
	Roles      []string `json:"roles,omitempty"`        // at least one of them
	MaxAuthAge int64    `json:"max_auth_age,omitempty"` // seconds since the login at most (RFC 9470 §4); 0: any
	Session    string   `json:"session,omitempty"`      // Optional: people without a session are let through, too; empty: it is needed
}

// Optional is the only value of Needs.Session: people without a session are let through as nobody, so that a site can show them a page. It
// stands alone in its line.
const Optional = "optional"

// Request is what the gateway's event says of a request.
type Request struct {
	Route  string // that the gateway chose: "GET /orders/{id}", "$default"; empty when the event names none
	Method string
	Path   string // without the stage

	// CustomDomain says that the request came by a domain whose API mapping may stand at the beginning of Path.
	CustomDomain bool
	// Rest is what the greedy parameter of Route stands for, if the event says it.
	Rest string
}

// Caller is what the access token says.
type Caller struct {
	Scope        string // names, with spaces between
	Roles        []string
	RolesOmitted bool      // Roles is empty, and the account may have some nevertheless
	AuthTime     time.Time // zero: nobody has logged in
}

// ErrRefused is matched by the error of Decide.
var ErrRefused = errors.New("policy: refused")

// ErrRolesOmitted is matched, besides ErrRefused, by the error of Decide when the caller lacks nothing but roles, and RolesOmitted is
// true: it can be decided once the roles are known.
var ErrRolesOmitted = errors.New("the token is without the roles of the account")

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrRefused}, args...)...)
}

// Policy is a document that was checked. It does not change, and is safe for concurrent use. The zero value refuses everything.
type Policy struct {
	unlisted *line // nil: refused
	basePath string
	audience string
	lines    []*line
	exact    node // the lines by their segments
	folded   node // the same in one case
	resolved resolutions
}

// line is a Line, and where it stands.
type line struct {
	Needs
	name   string // as the document has it
	method string
	path   pattern
	folded pattern // path, in one case
}

// New checks the document. Its error joins one *LineError for each line that is wrong.
func New(d Document) (*Policy, error) {
	p := &Policy{}
	var wrong []error
	switch d.Unlisted {
	case Allow:
		p.unlisted = &line{name: "unlisted"}
	case Deny:
	default:
		wrong = append(wrong, &LineError{-1, "", fmt.Sprintf("unlisted is %q: write %s or %s, for the routes that no line names", d.Unlisted, Allow, Deny)})
	}
	if err := p.setBasePath(d.BasePath); err != nil {
		wrong = append(wrong, &LineError{-1, "", err.Error()})
	}
	if d.Audience != "" && (len(d.Audience) > maxAudience || !oauth.ValidScope(d.Audience)) {
		wrong = append(wrong, &LineError{-1, "", fmt.Sprintf(
			"audience: %q is none: at most %d printable ASCII characters without space, quotation mark and backslash", d.Audience, maxAudience)})
	}
	p.audience = d.Audience
	if len(d.Routes) > MaxRoutes {
		return nil, &LineError{-1, "", fmt.Sprintf("%d routes are more than %d", len(d.Routes), MaxRoutes)}
	}
	for i, l := range d.Routes {
		err := p.add(l)
		if err != nil {
			wrong = append(wrong, &LineError{i, l.Route, err.Error()})
		}
	}
	if i, above := p.belowGreedy(); i >= 0 && d.Unlisted == Allow {
		wrong = append(wrong, &LineError{i, p.lines[i].name, fmt.Sprintf(
			"stands below %s, so that the path of requests decides; a document with such a line has to say unlisted: deny", above.name)})
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	return p, nil
}

// Audience is what a token has to be for; empty: the deployment's own.
func (p *Policy) Audience() string { return p.audience }

// setBasePath takes "", "/" or a path of literals.
func (p *Policy) setBasePath(path string) error {
	if path == "" {
		return nil
	}
	parts, err := parsePath(path)
	if err != nil {
		return fmt.Errorf("base_path: %w", err)
	}
	if slices.ContainsFunc(parts, func(s segment) bool { return s.kind != literal }) {
		return errors.New("base_path: has a parameter; it is the path of the API mapping, as / or /v1")
	}
	p.basePath = path
	return nil
}

// LineError says what is wrong with a line of a document.
type LineError struct {
	Index   int // in Routes; -1: the document as a whole
	Route   string
	Problem string
}

func (e *LineError) Error() string {
	if e.Index < 0 {
		return e.Problem
	}
	return e.Route + ": " + e.Problem
}

func (p *Policy) add(l Line) error {
	method, path, err := parseRoute(l.Route)
	if err != nil {
		return err
	}
	if err := l.check(); err != nil {
		return err
	}
	added := &line{Needs: l.Needs, name: l.Route, method: method, path: path, folded: path.folded()}
	if other := p.folded.insert(added.folded, added); other != nil {
		return fmt.Errorf("is the same route as %s; the names of parameters and the case of letters make no difference", other.name)
	}
	p.exact.insert(path, added)
	p.lines = append(p.lines, added)
	return nil
}

// belowGreedy returns a line that names a part of what a greedy line names, and that line; -1 when there is none.
func (p *Policy) belowGreedy() (int, *line) {
	for _, above := range p.lines {
		if !above.path.greedy() {
			continue
		}
		for i, l := range p.lines {
			if l.folded.meets(above.folded) && !l.path.covers(above.path) {
				return i, above
			}
		}
	}
	return -1, nil
}

func (n Needs) check() error {
	for what, names := range map[string][]string{"scopes": n.Scopes, "roles": n.Roles} {
		if len(names) > MaxNames {
			return fmt.Errorf("%d %s are more than %d", len(names), what, MaxNames)
		}
		for i, name := range names {
			if !validName(name) {
				return fmt.Errorf("%s[%d]: %q is no name: it has a space, a quotation mark, a backslash or a character that is not ASCII, or more than 64 characters, or none", what, i, name)
			}
			if slices.Contains(names[:i], name) {
				return fmt.Errorf("%s[%d]: %s is named twice", what, i, name)
			}
		}
	}
	switch {
	case n.Session != "" && n.Session != Optional:
		return fmt.Errorf("session is %q: write %s, or leave it out where a session is needed", n.Session, Optional)
	case n.Session != "" && (len(n.Scopes) > 0 || len(n.Roles) > 0 || n.MaxAuthAge != 0):
		return errors.New("session: optional stands alone: somebody who is nobody has no scopes, no roles and no login")
	}
	if n.MaxAuthAge < 0 || n.MaxAuthAge > int64(MaxAge/time.Second) {
		return fmt.Errorf("max_auth_age is %d s: it has to be between 1 s and %s", n.MaxAuthAge, MaxAge)
	}
	return nil
}

// metBy returns why the caller may not pass, nil when they may.
func (l *line) metBy(c Caller, now time.Time) error {
	for _, scope := range l.Scopes {
		if !hasWord(c.Scope, scope) {
			return refuse("%s needs the scope %s", l.name, scope)
		}
	}
	if l.MaxAuthAge > 0 {
		switch age := now.Sub(c.AuthTime); {
		case c.AuthTime.IsZero():
			return refuse("%s needs a login", l.name)
		case age > time.Duration(l.MaxAuthAge)*time.Second:
			return refuse("%s needs a login in the last %s, and the last was %s ago", l.name, time.Duration(l.MaxAuthAge)*time.Second, age.Round(time.Second))
		}
	}
	if len(l.Roles) > 0 { // the last, so that roles are looked up only when they decide
		switch {
		case c.RolesOmitted:
			return refuse("%s needs one of the roles %s, and %w", l.name, strings.Join(l.Roles, ", "), ErrRolesOmitted)
		case !slices.ContainsFunc(l.Roles, func(role string) bool { return slices.Contains(c.Roles, role) }):
			return refuse("%s needs one of the roles %s", l.name, strings.Join(l.Roles, ", "))
		}
	}
	return nil
}

// stricterThan reports whether somebody could be refused by n and pass other.
func (n Needs) stricterThan(other Needs) bool {
	for _, scope := range n.Scopes {
		if !slices.Contains(other.Scopes, scope) {
			return true
		}
	}
	if len(n.Roles) > 0 {
		if len(other.Roles) == 0 {
			return true
		}
		for _, role := range other.Roles {
			if !slices.Contains(n.Roles, role) {
				return true
			}
		}
	}
	if n.Session == "" && other.Session == Optional {
		return true
	}
	return n.MaxAuthAge > 0 && (other.MaxAuthAge == 0 || other.MaxAuthAge > n.MaxAuthAge)
}

// hasWord reports whether one of the words of text, which have single spaces between them, is word.
func hasWord(text, word string) bool {
	for text != "" {
		var first string
		first, text, _ = strings.Cut(text, " ")
		if first == word {
			return true
		}
	}
	return false
}
