package policy

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

const defaultRoute = "$default"

// Decide returns nil when the caller may have the request, and otherwise an error that matches ErrRefused and says why, for a log.
func (p *Policy) Decide(r Request, c Caller, now time.Time) error {
	l, err := p.find(r)
	if err != nil {
		return err
	}
	return l.metBy(c, now)
}

// DecideNobody is Decide for a request without a session that can be used.
func (p *Policy) DecideNobody(r Request) error {
	l, err := p.find(r)
	switch {
	case err != nil:
		return err
	case l.Session != Optional:
		return refuse("%s needs somebody who is logged in", l.name)
	}
	return nil
}

// SameForAll reports whether the policy decides about every request of a caller alike.
func (p *Policy) SameForAll() bool { return len(p.lines) == 0 }

// Line names the line that decides about the request: its route, or "unlisted". Its error is one of Decide, when no line can decide.
func (p *Policy) Line(r Request) (string, error) {
	l, err := p.find(r)
	if err != nil {
		return "", err
	}
	return l.name, nil
}

// find returns the line that decides.
func (p *Policy) find(r Request) (*line, error) {
	if len(p.lines) == 0 {
		return p.orUnlisted(nil, r.Route)
	}
	if !slices.Contains(methods[1:], r.Method) {
		return nil, refuse("%q is no method that a route can have", r.Method)
	}
	res := p.resolved.get(r.Route, r.Method, p.resolve)
	switch {
	case res.err != nil:
		return nil, res.err
	case !res.byPath:
		return p.orUnlisted(res.line, r.Route)
	}
	path, err := p.pathOf(r, res.route)
	if err != nil {
		return nil, err
	}
	l := p.exact.match(r.Method, path.raw)
	if other := p.folded.match(r.Method, path.folded); other != nil && other != l && (l == nil || other.stricterThan(l.Needs)) {
		return nil, refuse("the path differs from %s in the case of letters only", other.name)
	}
	if l == nil && res.broad && p.unlisted != nil {
		return nil, refuse("no line names this path below %s; a document with lines below it has to say unlisted: deny, and to name what is open", r.Route)
	}
	return p.orUnlisted(l, r.Path)
}

func (p *Policy) orUnlisted(l *line, what string) (*line, error) {
	if l == nil {
		l = p.unlisted
	}
	if l == nil {
		return nil, refuse("no line names %s, and unlisted routes are denied", what)
	}
	return l, nil
}

// pathOf is the path that the API sees, which has to be one of its route.
func (p *Policy) pathOf(r Request, route pattern) (requested, error) {
	text := r.Path
	if r.CustomDomain && p.basePath != "/" {
		rest, found := strings.CutPrefix(text, p.basePath)
		switch {
		case p.basePath == "":
			return requested{}, refuse("the path decides, and on a custom domain it may begin with that of an API mapping: the document has to say base_path, / where there is none")
		case !found || rest != "" && rest[0] != '/':
			return requested{}, refuse("the path does not begin with the base_path %s", p.basePath)
		}
		text = cmp.Or(rest, "/")
	}
	path, err := readPath(text)
	switch {
	case err != nil:
		return requested{}, err
	case route != nil && !route.matches(path.raw):
		return requested{}, refuse("the path is none of the route %s, which the gateway has chosen", r.Route)
	case r.Rest != "" && !path.endsIn(r.Rest, len(route)):
		return requested{}, refuse("the path does not end in what the gateway gives to the parameter of %s", r.Route)
	}
	return path, nil
}

// resolution is what a document says of a route that a gateway has.
type resolution struct {
	line   *line   // that covers the whole route; nil: none does
	route  pattern // nil when the gateway has named none, or $default
	byPath bool    // some lines are for a part of the route only: the path decides
	broad  bool    // the route takes paths of any length
	err    error
}

// resolve finds out for one route and one method.
func (p *Policy) resolve(route, method string) resolution {
	if route == "" || route == defaultRoute {
		return resolution{byPath: true, broad: true}
	}
	routeMethod, text, _ := strings.Cut(route, " ")
	if routeMethod != method && routeMethod != "ANY" {
		return resolution{err: refuse("the route %s is not for %s", route, method)}
	}
	path, err := parsePath(text)
	if err != nil {
		return resolution{err: refuse("the gateway's route %q: %w", route, err)}
	}
	folded := path.folded()
	res := resolution{route: path, broad: path.greedy()}
	var covering node
	for _, l := range p.lines {
		switch {
		case !l.isFor(method):
		case l.path.covers(path):
			covering.insert(l.path, l)
		case l.folded.covers(folded):
			return resolution{err: refuse("the gateway's route %s differs from %s in the case of letters only", route, l.name)}
		case l.folded.meets(folded):
			res.byPath = true
		}
	}
	res.line = covering.match(method, path.sample())
	return res
}

