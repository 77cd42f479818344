package samtemplate_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/internal/samtemplate"
)

const head = `
Parameters:
  Stage: { Type: String, Default: dev }
  Port: { Type: Number, Default: 3000 }
  Origins: { Type: CommaDelimitedList, Default: "a,b" }
  Issuer: { Type: String }
Conditions:
  IsDev: !Equals [!Ref Stage, dev]
  IsProd: !Not [!Condition IsDev]
  Always: { "Fn::Or": [{ Condition: IsDev }, { Condition: IsProd }] }
  Never: !And [!Condition IsDev, !Condition IsProd]
  Cloud: !Or [!Condition IsDev, !Equals [!Ref "AWS::Region", eu-west-1]]
  Circle: !Not [!Condition Circle]
  Strange: !Contains [a, b]
Resources:
  Thing: { Type: A, Properties: { Value: `

// thing parses a template whose one resource has the value.
func thing(t *testing.T, value string, parameters map[string]string) (*samtemplate.Template, samtemplate.Node) {
	t.Helper()
	template, err := samtemplate.Parse("t.yaml", []byte(head+value+" } }\n"), parameters)
	if err != nil {
		t.Fatalf("%s: %v", value, err)
	}
	return template, template.Resources("A")[0].Value.Get("Properties").Get("Value")
}

func TestTexts(t *testing.T) {
	for value, want := range map[string]string{
		"plain": "plain", `"2.0"`: "2.0", "7": "7", "null": "", "!Ref Stage": "dev", "{ Ref: Port }": "3000",
		`!Sub "${Stage}-${Port}"`: "dev-3000", `{ "Fn::Sub": "x${Stage}" }`: "xdev",
	} {
		template, n := thing(t, value, nil)
		if got, err := template.Text(n, "V"); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", value, got, err, want)
		}
	}
	template, n := thing(t, "!Sub '${Stage}@${Issuer}'", map[string]string{"Stage": "prod", "Issuer": "me"})
	if got, err := template.Text(n, "V"); err != nil || got != "prod@me" {
		t.Errorf("with parameters given: %q, %v", got, err)
	}
}

func TestTextsThatDependOnTheCloudAreErrors(t *testing.T) {
	for value, says := range map[string]string{
		"!Ref Issuer":                      "!Ref Issuer",
		"!Ref Nothing":                     "!Ref Nothing",
		`!Ref "AWS::Region"`:               "!Ref AWS::Region",
		"!Sub '${Stage}${Issuer}'":         "${Issuer}",
		"!GetAtt Thing.Arn":                "!GetAtt",
		"!ImportValue Stage":               "!ImportValue",
		"!Sub { Ref: Stage }":              "!Sub of !Ref",
		`{ "Fn::Base64": !Sub "${Stage}"}`: "!Base64 of !Sub",
		"!Sub ['${Stage}', { Stage: x }]":  "!Sub",
		"[a]":                              "want a text",
		"{ a: b }":                         "want a text",
	} {
		template, n := thing(t, value, nil)
		if got, err := template.Text(n, "V"); err == nil || !strings.HasPrefix(err.Error(), "t.yaml:16: V") || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %q, %v; want an error with the line that says %s", value, got, err, says)
		}
	}
}

func TestLists(t *testing.T) {
	for value, want := range map[string][]string{
		"[a, !Ref Stage]": {"a", "dev"}, "[]": {}, "null": nil, "!Ref Origins": {"a", "b"}, `!Split [",", !Sub "${Stage},x"]`: {"dev", "x"},
		"[a, !If [IsProd, b, !Ref AWS::NoValue], !If [IsDev, c, d]]": {"a", "c"},
	} {
		template, n := thing(t, value, nil)
		if got, err := template.Texts(n, "V"); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v; want %q", value, got, err, want)
		}
	}
	for _, value := range []string{"a", "{ a: b }", "!Ref Stage", "!FindInMap [a, b, c]", "[!ImportValue x]", "[[a]]", "[!If [Nothing, a, b]]", `!Split ["-", a]`} {
		template, n := thing(t, value, nil)
		if got, err := template.Texts(n, "V"); err == nil {
			t.Errorf("%s: %q, want an error", value, got)
		}
	}
}

