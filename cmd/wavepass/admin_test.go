package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
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
		{"password: want 8", "short", []string{"account", "add", "ada"}},
		{"password: want 8", "short", []string{"account", "set-password", demoUsername}},
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

func TestDrillHoldsOnWavepassLocal(t *testing.T) {
	t.Setenv("REVOCATION_STALENESS", "300ms")
	t.Setenv("KEY_CACHE_AGE", "1s") // after the key is revoked, tokens are good again as soon as its cache has ended
	data := t.TempDir()
	s := start(t, "--data", data)
	quick := []string{"drill", s.url, "--data", data, "--bound", "300ms", "--after", "200ms", "--pace", "20ms", "--connections", "5"}
	out, log, err := command(t, append(quick, "--with-key", "--json")...)
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out, log)
	}
	var results []resultJSON
	if err := json.Unmarshal([]byte(out), &results); err != nil {
		t.Fatal(err)
	}
	var ways []string
	for _, r := range results {
		ways = append(ways, r.Way)
		if r.Held == nil || !*r.Held || r.Skipped != "" || r.LastAcceptedMS > 300 || r.Requests == 0 {
			t.Errorf("%+v, want it held", r)
		}
	}
	if got := strings.Join(ways, " "); got != "token session others everywhere disable key" {
		t.Errorf("ways %q", got)
	}
	if got := s.login(); got.Status != 200 {
		t.Errorf("after the drill the account cannot log in: %d", got.Status)
	}

	// A bound that was not promised is not kept: the drill can fail.
	out, _, err = command(t, append(quick, "--bound", "0s", "--after", "1s", "--only", "token,session,everywhere")...)
	if err == nil || !strings.Contains(out, "BROKEN: still accepted") {
		t.Errorf("with a bound of 0: %v\n%s", err, out)
	}

	// Another folder's operator may not touch this deployment.
	elsewhere := t.TempDir()
	start(t, "--data", elsewhere)
	out, log, err = command(t, "drill", s.url+"/", "--data", elsewhere, "--only", "disable", "--bound", "300ms")
	if err == nil || !strings.Contains(out, "skipped") || !strings.Contains(log, "another deployment") {
		t.Errorf("with another folder: %v\n%s%s", err, out, log)
	}
}

func TestDrillSaysWhatIsWrong(t *testing.T) {
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	s := start(t, "--data", t.TempDir())
	for says, args := range map[string][]string{
		"want an address":       {"localhost:3000"},
		"want https":            {"http://id.example.com"},
		"--connections 0":       {"http://localhost:1", "--connections", "0"},
		"--connections 1001":    {"http://localhost:1", "--connections", "1001"},
		"--pace 1ms":            {"http://localhost:1", "--pace", "1ms"},
		"--bound and --after":   {"http://localhost:1", "--bound=-1s"},
		"--route":               {"http://localhost:1", "--route", "userinfo"},
		"--only nothing":        {"http://localhost:1", "--only", "nothing"},
		"no Wavepass at":        {"http://localhost:1"},
		"--client: is empty":    {"http://localhost:1", "--client", ""},
		"native":                {s.url, "--client", "web", "--only", "token"},
		"1 that were asked for": {s.url, "--only", "key"},
		"log in as ada":         {s.url, "--username", "ada", "--only", "token"},
		"expected \"<url>\"":    {},
	} {
		if _, err := typed(t, "a-canary-password", append([]string{"drill", "--data", nowhere}, args...)...); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: %v, want an error that says %q", args, err, says)
		}
	}
	if _, err := typed(t, "", "drill", "--data", nowhere, s.url, "--username", "ada"); err == nil || !strings.Contains(err.Error(), "WAVEPASS_DRILL_PASSWORD") {
		t.Errorf("without a password: %v, want where to put it", err)
	}
}

// For a site nothing may be accepted that began after the confirmation, whatever bound is promised for tokens.
func TestDrillOfASiteHoldsAtOnce(t *testing.T) {
	data := t.TempDir()
	s := start(t, "--data", data)
	out, log, err := command(t, "drill", s.url, "--data", data, "--client", "site", "--after", "300ms", "--pace", "20ms", "--connections", "5", "--json")
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out, log)
	}
	var results []resultJSON
	if err := json.Unmarshal([]byte(out), &results); err != nil {
		t.Fatal(err)
	}
	var held []string
	for _, r := range results {
		if r.Skipped != "" {
			continue
		}
		held = append(held, r.Way)
		if r.Held == nil || !*r.Held || r.LastAcceptedMS != 0 || r.BoundMS != 0 || r.Requests == 0 {
			t.Errorf("%+v, want it held at once", r)
		}
	}
	if got := strings.Join(held, " "); got != "session others everywhere disable" {
		t.Errorf("ways %q, want all that need no tokens", got)
	}
}

// TestDrillThatWasKilledIsUndone leaves the account disabled, as a drill does that ends between the two.
func TestDrillThatWasKilledIsUndone(t *testing.T) {
	t.Setenv("REVOCATION_STALENESS", "0s")
	data := t.TempDir()
	s := start(t, "--data", data)
	var o, l bytes.Buffer
	killed := operatorOf{target{folder: folder{Data: data}}, "grace", output{&o, &l}}
	check(t, killed.DisableAccount(t.Context(), demoUsername))
	undo := "wavepass account enable --data " + data + " -- " + demoUsername
	if !strings.Contains(l.String(), undo) {
		t.Errorf("it says %q, want %q", l.String(), undo)
	}
	quick := []string{"drill", s.url, "--data", data, "--bound", "100ms", "--after", "50ms", "--pace", "20ms", "--connections", "2", "--only", "token"}
	for n := range 2 {
		out, log, err := command(t, quick...)
		if err != nil || strings.Contains(log, "enabled again") != (n == 0) {
			t.Errorf("drill %d: %v\n%s%s\nwant it held, and the account enabled by the first", n+1, err, out, log)
		}
	}

	// Where it cannot be undone, the drill says how, and does not begin.
	check(t, killed.writeRecord("nobody"))
	if _, _, err := command(t, quick...); err == nil || !strings.Contains(err.Error(), "wavepass account enable") || !strings.Contains(err.Error(), "no account nobody") {
		t.Errorf("%v, want how to undo it", err)
	}
}

func TestDrillNotesWhatItChangesBeforeItDoes(t *testing.T) {
	data := t.TempDir()
	check(t, start(t, "--data", data).stop())
	var o, l bytes.Buffer
	op := operatorOf{target{folder: folder{Data: data}}, "grace", output{&o, &l}}
	check(t, os.Mkdir(filepath.Join(data, "drill.json"), 0o700)) // where the note belongs
	if err := op.DisableAccount(t.Context(), demoUsername); err == nil {
		t.Error("the account was disabled without a note")
	}
	if a := as[accountJSON](t, "account", "show", demoUsername, "--data", data); a.Disabled {
		t.Error("the account is disabled")
	}
	check(t, os.Remove(filepath.Join(data, "drill.json")))
	if err := op.DisableAccount(t.Context(), "nobody"); err == nil {
		t.Error("nobody was disabled")
	}
	if note, err := os.ReadFile(filepath.Join(data, "drill.json")); err != nil || !strings.Contains(string(note), "nobody") {
		t.Errorf("note %q, %v; want it there before the change was tried", note, err)
	}
}
