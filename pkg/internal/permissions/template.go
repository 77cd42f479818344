package permissions

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/wavepass/wavepass/internal/samtemplate"
)

// Read returns what a SAM template allows on the service, by the folder of each function's code; a function that
// may do nothing is there too. What it does not understand of a function's permissions is an error.
func Read(file string, service Service) (map[string][]Statement, error) {
	return ReadWith(file, nil, service)
}

// ReadWith is Read of a template that is deployed with parameters other than their defaults.
func ReadWith(file string, parameters map[string]string, service Service) (map[string][]Statement, error) {
	template, err := samtemplate.Read(file, parameters)
	if err != nil {
		return nil, err
	}
	for _, property := range []string{"Policies", "Role"} {
		if n := template.Root.Get("Globals").Get("Function").Get(property); n.Kind != samtemplate.Absent {
			return nil, template.Errorf(n, "Globals: want no %s, which every function would have", property)
		}
	}
	r := reader{template, service}
	all := map[string][]Statement{}
	for _, resource := range template.Resources("AWS::Serverless::Function") {
		properties := resource.Value.Get("Properties")
		code, err := template.Text(properties.Get("CodeUri"), resource.Name+": CodeUri")
		if err != nil {
			return nil, err
		}
		if all[path.Base(path.Clean(code))], err = r.statements(properties, resource.Name); err != nil {
			return nil, err
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: no AWS::Serverless::Function", file)
	}
	return all, nil
}

type reader struct {
	*samtemplate.Template
	service Service
}

// statements are those of a function's policies.
func (r reader) statements(properties samtemplate.Node, function string) (found []Statement, err error) {
	if role := properties.Get("Role"); role.Kind != samtemplate.Absent {
		return nil, r.Errorf(role, "%s has a Role, whose permissions are not written here", function)
	}
	policies, err := r.list(properties.Get("Policies"), function+": Policies")
	if err != nil {
		return nil, err
	}
	for _, policy := range policies {
		// Anything but statements would be a policy template of SAM, or the name of a managed policy.
		policy, err := r.Mapping(policy, function+": Policies", "Version", "Statement")
		if err != nil {
			return nil, err
		}
		statements, err := r.list(policy.Get("Statement"), function+": Statement")
		if err != nil {
			return nil, err
		}
		for _, n := range statements {
			s, about, err := r.statement(n, function)
			if err != nil {
				return nil, err
			}
			if about {
				found = append(found, s)
			}
		}
	}
	return found, nil
}

// list are the elements of a list, those by !If as far as their condition holds.
func (r reader) list(n samtemplate.Node, what string) (all []samtemplate.Node, err error) {
	if n.Tag != "" || n.Kind != samtemplate.List && n.Kind != samtemplate.Absent {
		return nil, r.Errorf(n, "%s: want a list", what)
	}
	for _, element := range n.Items {
		if element, err = r.Choose(element, what); err != nil {
			return nil, err
		}
		if element.Kind != samtemplate.Absent {
			all = append(all, element)
		}
	}
	return all, nil
}

// statement reads one, false when it is not about the service.
func (r reader) statement(n samtemplate.Node, function string) (s Statement, about bool, err error) {
	what := function + ": Statement"
	if n, err = r.Mapping(n, what, "Sid", "Effect", "Action", "Resource", "Condition"); err != nil {
		return s, false, err
	}
	actions, err := r.Texts(n.Get("Action"), what+": Action")
	if err != nil {
		return s, false, err
	}
	s.Service = r.service
	for _, action := range actions {
		if strings.Contains(action, "*") {
			return s, false, r.Errorf(n, "%s: action %q: want each by its name", what, action)
		}
		if name, ok := strings.CutPrefix(action, r.service.name+":"); ok {
			s.Actions = append(s.Actions, name)
		}
	}
	if len(actions) > 0 && len(s.Actions) == 0 {
		return s, false, nil
	}
	if isOfStream(n.Get("Resource"), actions) {
		return s, false, nil
	}
	understood, err := r.conditions(&s, n.Get("Condition"), what+": Condition")
	if err != nil {
		return s, false, err
	}
	resource := n.Get("Resource")
	if !understood || n.Get("Effect").Text != "Allow" || len(s.Actions) != len(actions) || resource.Tag != "!GetAtt" || resource.Text != r.service.resource {
		return s, false, r.Errorf(n, "%s %v: want Effect Allow, actions of %s alone, Resource !GetAtt %s and a condition on %s",
			what, actions, r.service.name, r.service.resource, r.service.condition)
	}
	wide := func(key string) bool { i := strings.IndexAny(key, "*?"); return key == "*" || i >= 0 && i < len(key)-1 }
	if i := slices.IndexFunc(append(slices.Clone(s.Keys), s.Some...), wide); i >= 0 {
		return s, false, r.Errorf(n, "%s: key %q: want a star at most at its end", what, append(slices.Clone(s.Keys), s.Some...)[i])
	}
	return s, true, nil
}

// conditions takes over those of a statement, and reports whether it knows them all.
func (r reader) conditions(s *Statement, n samtemplate.Node, what string) (understood bool, err error) {
	if n, err = r.Mapping(n, what); err != nil {
		return false, err
	}
	for _, operator := range n.Fields {
		compared, err := r.Mapping(operator.Value, what+": "+operator.Name)
		if err != nil {
			return false, err
		}
		for _, key := range compared.Fields {
			values, err := r.Texts(key.Value, what+": "+key.Name)
			if err != nil {
				return false, err
			}
			if !s.understand(operator.Name, key.Name, values) {
				return false, nil
			}
		}
	}
	// Attributes fence in updates alone: a put or a deletion replaces those that it does not name as well, and a
	// read that names none returns all.
	fenced := s.Attributes == nil || slices.Equal(s.Actions, []string{"UpdateItem"}) && !strings.ContainsAny(strings.Join(s.Attributes, ""), "*?")
	return len(s.Keys) > 0 && fenced, nil
}

// understand takes over one comparison, and reports whether it is known and the first on its condition key.
func (s *Statement) understand(operator, key string, values []string) bool {
	form := slices.Index(s.Service.operators, operator)
	switch {
	case key == s.Service.condition && form >= 0 && s.Keys == nil:
		s.Keys, s.Pattern = values, form == 1
	case key == s.Service.condition && operator == "ForAnyValue:StringLike" && s.Some == nil && len(values) > 0:
		s.Some = values
	case key == s.Service.attributes && form >= 0 && s.Attributes == nil && len(values) > 0:
		s.Attributes = values
	case key == s.Service.enclosing && operator == "ForAnyValue:StringEquals" && slices.Equal(values, []string{transaction}):
		s.Transaction = true
	default:
		return false
	}
	return true
}

// isOfStream reports whether a statement is about the stream of the table, which has keys and no items.
func isOfStream(resource samtemplate.Node, actions []string) bool {
	if (resource.Tag != "!GetAtt" || resource.Text != "Table.StreamArn") && (resource.Tag != "!Sub" || resource.Text != "${Table.Arn}/stream/*") {
		return false
	}
	return !slices.ContainsFunc(actions, func(action string) bool {
		return !slices.Contains([]string{"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"}, action)
	})
}
