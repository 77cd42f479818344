// Package policyfile reads a route policy as people write it, in YAML, and names the line of each mistake:
//
//	unlisted: deny          # or allow: for routes that no line names
//	base_path: /v1          # only for an API with a custom domain and a path that leads to it; / where it is the whole domain
//	audience: https://orders.example.com # only for an API that is not the deployment's own: what its tokens have to be for
//	routes:
//	  GET /orders/{id}:    { scopes: [orders:read] }                        # all of the scopes
//	  POST /orders:        { scopes: [orders:write], roles: [member, admin] } # and one of the roles
//	  ANY /admin/{proxy+}: { roles: [admin], max_auth_age: 15m }            # logged in no longer ago
//	  GET /news:           {}                                               # everybody with a valid token
//	  GET /shop:           { session: optional }                            # by cookie: people without a session, too
package policyfile

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/wavepass/wavepass/pkg/internal/yamlfile"
	"github.com/wavepass/wavepass/pkg/policy"
)

// MaxSize is how long a file may be, in bytes. What is stored of it fits an item of DynamoDB.
const MaxSize = 128 << 10

// Read returns a document that policy.New accepts. Its error joins one *yamlfile.Error for each mistake.
func Read(text []byte) (policy.Document, error) {
	top, err := yamlfile.Document(text, MaxSize, "it needs unlisted and routes")
	if err != nil {
		return policy.Document{}, err
	}
	r := reader{}
	document := r.document(top)
	if len(r.wrong) > 0 {
		return policy.Document{}, errors.Join(r.wrong...)
	}
	_, err = policy.New(document)
	return document, r.place(err)
}

// reader collects mistakes, and where routes stand.
type reader struct {
	wrong yamlfile.Mistakes
	lines []int // of the routes
	top   int
}

// place gives the mistakes that policy.New has found their lines.
func (r *reader) place(err error) error {
	if err == nil {
		return nil
	}
	found := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		found = joined.Unwrap()
	}
	for i, one := range found {
		var wrong *policy.LineError
		if errors.As(one, &wrong) {
			line := r.top
			if wrong.Index >= 0 {
				line = r.lines[wrong.Index]
			}
			found[i] = &yamlfile.Error{Line: line, Problem: wrong.Error()}
		}
	}
	return errors.Join(found...)
}

func (r *reader) document(node *yaml.Node) (d policy.Document) {
	r.top = node.Line
	for key, value := range r.mapping(node, "the file", "unlisted", "base_path", "audience", "routes") {
		switch key.Value {
		case "unlisted":
			d.Unlisted = r.text(value, "unlisted")
		case "base_path":
			d.BasePath = r.text(value, "base_path")
		case "audience":
			if d.Audience = r.text(value, "audience"); d.Audience == "" {
				r.wrong.Add(value, "audience is empty: leave it out for the deployment's own")
			}
		case "routes":
			for route, needs := range r.mapping(value, "routes") {
				d.Routes = append(d.Routes, policy.Line{Route: route.Value, Needs: r.needs(needs)})
				r.lines = append(r.lines, route.Line)
			}
		}
	}
	return d
}

func (r *reader) needs(node *yaml.Node) (n policy.Needs) {
	for key, value := range r.mapping(node, "a route", "scopes", "roles", "max_auth_age", "session") {
		switch key.Value {
		case "scopes":
			n.Scopes = r.names(value)
		case "roles":
			n.Roles = r.names(value)
		case "max_auth_age":
			n.MaxAuthAge = r.seconds(value)
		case "session":
			if n.Session = r.text(value, "session"); n.Session == "" {
				r.wrong.Add(value, "session is empty: write optional, or leave it out")
			}
		}
	}
	return n
}

// mapping ranges over keys and values. Given names, no other may be a key.
func (r *reader) mapping(node *yaml.Node, what string, names ...string) func(yield func(key, value *yaml.Node) bool) {
	return func(yield func(key, value *yaml.Node) bool) {
		if node.Kind != yaml.MappingNode {
			r.wrong.Add(node, "%s has to be a mapping, of keys to values", what)
			return
		}
		var seen []string
		for i := 0; i+1 < len(node.Content); i += 2 {
			key := node.Content[i]
			switch {
			case key.Kind != yaml.ScalarNode:
				r.wrong.Add(key, "a key has to be plain text")
			case slices.Contains(seen, key.Value):
				r.wrong.Add(key, "%s stands there twice", key.Value)
			case names != nil && !slices.Contains(names, key.Value):
				r.wrong.Add(key, "%q is not known here: it has to be one of %v", key.Value, names)
			default:
				if !yield(key, node.Content[i+1]) {
					return
				}
			}
			seen = append(seen, key.Value)
		}
	}
}

func (r *reader) text(node *yaml.Node, what string) string {
	if node.Kind != yaml.ScalarNode || node.Tag != "!!str" {
		r.wrong.Add(node, "%s has to be text", what)
		return ""
	}
	return node.Value
}

func (r *reader) names(node *yaml.Node) (names []string) {
	if node.Kind != yaml.SequenceNode {
		r.wrong.Add(node, "scopes and roles are lists: write [%s]", node.Value)
		return nil
	}
	for _, one := range node.Content {
		names = append(names, r.text(one, "a scope or a role"))
	}
	if len(names) == 0 {
		r.wrong.Add(node, "an empty list asks for nothing: leave it out, or name somebody")
	}
	return names
}

func (r *reader) seconds(node *yaml.Node) int64 {
	age, err := time.ParseDuration(r.text(node, "max_auth_age"))
	if err != nil || age < time.Second || age%time.Second != 0 {
		r.wrong.Add(node, "max_auth_age has to be whole seconds, minutes or hours, like 15m")
		return 0
	}
	return int64(age / time.Second)
}

// Write returns the file of a document that policy.New accepts. Read returns the same document of it.
func Write(d policy.Document) ([]byte, error) {
	routes := mappingNode()
	for _, l := range d.Routes {
		needs := mappingNode()
		needs.Style = yaml.FlowStyle
		if len(l.Scopes) > 0 {
			add(needs, "scopes", listNode(l.Scopes))
		}
		if len(l.Roles) > 0 {
			add(needs, "roles", listNode(l.Roles))
		}
		if l.MaxAuthAge > 0 {
			add(needs, "max_auth_age", textNode(Age(l.MaxAuthAge)))
		}
		if l.Session != "" {
			add(needs, "session", textNode(l.Session))
		}
		add(routes, l.Route, needs)
	}
	if len(d.Routes) == 0 {
		routes.Style = yaml.FlowStyle
	}
	file := mappingNode()
	add(file, "unlisted", textNode(d.Unlisted))
	if d.BasePath != "" {
		add(file, "base_path", textNode(d.BasePath))
	}
	if d.Audience != "" {
		add(file, "audience", textNode(d.Audience))
	}
	add(file, "routes", routes)
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	err := errors.Join(encoder.Encode(file), encoder.Close())
	return text.Bytes(), err
}

// Age writes so many seconds as a file has them: 900 are 15m.
func Age(seconds int64) string {
	text := (time.Duration(seconds) * time.Second).String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

func mappingNode() *yaml.Node { return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"} }

func textNode(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
}

func listNode(names []string) *yaml.Node {
	list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Style: yaml.FlowStyle}
	for _, name := range names {
		list.Content = append(list.Content, textNode(name))
	}
	return list
}

func add(mapping *yaml.Node, key string, value *yaml.Node) {
	mapping.Content = append(mapping.Content, textNode(key), value)
}
