package main

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/internal/faultproxy"
	"github.com/wavepass/wavepass/internal/tabletemplate"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/seal"
	"github.com/wavepass/wavepass/pkg/store/dynamo"
)

// newTable creates a table in DynamoDB Local, and has the AWS SDK of commands find it: at the engine's address, or at that of what is
// put in front of it. It returns the table's name, and the table past what is in front.
func newTable(t *testing.T, inFront func(engine string) string) (string, *dynamo.Store) {
	t.Helper()
	engine := os.Getenv("DYNAMODB_ENDPOINT")
	if engine == "" {
		t.Skip("DYNAMODB_ENDPOINT is not set: run it by scripts/dynamodb-local")
	}
	name := "wavepass-test-" + rand.Text()
	definition, err := tabletemplate.Read(template)
	check(t, err)
	api, err := tabletemplate.Local(engine)
	check(t, err)
	check(t, tabletemplate.Create(t.Context(), api, name, definition))
	store, err := dynamo.Open(dynamo.Config{Table: name, Region: tabletemplate.Region, Credentials: tabletemplate.Credentials, Endpoint: engine})
	check(t, err)
	for variable, value := range map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_ENDPOINT_URL_DYNAMODB": inFront(engine), "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
		"DYNAMODB_ENDPOINT": "",
	} {
		t.Setenv(variable, value)
	}
	return name, store
}

// TestCommandsOnATable are given a table as those for the cloud are, with DynamoDB Local behind it.
func TestCommandsOnATable(t *testing.T) {
	var endpoint string
	name, store := newTable(t, func(engine string) string { endpoint = engine; return engine })
	on := func(sealingKey string, args ...string) []string {
		return append(args, "--table", name, "--sealing-key", "local:"+base64.StdEncoding.EncodeToString([]byte(sealingKey)))
	}
	const sealingKey, another = "the sealing key is 32 bytes long", "another key of 32 bytes, as long"
	for _, command := range []string{"key list", "status"} {
		if out := mustCommand(t, on(sealingKey, strings.Fields(command)...)...); !strings.Contains(out, "no key yet") {
			t.Errorf("%s of a new table: %s, want that there is no key yet", command, out)
		}
	}
	if out := mustCommand(t, on(sealingKey, "status")...); !strings.Contains(out, "schema   none yet") {
		t.Errorf("status of a new table: %s, want no schema number", out)
	}
	if keys := mustCommand(t, on(sealingKey, "key", "list", "--json")...); keys != "[]\n" {
		t.Errorf("key list --json of a new table: %q, want an empty list", keys)
	}
	for _, args := range [][]string{{"key", "rotate", "--now"}, {"key", "reset", "--yes"}} {
		if _, _, err := command(t, on(sealingKey, args...)...); err == nil || !strings.Contains(err.Error(), "no keyring yet") {
			t.Errorf("%v of a new table: %v, want that there is no keyring", args, err)
		}
	}
	// The deployment's algorithm is its own: whoever looks after it need not know it.
	sealer, err := seal.NewLocal([]byte(sealingKey))
	check(t, err)
	check(t, keyring.New(keyring.Config{Store: store, Sealer: sealer, Algorithm: keyring.EdDSA, Now: time.Now}).Ensure(t.Context()))
	if _, _, err := command(t, on(sealingKey, "key", "rotate")...); err == nil || !strings.Contains(err.Error(), "KEY_PERIOD") {
		t.Errorf("rotate what is due without the period: %v, want an error that names KEY_PERIOD", err)
	}
	mustCommand(t, on(sealingKey, "key", "rotate", "--now")...)
	mustCommand(t, on(sealingKey, "key", "reset", "--yes")...)
	t.Setenv("KEY_PERIOD", "720h")
	if out := mustCommand(t, on(sealingKey, "key", "rotate")...); !strings.Contains(out, "Nothing is due") {
		t.Errorf("rotate: %s, want that nothing is due", out)
	}
	list := mustCommand(t, on(sealingKey, "key", "list")...)
	if !strings.Contains(list, "EdDSA  current") || !strings.Contains(list, "EdDSA  next") || strings.Contains(list, "ES256") {
		t.Errorf("the keys are no longer all of EdDSA:\n%s", list)
	}

	if _, err := typed(t, "a-long-enough-wave", on(sealingKey, "account", "add", "ada")...); err != nil {
		t.Errorf("account add: %v", err)
	}
	if shown := mustCommand(t, on(sealingKey, "account", "show", "ada")...); !strings.Contains(shown, "may log in") {
		t.Errorf("account show: %s", shown)
	}
	mustCommand(t, on(sealingKey, "revoke", "account", "ada")...)

	// Only what changes keys needs the sealing key.
	keyless := func(args ...string) []string { return append(args, "--table", name) }
	for _, args := range [][]string{
		{"account", "disable", "ada"}, {"account", "enable", "ada"}, {"account", "set-access", "ada", "--role", "x"}, {"revoke", "account", "ada"},
		{"account", "list"}, {"session", "list", "ada"}, {"key", "list"}, {"key", "export-jwks"}, {"status"},
	} {
		if out := mustCommand(t, keyless(args...)...); args[0] == "account" && args[1] != "list" && !strings.Contains(out, "in the table "+name+" in eu-central-1 at "+endpoint) {
			t.Errorf("%v says %q, want the table and where it is", args, out)
		}
	}
	for _, args := range [][]string{{"key", "rotate", "--now"}, {"key", "reset", "--yes"}} {
		if _, _, err := command(t, keyless(args...)...); err == nil || !strings.Contains(err.Error(), "needs --sealing-key") || strings.Contains(err.Error(), "temporarily") {
			t.Errorf("%v without the sealing key: %v, want that it is needed", args, err)
		}
	}
	var stored []string
	for _, e := range as[[]audit.Event](t, keyless("audit", "list", "--account", "ada")...) {
		stored = append(stored, e.Name+" "+e.Actor)
	}
	if got := strings.Join(stored, ", "); !strings.HasPrefix(got, "account_added operator:") || strings.Count(got, ",") != 5 {
		t.Errorf("events of ada: %s; want six by an operator", got)
	}
	if _, _, err := command(t, "account", "list", "--table", name+"-typo"); err == nil || !strings.Contains(err.Error(), "check --table") || strings.Contains(err.Error(), "temporarily") {
		t.Errorf("a table that is not there: %v", err)
	}

	current := signingKeysOn(t, on(sealingKey)...)["current"]
	for _, args := range [][]string{{"key", "rotate", "--now"}, {"key", "revoke", current}} {
		if _, _, err := command(t, on(another, args...)...); err == nil || !strings.Contains(err.Error(), "SIGNING") || strings.Contains(err.Error(), "STILL SIGNS") {
			t.Errorf("%v with another sealing key: %v, want an error that names the part, and nothing denied", args, err)
		}
	}
	mustCommand(t, on(another, "key", "list")...) // opens nothing
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	if _, _, err := command(t, on(sealingKey, "key", "list")...); err == nil || !strings.Contains(err.Error(), "AWS_REGION") {
		t.Errorf("without a region: %v, want an error that names AWS_REGION", err)
	}
}