func TestConditionsOverParametersAreResolved(t *testing.T) {
	for condition, want := range map[string]string{"IsDev": "yes", "IsProd": "no", "Always": "yes", "Never": "no"} {
		template, n := thing(t, "!If ["+condition+", yes, no]", nil)
		chosen, err := template.Choose(n, "V")
		if err != nil || chosen.Text != want {
			t.Errorf("%s: %q, %v; want %q", condition, chosen.Text, err, want)
		}
	}
	for _, condition := range []string{"Cloud", "Circle", "Strange", "Missing", "!Ref IsDev2"} {
		template, n := thing(t, "!If ["+condition+", yes, no]", nil)
		if chosen, err := template.Choose(n, "V"); err == nil || !strings.Contains(err.Error(), "V depends on") {
			t.Errorf("%s: %q, %v; want an error", condition, chosen.Text, err)
		}
	}
	template, n := thing(t, "!If [IsProd, x, !Ref AWS::NoValue]", map[string]string{"Stage": "prod"})
	if chosen, err := template.Choose(n, "V"); err != nil || chosen.Text != "x" {
		t.Errorf("with a parameter given: %+v, %v", chosen, err)
	}
	template, n = thing(t, "!If [IsProd, x, !Ref AWS::NoValue]", nil)
	if chosen, err := template.Choose(n, "V"); err != nil || chosen.Kind != samtemplate.Absent {
		t.Errorf("no value: %+v, %v", chosen, err)
	}
}

func TestMappings(t *testing.T) {
	template, n := thing(t, "{ a: 1, b: 2 }", nil)
	if got, err := template.Mapping(n, "V", "a", "b", "c"); err != nil || len(got.Fields) != 2 || got.Get("b").Text != "2" {
		t.Errorf("%+v, %v", got, err)
	}
	for value, says := range map[string]string{"{ a: 1, d: 2 }": "d is not supported here: want a, b", "x": "want a mapping", "!If [IsDev, {}, {}]": "depends on !If"} {
		template, n := thing(t, value, nil)
		if _, err := template.Mapping(n, "V", "a", "b"); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want an error that says %s", value, err, says)
		}
	}
}

func TestFilesThatAreNoTemplateAreRefused(t *testing.T) {
	for content, says := range map[string]string{
		"": "want a template", "hello": "want a template", "- a\n": "want a template", "a: 1\n---\nb: 2\n": "one YAML document", "\x00\xff": "not YAML",
		"a: [": "not YAML", "a: 1\na: 2\n": "t.yaml:2: a is there twice", "a: &x 1\n": "t.yaml:1: CloudFormation has no YAML anchors",
		"a: { <<: { b: 1 } }\n": "only plain keys", "? [a]\n: b\n": "only plain keys",
	} {
		if _, err := samtemplate.Parse("t.yaml", []byte(content), nil); err == nil || !strings.HasPrefix(err.Error(), "t.yaml") ||
			!strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want one line that says %s", content, err, says)
		}
	}
	if _, err := samtemplate.Parse("t.yaml", []byte("a: 1"), map[string]string{"Stage": "x"}); err == nil || err.Error() != "t.yaml: no parameter Stage" {
		t.Errorf("a parameter that is not there: %v", err)
	}
	missing := filepath.Join(t.TempDir(), "none.yaml")
	if _, err := samtemplate.Read(missing, nil); !os.IsNotExist(err) || !strings.Contains(err.Error(), missing) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestResourcesAreThoseOfTheTypeInTheOrderOfTheFile(t *testing.T) {
	template, err := samtemplate.Parse("t.yaml", []byte("Resources: { Z: { Type: A }, B: { Type: B }, C: { Type: A } }"), nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range template.Resources("A") {
		got = append(got, r.Name)
	}
	if diff := cmp.Diff([]string{"Z", "C"}, got); diff != "" {
		t.Error(diff)
	}
}
