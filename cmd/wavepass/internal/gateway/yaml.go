package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

type kind int

const (
	absent kind = iota // also an explicit null
	scalar
	list
	mapping
)

// node is a value of a template with its line. The intrinsic functions of CloudFormation, which are
// written as YAML tags or as a mapping with one key, both become a tag.
type node struct {
	line   int
	tag    string // for example "!Ref"; "" for a plain value
	kind   kind
	text   string // of a scalar, as it is written
	items  []node
	fields []field // in the order of the file
}

type field struct {
	name  string
	value node
}

// get returns the value of a field, an absent node when there is none.
func (n node) get(name string) node {
	for _, f := range n.fields {
		if f.name == name {
			return f.value
		}
	}
	return node{line: n.line}
}

var syntaxError = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// parseYAML reads one document, a mapping.
func parseYAML(file string, data []byte) (node, error) {
	var first, second yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	err := decoder.Decode(&first)
	if err == nil && !errors.Is(decoder.Decode(&second), io.EOF) {
		return node{}, fmt.Errorf("%s: want one YAML document", file)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		m := syntaxError.FindStringSubmatch(strings.ReplaceAll(err.Error(), "\n", " "))
		switch {
		case m == nil:
			return node{}, fmt.Errorf("%s: not YAML: %w", file, err)
		case m[1] == "":
			return node{}, fmt.Errorf("%s: not YAML: %s", file, m[2])
		}
		return node{}, fmt.Errorf("%s:%s: not YAML: %s", file, m[1], m[2])
	}
	if len(first.Content) != 1 || first.Content[0].Kind != yaml.MappingNode {
		return node{}, fmt.Errorf("%s: want a template, which is a YAML mapping", file)
	}
	return convert(file, first.Content[0])
}

func convert(file string, n *yaml.Node) (node, error) {
	out := node{line: n.Line}
	if n.Anchor != "" || n.Kind == yaml.AliasNode {
		return node{}, fmt.Errorf("%s:%d: CloudFormation has no YAML anchors: write the value out", file, n.Line)
	}
	switch n.Kind {
	case yaml.ScalarNode:
		if n.Tag == "!!null" {
			return out, nil
		}
		out.kind, out.text = scalar, n.Value
	case yaml.SequenceNode:
		out.kind = list
		for _, item := range n.Content {
			value, err := convert(file, item)
			if err != nil {
				return node{}, err
			}
			out.items = append(out.items, value)
		}
	case yaml.MappingNode:
		var err error
		if out, err = convertMapping(file, n); err != nil {
			return node{}, err
		}
	}
	if strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
		if out.tag != "" {
			return node{}, fmt.Errorf("%s:%d: %s of %s is not understood", file, n.Line, n.Tag, out.tag)
		}
		out.tag = n.Tag
	}
	return out, nil
}

func convertMapping(file string, m *yaml.Node) (node, error) {
	out := node{line: m.Line, kind: mapping}
	for i := 0; i < len(m.Content); i += 2 {
		key := m.Content[i]
		if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
			return node{}, fmt.Errorf("%s:%d: CloudFormation has only plain keys: write the mapping out", file, key.Line)
		}
		for _, earlier := range out.fields {
			if earlier.name == key.Value {
				return node{}, fmt.Errorf("%s:%d: %s is there twice", file, key.Line, key.Value)
			}
		}
		value, err := convert(file, m.Content[i+1])
		if err != nil {
			return node{}, err
		}
		value.line = key.Line
		out.fields = append(out.fields, field{key.Value, value})
	}
	return intrinsic(file, out)
}

// intrinsic turns { Ref: X } and { "Fn::Sub": X } into what !Ref X and !Sub X are.
func intrinsic(file string, m node) (node, error) {
	if len(m.fields) != 1 {
		return m, nil
	}
	only := m.fields[0]
	function, isFunction := strings.CutPrefix(only.name, "Fn::")
	if !isFunction && only.name != "Ref" {
		return m, nil
	}
	if only.value.tag != "" {
		return node{}, fmt.Errorf("%s:%d: %s of %s is not understood", file, only.value.line, only.name, only.value.tag)
	}
	only.value.tag = "!" + function
	return only.value, nil
}
