package samtemplate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Kind is what a value is.
type Kind int

const (
	Absent Kind = iota // also an explicit null
	Scalar
	List
	Mapping
)

// Node is a value of a template with its line. The intrinsic functions of CloudFormation, which are
// written as YAML tags or as a mapping with one key, both become a tag.
type Node struct {
	Line   int
	Tag    string // for example "!Ref"; "" for a plain value
	Kind   Kind
	Text   string // of a scalar, as it is written
	Items  []Node
	Fields []Field // in the order of the file
}

// Field is one entry of a mapping.
type Field struct {
	Name  string
	Value Node
}

// Get returns the value of a field, an absent node when there is none.
func (n Node) Get(name string) Node {
	for _, f := range n.Fields {
		if f.Name == name {
			return f.Value
		}
	}
	return Node{Line: n.Line}
}

var syntaxError = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// parseYAML reads one document, a mapping.
func parseYAML(file string, data []byte) (Node, error) {
	var first, second yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	err := decoder.Decode(&first)
	if err == nil && !errors.Is(decoder.Decode(&second), io.EOF) {
		return Node{}, fmt.Errorf("%s: want one YAML document", file)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		m := syntaxError.FindStringSubmatch(strings.ReplaceAll(err.Error(), "\n", " "))
		switch {
		case m == nil:
			return Node{}, fmt.Errorf("%s: not YAML: %w", file, err)
		case m[1] == "":
			return Node{}, fmt.Errorf("%s: not YAML: %s", file, m[2])
		}
		return Node{}, fmt.Errorf("%s:%s: not YAML: %s", file, m[1], m[2])
	}
	if len(first.Content) != 1 || first.Content[0].Kind != yaml.MappingNode {
		return Node{}, fmt.Errorf("%s: want a template, which is a YAML mapping", file)
	}
	return convert(file, first.Content[0])
}

func convert(file string, n *yaml.Node) (Node, error) {
	out := Node{Line: n.Line}
	if n.Anchor != "" || n.Kind == yaml.AliasNode {
		return Node{}, fmt.Errorf("%s:%d: CloudFormation has no YAML anchors: write the value out", file, n.Line)
	}
	switch n.Kind {
	case yaml.ScalarNode:
		if n.Tag == "!!null" {
			return out, nil
		}
		out.Kind, out.Text = Scalar, n.Value
	case yaml.SequenceNode:
		out.Kind = List
		for _, item := range n.Content {
			value, err := convert(file, item)
			if err != nil {
				return Node{}, err
			}
			out.Items = append(out.Items, value)
		}
	case yaml.MappingNode:
		var err error
		if out, err = convertMapping(file, n); err != nil {
			return Node{}, err
		}
	}
	if strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
		out.Tag = n.Tag + of(out.Tag)
	}
	return out, nil
}

func convertMapping(file string, m *yaml.Node) (Node, error) {
	out := Node{Line: m.Line, Kind: Mapping}
	for i := 0; i < len(m.Content); i += 2 {
		key := m.Content[i]
		if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
			return Node{}, fmt.Errorf("%s:%d: CloudFormation has only plain keys: write the mapping out", file, key.Line)
		}
		for _, earlier := range out.Fields {
			if earlier.Name == key.Value {
				return Node{}, fmt.Errorf("%s:%d: %s is there twice", file, key.Line, key.Value)
			}
		}
		value, err := convert(file, m.Content[i+1])
		if err != nil {
			return Node{}, err
		}
		value.Line = key.Line
		out.Fields = append(out.Fields, Field{key.Value, value})
	}
	return intrinsic(out), nil
}

// intrinsic turns { Ref: X }, { Condition: X } and { "Fn::Sub": X } into what !Ref X, !Condition X and !Sub X are.
func intrinsic(m Node) Node {
	if len(m.Fields) != 1 {
		return m
	}
	only := m.Fields[0]
	function, isFunction := strings.CutPrefix(only.Name, "Fn::")
	if !isFunction && only.Name != "Ref" && (only.Name != "Condition" || only.Value.Kind != Scalar) {
		return m
	}
	only.Value.Tag = "!" + function + of(only.Value.Tag)
	return only.Value
}

// of makes one tag of two, which nothing understands: a function of what another one returns.
func of(inner string) string {
	if inner == "" {
		return ""
	}
	return " of " + inner
}
