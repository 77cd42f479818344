package permissions_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/internal/faultproxy"
	"github.com/wavepass/wavepass/pkg/internal/permissions"
)

const templateFile = "../../../template.yaml"

// write is something that may be done to one item of the table, and the functions that may do it. One item is what
// decides: a transaction that IAM compares as a whole is allowed less.
type write struct {
	what       string
	action     string
	key        string
	attributes []string
	alone      []string // the functions that may do it outside transactions
	within     []string // and within one
}

var writes = []write{
	{"set a password hash", "UpdateItem", "LOGIN#ada", []string{"hash"}, nil, []string{"accounts", "login", "password", "signin"}},
	{"give a login name to another account", "UpdateItem", "LOGIN#ada", []string{"account_id"}, nil, []string{"accounts"}},
	{"put a login name", "PutItem", "LOGIN#ada", nil, nil, []string{"accounts"}},
	{"put an address", "PutItem", "EMAIL#1", nil, nil, []string{"accounts"}},
	{"order a mail", "PutItem", "MAIL#1", nil, []string{"accounts", "password", "signin"}, []string{"accounts", "password", "signin"}},
	{"note that an invitation was used", "PutItem", "INVITATION#1", nil, []string{"accounts"}, []string{"accounts"}},
	{"put the key of links", "PutItem", "KEYRING#LINKS", nil, nil, []string{"accounts", "mailer"}},
	{"enable or disable an account", "UpdateItem", "ACCOUNT#1", []string{"disabled"}, []string{"subjects"}, []string{"accounts", "password", "signin", "subjects"}},
	{"have an account removed", "UpdateItem", "ACCOUNT#1", []string{"remove_at"}, []string{"subjects"}, []string{"accounts", "password", "signin", "subjects"}},
	{"have a consent removed", "UpdateItem", "CONSENT#1", []string{"expires_at"}, []string{"accounts", "password"}, []string{"accounts", "password"}},
	{"give roles", "UpdateItem", "ACCOUNT#1", []string{"roles"}, []string{"signin", "subjects"}, []string{"signin", "subjects"}},
	{"put an account", "PutItem", "ACCOUNT#1", nil, nil, []string{"accounts"}},
	{
		"end all sessions", "UpdateItem", "ACCOUNT#1", []string{"epoch", "endings"},
		[]string{"subjects"}, []string{"accounts", "login", "password", "revoke", "sessions", "signin", "subjects"},
	},
	{
		"end one session", "UpdateItem", "SESSIONS#1", []string{"client_id", "revoked_at", "reason"},
		[]string{"oauthtoken", "refresh"}, []string{"login", "oauthtoken", "refresh", "revoke", "sessions", "signin", "subjects"},
	},
	{
		"rotate a session", "UpdateItem", "SESSIONS#1", []string{"generation"},
		[]string{"oauthtoken", "refresh"}, []string{"login", "oauthtoken", "password", "refresh", "signin", "subjects"},
	},
	{
		"lengthen the life of a session", "UpdateItem", "SESSIONS#1", []string{"idle_expiry", "expiry"},
		[]string{"oauthtoken", "refresh"}, []string{"login", "oauthtoken", "password", "refresh", "signin", "subjects"},
	},
	{
		"make an idle session live on", "UpdateItem", "SESSIONS#1", []string{"idle_expiry"},
		[]string{"authorizer", "oauthtoken", "refresh", "signin"}, []string{"authorizer", "login", "oauthtoken", "password", "refresh", "signin", "subjects"},
	},
	{
		"give a session a handle", "UpdateItem", "SESSIONS#1", []string{"handle_hash"},
		[]string{"oauthtoken", "refresh"}, []string{"login", "oauthtoken", "password", "refresh", "signin", "subjects"},
	},
	{
		"give a session what it was not granted", "UpdateItem", "SESSIONS#1", []string{"scopes"},
		[]string{"oauthtoken", "refresh"}, []string{"login", "oauthtoken", "password", "refresh", "signin", "subjects"},
	},
	{
		"keep a session through an ending", "UpdateItem", "SESSIONS#1", []string{"epoch"},
		[]string{"oauthtoken", "refresh"}, []string{"login", "oauthtoken", "password", "refresh", "sessions", "signin", "subjects"},
	},
	{"give a subject to another account", "UpdateItem", "SUBJECT#shop#1", []string{"account_id"}, nil, []string{"accounts", "signin", "subjects"}},
	{"rename an account", "UpdateItem", "ACCOUNT#1", []string{"username", "email"}, []string{"subjects"}, []string{"accounts", "signin", "subjects"}},
	{"take identities from an account", "UpdateItem", "ACCOUNT#1", []string{"identities"}, []string{"subjects"}, []string{"accounts", "password", "signin", "subjects"}},
	{"give an address to another account", "UpdateItem", "EMAIL#1", []string{"account_id"}, nil, []string{"accounts", "signin"}},
	{"put a session", "PutItem", "SESSIONS#1", nil, []string{"login", "signin"}, []string{"login", "signin"}},
	{"say what a person has allowed", "PutItem", "CONSENT#1", nil, []string{"signin"}, []string{"signin"}},
	{"take back what a person has allowed", "DeleteItem", "CONSENT#1", nil, []string{"sessions"}, []string{"sessions"}},
	{"push an authorization request", "PutItem", "PAR#1", nil, []string{"oauthtoken"}, []string{"oauthtoken"}},
	{"change a pushed request", "UpdateItem", "PAR#1", []string{"sealed"}, nil, nil},
	{"delete a session", "DeleteItem", "SESSIONS#1", nil, nil, nil},
	{"delete an account", "DeleteItem", "ACCOUNT#1", nil, nil, nil},
	{"delete a login name", "DeleteItem", "LOGIN#ada", nil, nil, []string{"accounts"}},
	{"delete an address", "DeleteItem", "EMAIL#1", nil, nil, []string{"accounts"}},
	{"delete a subject", "DeleteItem", "SUBJECT#shop#1", nil, nil, []string{"accounts"}},
	{"delete a revocation", "DeleteItem", "REVOCATION#0", nil, nil, nil},
	{"use up an assertion", "PutItem", "ASSERTION#1", nil, []string{"introspect", "oauthtoken", "revoke"}, []string{"introspect", "oauthtoken", "revoke"}},
	{"forget an assertion", "DeleteItem", "ASSERTION#1", nil, nil, nil},
	{"store an event of an operator", "PutItem", "AUDIT#2026-03-01", nil, nil, nil},
	{"change an event of an operator", "UpdateItem", "AUDIT#2026-03-01", []string{"event"}, nil, nil},
	{"delete an event of an operator", "DeleteItem", "AUDIT#2026-03-01", nil, nil, nil},
	{"register a client", "PutItem", "CLIENT", nil, nil, nil},
	{"store a client as its document says", "PutItem", "CLIENT#DOCUMENT", nil, []string{"signin"}, []string{"signin"}},
	{"change a client", "UpdateItem", "CLIENT", []string{"kind"}, nil, nil},
	{"replace a schema number", "UpdateItem", "SCHEMA", []string{"number"}, nil, nil},
	{"replace the keys", "UpdateItem", "KEYRING#SIGNING", []string{"sealed"}, nil, nil},
	{"put keys", "PutItem", "KEYRING#SIGNING", nil, nil, []string{"login", "oauthtoken", "refresh", "rotatekeys", "signin", "subjects"}},
}

