package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/wavepass/wavepass/pkg/audit"
)

// deploymentInFolder makes a deployment in the folder that is the default, and enters the folder above it.
func deploymentInFolder(t *testing.T) (data string) {
	t.Helper()
	here := t.TempDir()
	data = filepath.Join(here, ".wavepass")
	check(t, start(t, "--data", data).stop())
	t.Chdir(here)
	return data
}

// as runs a command in the name of an operator and reads its JSON.
func as[T any](t *testing.T, args ...string) (got T) {
	t.Helper()
	text := mustCommand(t, append(args, "--json", "--operator", "grace")...)
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatalf("%v: %v in %s", args, err, text)
	}
	return got
}

// A variable that is not set must not turn a command for the cloud into one for the folder that happens to be here.
func TestFlagsOfATargetThatAreEmptyOrAloneAreRefused(t *testing.T) {
	data := deploymentInFolder(t)
	for says, flags := range map[string][]string{
		"--table: is empty":         {"--table", ""},
		"--table: is empty: ":       {"--table="},
		"--sealing-key: is empty":   {"--sealing-key", ""},
		"--data: is empty":          {"--data", ""},
		"--dynamodb: is empty":      {"--dynamodb", ""},
		"--operator: is empty":      {"--operator", ""},
		"--sealing-key is for":      {"--sealing-key", "kms:arn"},
		"want one of them":          {"--table", "t", "--dynamodb", "http://localhost:8000"},
		`"localhost:8000": want an`: {"--dynamodb", "localhost:8000"},
		`want an address like`:      {"--dynamodb", "http://user:pw@localhost:8000"},
		`want an address like http`: {"--dynamodb", "http://localhost:8000/path"},
	} {
		for _, c := range [][]string{{"account", "disable", demoUsername}, {"key", "list"}, {"status"}, {"revoke", "account", demoUsername}} {
			if out, _, err := command(t, append(c, flags...)...); err == nil || !strings.Contains(err.Error(), strings.TrimSuffix(says, ": ")) {
				t.Errorf("%v %q: %v (%s), want an error that says %q", c, flags, err, out, says)
			}
		}
		if _, _, err := command(t, "migrate", flags[0], ""); len(flags) == 2 && flags[1] == "" && flags[0] != "--sealing-key" && flags[0] != "--operator" &&
			(err == nil || !strings.Contains(err.Error(), "is empty")) {
			t.Errorf("migrate %q: %v, want it refused", flags, err)
		}
	}
	if a := as[accountJSON](t, "account", "show", demoUsername, "--data", data); a.Disabled {
		t.Error("the account here was disabled")
	}
	if events := as[[]audit.Event](t, "audit", "list"); len(events) != 0 {
		t.Errorf("events %+v, want that nothing was changed", events)
	}
}

// TestChangesNameTheirTargetAndClaimNoMoreThanTheyDid runs every change twice, on the running server and on the idle
// folder.
func TestChangesNameTheirTargetAndClaimNoMoreThanTheyDid(t *testing.T) {
	data := t.TempDir()
	s := start(t, "--data", data)
	for _, where := range []string{"running", "idle"} {
		if where == "idle" {
			check(t, s.stop())
		}
		before := len(as[[]audit.Event](t, "audit", "list", "--data", data))
		for _, c := range []struct {
			done   string
			second bool // whether the second call changes something too
			args   []string
		}{
			{"disabled", false, []string{"account", "disable", demoUsername}},
			{"enabled", false, []string{"account", "enable", demoUsername}},
			{"access set", false, []string{"account", "set-access", demoUsername, "--role", where}},
			{"e-mail address set", false, []string{"account", "set-email", demoUsername, where + "@example.com", "--keep-from-old"}}, // the old is told of one change a second
			{"revoked", true, []string{"revoke", "account", demoUsername}},
			{"revoked", true, []string{"revoke", "client", "app", "--yes"}},
			{"revoked", true, []string{"revoke", "token", "01a21387-1fd4-7da5-a8e9-f1b457d61d00"}},
		} {
			for n, want := range []bool{true, c.second} {
				got := as[result](t, append(c.args, "--data", data)...)
				if got.Done != c.done || got.Changed != want || got.Target != "the data folder "+data {
					t.Errorf("%s: %v, call %d: %+v; want %s, changed %t, in the folder", where, c.args, n+1, got, c.done, want)
				}
			}
			text := mustCommand(t, append(c.args, "--data", data)...)
			if !strings.Contains(text, "in the data folder "+data+"\n") || strings.Contains(text, "no change") == c.second {
				t.Errorf("%s: %v says %q; want the target, and %q only where nothing changed", where, c.args, text, "no change")
			}
		}
		events := as[[]audit.Event](t, "audit", "list", "--data", data)[before:]
		var names []string
		for _, e := range events {
			names = append(names, e.Name)
			if !strings.HasPrefix(e.Actor, "operator:") || e.Time.IsZero() {
				t.Errorf("event %+v, want an operator and a time", e)
			}
		}
		want := []string{"account_disabled", "account_enabled", "access_set", "email_set", "account_revoked", "account_revoked", "account_revoked",
			"client_revoked", "client_revoked", "client_revoked", "token_revoked", "token_revoked", "token_revoked"}
		if !slices.Equal(names, want) {
			t.Errorf("%s: events %v, want %v", where, names, want)
		}
	}
}

