package policyfile_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/pkg/policy"
	"github.com/wavepass/wavepass/pkg/policy/policyfile"
)

func TestFileIsReadAsWritten(t *testing.T) {
	got, err := policyfile.Read([]byte(`# for the shop
unlisted: deny
base_path: /v1
audience: https://orders.example.com
routes:
  GET /orders/{id}:    { scopes: [orders:read] }
  POST /orders:
    scopes: [orders:write, "orders:read"]
    roles:
      - member
      - admin
  ANY /admin/{proxy+}: { roles: [admin], max_auth_age: 1h30m }
  GET /news:           {}
  GET /shop:           { session: optional }
`))
	if err != nil {
		t.Fatal(err)
	}
	want := policy.Document{Unlisted: policy.Deny, BasePath: "/v1", Audience: "https://orders.example.com", Routes: []policy.Line{
		{Route: "GET /orders/{id}", Needs: policy.Needs{Scopes: []string{"orders:read"}}},
		{Route: "POST /orders", Needs: policy.Needs{Scopes: []string{"orders:write", "orders:read"}, Roles: []string{"member", "admin"}}},
		{Route: "ANY /admin/{proxy+}", Needs: policy.Needs{Roles: []string{"admin"}, MaxAuthAge: 5400}},
		{Route: "GET /news"},
		{Route: "GET /shop", Needs: policy.Needs{Session: policy.Optional}},
	}}
	if difference := cmp.Diff(want, got); difference != "" {
		t.Errorf("document (-want +got):\n%s", difference)
	}
}

func TestMistakesAreNamedWithTheirLines(t *testing.T) {
	const head = "unlisted: deny\nroutes:\n"
	for text, want := range map[string]string{
		"":              "the file is empty",
		"# nothing\n":   "the file is empty",
		"- a\n":         "line 1: the file has to be a mapping",
		"unlisted: [\n": "yaml: line",
		"unlisted: deny\nroutes: {}\n---\nx: y\n":                     "more than one document",
		"unlisted: maybe\nroutes: {}\n":                               `line 1: unlisted is "maybe"`,
		"unlisted: true\nroutes: {}\n":                                "line 1: unlisted has to be text",
		"unlisted: deny\nroute: {}\n":                                 `line 2: "route" is not known here`,
		"unlisted: deny\nunlisted: allow\n":                           "line 2: unlisted stands there twice",
		"unlisted: deny\nbase_path: [a]\n":                            "line 2: base_path has to be text",
		"unlisted: deny\nbase_path: v1\n":                             "line 1: base_path:",
		"unlisted: deny\naudience: a b\n":                             "line 1: audience:",
		"unlisted: deny\naudience: ''\n":                              "line 2: audience is empty",
		"unlisted: deny\naudience: " + strings.Repeat("a", 161):       "line 1: audience:",
		"unlisted: deny\nroutes: []\n":                                "line 2: routes has to be a mapping",
		head + "  GET /x:\n":                                          "line 3: a route has to be a mapping",
		head + "  GET /x: {}\n  GET /x: {}\n":                         "line 4: GET /x stands there twice",
		head + "  GET /x: {}\n  GET /X: {}\n":                         "line 4: GET /X: is the same route",
		head + "  [a]: {}\n":                                          "line 3: a key has to be plain text",
		head + "  GET /x: { role: [a] }\n":                            `line 3: "role" is not known here`,
		head + "  GET /x: { roles: a }\n":                             "line 3: scopes and roles are lists: write [a]",
		head + "  GET /x: { roles: [] }\n":                            "line 3: an empty list",
		head + "  GET /x: { roles: [1] }\n":                           "line 3: a scope or a role has to be text",
		head + "  GET /x:\n    scopes:\n      - a b\n":                `line 3: GET /x: scopes[0]: "a b" is no name`,
		head + "  GET /x: { max_auth_age: 15 }\n":                     "line 3: max_auth_age",
		head + "  GET /x: { max_auth_age: 0s }\n":                     "line 3: max_auth_age",
		head + "  GET /x: { max_auth_age: 1500ms }\n":                 "line 3: max_auth_age",
		head + "  GET /x: { max_auth_age: -5m }\n":                    "line 3: max_auth_age",
		head + "  GET /x: { max_auth_age: 9000h }\n":                  "line 3: GET /x: max_auth_age is",
		head + "  GET /x: { session: false }\n":                       "line 3: session has to be text",
		head + "  GET /x: { session: '' }\n":                          "line 3: session is empty",
		head + "  GET /x: { session: none }\n":                        `line 3: GET /x: session is "none"`,
		head + "  GET /x: &needs {}\n  GET /y: *needs\n":              "line 4: a route has to be a mapping",
		"unlisted: allow\nroutes:\n  ANY /{p+}: {}\n\n  GET /x: {}\n": "line 5: GET /x: stands below ANY /{p+}",
		strings.Repeat("#", policyfile.MaxSize+1):                     "longer than 128 KB",
	} {
		d, err := policyfile.Read([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, error %v, want %q", text, d, err, want)
		}
	}
}

func TestEveryMistakeIsNamed(t *testing.T) {
	_, err := policyfile.Read([]byte("unlisted: no\nroutes:\n  GET: {}\n  GET /x: { role: [a] }\n  GET /y: { roles: [a b] }\n"))
	for _, want := range []string{"line 4"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	_, err = policyfile.Read([]byte("unlisted: no\nroutes:\n  GET: {}\n  GET /y: { roles: [a b] }\n"))
	for _, want := range []string{"line 1", "line 3", "line 4"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

func FuzzWhatIsReadIsAccepted(f *testing.F) {
	f.Add("unlisted: deny\nroutes:\n  GET /orders/{id}: { scopes: [orders:read], max_auth_age: 15m }\n")
	f.Add("unlisted: allow\nbase_path: /v1\nroutes:\n  ANY /{p+}: {}\n")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := policyfile.Read([]byte(text))
		if err != nil {
			return
		}
		if _, err := policy.New(d); err != nil {
			t.Error(fmt.Errorf("read %+v, which is refused: %w", d, err))
		}
		written, err := policyfile.Write(d)
		if err != nil {
			t.Fatal(err)
		}
		again, err := policyfile.Read(written)
		if difference := cmp.Diff(d, again); err != nil || difference != "" {
			t.Errorf("written and read again, error %v (-before +after):\n%s\n%s", err, difference, written)
		}
	})
}

// What docs/policy.md shows is accepted.
func TestFilesOfTheDocumentation(t *testing.T) {
	page, err := os.ReadFile("../../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(page), "```yaml\n")[1:]
	if len(blocks) != 3 {
		t.Fatalf("the page has %d files, want 3", len(blocks))
	}
	for _, block := range blocks {
		text, _, _ := strings.Cut(block, "```")
		if d, err := policyfile.Read([]byte(text)); err != nil || len(d.Routes) == 0 {
			t.Errorf("%s: %+v, error %v", text, d, err)
		}
	}
}