// differences lists each write that a function may do and should not, or may not and should.
func differences(functions map[string][]permissions.Statement) (all []string) {
	for function, statements := range functions {
		for _, w := range writes {
			for operation, allowed := range map[string][]string{w.action: w.alone, "TransactWriteItems": w.within} {
				got := permissions.Allow(statements, faultproxy.Call{
					Operation:  operation,
					Accesses:   []faultproxy.Access{{Action: w.action, Key: w.key}},
					Attributes: append([]string{"pk", "sk"}, w.attributes...),
				})
				if got != slices.Contains(allowed, function) {
					all = append(all, fmt.Sprintf("%s may %s by %s: %v", function, w.what, operation, got))
				}
			}
		}
	}
	return all
}

func TestFunctionsWriteWhatTheyMust(t *testing.T) {
	functions, err := permissions.Read(templateFile, permissions.Table)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range differences(functions) {
		t.Error(d)
	}
}

// TestMigrationAllowsNothingButTheOldEpoch holds what is allowed beside a table of the version before to one more
// write: the epoch at the login name, in transactions.
func TestMigrationAllowsNothingButTheOldEpoch(t *testing.T) {
	functions, err := permissions.ReadWith(templateFile, map[string]string{"SchemaBefore": "1"}, permissions.Table)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range differences(functions) {
		t.Error(d)
	}
	oldEpoch := faultproxy.Call{
		Operation: "TransactWriteItems", Attributes: []string{"epoch", "pk", "sk"},
		Accesses: []faultproxy.Access{{Action: "UpdateItem", Key: "LOGIN#ada"}, {Action: "UpdateItem", Key: "ACCOUNT#1"}, {Action: "UpdateItem", Key: "REVOCATION#0"}},
	}
	for function, statements := range functions {
		want := slices.Contains([]string{"accounts", "login", "password", "revoke", "sessions", "signin"}, function)
		if got := permissions.Allow(statements, oldEpoch); got != want {
			t.Errorf("%s may write the epoch at the login name: %v, want %v", function, got, want)
		}
	}
}

