package gateway

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
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

// parseYAML reads one document.
func parseYAML(file string, data []byte) (node, error) {
	parsed, err := parser.ParseBytes(data, 0)
	if err != nil {
		var syntax yaml.Error
		if errors.As(err, &syntax) {
			return node{}, fmt.Errorf("%s:%d: not YAML: %s", file, syntax.GetToken().Position.Line, syntax.GetMessage())
		}
		return node{}, fmt.Errorf("%s: not YAML: %w", file, err)
	}
	if len(parsed.Docs) != 1 || parsed.Docs[0].Body == nil {
		return node{}, fmt.Errorf("%s: want one YAML document", file)
	}
	return convert(file, parsed.Docs[0].Body)
}

func convert(file string, n ast.Node) (node, error) {
	out := node{line: n.GetToken().Position.Line}
	switch n := n.(type) {
	case *ast.NullNode:
		return out, nil
	case *ast.TagNode:
		value, err := convert(file, n.Value)
		if err == nil && value.tag != "" {
			err = fmt.Errorf("%s:%d: %s of %s: not understood", file, out.line, n.Start.Value, value.tag)
		}
		value.line, value.tag = out.line, n.Start.Value
		return value, err
	case *ast.SequenceNode:
		out.kind = list
		for _, item := range n.Values {
			value, err := convert(file, item)
			if err != nil {
				return node{}, err
			}
			out.items = append(out.items, value)
		}
		return out, nil
	case *ast.MappingNode:
		return convertMapping(file, n)
	case *ast.LiteralNode:
		out.kind, out.text = scalar, n.Value.Value
		return out, nil
	case *ast.AnchorNode, *ast.AliasNode:
		return node{}, fmt.Errorf("%s:%d: CloudFormation has no YAML anchors: write the value out", file, out.line)
	case ast.ScalarNode:
		out.kind, out.text = scalar, n.GetToken().Value
		return out, nil
	}
	return node{}, fmt.Errorf("%s:%d: %s is not understood here", file, out.line, n.Type())
}

func convertMapping(file string, m *ast.MappingNode) (node, error) {
	out := node{line: m.GetToken().Position.Line, kind: mapping}
	for i, entry := range m.Values {
		name := entry.Key.GetToken().Value
		line := entry.Key.GetToken().Position.Line
		if i == 0 {
			out.line = line
		}
		if entry.Key.Type() == ast.MergeKeyType {
			return node{}, fmt.Errorf("%s:%d: CloudFormation has no YAML merge keys: write the values out", file, line)
		}
		value, err := convert(file, entry.Value)
		if err != nil {
			return node{}, err
		}
		value.line = line
		out.fields = append(out.fields, field{name, value})
	}
	if len(out.fields) != 1 {
		return out, nil
	}
	only := out.fields[0]
	function, isFunction := strings.CutPrefix(only.name, "Fn::")
	if !isFunction && only.name != "Ref" {
		return out, nil
	}
	if only.value.tag != "" {
		return node{}, fmt.Errorf("%s:%d: %s of %s: not understood", file, only.value.line, only.name, only.value.tag)
	}
	only.value.tag = "!" + function
	return only.value, nil
}
