package dynamo_test

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/wavepass/wavepass/pkg/internal/faultproxy"
)

// TestPoliciesAllowWhatFunctionsUseAndNoMore compares template.yaml with what the functions were seen to ask of the
// table. A function that is added must be used here, or its policy counts as too wide.
func TestPoliciesAllowWhatFunctionsUseAndNoMore(t *testing.T) {
	policies := readPolicies(t, template)
	w := newWorld(t, engine(t), newTable(t, engine(t)))
	w.used = map[string][]faultproxy.Call{}
	w.must(refreshRequest("wprt_nobodys"), 400) // a refresh may be the first to need a keyring
	for _, op := range append([]userOperation{firstLogin}, userOperations...) {
		sent, done := op.prepare(w)
		if err := op.check(w.send(t.Context(), sent), done); err != nil {
			t.Fatalf("%s: %v", op.name, err)
		}
	}
	w.must(request{route: "GET /.well-known/jwks.json"}, 200)

	for function, calls := range w.used {
		for _, c := range calls {
			for _, a := range c.Accesses {
				if !slices.ContainsFunc(policies[function], func(s statement) bool { return s.allows(a.Action, c) }) {
					t.Errorf("%s calls %s with the keys %v, but no statement allows dynamodb:%s on all of them",
						function, c.Operation, c.Accesses, a.Action)
				}
			}
		}
	}
	for function, statements := range policies {
		for _, s := range statements {
			for _, unused := range s.unused(w.used[function]) {
				t.Errorf("the policy of %s allows %s, which it was not seen to need", function, unused)
			}
		}
	}
}

func TestStatementsAreReadAsIAMDoes(t *testing.T) {
	revoke := faultproxy.Call{Operation: "TransactWriteItems", Accesses: []faultproxy.Access{
		{Action: "UpdateItem", Key: "SESSIONS#1"}, {Action: "PutItem", Key: "REVOCATION#0"},
	}}
	both := statement{[]string{"UpdateItem", "PutItem"}, []string{"SESSIONS#*", "REVOCATION#*"}, true}
	for name, test := range map[string]struct {
		s       statement
		allowed bool
		unused  int
	}{
		"just right":        {both, true, 0},
		"one key missing":   {statement{both.actions, []string{"SESSIONS#*"}, true}, false, 2},
		"one action":        {statement{[]string{"PutItem"}, both.keys, true}, true, 0},
		"another action":    {statement{[]string{"GetItem"}, both.keys, true}, false, 2},
		"an action more":    {statement{append(slices.Clone(both.actions), "DeleteItem"), both.keys, true}, true, 2},
		"a key more":        {statement{both.actions, append(slices.Clone(both.keys), "LOGIN#*"), true}, true, 2},
		"star as character": {statement{both.actions, both.keys, false}, false, 4},
	} {
		if got := test.s.allows("PutItem", revoke); got != test.allowed {
			t.Errorf("%s: allowed %v, want %v", name, got, test.allowed)
		}
		if got := test.s.unused([]faultproxy.Call{revoke}); len(got) != test.unused {
			t.Errorf("%s: unused %v, want %d", name, got, test.unused)
		}
	}
}

// statement allows actions on the table, on the partitions that its condition names.
type statement struct {
	actions []string // without "dynamodb:"
	keys    []string
	pattern bool // a star at the end of a key stands for anything: StringLike
}

// allows reports whether a call may do the action by this statement alone. ForAllValues compares all leading keys
// of a request, so a transaction must be allowed each of its actions on all of its keys.
func (s statement) allows(action string, c faultproxy.Call) bool {
	inCall := slices.ContainsFunc(c.Accesses, func(a faultproxy.Access) bool { return a.Action == action })
	return inCall && slices.Contains(s.actions, action) &&
		!slices.ContainsFunc(c.Accesses, func(a faultproxy.Access) bool {
			return !slices.ContainsFunc(s.keys, func(key string) bool { return s.matches(key, a.Key) })
		})
}

func (s statement) matches(key, got string) bool {
	if prefix, ok := strings.CutSuffix(key, "*"); ok && s.pattern {
		return strings.HasPrefix(got, prefix)
	}
	return key == got
}

// unused lists what the statement allows and no call has needed.
func (s statement) unused(calls []faultproxy.Call) (unused []string) {
	for _, action := range s.actions {
		for _, key := range s.keys {
			needed := slices.ContainsFunc(calls, func(c faultproxy.Call) bool {
				return s.allows(action, c) &&
					slices.ContainsFunc(c.Accesses, func(a faultproxy.Access) bool { return s.matches(key, a.Key) })
			})
			if !needed {
				unused = append(unused, fmt.Sprintf("dynamodb:%s on %s", action, key))
			}
		}
	}
	return unused
}

// readPolicies returns what template.yaml allows on the table, by the folder of each function. What it does not
// understand of such a statement ends the test.
func readPolicies(t *testing.T, file string) map[string][]statement {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var template struct {
		Resources map[string]struct {
			Type       string    `yaml:"Type"`
			Properties yaml.Node `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(data, &template); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	policies := map[string][]statement{}
	for id, resource := range template.Resources {
		if resource.Type != "AWS::Serverless::Function" {
			continue
		}
		var function struct {
			CodeUri  string `yaml:"CodeUri"`
			Policies []struct {
				Statement []rawStatement `yaml:"Statement"`
			} `yaml:"Policies"`
		}
		if err := resource.Properties.Decode(&function); err != nil {
			t.Fatalf("%s: %s: %v", file, id, err)
		}
		name := path.Base(path.Clean(function.CodeUri))
		for _, policy := range function.Policies {
			for _, raw := range policy.Statement {
				if s, ok := raw.read(t, id); ok {
					policies[name] = append(policies[name], s)
				}
			}
		}
	}
	if len(policies) < 4 {
		t.Fatalf("%s: policies of %d functions, want those of the core at least", file, len(policies))
	}
	return policies
}

type rawStatement struct {
	Effect    string                         `yaml:"Effect"`
	Action    []string                       `yaml:"Action"`
	Condition map[string]map[string][]string `yaml:"Condition"`
}

// read returns the statement, false when it is not about the table.
func (r rawStatement) read(t *testing.T, id string) (statement, bool) {
	t.Helper()
	var s statement
	for _, action := range r.Action {
		if name, ok := strings.CutPrefix(action, "dynamodb:"); ok {
			s.actions = append(s.actions, name)
		}
	}
	if len(s.actions) == 0 {
		return statement{}, false
	}
	like, equals := r.Condition["ForAllValues:StringLike"], r.Condition["ForAllValues:StringEquals"]
	s.pattern = like != nil
	s.keys = append(like["dynamodb:LeadingKeys"], equals["dynamodb:LeadingKeys"]...)
	if r.Effect != "Allow" || len(s.actions) != len(r.Action) || len(r.Condition) != 1 || len(s.keys) == 0 {
		t.Fatalf("%s: statement %+v: want Effect Allow, actions on the table alone and one condition on dynamodb:LeadingKeys", id, r)
	}
	for _, wide := range append(slices.Clone(s.actions), s.keys...) {
		if i := strings.IndexAny(wide, "*?"); wide == "*" || i >= 0 && i < len(wide)-1 {
			t.Fatalf("%s: %q: want a star at most at the end of a key", id, wide)
		}
	}
	return s, true
}
