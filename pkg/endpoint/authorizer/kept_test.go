package authorizer_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// cache keeps answers as a REST API does that is told to: by the caller's token, for every method of the stage.
type cache struct {
	g      guarded
	policy []statement
}

func (c *cache) get(resource, path string) bool {
	const prefix = "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/GET"
	if c.policy == nil {
		got := c.g.event("rest", `"resource": "/orders/{id}"`, `"resource": "`+resource+`"`, `"path": "/orders/7"`, `"path": "`+path+`"`,
			"prod/GET/orders/7", "prod/GET"+path, `{ "id": "7" }`, `{ "path": "`+strings.TrimPrefix(path, "/files/")+`" }`)
		if got.err != nil {
			return false
		}
		c.policy = got.document
	}
	return allows(c.policy, prefix+path)
}

// A REST API that keeps answers, which it should not be told to, judges other requests by them. None may come through
// that would not have come through by itself.
func TestKeptAnswersOpenNoOtherRoute(t *testing.T) {
	g := newGuarded(t, `
unlisted: deny
routes:
  GET /orders/{id}:              {}
  GET /orders/{id}/lines/{line}: {}
  GET /orders:                   { roles: [admin] }
  GET /orders/{id}/secret:       { roles: [admin] }
  GET /shop/{id}:                {}
  GET /shop/till:                { roles: [admin] }
  ANY /files/{path+}:            {}
  ANY /files/private/{path+}:    { roles: [admin] }
  GET /x/{id}/f/{path+}:         {}
  GET /x/{path+}:                { roles: [admin] }
  GET /pairs/{a}/{b}:            {}
`)
	type request struct{ resource, path string }
	requests := []request{
		{"/orders/{id}", "/orders/7"}, {"/orders/{id}", "/orders/*"}, {"/orders/{id}", "/orders/?"}, {"/orders/{id}", "/orders/${x}"}, {"/orders/{id}", "/orders/secret"},
		{"/orders/{id}/lines/{line}", "/orders/7/lines/1"}, {"/orders/{id}/lines/{line}", "/orders/*/lines/*"},
		{"/orders", "/orders"}, {"/orders", "/orders/"}, {"/orders/{id}/secret", "/orders/7/secret"}, {"/orders/{id}/secret", "/orders/*/secret"},
		{"/shop/{id}", "/shop/7"}, {"/shop/{id}", "/shop/*"}, {"/shop/{id}", "/shop/t?ll"}, {"/shop/till", "/shop/till"},
		{"/files/{path+}", "/files/a/b"}, {"/files/{path+}", "/files/*"}, {"/files/{path+}", "/files/private/a"}, {"/files/{path+}", "/files/????????a"},
		{"/x/{id}/f/{path+}", "/x/1/f/2"}, {"/x/{id}/f/{path+}", "/x/*/f/*"}, {"/x/{path+}", "/x/1/2/f/3"},
		{"/orders/{id}", "/orders/$metadata"}, // no variable without a brace
		// A route of the gateway that no line names. What is behind it may read this path as another one.
		{"/pairs/{a}/{b}", "/pairs/1/2"}, {"/pairs/1/{path+}", "/pairs/1/..%2Fsecret"},
	}
	var let []string
	for _, first := range requests {
		kept := cache{g: g}
		if kept.get(first.resource, first.path) {
			let = append(let, first.path)
		}
		for _, r := range requests {
			alone := cache{g: g}
			if kept.get(r.resource, r.path) && !alone.get(r.resource, r.path) {
				t.Errorf("%s opens %s: %v", first.path, r.path, kept.policy)
			}
		}
	}
	want := []string{"/orders/7", "/orders/secret", "/orders/7/lines/1", "/shop/7", "/files/a/b", "/x/1/f/2", "/orders/$metadata", "/pairs/1/2"}
	if diff := cmp.Diff(want, let); diff != "" {
		t.Errorf("what comes through by itself (-want +got):\n%s", diff)
	}
	for _, s := range slices.Concat(g.event("rest").document, g.event("rest-token").document) {
		if strings.Contains(s.Resource, "/7") && s.Resource[len(s.Resource)-1] != '7' {
			t.Errorf("resource %s", s.Resource)
		}
	}
}

// Without a policy a kept answer is good for every route, because a valid token is.
func TestAnswerWithoutPolicyIsForTheStage(t *testing.T) {
	g := newGuarded(t, "unlisted: allow\nroutes: {}\n")
	for _, shape := range []string{"http-1.0", "rest", "rest-token"} {
		want := []statement{{"execute-api:Invoke", "Allow", "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/*"}}
		if diff := cmp.Diff(want, g.event(shape).document); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", shape, diff)
		}
	}
	want := []statement{{"execute-api:Invoke", "Allow", "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/$connect"}}
	if diff := cmp.Diff(want, g.event("websocket").document); diff != "" {
		t.Errorf("websocket: (-want +got):\n%s", diff)
	}
}

// allows judges an ARN by a policy, as IAM does: a statement that denies counts before any that allows.
func allows(document []statement, arn string) bool {
	allowed := false
	for _, s := range document {
		if s.Action == "execute-api:Invoke" && globMatches(s.Resource, arn) {
			if s.Effect != "Allow" {
				return false
			}
			allowed = true
		}
	}
	return allowed
}

// globMatches is IAM's: a star is any characters, a question mark is one, a slash is nothing special.
func globMatches(pattern, text string) bool {
	if pattern == "" {
		return text == ""
	}
	switch pattern[0] {
	case '*':
		for i := 0; i <= len(text); i++ {
			if globMatches(pattern[1:], text[i:]) {
				return true
			}
		}
		return false
	case '?':
		return text != "" && globMatches(pattern[1:], text[1:])
	}
	return text != "" && text[0] == pattern[0] && globMatches(pattern[1:], text[1:])
}
