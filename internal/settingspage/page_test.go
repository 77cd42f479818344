package settingspage_test

import (
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/internal/samtemplate"
	"github.com/wavepass/wavepass/internal/writtenpage"
)

const page = "../../docs/configuration.md"

// TestConfigurationPage is red while the page is not what code and template say.
func TestConfigurationPage(t *testing.T) {
	writtenpage.Check(t, page, write(read(t), settings(t)))
}

// A parameter may say less than the code takes, and never something else where nobody sets it.
func TestDefaultsOfTheTemplateAreThoseOfTheCode(t *testing.T) {
	template, compared := read(t), 0
	for _, s := range settings(t) {
		if p := parameterOf(template, s.variable); p != "" {
			compared++
			if got := template.Root.Get("Parameters").Get(p).Get("Default").Text; got != s.fallback {
				t.Errorf("%s: the parameter %s has the default %q, the code %q", s.variable, p, got, s.fallback)
			}
		}
	}
	if compared < 10 {
		t.Errorf("compared %d defaults only", compared)
	}
}

// A misspelt variable would leave a function with the default, and a setting of the stack without effect.
func TestTemplateSetsOnlyVariablesThatTheCodeReads(t *testing.T) {
	template := read(t)
	known := []string{}
	for _, s := range settings(t) {
		known = append(known, s.variable)
	}
	for _, f := range template.Resources("AWS::Serverless::Function") {
		for _, v := range append(variables(f.Value.Get("Properties")), variables(template.Root.Get("Globals").Get("Function"))...) {
			if !slices.Contains(known, v.Name) {
				t.Errorf("%s sets %s, which pkg/config does not read", f.Name, v.Name)
			}
		}
	}
}

func read(t *testing.T) *samtemplate.Template {
	t.Helper()
	template, err := samtemplate.Read("../../template.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	return template
}

// variables are those of a function, or of all functions.
func variables(properties samtemplate.Node) []samtemplate.Field {
	return properties.Get("Environment").Get("Variables").Fields
}

// parameterOf is the parameter that a variable is set to; empty when there is none.
func parameterOf(template *samtemplate.Template, variable string) string {
	for _, f := range template.Resources("AWS::Serverless::Function") {
		for _, v := range variables(f.Value.Get("Properties")) {
			if v.Name == variable && v.Value.Tag == "!Ref" && template.HasParameter(v.Value.Text) {
				return v.Value.Text
			}
		}
	}
	return ""
}

// readers are the functions that a variable is given to, by their folders, and whether the template sets it.
func readers(template *samtemplate.Template, variable string) (text string, isSet bool) {
	has := func(fields []samtemplate.Field) bool {
		return slices.ContainsFunc(fields, func(f samtemplate.Field) bool { return f.Name == variable })
	}
	if has(variables(template.Root.Get("Globals").Get("Function"))) {
		return "all", true
	}
	var folders []string
	for _, f := range template.Resources("AWS::Serverless::Function") {
		if has(variables(f.Value.Get("Properties"))) {
			folders = append(folders, path.Base(f.Value.Get("Properties").Get("CodeUri").Text))
		}
	}
	return strings.Join(folders, ", "), len(folders) > 0
}

func write(template *samtemplate.Template, settings []setting) string {
	var b strings.Builder
	b.WriteString(`# Configuration

<!-- Written by go test ./internal/settingspage -update, out of pkg/config and template.yaml. Change those. -->

A deployment is configured by the parameters of ` + "`template.yaml`" + `, which CloudFormation checks before it changes anything. Functions read
variables of their environment at their start and refuse a wrong value with the variable's name. ` + "`wavepass local`" + ` reads those
that ` + "`wavepass local --help`" + ` names, and the other commands those that they need.

## Variables

The limits are what the code itself says when it refuses a value.

| variable | parameter | default | limits | functions | what it does |
|---|---|---|---|---|---|
`)
	used := map[string]bool{}
	for _, s := range settings {
		parameter, what := parameterOf(template, s.variable), s.comment
		given, isSet := readers(template, s.variable)
		switch {
		case parameter != "":
			used[parameter] = true
			what = words(template.Root.Get("Parameters").Get(parameter).Get("Description").Text)
			parameter = code(parameter)
		case isSet:
			parameter = "set by the template"
		}
		row(&b, code(s.variable), parameter, code(s.fallback), s.limits, given, what)
	}
	b.WriteString(`
## Parameters

Those of the template that no function reads, and what the template asks of the others. A value that it refuses never reaches a function.

| parameter | default | limits | what it does |
|---|---|---|---|
`)
	for _, p := range template.Root.Get("Parameters").Fields {
		what := words(p.Value.Get("Description").Text)
		if used[p.Name] {
			what = "see above"
		}
		row(&b, code(p.Name), code(p.Value.Get("Default").Text), limitsOf(p.Value), what)
	}
	b.WriteString(`
## Rules

What the template refuses of parameters together:

`)
	for _, rule := range template.Root.Get("Rules").Fields {
		for _, a := range rule.Value.Get("Assertions").Items {
			b.WriteString("- " + words(a.Get("AssertDescription").Text) + "\n")
		}
	}
	return b.String()
}

// limitsOf is what the template asks of a parameter, as far as it says so in words or numbers.
func limitsOf(p samtemplate.Node) string {
	var limits []string
	var allowed []string
	for _, v := range p.Get("AllowedValues").Items {
		if v.Text == "" {
			allowed = append(allowed, "empty")
			continue
		}
		allowed = append(allowed, code(v.Text))
	}
	if len(allowed) > 0 {
		limits = append(limits, strings.Join(allowed, ", "))
	}
	switch least, most := p.Get("MinValue").Text, p.Get("MaxValue").Text; {
	case least != "" && most != "":
		limits = append(limits, least+" to "+most)
	case least != "":
		limits = append(limits, least+" or more")
	}
	if c := words(p.Get("ConstraintDescription").Text); c != "" {
		return strings.Join(append(limits, c), "; ") // it says the length, too
	}
	if n := p.Get("MaxLength").Text; n != "" {
		limits = append(limits, "at most "+n+" characters")
	}
	return strings.Join(limits, "; ")
}

func row(b *strings.Builder, cells ...string) {
	for i, c := range cells {
		cells[i] = strings.NewReplacer("|", `\|`, "<", "&lt;").Replace(c)
		if c == "" {
			cells[i] = "–"
		}
	}
	b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

// words joins the lines of a text.
func words(text string) string { return strings.Join(strings.Fields(text), " ") }