// isFor reports whether the line may be that of a request with the method.
func (l *line) isFor(method string) bool {
	return l.method == method || l.method == "ANY" || l.method == "GET" && method == "HEAD"
}

// sample is a path of the pattern, which no literal matches but its own. What covers the pattern matches it.
func (p pattern) sample() []string {
	path := make([]string, len(p))
	for i, s := range p {
		path[i] = s.literal // empty for a parameter: no literal is
	}
	return path
}

// resolutions remembers what was resolved: for every route that an API has and every method, but no more than maxResolved.
type resolutions struct {
	known sync.Map
	count atomic.Int64
}

const maxResolved = 2000

type resolvedKey struct{ route, method string }

func (r *resolutions) get(route, method string, resolve func(route, method string) resolution) resolution {
	key := resolvedKey{route, method}
	if known, ok := r.known.Load(key); ok {
		return known.(resolution)
	}
	res := resolve(route, method)
	if r.count.Add(1) <= maxResolved {
		r.known.Store(key, res)
	}
	return res
}

// matches reports whether the path is one of the pattern.
func (p pattern) matches(path []string) bool {
	for i, s := range p {
		switch {
		case i >= len(path):
			return false
		case s.kind == greedy:
			return true
		case s.kind == literal && s.literal != path[i]:
			return false
		}
	}
	return len(p) == len(path)
}

// requested is the path of a request, cut at its slashes.
type requested struct {
	raw     []string // as it came
	decoded []string
	folded  []string // decoded, and in one case
}

// endsIn reports whether rest, decoded or not, is what the last of so many segments of a route stands for.
func (r requested) endsIn(rest string, segments int) bool {
	if segments == 0 || segments > len(r.raw) {
		return false
	}
	return rest == strings.Join(r.raw[segments-1:], "/") || rest == strings.Join(r.decoded[segments-1:], "/")
}

// readPath refuses a path that is not spelt as it has to be, because what answers the request may read it as another one: a needless
// percent-encoding, an encoded character that separates or hides, two slashes, dot segments, a slash at the end.
func readPath(path string) (requested, error) {
	rest, found := strings.CutPrefix(path, "/")
	switch {
	case !found:
		return requested{}, refuse("the path does not begin with a slash")
	case len(path) > maxPath:
		return requested{}, refuse("the path is longer than %d bytes", maxPath)
	case rest == "":
		return requested{}, nil
	}
	r := requested{raw: strings.Split(rest, "/")}
	r.decoded, r.folded = make([]string, len(r.raw)), make([]string, len(r.raw))
	for i, segment := range r.raw {
		decoded, err := decodeSegment(segment)
		switch {
		case err != nil:
			return requested{}, err
		case decoded == "":
			return requested{}, refuse("the path has two slashes in a row, or one at its end")
		case decoded == "." || decoded == "..":
			return requested{}, refuse("the path has a dot segment")
		}
		r.decoded[i], r.folded[i] = decoded, fold(decoded)
	}
	return r, nil
}

const maxPath = 8192 // bytes; a gateway takes 10,240 of request line and headers

// decodeSegment undoes percent-encoding, and refuses what has more than one spelling.
func decodeSegment(text string) (string, error) {
	var decoded []byte // nil while it is the text itself
	for i := 0; i < len(text); i++ {
		c := text[i]
		encoded := c == '%'
		if encoded {
			high, low := upperHex(text, i+1), upperHex(text, i+2)
			if high < 0 || low < 0 {
				return "", refuse("the path has a percent sign that encodes nothing, or in small letters")
			}
			if decoded == nil {
				decoded = append(make([]byte, 0, len(text)), text[:i]...)
			}
			c = byte(high<<4 | low)
			i += 2
		}
		switch {
		case c < ' ' || c == 0x7f || strings.IndexByte(`/\;*?%#`, c) >= 0:
			return "", refuse("the path has a character that separates or hides, encoded or not")
		case encoded && plainByte(c):
			return "", refuse("the path encodes a character that needs no encoding")
		}
		if decoded != nil {
			decoded = append(decoded, c)
		}
	}
	if decoded != nil {
		text = string(decoded)
	}
	if !utf8.ValidString(text) {
		return "", refuse("the path is not UTF-8")
	}
	return text, nil
}

// upperHex is the value of a hexadecimal digit, and -1 for anything else, small letters included: RFC 3986 §2.1 wants capitals.
func upperHex(text string, i int) int {
	if i >= len(text) {
		return -1
	}
	return strings.IndexByte("0123456789ABCDEF", text[i])
}