// TestStatementThatAllowsTooMuchIsSeen adds to a function that may not do a write the statement that would allow it.
func TestStatementThatAllowsTooMuchIsSeen(t *testing.T) {
	for _, w := range writes {
		pattern, _, _ := strings.Cut(w.key, "#")
		if pattern != w.key {
			pattern += "#*"
		}
		statement := "- {" + allow + table + "Action: [dynamodb:" + w.action + `], Condition: {"ForAllValues:StringLike": {dynamodb:LeadingKeys: ["` + pattern + `"]`
		fenced := statement + "}, " + within + "}}"
		if w.action == "UpdateItem" {
			fenced = statement + ", dynamodb:Attributes: [pk, sk, " + strings.Join(w.attributes, ", ") + "]}, " + within + "}}"
		}
		seen(t, w.what+" alone", change(t, "discovery", "Statement:\n", "Statement:\n            "+statement+"}}}\n"), w.what, w.action)
		seen(t, w.what+" in a transaction", change(t, "discovery", "Statement:\n", "Statement:\n            "+fenced+"\n"), w.what, "TransactWriteItems")
	}
}

// TestFenceThatIsTakenDownIsSeen takes each fence of a function's writes away.
func TestFenceThatIsTakenDownIsSeen(t *testing.T) {
	const operation = `"ForAnyValue:StringEquals": { dynamodb:EnclosingOperation: [TransactWriteItems] }`
	for name, test := range map[string]struct{ function, old, new, what, operation string }{
		"another attribute of accounts": {"revoke", "[pk, sk, epoch,", "[pk, sk, disabled, epoch,", "enable or disable an account", "TransactWriteItems"},
		"another attribute of sessions": {"sessions", "[pk, sk, client_id,", "[pk, sk, generation, client_id,", "rotate a session", "TransactWriteItems"},
		"an update beside a put":        {"login", "[dynamodb:PutItem]", "[dynamodb:PutItem, dynamodb:UpdateItem]", "end one session", "UpdateItem"},
		"the handle of a session":       {"authorizer", "[pk, sk, used_at,", "[pk, sk, handle_hash, used_at,", "give a session a handle", "UpdateItem"},
		"another partition":             {"revoke", `["ACCOUNT#*", `, `["SESSIONS#*", "ACCOUNT#*", `, "keep a session through an ending", "TransactWriteItems"},
		"no transaction":                {"password", operation, "", "set a password hash", "UpdateItem"},
		"keys outside transactions":     {"rotatekeys", operation, "", "put keys", "PutItem"},
	} {
		seen(t, name, change(t, test.function, test.old, test.new), test.what, test.operation)
	}
}

// change returns the template with the first occurrence of old in a function replaced.
func change(t *testing.T, function, old, new string) string {
	t.Helper()
	data, err := os.ReadFile(templateFile)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(data), "CodeUri: functions/"+function+"/")
	if !found || !strings.Contains(rest, old) {
		t.Fatalf("the template has no function %s, or no %q in it", function, old)
	}
	return before + "CodeUri: functions/" + function + "/" + strings.Replace(rest, old, new, 1)
}

// seen fails unless the write of a function is found in the changed template.
func seen(t *testing.T, name, template, what, operation string) {
	t.Helper()
	functions, err := read(t, template, permissions.Table)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	got := differences(functions)
	if !slices.ContainsFunc(got, func(d string) bool { return strings.Contains(d, "may "+what+" by "+operation+": true") }) {
		t.Errorf("%s: found %q, want who may %s by %s", name, got, what, operation)
	}
}
