package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// typed runs a command with text on its standard input.
func typed(t *testing.T, text string, args ...string) (string, error) {
	t.Helper()
	var o, l bytes.Buffer
	err := parseAndRun(t.Context(), &commands{}, output{&o, &l}, invocation{args: args, input: &input{from: strings.NewReader(text)}})
	return o.String(), err
}

func (s *server) loginAs(username, password string) answer {
	s.t.Helper()
	body, _ := json.Marshal(map[string]string{"client_id": "app", "username": username, "password": password})
	return s.do("POST", "/login", "application/json", string(body))
}

// TestLifeOfAnAccount is led by commands, against the running server and against the idle folder.
func TestLifeOfAnAccount(t *testing.T) {
	t.Setenv("REVOCATION_STALENESS", "0s")
	data := t.TempDir()
	s := start(t, "--data", data)
	must := func(text string, args ...string) string {
		t.Helper()
		out, err := typed(t, text, append(args, "--data", data)...)
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		return out
	}
	must("first-canary-pass\n", "account", "add", "Ada", "--role", "admin", "--role", "editor", "--scope", "profile")
	shown := must("", "account", "show", "ada")
	for _, want := range []string{"username  ada", "state     may log in", "roles     admin editor", "scopes    profile"} {
		if !strings.Contains(shown, want) {
			t.Errorf("show lacks %q:\n%s", want, shown)
		}
	}
	login := s.loginAs("ada", "first-canary-pass")
	s.want("login", login, 200, "")
	if got := s.userinfo(login.AccessToken); !strings.Contains(got.Body, `"roles":["admin","editor"]`) {
		t.Errorf("userinfo %s", got.Body)
	}

	must("", "account", "set-access", "ada", "--role", "reader", "--scope", "profile")
	fresh := s.refresh(login.RefreshToken)
	if got := s.userinfo(fresh.AccessToken); !strings.Contains(got.Body, `"roles":["reader"]`) {
		t.Errorf("userinfo after the refresh %s", got.Body)
	}

	must("second-canary-pass", "account", "set-password", "ada") // without a line feed, as from printf
	s.want("session before the new password", s.refresh(fresh.RefreshToken), 400, "invalid_grant")
	s.want("old password", s.loginAs("ada", "first-canary-pass"), 401, "invalid_credentials")
	second := s.loginAs("ada", "second-canary-pass")
	s.want("new password", second, 200, "")

	must("", "account", "disable", "ada")
	if got := s.userinfo(second.AccessToken); got.Status != 403 {
		t.Errorf("token of a disabled account: %d, want 403", got.Status)
	}
	s.want("disabled", s.loginAs("ada", "second-canary-pass"), 401, "invalid_credentials")
	if shown := must("", "account", "show", "ada"); !strings.Contains(shown, "disabled") {
		t.Errorf("show does not say that it is disabled:\n%s", shown)
	}
	must("", "account", "enable", "ada")
	third := s.loginAs("ada", "second-canary-pass")
	s.want("enabled", third, 200, "")

	must("", "account", "delete", "ada", "--yes")
	s.want("deleted", s.refresh(third.RefreshToken), 400, "invalid_grant")
	s.want("deleted", s.loginAs("ada", "second-canary-pass"), 401, "invalid_credentials")

	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	must("third-canary-pass\r\n", "account", "add", "ada")
	if strings.Contains(s.log.String(), "canary") {
		t.Errorf("the server's log tells a password:\n%s", s.log)
	}
	s = start(t, "--data", data)
	s.want("added to the idle folder", s.loginAs("ada", "third-canary-pass"), 200, "")
}

func TestAdminCommandsSayWhatIsWrong(t *testing.T) {
	data := t.TempDir()
	start(t, "--data", data)
	for _, c := range []struct {
		says, text string
		args       []string
	}{
		{"no account nobody", "", []string{"account", "show", "nobody"}},
		{"no account nobody", "", []string{"account", "disable", "nobody"}},
		{"no account nobody", "long-enough-pass", []string{"account", "set-password", "nobody"}},
		{"is taken", "long-enough-pass", []string{"account", "add", demoUsername}},
		{"username: want", "long-enough-pass", []string{"account", "add", "a b"}},
		{"fewer than 8 characters", "short", []string{"account", "add", "ada"}},
		{"fewer than 8 characters", "short", []string{"account", "set-password", demoUsername}},
		{"no password on standard input", "", []string{"account", "add", "ada"}},
		{"more than one line", "one-line-of-it\nand another\n", []string{"account", "add", "ada"}},
		{"roles", "long-enough-pass", []string{"account", "add", "ada", "--role", "a b"}},
		{"roles", "", []string{"account", "set-access", demoUsername, "--scope", `a"b`}},
		{"--yes", "", []string{"account", "delete", demoUsername}},
		{"no client other", "", []string{"revoke", "client", "other", "--yes"}},
		{"no client #", "", []string{"revoke", "client", "#", "--yes"}},
		{"no account nobody", "", []string{"revoke", "account", "nobody"}},
		{"has no session", "", []string{"revoke", "session", demoUsername, "01a21387-1fd4-7da5-a8e9-f1b457d61d00"}},
		{"invalid UUID", "", []string{"revoke", "session", demoUsername, "x"}},
		{"invalid UUID", "", []string{"revoke", "token", "x"}},
	} {
		if out, err := typed(t, c.text, append(c.args, "--data", data)...); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: %v (%s), want an error that says %q", c.args, err, out, c.says)
		}
	}
	if _, _, err := command(t, "account", "show", demoUsername, "--data", data); err != nil {
		t.Errorf("the demo account: %v, want it as it was", err)
	}
}

func TestRevokeCommandsBite(t *testing.T) {
	t.Setenv("REVOCATION_STALENESS", "0s")
	data := t.TempDir()
	s := start(t, "--data", data)
	claim := func(a answer, name string) string {
		t.Helper()
		return decoded(t, a.AccessToken, payload)[name].(string)
	}
	refused := func(what string, a answer) {
		t.Helper()
		if got := s.userinfo(a.AccessToken); got.Status != 403 {
			t.Errorf("%s: %d, want 403", what, got.Status)
		}
	}
	login := s.login()
	mustCommand(t, "revoke", "token", claim(login, "jti"), "--data", data)
	refused("token", login)
	s.want("its session", s.refresh(login.RefreshToken), 200, "")

	login = s.login()
	out := mustCommand(t, "revoke", "session", demoUsername, claim(login, "sid"), "--data", data)
	refused("session", login)
	s.want("its session", s.refresh(login.RefreshToken), 400, "invalid_grant")
	if again := mustCommand(t, "revoke", "session", demoUsername, claim(login, "sid"), "--data", data); !strings.Contains(out, "revoked") || !strings.Contains(again, "no change") {
		t.Errorf("revoked twice: %q, then %q", out, again)
	}

	login = s.login()
	mustCommand(t, "revoke", "account", demoUsername, "--data", data)
	refused("account", login)

	login = s.login()
	mustCommand(t, "revoke", "client", "app", "--yes", "--data", data)
	refused("client", login)
	again := s.login()
	if got := s.userinfo(again.AccessToken); got.Status != 200 {
		t.Errorf("a login at once after its client was revoked: %d, want 200", got.Status)
	}
}
