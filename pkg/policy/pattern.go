package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/wavepass/wavepass/pkg/oauth"
)

// pattern is a path as routes have it, cut at its slashes: "/" has no segment, "/orders/{id}" has two.
type pattern []segment

// segment matches itself, or anything, or anything and all that follows.
type segment struct {
	literal string
	kind    kind
}

type kind byte

const (
	literal   kind = iota
	parameter      // {id}
	greedy         // {path+}, the last
)

var methods = []string{"ANY", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

const maxName = 64

// parseRoute reads "GET /orders/{id}".
func parseRoute(route string) (method string, path pattern, err error) {
	method, rest, found := strings.Cut(route, " ")
	switch {
	case len(route) > MaxLength:
		return "", nil, fmt.Errorf("is longer than %d bytes", MaxLength)
	case route == defaultRoute:
		return "", nil, errors.New("$default cannot be named: say unlisted, or name ANY /{proxy+} and ANY /")
	case !found:
		return "", nil, errors.New("a route is a method or ANY, a space and a path, like GET /orders/{id}")
	case !slices.Contains(methods, method):
		return "", nil, fmt.Errorf("%q is no method: it has to be one of %s", method, strings.Join(methods, ", "))
	}
	path, err = parsePath(rest)
	return method, path, err
}

func parsePath(path string) (pattern, error) {
	rest, found := strings.CutPrefix(path, "/")
	switch {
	case !found:
		return nil, fmt.Errorf("the path %q does not begin with a slash", path)
	case rest == "":
		return pattern{}, nil
	case strings.HasSuffix(rest, "/"):
		return nil, errors.New("the path ends in a slash: leave it out")
	}
	var p pattern
	for text := range strings.SplitSeq(rest, "/") {
		if len(p) > 0 && p[len(p)-1].kind == greedy {
			return nil, errors.New("a parameter with a plus takes all that follows: it has to be the last part of the path")
		}
		s, err := parseSegment(text)
		if err != nil {
			return nil, err
		}
		p = append(p, s)
	}
	return p, nil
}

func parseSegment(text string) (segment, error) {
	inner, opens := strings.CutPrefix(text, "{")
	inner, closes := strings.CutSuffix(inner, "}")
	if opens && closes {
		inner, plus := strings.CutSuffix(inner, "+")
		switch {
		case !validName(inner) || strings.ContainsAny(inner, "{}+"):
			return segment{}, fmt.Errorf("%q is no parameter: write it like {id} or {path+}", text)
		case plus:
			return segment{kind: greedy}, nil
		}
		return segment{kind: parameter}, nil
	}
	switch {
	case text == "":
		return segment{}, errors.New("the path has two slashes in a row")
	case text == "." || text == "..":
		return segment{}, fmt.Errorf("%q is no part of a path that a request can have", text)
	}
	for i := range len(text) {
		if !plainByte(text[i]) {
			return segment{}, fmt.Errorf("the path has %q, which a route cannot have: letters, digits and %s only", text[i], plainSigns)
		}
	}
	return segment{literal: text}, nil
}

// plainSigns are those, apart from letters and digits, that a path may have without percent-encoding (RFC 3986 §3.3), less the two that
// servers take for something else.
const plainSigns = "-._~!$&'()+,=:@"

func plainByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte(plainSigns, c) >= 0
}

// validName is what scopes can be called, at a length that roles have too.
func validName(name string) bool { return oauth.ValidScope(name) && len(name) <= maxName }

func (p pattern) greedy() bool { return len(p) > 0 && p[len(p)-1].kind == greedy }

// covers reports whether every path of other is one of p's.
func (p pattern) covers(other pattern) bool {
	for i, s := range p {
		switch {
		case i >= len(other):
			return false
		case s.kind == greedy:
			return true
		case other[i].kind > s.kind, s.kind == literal && other[i].literal != s.literal:
			return false
		}
	}
	return len(p) == len(other)
}

// meets reports whether a path can be one of both.
func (p pattern) meets(other pattern) bool {
	for i, s := range p {
		switch {
		case i >= len(other):
			return false
		case s.kind == greedy || other[i].kind == greedy:
			return true
		case s.kind == literal && other[i].kind == literal && s.literal != other[i].literal:
			return false
		}
	}
	return len(p) == len(other)
}

// folded is p with its literals in one case.
func (p pattern) folded() pattern {
	q := slices.Clone(p)
	for i := range q {
		q[i].literal = fold(q[i].literal)
	}
	return q
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// fold maps letters that differ in case only to one of them, like strings.EqualFold: by Unicode, so that ſ is an s.
func fold(text string) string {
	if isASCII(text) {
		return strings.ToUpper(text) // capitals are the lowest
	}
	return strings.Map(func(r rune) rune {
		lowest := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			lowest = min(lowest, next)
		}
		return lowest
	}, text)
}