// Each names a part, and what is not named stays as it is: so the second must not write back what it had read.
func TestOfTwoOperatorsAtOnceNoneTakesBackWhatTheOtherSet(t *testing.T) {
	var proxy *faultproxy.Proxy
	name, _ := newTable(t, func(engine string) string {
		proxy = faultproxy.Start(t, engine)
		return proxy.URL
	})
	_, err := typed(t, "a-long-enough-wave", "account", "add", "ada", "--role", "member", "--scope", "orders:read", "--table", name)
	check(t, err)
	var other error
	proxy.Inject(faultproxy.Rule{Operation: "UpdateItem", Key: "ACCOUNT#", Times: 1, Fault: func(e *faultproxy.Exchange) {
		_, _, other = command(t, "account", "set-access", "ada", "--role", "editor", "--table", name)
		e.Pass()
	}})
	set := []string{"account", "set-access", "ada", "--scope", "orders:write", "--table", name}
	_, _, err = command(t, set...)
	if other != nil || err == nil || !strings.Contains(err.Error(), "somebody else has changed the account ada meanwhile") || strings.Contains(err.Error(), "temporarily") {
		t.Errorf("the first %v, the second %v; want the second told that it is too late", other, err)
	}
	mustCommand(t, set...)
	if a := as[accountJSON](t, "account", "show", "ada", "--table", name); fmt.Sprint(a.Roles, a.Scopes) != "[editor] [orders:write]" {
		t.Errorf("roles %v, scopes %v; want what each has set", a.Roles, a.Scopes)
	}
	var sets int
	for _, e := range as[[]audit.Event](t, "audit", "list", "--account", "ada", "--table", name) {
		if e.Name == audit.AccessSet {
			sets++
		}
	}
	if sets != 2 {
		t.Errorf("%d events that access was set, want 2", sets)
	}
}
