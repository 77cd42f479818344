package main

import (
	"os"
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
