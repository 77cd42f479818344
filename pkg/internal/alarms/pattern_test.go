package alarms_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// pattern is a filter pattern of CloudWatch Logs for JSON, as far as the template uses them: members of the line that must be
// texts equal to these.
type pattern map[string]string

var term = regexp.MustCompile(`^\$\.([a-z_]+) = "([A-Za-z_ ]+)"$`)

// parsePattern refuses what it does not understand, wildcards for example, so that nothing is judged by a guess.
func parsePattern(text string) (pattern, error) {
	inner, opened := strings.CutPrefix(text, "{ ")
	inner, closed := strings.CutSuffix(inner, " }")
	if !opened || !closed {
		return nil, fmt.Errorf("%s: want { … }", text)
	}
	p := pattern{}
	for one := range strings.SplitSeq(inner, " && ") {
		m := term.FindStringSubmatch(one)
		if m == nil {
			return nil, fmt.Errorf(`%s: want terms like $.event = "login"`, one)
		}
		if _, twice := p[m[1]]; twice {
			return nil, fmt.Errorf("%s: $.%s is there twice", text, m[1])
		}
		p[m[1]] = m[2]
	}
	return p, nil
}

// matches reports whether the pattern matches a line, and returns the line's members.
func (p pattern) matches(line string) (members map[string]any, matched bool) {
	if json.Unmarshal([]byte(line), &members) != nil {
		return nil, false
	}
	for name, want := range p {
		if members[name] != any(want) {
			return nil, false
		}
	}
	return members, true
}

func TestPatternsAreReadAsCloudWatchDoes(t *testing.T) {
	for _, tc := range []struct {
		pattern, line string
		want          bool
	}{
		{`{ $.event = "login" }`, `{"event":"login","sub":"1"}`, true},
		{`{ $.event = "login" }`, `{"event":"login_failed"}`, false},
		{`{ $.event = "login" }`, `{"event":"Login"}`, false},
		{`{ $.event = "login" }`, `{"msg":"login"}`, false},
		{`{ $.event = "login" }`, `{"event":["login"]}`, false},
		{`{ $.event = "login" }`, `"event":"login"`, false},
		{`{ $.level = "ERROR" && $.msg = "refused" }`, `{"level":"ERROR","msg":"refused"}`, true},
		{`{ $.level = "ERROR" && $.msg = "refused" }`, `{"level":"INFO","msg":"refused"}`, false},
		{`{ $.level = "ERROR" && $.msg = "internal error" }`, `{"level":"ERROR","msg":"refused"}`, false},
	} {
		p, err := parsePattern(tc.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if _, got := p.matches(tc.line); got != tc.want {
			t.Errorf("%s on %s: %t, want %t", tc.pattern, tc.line, got, tc.want)
		}
	}
}

func TestPatternsThatThisTestCannotReadAreErrors(t *testing.T) {
	for _, text := range []string{
		``, `login`, `"login"`, `{$.event = "login"}`, `{ event = "login" }`, `{ $.event = login }`, `{ $.event = "log*" }`, `{ $.event != "login" }`,
		`{ $.count > 1 }`, `{ $.a = "x" || $.b = "y" }`, `{ $.a = "x" && }`, `{ $.a = "x" && $.a = "y" }`, `{ $.a.b = "x" }`, `{ ($.a = "x") }`,
	} {
		if p, err := parsePattern(text); err == nil {
			t.Errorf("%s is read as %v, want an error", text, p)
		}
	}
}