func TestAuditListIsOfADayAndAnAccount(t *testing.T) {
	data := t.TempDir()
	check(t, start(t, "--data", data).stop())
	list := func(args ...string) []audit.Event {
		t.Helper()
		return as[[]audit.Event](t, append([]string{"audit", "list", "--data", data}, args...)...)
	}
	_, err := typed(t, "a-long-enough-wave", "account", "add", "ada", "--data", data, "--operator", "Zoë \"x\"")
	check(t, err)
	mustCommand(t, "account", "disable", demoUsername, "--data", data)
	if all := list(); len(all) != 2 || all[0].Name != audit.AccountAdded || all[0].Actor != `operator:Zoë "x"` {
		t.Errorf("events %+v, want that Zoë has added an account, and another", all)
	}
	if own := list("--account", "ada"); len(own) != 1 || own[0].Name != audit.AccountAdded {
		t.Errorf("of ada: %+v, want that she was added", own)
	}
	if old := list("--day", "2026-01-01"); len(old) != 0 {
		t.Errorf("of another day: %+v", old)
	}
	if text := mustCommand(t, "audit", "list", "--data", data); !strings.Contains(text, "account_disabled") || !strings.Contains(text, "sub=") {
		t.Errorf("as a table:\n%s", text)
	}
}

func TestSetAccessChangesWhatIsNamed(t *testing.T) {
	data := t.TempDir()
	check(t, start(t, "--data", data).stop())
	if _, _, err := command(t, "account", "set-access", demoUsername, "--data", data); err == nil || !strings.Contains(err.Error(), "--no-roles") {
		t.Errorf("without flags: %v, want what to write", err)
	}
	for _, c := range []struct {
		args          []string
		roles, scopes string
	}{
		{nil, "[member]", "[openid profile]"},
		{[]string{"--role", "a", "--role", "b"}, "[a b]", "[openid profile]"},
		{[]string{"--no-scopes"}, "[a b]", "[]"},
		{[]string{"--scope", "x", "--no-roles"}, "[]", "[x]"},
	} {
		if c.args != nil {
			mustCommand(t, append([]string{"account", "set-access", demoUsername, "--data", data}, c.args...)...)
		}
		if a := as[accountJSON](t, "account", "show", demoUsername, "--data", data); fmt.Sprint(a.Roles) != c.roles || fmt.Sprint(a.Scopes) != c.scopes {
			t.Errorf("after %v: roles %v, scopes %v; want %s and %s", c.args, a.Roles, a.Scopes, c.roles, c.scopes)
		}
	}
}

