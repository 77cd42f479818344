// Package samtemplate reads a SAM template: what it says in plain values, parameters that are given or have defaults, and
// conditions over them. Everything else depends on the cloud and is an error where it is asked for, because a guess
// could be an open route or a permission that nobody sees.
//
// It knows no resources. What a route, a policy or a table means is for those who read it.
package samtemplate

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// Template is one file. Its errors are one line, with the file and, where there is one, the line.
type Template struct {
	File string // for messages
	Root Node

	given  map[string]string // parameters
	asking []string          // the conditions that are being resolved
}

// Read reads the template in a file. parameters stand in for the defaults of parameters, as those of a deployment would.
func Read(file string, parameters map[string]string) (*Template, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return Parse(file, text, parameters)
}

// Parse is Read of a file that was read; file is for messages only.
func Parse(file string, text []byte, parameters map[string]string) (*Template, error) {
	root, err := parseYAML(file, text)
	if err != nil {
		return nil, err
	}
	t := &Template{File: file, Root: root, given: parameters}
	for name := range parameters {
		if !t.HasParameter(name) {
			return nil, fmt.Errorf("%s: no parameter %s", file, name)
		}
	}
	return t, nil
}

// WithDefaults is the template with more parameters given, where they were not.
func (t *Template) WithDefaults(parameters map[string]string) *Template {
	with := *t
	with.given = maps.Clone(parameters)
	maps.Copy(with.given, t.given)
	return &with
}

// HasParameter reports whether the template has a parameter of this name.
func (t *Template) HasParameter(name string) bool {
	return t.Root.Get("Parameters").Get(name).Kind != Absent
}

// Resources are those of a type, in the order of the file.
func (t *Template) Resources(kind string) (found []Field) {
	for _, resource := range t.Root.Get("Resources").Fields {
		if resource.Value.Get("Type").Text == kind {
			found = append(found, resource)
		}
	}
	return found
}

// Errorf is an error about a place in the template.
func (t *Template) Errorf(n Node, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", t.File, n.Line, fmt.Sprintf(format, args...))
}

// Mapping checks that n is a plain mapping, or absent, without names other than those allowed; none means any.
func (t *Template) Mapping(n Node, what string, allowed ...string) (Node, error) {
	switch {
	case n.Tag != "":
		return Node{}, t.Errorf(n, "%s depends on %s: write the mapping itself", what, n.Tag)
	case n.Kind != Mapping && n.Kind != Absent:
		return Node{}, t.Errorf(n, "%s: want a mapping", what)
	}
	for _, f := range n.Fields {
		if len(allowed) > 0 && !slices.Contains(allowed, f.Name) {
			return Node{}, t.Errorf(f.Value, "%s: %s is not supported here: want %s", what, f.Name, strings.Join(allowed, ", "))
		}
	}
	return n, nil
}
