package policy_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/policy"
)

func routes(lines ...policy.Line) policy.Document {
	return policy.Document{Unlisted: policy.Deny, Routes: lines}
}

func line(route string) policy.Line { return policy.Line{Route: route} }

func many(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprint("name", i))
	}
	return names
}

func TestDocumentIsCheckedWhole(t *testing.T) {
	tooMany := routes()
	for i := range policy.MaxRoutes + 1 {
		tooMany.Routes = append(tooMany.Routes, line(fmt.Sprintf("GET /r%d", i)))
	}
	for want, d := range map[string]policy.Document{
		"write allow or deny":        {},
		"501 routes":                 tooMany,
		"a space and a path":         routes(line("GET")),
		"no method":                  routes(line("get /x")),
		"is no method":               routes(line("TRACE /x")),
		"no method: ":                routes(line("/x /x")),
		"begin with a slash":         routes(line("GET x")),
		"ends in a slash":            routes(line("GET /x/")),
		"two slashes":                routes(line("GET /x//y")),
		"has to be the last":         routes(line("GET /{x+}/y")),
		`"{x" has`:                   {Unlisted: "deny", BasePath: "{x", Routes: nil},
		"the path has '{'":           routes(line("GET /{x")),
		`"{}" is no parameter`:       routes(line("GET /{}")),
		`"{+}" is no parameter`:      routes(line("GET /{+}")),
		`"{a b}" is no parameter`:    routes(line("GET /{a b}")),
		"the path has '%'":           routes(line("GET /a%20b")),
		"the path has ';'":           routes(line("GET /a;b")),
		"the path has '*'":           routes(line("GET /*")),
		"the path has 'Ã'":           routes(line("GET /café")),
		"the path has ' '":           routes(line("GET /x y")),
		`".." is no part`:            routes(line("GET /x/../y")),
		`"." is no part`:             routes(line("GET /.")),
		"longer than 512":            routes(line("GET /" + strings.Repeat("x", 512))),
		"$default cannot be named":   routes(line("$default")),
		"is the same route as":       routes(line("GET /x/{a}"), line("GET /x/{b}")),
		"GET /X: is the same":        routes(line("GET /x"), line("GET /X")),
		"scopes[1]: a is named":      routes(policy.Line{Route: "GET /x", Needs: policy.Needs{Scopes: []string{"a", "a"}}}),
		`roles[0]: "a b" is`:         routes(policy.Line{Route: "GET /x", Needs: policy.Needs{Roles: []string{"a b"}}}),
		`roles[0]: "" is no`:         routes(policy.Line{Route: "GET /x", Needs: policy.Needs{Roles: []string{""}}}),
		"21 scopes are more":         routes(policy.Line{Route: "GET /x", Needs: policy.Needs{Scopes: many(21)}}),
		"21 roles are more":          routes(policy.Line{Route: "GET /x", Needs: policy.Needs{Roles: many(21)}}),
		"max_auth_age is -1":         routes(policy.Line{Route: "GET /x", Needs: policy.Needs{MaxAuthAge: -1}}),
		"max_auth_age is 31536001":   routes(policy.Line{Route: "GET /x", Needs: policy.Needs{MaxAuthAge: 31536001}}),
		`session is "any": write`:    routes(policy.Line{Route: "GET /x", Needs: policy.Needs{Session: "any"}}),
		"optional stands alone":      routes(policy.Line{Route: "GET /x", Needs: policy.Needs{Session: policy.Optional, Scopes: []string{"a"}}}),
		"has no scopes, no roles":    routes(policy.Line{Route: "GET /x", Needs: policy.Needs{Session: policy.Optional, Roles: []string{"a"}}}),
		"no roles and no login":      routes(policy.Line{Route: "GET /x", Needs: policy.Needs{Session: policy.Optional, MaxAuthAge: 1}}),
		"stands below ANY /{a+}":     {Unlisted: policy.Allow, Routes: []policy.Line{line("ANY /{a+}"), line("GET /x")}},
		"GET /A/b: stands below":     {Unlisted: policy.Allow, Routes: []policy.Line{line("ANY /a/{a+}"), line("GET /A/b")}},
		"base_path: the path \"v1\"": {Unlisted: policy.Deny, BasePath: "v1"},
		"base_path: has a parameter": {Unlisted: policy.Deny, BasePath: "/{v}"},
		"base_path: the path ends":   {Unlisted: policy.Deny, BasePath: "/v1/"},
	} {
		_, err := policy.New(d)
		if want == `"{x" has` {
			want = `the path "{x" does not begin`
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestEveryWrongLineIsNamed(t *testing.T) {
	_, err := policy.New(routes(line("GET /good"), line("GET"), line("POST /good"), line("GET //")))
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || len(joined.Unwrap()) != 2 {
		t.Fatalf("error %v, want two", err)
	}
	for i, index := range []int{1, 3} {
		var wrong *policy.LineError
		if !errors.As(joined.Unwrap()[i], &wrong) || wrong.Index != index {
			t.Errorf("error %v, want one of line %d", joined.Unwrap()[i], index)
		}
	}
}

func TestLongestDocumentIsAccepted(t *testing.T) {
	d := routes()
	for i := range policy.MaxRoutes {
		d.Routes = append(d.Routes, policy.Line{Route: fmt.Sprintf("GET /r%d", i), Needs: policy.Needs{Scopes: many(policy.MaxNames), MaxAuthAge: 31536000}})
	}
	if _, err := policy.New(d); err != nil {
		t.Error(err)
	}
}

func BenchmarkDecide(b *testing.B) {
	var d strings.Builder
	d.WriteString("unlisted: deny\nroutes:\n  ANY /{proxy+}: {}\n")
	for i := range 60 {
		fmt.Fprintf(&d, "  GET /things%d/{id}/parts/{part}: { scopes: [orders:read], roles: [member, admin], max_auth_age: 15m }\n", i)
	}
	p := read(b, d.String())
	for name, r := range map[string]policy.Request{
		"route": {Route: "GET /things59/{id}/parts/{part}", Method: "GET", Path: "/things59/7/parts/8"},
		"path":  {Route: "ANY /{proxy+}", Method: "GET", Path: "/things59/7/parts/8", Rest: "things59/7/parts/8"},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := p.Decide(r, callers["member"], now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
