package openapi_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/internal/openapi"
)

// constants are the values of the constants Code… in Go files.
func constants(t *testing.T, files ...string) (values []string) {
	t.Helper()
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || !strings.HasPrefix(spec.Names[0].Name, "Code") || len(spec.Values) != 1 {
				return true
			}
			if literal, ok := spec.Values[0].(*ast.BasicLit); ok {
				value, _ := strconv.Unquote(literal.Value)
				values = append(values, value)
			}
			return true
		})
	}
	return values
}

func TestErrorCodesAreThoseOfTheCode(t *testing.T) {
	document, err := openapi.Read()
	if err != nil {
		t.Fatal(err)
	}
	answered := constants(t, "../../oauth/errors.go")
	known := append(constants(t, "../../authorization/answer.go"), answered...)
	if len(answered) < 15 {
		t.Fatalf("found only %q", answered)
	}
	var listed []string
	for route, operation := range document {
		for status, a := range operation {
			for _, code := range a.Codes {
				if listed = append(listed, code); !slices.Contains(known, code) {
					t.Errorf("%s %d: %q is no code of package oauth or authorization", route, status, code)
				}
			}
		}
	}
	for _, code := range answered {
		if !slices.Contains(listed, code) {
			t.Errorf("docs/openapi.yaml does not have the code %s", code)
		}
	}
}

const small = `
paths:
  /a:
    get:
      responses:
        '200': { $ref: '#/components/responses/Good' }
        '400': { headers: { retry-after: { required: true } }, content: { application/json: { schema: { allOf: [{ properties: { error: { enum: [wrong] } } }] } } } }
        '204': { headers: { Set-Cookie: {} } }
components:
  responses:
    Good: { headers: { ETag: {} }, content: { text/html; charset=utf-8: {} } }
`

func TestJudge(t *testing.T) {
	document, err := openapi.Parse([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	html, json := map[string]string{"Content-Type": "text/html"}, map[string]string{"Content-Type": "application/json", "Retry-After": "1"}
	for _, one := range []struct {
		what, route string
		status      int
		headers     map[string]string
		cookies     bool
		body        string
		want        string // in the error; "" for none
	}{
		{"good", "GET /a", 200, html, false, "x", ""},
		{"an error", "GET /a", 400, json, false, `{"error":"wrong"}`, ""},
		{"no body", "GET /a", 204, nil, true, "", ""},
		{"another route", "POST /a", 200, html, false, "x", "does not have this route"},
		{"another status", "GET /a", 201, html, false, "x", "no status 201"},
		{"another type", "GET /a", 200, map[string]string{"Content-Type": "text/plain"}, false, "x", `no body of type "text/plain"`},
		{"a body too much", "GET /a", 204, html, false, "x", `no body of type "text/html"`},
		{"a body too few", "GET /a", 200, nil, false, "", "there is none"},
		{"another code", "GET /a", 400, json, false, `{"error":"other"}`, `no error "other"`},
		{"a header too much", "GET /a", 200, map[string]string{"Content-Type": "text/html", "x-secret": "1"}, false, "x", "no header X-Secret"},
		{"a header too few", "GET /a", 400, map[string]string{"Content-Type": "application/json"}, false, `{"error":"wrong"}`, "header Retry-After is missing"},
		{"cookies", "GET /a", 200, html, true, "x", "no header Set-Cookie"},
	} {
		err := document.Judge(one.route, one.status, one.headers, one.cookies, one.body)
		if one.want == "" && err != nil || one.want != "" && (err == nil || !strings.Contains(err.Error(), one.want)) {
			t.Errorf("%s: %v, want %q", one.what, err, one.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"a reference to nothing":     strings.Replace(small, "/Good'", "/Bad'", 1),
		"a reference to itself":      strings.Replace(small, "Good: {", "Good: { $ref: '#/components/responses/Good',", 1),
		"a status that is no number": strings.Replace(small, "'204'", "default", 1),
		"no YAML":                    "paths: [",
	} {
		if _, err := openapi.Parse([]byte(text)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
