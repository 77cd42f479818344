package permissions

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Read returns what a SAM template allows on the service, by the folder of each function's code; a function that
// may do nothing is there too. What it does not understand of a function's permissions is an error. What is allowed
// under a condition, by !If, is left out.
func Read(file string, service Service) (map[string][]Statement, error) {
	return ReadWhile(file, "", service)
}

// ReadWhile is Read with what is allowed under a condition of the template.
func ReadWhile(file, condition string, service Service) (map[string][]Statement, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var template struct {
		Globals   map[string]map[string]yaml.Node `yaml:"Globals"`
		Resources map[string]struct {
			Type       string    `yaml:"Type"`
			Properties yaml.Node `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(data, &template); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for _, property := range []string{"Policies", "Role"} {
		if _, ok := template.Globals["Function"][property]; ok {
			return nil, fmt.Errorf("%s: Globals: want no %s, which every function would have", file, property)
		}
	}
	all := map[string][]Statement{}
	for id, resource := range template.Resources {
		if resource.Type != "AWS::Serverless::Function" {
			continue
		}
		var f function
		resolve(&resource.Properties, condition)
		if err := resource.Properties.Decode(&f); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", file, id, err)
		}
		name := path.Base(path.Clean(f.CodeUri))
		if all[name], err = f.statements(service); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", file, id, err)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: no AWS::Serverless::Function", file)
	}
	return all, nil
}

// resolve replaces !If [condition, element, !Ref AWS::NoValue] in every list by the element if the condition is the
// one that is true, else by nothing. Another !If stays, and is not understood later.
func resolve(node *yaml.Node, condition string) {
	if node.Kind == yaml.SequenceNode && node.Tag != "!If" {
		var elements []*yaml.Node
		for _, element := range node.Content {
			if c := element.Content; element.Tag == "!If" && len(c) == 3 && c[2].Tag == "!Ref" && c[2].Value == "AWS::NoValue" {
				if c[0].Value != condition {
					continue
				}
				element = c[1]
			}
			elements = append(elements, element)
		}
		node.Content = elements
	}
	for _, element := range node.Content {
		resolve(element, condition)
	}
}

type function struct {
	CodeUri  string                 `yaml:"CodeUri"`
	Role     yaml.Node              `yaml:"Role"`
	Policies []map[string]yaml.Node `yaml:"Policies"`
}

func (f function) statements(service Service) (found []Statement, err error) {
	if !f.Role.IsZero() {
		return nil, fmt.Errorf("it has a Role, whose permissions are not written here")
	}
	for _, policy := range f.Policies {
		for member, node := range policy {
			var all []rawStatement
			switch member {
			case "Version":
				continue
			case "Statement":
				if err := node.Decode(&all); err != nil {
					return nil, err
				}
			default: // a policy template of SAM
				return nil, fmt.Errorf("policy %s: want statements", member)
			}
			for _, raw := range all {
				s, about, err := raw.read(service)
				if err != nil {
					return nil, err
				}
				if about {
					found = append(found, s)
				}
			}
		}
	}
	return found, nil
}

type rawStatement struct {
	Effect    string                         `yaml:"Effect"`
	Action    []string                       `yaml:"Action"`
	Resource  yaml.Node                      `yaml:"Resource"`
	Condition map[string]map[string][]string `yaml:"Condition"`
	Others    map[string]yaml.Node           `yaml:",inline"`
}

// read returns the statement, false when it is not about the service.
func (r rawStatement) read(service Service) (s Statement, about bool, err error) {
	s.Service = service
	for _, action := range r.Action {
		if strings.Contains(action, "*") {
			return s, false, fmt.Errorf("action %q: want each by its name", action)
		}
		if name, ok := strings.CutPrefix(action, service.name+":"); ok {
			s.Actions = append(s.Actions, name)
		}
	}
	if len(r.Action) > 0 && len(s.Actions) == 0 {
		return s, false, nil
	}
	if r.Effect != "Allow" || len(s.Actions) != len(r.Action) || len(r.Others) > 0 || r.Resource.Tag != "!GetAtt" ||
		r.Resource.Value != service.resource || !s.understand(r.Condition) {
		return s, false, fmt.Errorf("statement %v: want Effect Allow, actions of %s alone, Resource !GetAtt %s and a condition on %s",
			r.Action, service.name, service.resource, service.condition)
	}
	wide := func(key string) bool { i := strings.IndexAny(key, "*?"); return key == "*" || i >= 0 && i < len(key)-1 }
	if i := slices.IndexFunc(s.Keys, wide); i >= 0 {
		return s, false, fmt.Errorf("key %q: want a star at most at its end", s.Keys[i])
	}
	return s, true, nil
}

// understand takes over the conditions of a statement, and reports whether it knows them all.
func (s *Statement) understand(conditions map[string]map[string][]string) bool {
	for operator, compared := range conditions {
		form := slices.Index(s.Service.operators, operator)
		for key, values := range compared {
			switch {
			case key == s.Service.condition && form >= 0 && s.Keys == nil:
				s.Keys, s.Pattern = values, form == 1
			case key == s.Service.attributes && form >= 0 && s.Attributes == nil && len(values) > 0:
				s.Attributes = values
			case key == s.Service.enclosing && operator == "ForAnyValue:StringEquals" && slices.Equal(values, []string{transaction}):
				s.Transaction = true
			default:
				return false
			}
		}
	}
	// Attributes fence in updates alone: a put or a deletion replaces those that it does not name as well, and a
	// read that names none returns all.
	fenced := s.Attributes == nil || slices.Equal(s.Actions, []string{"UpdateItem"}) && !strings.ContainsAny(strings.Join(s.Attributes, ""), "*?")
	return len(s.Keys) > 0 && fenced
}
