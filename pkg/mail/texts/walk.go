package texts

import (
	"reflect"
	"text/template/parse"
)

var variableNames = func() (names []string) {
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Variables]()) {
		names = append(names, field.Name)
	}
	return names
}()

// walk shows each field that a template names.
func walk(node parse.Node, found func(*parse.FieldNode)) {
	switch n := node.(type) {
	case *parse.ListNode:
		if n == nil {
			return
		}
		for _, child := range n.Nodes {
			walk(child, found)
		}
	case *parse.ActionNode:
		walk(n.Pipe, found)
	case *parse.TemplateNode:
		walk(n.Pipe, found)
	case *parse.IfNode:
		walkBranch(&n.BranchNode, found)
	case *parse.RangeNode:
		walkBranch(&n.BranchNode, found)
	case *parse.WithNode:
		walkBranch(&n.BranchNode, found)
	case *parse.PipeNode:
		if n == nil {
			return
		}
		for _, command := range n.Cmds {
			for _, argument := range command.Args {
				walk(argument, found)
			}
		}
	case *parse.FieldNode:
		found(n)
	}
}

func walkBranch(n *parse.BranchNode, found func(*parse.FieldNode)) {
	walk(n.Pipe, found)
	walk(n.List, found)
	walk(n.ElseList, found)
}