func TestWhatCannotBeTakenBackIsConfirmed(t *testing.T) {
	data := t.TempDir()
	check(t, start(t, "--data", data).stop())
	for _, args := range [][]string{{"revoke", "client", "app"}, {"account", "delete", demoUsername}, {"key", "reset"}} {
		if _, _, err := command(t, append(args, "--data", data)...); err == nil || !strings.Contains(err.Error(), "--yes") {
			t.Errorf("%v: %v, want that it asks for --yes", args, err)
		}
	}
	if events := as[[]audit.Event](t, "audit", "list", "--data", data); len(events) != 0 {
		t.Errorf("events %+v, want none", events)
	}
}

func TestAccountsAreListed(t *testing.T) {
	data := t.TempDir()
	check(t, start(t, "--data", data).stop())
	_, err := typed(t, "a-long-enough-wave", "account", "add", "ada", "--role", "x", "--data", data)
	check(t, err)
	list := as[[]accountJSON](t, "account", "list", "--data", data)
	i := slices.IndexFunc(list, func(a accountJSON) bool { return a.Username == "ada" })
	if len(list) != 2 || i < 0 || !slices.Equal(list[i].Roles, []string{"x"}) {
		t.Errorf("accounts %+v, want the demo account and ada with her role", list)
	}
	if one := as[[]accountJSON](t, "account", "list", "--limit", "1", "--data", data); len(one) != 1 {
		t.Errorf("with --limit 1: %+v", one)
	}
	if text := mustCommand(t, "account", "list", "--data", data); !strings.Contains(text, "ada") || !strings.Contains(text, "may log in") {
		t.Errorf("as a table:\n%s", text)
	}
}

// TestSessionShowTellsWhySomebodyWasLoggedOut looks at sessions that ended in different ways.
func TestSessionShowTellsWhySomebodyWasLoggedOut(t *testing.T) {
	data := t.TempDir()
	s := start(t, "--data", data)
	sidOf := func(a answer) string { return decoded(t, a.AccessToken, payload)["sid"].(string) }
	shown := func(sid string, args ...string) sessionJSON {
		t.Helper()
		return as[sessionJSON](t, append([]string{"session", "show", sid, "--data", data}, args...)...)
	}
	live := s.login()
	for range 3 {
		live = s.refresh(live.RefreshToken)
	}
	got := shown(sidOf(live))
	if got.Ended != "" || got.Rotations != 3 || !strings.Contains(fmt.Sprint(got.Timeline), "began from 127.0.0.0/24") ||
		!strings.Contains(fmt.Sprint(got.Timeline), "rotation 2") || !strings.Contains(fmt.Sprint(got.Timeline), "rotation 3") {
		t.Errorf("a live session: %+v, want its beginning and last two rotations", got)
	}
	stolen := s.login()
	s.refresh(s.refresh(stolen.RefreshToken).RefreshToken)
	s.want("reuse", s.refresh(stolen.RefreshToken), 400, "invalid_grant")
	revoked := s.login()
	mustCommand(t, "revoke", "session", demoUsername, sidOf(revoked), "--data", data, "--operator", "grace")
	for why, a := range map[string]answer{"reuse": stolen, "ended": revoked} {
		if got := shown(sidOf(a), "--account", demoUsername); got.Ended != why || got.EndedAt.IsZero() ||
			!strings.Contains(fmt.Sprint(got.Timeline), "ended: "+why) {
			t.Errorf("want ended: %s, with its time; got %+v", why, got)
		}
	}
	if text := mustCommand(t, "session", "show", sidOf(revoked), "--data", data); !strings.Contains(text, "session_revoked by operator:grace") ||
		!strings.Contains(text, "state    ended: ended") {
		t.Errorf("as text:\n%s", text)
	}
	if list := as[[]sessionJSON](t, "session", "list", demoUsername, "--data", data); len(list) != 1 || list[0].ID != sidOf(live) {
		t.Errorf("live sessions %+v, want the one", list)
	}
	if list := as[[]sessionJSON](t, "session", "list", demoUsername, "--all", "--data", data); len(list) != 3 {
		t.Errorf("all sessions %+v, want three", list)
	}
	mustCommand(t, "account", "disable", demoUsername, "--data", data)
	if got := shown(sidOf(live)); got.Ended != "disabled" || time.Since(got.EndedAt).Abs() > time.Minute ||
		!strings.Contains(fmt.Sprint(got.Timeline), "account_disabled by operator:") {
		t.Errorf("after the account was disabled: %+v", got)
	}
	if _, _, err := command(t, "session", "show", "01a21387-1fd4-7da5-a8e9-f1b457d61d00", "--data", data); err == nil || !strings.Contains(err.Error(), "there is no session") {
		t.Errorf("a session that is not there: %v", err)
	}
}

