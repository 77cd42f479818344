package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// A function that does not know a custom domain's issuer refuses every request there: it takes the address of
// an event only when it is API Gateway's own.
func TestEveryFunctionOfTheAPIKnowsTheIssuer(t *testing.T) {
	text, err := os.ReadFile(template)
	if err != nil {
		t.Fatal(err)
	}
	var read struct {
		Resources map[string]struct {
			Properties struct {
				Environment struct {
					Variables map[string]yaml.Node `yaml:"Variables"`
				} `yaml:"Environment"`
				Events map[string]struct {
					Type string `yaml:"Type"`
				} `yaml:"Events"`
			} `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	functions := 0
	for name, resource := range read.Resources {
		for _, event := range resource.Properties.Events {
			if event.Type != "HttpApi" {
				continue
			}
			functions++
			if issuer := resource.Properties.Environment.Variables["ISSUER"]; issuer.Value != "Issuer" || issuer.Tag != "!Ref" {
				t.Errorf("%s has a route and no ISSUER: !Ref Issuer", name)
			}
			break
		}
	}
	if functions < 7 {
		t.Errorf("%d functions with routes, want all", functions)
	}
}

// CloudFormation refuses what would never match; what it lets through is refused by the same words as elsewhere.
func TestTemplateRefusesOriginsThatNeverMatch(t *testing.T) {
	text, err := os.ReadFile(template)
	if err != nil {
		t.Fatal(err)
	}
	var read struct {
		Parameters struct {
			WebOrigins struct{ AllowedPattern, ConstraintDescription string } `yaml:"WebOrigins"`
		} `yaml:"Parameters"`
	}
	decoder := yaml.NewDecoder(strings.NewReader(strings.NewReplacer("AllowedPattern:", "allowedpattern:", "ConstraintDescription:", "constraintdescription:").Replace(string(text))))
	if err := decoder.Decode(&read); err != nil {
		t.Fatal(err)
	}
	parameter := read.Parameters.WebOrigins
	pattern := regexp.MustCompile("^(?:" + parameter.AllowedPattern + ")$") // CloudFormation matches the whole value
	if !strings.Contains(parameter.ConstraintDescription, "like https://app.example.com") {
		t.Errorf("the template says of a bad origin: %q", parameter.ConstraintDescription)
	}
	for origins, good := range map[string]bool{
		"": true, "https://app.example.com": true, "http://localhost:5173,http://localhost:8080": true, "http://127.0.0.1:80": true,
		"https://app.example.com/": false, "app.example.com": false, "https://App.example.com": false, "https://*.example.com": false, "*": false, "https://*": false,
		"https://a.example, https://b.example": false, "https://a.example,": false, ",https://a.example": false, "https://a.example,https://b.example/": false,
		"https://a.example:": false, "https://a.example:0": false, "null": false, "https://a.example/path": false, "ftp://a.example": false, " https://a.example": false,
	} {
		if pattern.MatchString(origins) != good {
			t.Errorf("%q: taken by the template: %v, want %v", origins, !good, good)
		}
	}
}
