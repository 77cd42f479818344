package gateway

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// reader resolves what a template says, as far as that can be done without the cloud: literals, parameters
// that are given or have defaults, and references to functions. Everything else is refused, because a route or an
// authorizer that was guessed wrong would be an open door.
type reader struct {
	file       string
	given      map[string]string
	parameters node
	conditions node
	functions  map[string]*Function // by logical id
}

func (r *reader) errorf(n node, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", r.file, n.line, fmt.Sprintf(format, args...))
}

// mapping checks that n is a plain mapping, or absent, without names other than those allowed.
func (r *reader) mapping(n node, what string, allowed ...string) (node, error) {
	switch {
	case n.tag != "":
		return node{}, r.errorf(n, "%s depends on %s: write the mapping itself", what, n.tag)
	case n.kind != mapping && n.kind != absent:
		return node{}, r.errorf(n, "%s: want a mapping", what)
	}
	for _, f := range n.fields {
		if len(allowed) > 0 && !slices.Contains(allowed, f.name) {
			return node{}, r.errorf(f.value, "%s: %s is not supported here: want %s", what, f.name, strings.Join(allowed, ", "))
		}
	}
	return n, nil
}

var variable = regexp.MustCompile(`\$\{([^}]*)\}`)

// text resolves a text: a literal, !Ref of a parameter, or !Sub with nothing but parameters in it. An
// absent value is "".
func (r *reader) text(n node, what string) (string, error) {
	const instead = "write the value itself, or !Ref of a parameter with a default"
	switch {
	case n.kind == absent:
		return "", nil
	case n.kind == scalar && n.tag == "":
		return n.text, nil
	case n.kind == scalar && n.tag == "!Ref":
		if value, ok := r.parameter(n.text); ok {
			return value, nil
		}
		return "", r.errorf(n, "%s depends on !Ref %s: %s", what, n.text, instead)
	case n.kind == scalar && n.tag == "!Sub":
		var unknown string
		text := variable.ReplaceAllStringFunc(n.text, func(v string) string {
			value, ok := r.parameter(v[2 : len(v)-1])
			if !ok {
				unknown = v
			}
			return value
		})
		if unknown != "" {
			return "", r.errorf(n, "%s depends on !Sub with %s: %s", what, unknown, instead)
		}
		return text, nil
	case n.tag != "":
		return "", r.errorf(n, "%s depends on %s: %s", what, n.tag, instead)
	}
	return "", r.errorf(n, "%s: want a text", what)
}

// parameter returns the value of a parameter.
func (r *reader) parameter(name string) (string, bool) {
	if value, ok := r.given[name]; ok {
		return value, true
	}
	value := r.parameters.get(name).get("Default")
	return value.text, value.kind == scalar && value.tag == ""
}

// texts resolves a list: of texts, !Ref of a parameter that is a list, or !Split [",", …].
func (r *reader) texts(n node, what string) ([]string, error) {
	switch {
	case n.kind == absent:
		return nil, nil
	case n.tag == "!Split" && len(n.items) == 2 && n.items[0].text == ",":
		joined, err := r.text(n.items[1], what)
		return strings.Split(joined, ","), err
	case n.tag == "!Ref" && r.parameters.get(n.text).get("Type").text == "CommaDelimitedList":
		joined, err := r.text(n, what)
		return strings.Split(joined, ","), err
	case n.tag != "":
		return nil, r.errorf(n, `%s depends on %s: write a list, or !Split [",", !Ref of a parameter with a default]`, what, n.tag)
	case n.kind != list:
		return nil, r.errorf(n, "%s: want a list", what)
	}
	var out []string
	for _, item := range n.items {
		text, err := r.text(item, what)
		if err != nil {
			return nil, err
		}
		out = append(out, text)
	}
	return out, nil
}

// choose resolves !If of a condition over parameters; !Ref AWS::NoValue is an absent value. Anything else
// is returned as it is.
func (r *reader) choose(n node, what string) (node, error) {
	if n.tag != "!If" || len(n.items) != 3 {
		return n, nil
	}
	holds, err := r.holds(r.conditions.get(n.items[0].text), what)
	if err != nil {
		return node{}, err
	}
	chosen := n.items[2]
	if holds {
		chosen = n.items[1]
	}
	if chosen.tag == "!Ref" && chosen.text == "AWS::NoValue" {
		return node{line: n.line}, nil
	}
	return chosen, nil
}

func (r *reader) holds(n node, what string) (bool, error) {
	switch {
	case n.tag == "!Not" && len(n.items) == 1:
		holds, err := r.holds(n.items[0], what)
		return !holds, err
	case n.tag == "!Equals" && len(n.items) == 2:
		left, err := r.text(n.items[0], what)
		if err != nil {
			return false, err
		}
		right, err := r.text(n.items[1], what)
		return left == right, err
	}
	return false, r.errorf(n, "%s depends on a condition: want one of !Not and !Equals over parameters with defaults", what)
}

// functionARN finds the function at the end of an ARN, in ${Fn} or ${Fn.Arn}, with or without an alias.
// The name has to stand alone: function:${Fn}Old is another function.
var functionARN = regexp.MustCompile(`^(?:[^$]|\$\{AWS::[A-Za-z]+\})*?(?:^|:)\$\{([A-Za-z0-9]+)(?:\.Arn|\.Alias)?\}(?::[A-Za-z0-9_-]+)?$`)

// function resolves a reference to a function of this template.
func (r *reader) function(n node, what string) (*Function, error) {
	var id string
	switch {
	case n.tag == "!Sub" && n.kind == scalar:
		if m := functionARN.FindStringSubmatch(n.text); m != nil {
			id = m[1]
		}
	case n.tag == "!GetAtt" && n.kind == list && len(n.items) == 2 && n.items[1].text == "Arn":
		id = n.items[0].text
	case n.tag == "!GetAtt" && n.kind == scalar:
		id, _ = strings.CutSuffix(n.text, ".Arn")
	case n.tag == "!Ref":
		id, _ = strings.CutSuffix(n.text, ".Alias")
	}
	if f := r.functions[id]; f != nil {
		return f, nil
	}
	return nil, r.errorf(n, "%s is no function of this template: write !GetAtt Function.Arn, or a !Sub that ends in function:${Function}:alias", what)
}