func TestStatusNamesTheDeployment(t *testing.T) {
	data := t.TempDir()
	s := start(t, "--data", data)
	current := signingKeys(t, data)["current"]
	for _, running := range []bool{true, false} {
		if got := as[statusJSON](t, "status", "--data", data); got.Running != running || got.Signing != current || got.Target != "the data folder "+data {
			t.Errorf("%+v, want running %t, key %s and the folder", got, running, current)
		}
		if running {
			check(t, s.stop())
		}
	}
	if text := mustCommand(t, "status", "--data", data); !strings.Contains(text, current) || !strings.Contains(text, "target   the data folder") {
		t.Errorf("as text:\n%s", text)
	}
}

func TestVersionIsPrinted(t *testing.T) {
	if out := mustCommand(t, "--version"); !strings.HasPrefix(out, "wavepass ") || !strings.Contains(out, "go1.") {
		t.Errorf("--version prints %q", out)
	}
}

// Every command is found by its help alone: what it is for, each flag, and an example.
func TestHelpExplainsEveryCommandAndFlag(t *testing.T) {
	var o bytes.Buffer
	parser, err := newParser(&commands{}, output{&o, &o})
	check(t, err)
	var leaves int
	check(t, kong.Visit(parser.Model, func(node kong.Visitable, next kong.Next) error {
		switch node := node.(type) {
		case *kong.Flag:
			if node.Help == "" {
				t.Errorf("--%s is not explained", node.Name)
			}
		case *kong.Positional:
			if node.Help == "" {
				t.Errorf("<%s> is not explained", node.Name)
			}
		case *kong.Node:
			if node.Hidden {
				return nil
			}
			if node.Type == kong.CommandNode && node.Leaf() {
				leaves++
				if node.Help == "" || !strings.Contains(node.Detail, "wavepass "+strings.ReplaceAll(node.Path(), "wavepass ", "")) {
					t.Errorf("%s: help %q, detail %q; want what it is for, and an example", node.Path(), node.Help, node.Detail)
				}
			}
		}
		return next(nil)
	}))
	if leaves < 20 {
		t.Errorf("only %d commands were looked at", leaves)
	}
}

func TestCompletion(t *testing.T) {
	for words, want := range map[string]string{
		"acc":                       "account",
		"account ":                  "add delete disable enable export import invite list search set-access set-email set-password show uninvite",
		"account s":                 "search set-access set-email set-password show",
		"account set-access ada --": "--claim --data --dynamodb --help --json --no-claims --no-roles --no-scopes --operator --role --scope --sealing-key --subject --table --username --version",
		"account list --l":          "--limit",
		"local --demo":              "--demo-provider",
		"account list --data ":      "",
		"completion ":               "bash zsh",
		"com":                       "completion",
		"nothing ":                  "account audit check client completion doctor drill key local migrate policy provider resource revoke session status",
	} {
		out := mustCommand(t, append([]string{"complete", "--"}, strings.Split(words, " ")...)...)
		if got := strings.Join(strings.Fields(out), " "); got != want {
			t.Errorf("%q completes to %q, want %q", words, got, want)
		}
	}
	for _, shell := range []string{"bash", "zsh"} {
		if script := mustCommand(t, "completion", shell); !strings.Contains(script, "wavepass complete --") {
			t.Errorf("%s: %s", shell, script)
		}
	}
}

// awsAnswering is an AWS that gives every request one error, and the environment in which the SDK finds it.
func awsAnswering(t *testing.T, status int, code, message string) (address string) {
	t.Helper()
	aws := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			return // the health page, for its clock
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":%q}`, code, message)
	}))
	t.Cleanup(aws.Close)
	for variable, value := range map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "canary-id", "AWS_SECRET_ACCESS_KEY": "canary-secret", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "DYNAMODB_ENDPOINT": "", "AWS_PROFILE": "",
	} {
		t.Setenv(variable, value)
	}
	return aws.URL
}

