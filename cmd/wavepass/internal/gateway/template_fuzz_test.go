package gateway_test

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/gateway"
)

// at follows names from mapping to mapping, nil where one is missing.
func at(n *yaml.Node, names ...string) *yaml.Node {
	for _, name := range names {
		var next *yaml.Node
		for i := 0; n != nil && n.Kind == yaml.MappingNode && i < len(n.Content); i += 2 {
			if n.Content[i].Value == name {
				next = n.Content[i+1]
			}
		}
		n = next
	}
	return n
}

// members are the values of a mapping.
func members(n *yaml.Node) (names []string, values []*yaml.Node) {
	for i := 0; n != nil && n.Kind == yaml.MappingNode && i < len(n.Content); i += 2 {
		names, values = append(names, n.Content[i].Value), append(values, n.Content[i+1])
	}
	return names, values
}

// literal is the text of a node, "" for none and for an explicit null. A computed one ends the run.
func literal(t *testing.T, n *yaml.Node) string {
	t.Helper()
	switch {
	case n == nil || n.Tag == "!!null":
		return ""
	case n.Kind != yaml.ScalarNode || strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!"):
		t.Skip("computed")
	}
	return n.Value
}

// named is what the text of a template says about authorizers, read without the code under test: the name at
// each HttpApi event, those that are defined, and the default.
func named(t *testing.T, data []byte) (events []string, known map[string]bool, fallback string) {
	t.Helper()
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		t.Fatalf("loaded, but is not YAML: %v\n%s", err, data)
	}
	known = map[string]bool{}
	_, resources := members(at(document.Content[0], "Resources"))
	for _, resource := range resources {
		switch literal(t, at(resource, "Type")) {
		case "AWS::Serverless::HttpApi":
			names, _ := members(at(resource, "Properties", "Auth", "Authorizers"))
			for _, name := range names {
				known[name] = true
			}
			fallback = literal(t, at(resource, "Properties", "Auth", "DefaultAuthorizer"))
		case "AWS::Serverless::Function":
			_, all := members(at(resource, "Properties", "Events"))
			for _, event := range all {
				if literal(t, at(event, "Type")) == "HttpApi" {
					events = append(events, literal(t, at(event, "Properties", "Auth", "Authorizer")))
				}
			}
		}
	}
	return events, known, fallback
}

// FuzzParseTemplate looks for a template that loads with an open route whose text names an authorizer, or with
// an authorizer that the text does not define.
func FuzzParseTemplate(f *testing.F) {
	f.Add([]byte(sample))
	f.Fuzz(func(t *testing.T, data []byte) {
		template, err := gateway.ParseTemplate("template.yaml", data, nil)
		if err != nil {
			if strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "template.yaml") {
				t.Errorf("error %q, want one line that begins with the file", err)
			}
			return
		}
		events, known, fallback := named(t, data)
		if len(events) != len(template.Routes) {
			t.Fatalf("%d routes, but the text has %d HttpApi events:\n%s", len(template.Routes), len(events), data)
		}
		wanted := map[string]int{}
		for _, name := range events {
			switch {
			case name == "":
				wanted[fallback]++
			case name == "NONE":
				wanted[""]++
			default:
				wanted[name]++
			}
		}
		for _, route := range template.Routes {
			if wanted[route.Authorizer]--; wanted[route.Authorizer] < 0 || route.Authorizer != "" && !known[route.Authorizer] {
				t.Errorf("%s has the authorizer %q; the events name %q, by default %q:\n%s", route.Key(), route.Authorizer, events, fallback, data)
			}
		}
	})
}
