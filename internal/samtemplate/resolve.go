package samtemplate

import (
	"regexp"
	"slices"
	"strings"
)

var variable = regexp.MustCompile(`\$\{([^}]*)\}`)

// Text resolves a text: a literal, !Ref of a parameter, or !Sub with nothing but parameters in it. An
// absent value is "".
func (t *Template) Text(n Node, what string) (string, error) {
	const instead = "write the value itself, or !Ref of a parameter with a default"
	switch {
	case n.Kind == Absent:
		return "", nil
	case n.Kind == Scalar && n.Tag == "":
		return n.Text, nil
	case n.Kind == Scalar && n.Tag == "!Ref":
		if value, ok := t.parameter(n.Text); ok {
			return value, nil
		}
		return "", t.Errorf(n, "%s depends on !Ref %s: %s", what, n.Text, instead)
	case n.Kind == Scalar && n.Tag == "!Sub":
		var unknown string
		text := variable.ReplaceAllStringFunc(n.Text, func(v string) string {
			value, ok := t.parameter(v[2 : len(v)-1])
			if !ok {
				unknown = v
			}
			return value
		})
		if unknown != "" {
			return "", t.Errorf(n, "%s depends on !Sub with %s: %s", what, unknown, instead)
		}
		return text, nil
	case n.Tag != "":
		return "", t.Errorf(n, "%s depends on %s: %s", what, n.Tag, instead)
	}
	return "", t.Errorf(n, "%s: want a text", what)
}

// parameter returns the value of a parameter.
func (t *Template) parameter(name string) (string, bool) {
	if value, ok := t.given[name]; ok {
		return value, true
	}
	value := t.Root.Get("Parameters").Get(name).Get("Default")
	return value.Text, value.Kind == Scalar && value.Tag == ""
}

// Texts resolves a list: of texts, !Ref of a parameter that is a list, or !Split [",", …].
func (t *Template) Texts(n Node, what string) ([]string, error) {
	switch {
	case n.Kind == Absent:
		return nil, nil
	case n.Tag == "!Split" && len(n.Items) == 2 && n.Items[0].Text == ",":
		joined, err := t.Text(n.Items[1], what)
		return strings.Split(joined, ","), err
	case n.Tag == "!Ref" && t.Root.Get("Parameters").Get(n.Text).Get("Type").Text == "CommaDelimitedList":
		joined, err := t.Text(n, what)
		return strings.Split(joined, ","), err
	case n.Tag != "":
		return nil, t.Errorf(n, `%s depends on %s: write a list, or !Split [",", !Ref of a parameter with a default]`, what, n.Tag)
	case n.Kind != List:
		return nil, t.Errorf(n, "%s: want a list", what)
	}
	out := []string{}
	for _, item := range n.Items {
		item, err := t.Choose(item, what)
		if err != nil {
			return nil, err
		}
		if item.Kind == Absent { // !Ref AWS::NoValue
			continue
		}
		text, err := t.Text(item, what)
		if err != nil {
			return nil, err
		}
		out = append(out, text)
	}
	return out, nil
}

// Choose resolves !If of a condition over parameters; !Ref AWS::NoValue is an absent value. Anything else
// is returned as it is.
func (t *Template) Choose(n Node, what string) (Node, error) {
	if n.Tag != "!If" || len(n.Items) != 3 {
		return n, nil
	}
	holds, err := t.named(n.Items[0], what)
	if err != nil {
		return Node{}, err
	}
	chosen := n.Items[2]
	if holds {
		chosen = n.Items[1]
	}
	if chosen.Tag == "!Ref" && chosen.Text == "AWS::NoValue" {
		return Node{Line: n.Line}, nil
	}
	return chosen, nil
}

// named reports whether the condition of a name holds.
func (t *Template) named(name Node, what string) (bool, error) {
	condition := t.Root.Get("Conditions").Get(name.Text)
	if condition.Kind == Absent || slices.Contains(t.asking, name.Text) {
		return false, t.Errorf(name, "%s depends on a condition: there is none named %q, or it depends on itself", what, name.Text)
	}
	inner := *t
	inner.asking = append(slices.Clip(t.asking), name.Text)
	return inner.holds(condition, what)
}

func (t *Template) holds(n Node, what string) (bool, error) {
	switch {
	case n.Tag == "!Not" && len(n.Items) == 1:
		holds, err := t.holds(n.Items[0], what)
		return !holds, err
	case n.Tag == "!And" || n.Tag == "!Or":
		return t.combined(n, what)
	case n.Tag == "!Condition":
		return t.named(n, what)
	case n.Tag == "!Equals" && len(n.Items) == 2:
		left, err := t.Text(n.Items[0], what)
		if err != nil {
			return false, err
		}
		right, err := t.Text(n.Items[1], what)
		return left == right, err
	}
	return false, t.Errorf(n, "%s depends on a condition: want one of !Not, !And, !Or and !Equals over parameters with defaults", what)
}

// combined reads every part, so that one which is not understood is seen whatever the others say.
func (t *Template) combined(n Node, what string) (bool, error) {
	result := n.Tag == "!And"
	for _, part := range n.Items {
		holds, err := t.holds(part, what)
		if err != nil {
			return false, err
		}
		if holds != (n.Tag == "!And") {
			result = holds
		}
	}
	return result, nil
}