func TestErrorsThatLastAreNotCalledTemporary(t *testing.T) {
	for code, says := range map[string]string{
		"ResourceNotFoundException":   "check --table",
		"AccessDeniedException":       "AWS_PROFILE",
		"UnrecognizedClientException": "access key",
		"ExpiredTokenException":       "aws sso login",
		"ValidationException":         "--table",
	} {
		t.Setenv("AWS_ENDPOINT_URL_DYNAMODB", awsAnswering(t, 400, code, "no"))
		for _, args := range [][]string{{"account", "list"}, {"account", "disable", "ada"}, {"status"}, {"audit", "list"}} {
			_, _, err := command(t, append(args, "--table", "t")...)
			if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "temporarily") || strings.Contains(err.Error(), "canary") ||
				strings.Count(err.Error(), "\n") > 0 {
				t.Errorf("%s, %v: %v; want one line that says %q", code, args, err, says)
			}
		}
	}
}

func TestEndpointsAndProfilesAreFoundAsByTheAWSCLI(t *testing.T) {
	address := awsAnswering(t, 400, "ResourceNotFoundException", "here it is not")
	profile := filepath.Join(t.TempDir(), "config")
	check(t, os.WriteFile(profile, []byte("[profile wave]\nregion = eu-west-1\nservices = here\n[services here]\ndynamodb =\n  endpoint_url = "+address+"\n"), 0o600))
	for name, set := range map[string]map[string]string{
		"AWS_ENDPOINT_URL":          {"AWS_ENDPOINT_URL": address},
		"AWS_ENDPOINT_URL_DYNAMODB": {"AWS_ENDPOINT_URL_DYNAMODB": address, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
		"a profile":                 {"AWS_CONFIG_FILE": profile, "AWS_PROFILE": "wave", "AWS_REGION": ""},
		"DYNAMODB_ENDPOINT":         {"DYNAMODB_ENDPOINT": address, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			for variable, value := range set {
				t.Setenv(variable, value)
			}
			if _, _, err := command(t, "account", "show", "ada", "--table", "t"); err == nil || !strings.Contains(err.Error(), "here it is not") {
				t.Errorf("%v, want the answer of the endpoint that was named", err)
			}
		})
	}
}

func TestWithoutCredentialsACommandSaysHowToLogIn(t *testing.T) {
	t.Setenv("AWS_ENDPOINT_URL", awsAnswering(t, 400, "x", ""))
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	if _, _, err := command(t, "account", "list", "--table", "t"); err == nil || !strings.Contains(err.Error(), "AWS_PROFILE") || strings.Contains(err.Error(), "temporarily") {
		t.Errorf("%v, want how to get credentials", err)
	}
}

// The link that takes a change back gives the account to the person who reads the mail of the old address.
func TestOldAddressIsToldOnlyWhereTheOperatorSaysSo(t *testing.T) {
	data := t.TempDir()
	start(t, "--data", data)
	mustCommand(t, "account", "set-email", demoUsername, "demo@example.com", "--data", data)
	_, _, err := command(t, "account", "set-email", demoUsername, "demo@example.org", "--data", data)
	if err == nil || !strings.Contains(err.Error(), "--tell-old") || !strings.Contains(err.Error(), "--keep-from-old") {
		t.Errorf("%v, want both ways named", err)
	}
	if a := as[accountJSON](t, "account", "show", demoUsername, "--data", data); a.Email != "demo@example.com" {
		t.Errorf("the address is %q, want it unchanged", a.Email)
	}
	if _, _, err := command(t, "account", "set-email", demoUsername, "demo@example.org", "--tell-old", "--keep-from-old", "--data", data); err == nil {
		t.Error("both ways at once are taken")
	}
	mustCommand(t, "account", "set-email", demoUsername, "demo@example.org", "--keep-from-old", "--data", data)
}
