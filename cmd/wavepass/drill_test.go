package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/drill"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/policy"
)

func TestDrillHoldsOnWavepassLocal(t *testing.T) {
	t.Setenv("REVOCATION_STALENESS", "300ms")
	t.Setenv("KEY_CACHE_AGE", "1s") // after the key is revoked, tokens are good again as soon as its cache has ended
	data := t.TempDir()
	s := start(t, "--data", data)
	note := newSecrets()
	note.text(t, "password", demoPassword)
	reused := theft(s, note)
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
	tellsTheDrill(t, s, data, reused, note)
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

// tellsTheDrill reads nothing but the trail, as an operator would without the server's source: each theft begins with a login of the account, and ends
// with what took it back, by whom, in the order in which it happened. Of the session whose refresh token was stolen it says that an old one came back.
func tellsTheDrill(t *testing.T, s *server, data, reused string, note *secrets) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "functions.log")
	check(t, os.WriteFile(file, []byte(s.log.String()), 0o600))
	trail := mustCommand(t, "audit", "trail", "--data", data, "--log", file, "--json")
	var events []audit.Event
	check(t, json.Unmarshal([]byte(trail), &events))
	account := as[accountJSON](t, "account", "show", demoUsername, "--data", data).ID
	stories := []struct{ name, actor, says string }{
		{audit.Refresh, audit.Person, ""}, {audit.Refresh, audit.Person, ""}, {audit.Refresh, audit.Person, ""}, {audit.ReuseDetected, audit.Person, reused}, {audit.RefreshRefused, audit.Person, reused},
		{audit.TokenRevoked, audit.Person, ""}, {audit.SessionRevoked, audit.Person, ""}, {audit.OthersEnded, audit.Person, ""}, {audit.LoggedOutEverywhere, audit.Person, ""},
		{audit.AccountDisabled, "operator:", ""}, {audit.AccountEnabled, "operator:", ""}, {"key_revoked", "operator:", ""},
	}
	told, loggedIn := 0, map[string]bool{}
	for i, e := range events {
		if i > 0 && e.Time.Before(events[i-1].Time) {
			t.Errorf("%s at %s stands after %s", e.Name, e.Time, events[i-1].Time)
		}
		if e.Actor == "" {
			t.Errorf("%s names nobody: %+v", e.Name, e)
		}
		if e.Name == audit.Login {
			loggedIn[e.SessionID] = e.Subject == account
		}
		if told == len(stories) || e.Name != stories[told].name {
			continue
		}
		story := stories[told]
		ofTheAccount := e.Subject == account && (e.SessionID == "" || loggedIn[e.SessionID])
		if !strings.HasPrefix(e.Actor, story.actor) || (e.Name == "key_revoked") != (e.KeyID != "") || e.KeyID == "" && !ofTheAccount || story.says != "" && e.SessionID != story.says {
			t.Errorf("%s: %+v, want it by %s, of the account %s and a session that it began, or of a key", e.Name, e, story.actor, account)
		}
		told++
	}
	if told < len(stories) {
		var names []string
		for _, e := range events {
			names = append(names, e.Name)
		}
		t.Errorf("the trail tells %d of %d, and no %s: %q", told, len(stories), stories[told].name, names)
	}
	for _, text := range []string{trail, s.log.String(), mustCommand(t, "audit", "list", "--data", data, "--json")} {
		for name, line := range note.find(text) {
			t.Errorf("%s is told: %s", name, line)
		}
		for _, form := range []string{"eyJ", "wprt_", "wpss_"} { // of the tokens that the drill had
			if strings.Contains(text, form) {
				t.Errorf("a token that begins with %s is told", form)
			}
		}
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
		"--api":                 {"http://localhost:1", "--api", "a/b"},
		"--only nothing":        {"http://localhost:1", "--only", "nothing"},
		"no Wavepass at":        {"http://localhost:1"},
		"--client: is empty":    {"http://localhost:1", "--client", ""},
		"native":                {s.url, "--client", "web", "--only", "token"},
		"1 that were asked for": {s.url, "--only", "key"},
		"2 that were asked for": {s.url, "--only", "role,policy"},
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
	t.Parallel()
	data := t.TempDir()
	s := start(t, "--data", data)
	before := as[accountJSON](t, "account", "show", demoUsername, "--data", data)
	out, log, err := command(t, "drill", s.url, "--data", data, "--client", "site", "--with-policy", "--after", "300ms", "--pace", "20ms", "--connections", "5", "--json")
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
	if got := strings.Join(held, " "); got != "session others everywhere disable role policy" {
		t.Errorf("ways %q, want all that need no tokens", got)
	}
	if after := as[accountJSON](t, "account", "show", demoUsername, "--data", data); !slices.Equal(after.Roles, before.Roles) {
		t.Errorf("roles %v after the drill, want %v", after.Roles, before.Roles)
	}
	if got := as[[]policyJSON](t, "policy", "list", "--data", data); len(got) != 1 || !got[0].Removed {
		t.Errorf("policies after the drill: %+v, want the default one removed", got)
	}
	if note, err := os.ReadFile(filepath.Join(data, "drill.json")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the note is still there: %s", note)
	}
}

// A drill that is over, or was killed, leaves a policy as it was, and what others have changed meanwhile alone.
func TestDrillLeavesThePolicyAsItWas(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := start(t, "--data", data)
	run := func(only string) (log string) {
		t.Helper()
		out, log, err := command(t, "drill", s.url, "--data", data, "--client", "site", "--only", only, "--after", "50ms", "--pace", "20ms", "--connections", "2")
		if err != nil {
			t.Fatalf("%v\n%s%s", err, out, log)
		}
		return log
	}
	apply := func(file string) {
		t.Helper()
		if _, err := typed(t, file, "policy", "apply", "-", "--data", data); err != nil {
			t.Fatal(err)
		}
	}
	for _, own := range []string{
		"unlisted: deny\nroutes:\n  GET /orders: {scopes: [profile]}\n  ANY /site/{proxy+}: {}\n  GET /site/userinfo: {roles: [member, admin], max_auth_age: 15m}\n",
		"unlisted: allow\nroutes:\n  GET /orders: {scopes: [profile]}\n",
	} {
		apply(own)
		mustCommand(t, "account", "set-access", demoUsername, "--role", "member", "--data", data)
		before := mustCommand(t, "policy", "show", "--data", data)
		run("role,policy")
		if after := mustCommand(t, "policy", "show", "--data", data); after != before {
			t.Errorf("before\n%safter\n%s", before, after)
		}
		if after := as[accountJSON](t, "account", "show", demoUsername, "--data", data); !slices.Equal(after.Roles, []string{"member"}) {
			t.Errorf("roles %v, want what the account had", after.Roles)
		}

		var o, l bytes.Buffer
		killed := operatorOf{target{folder: folder{Data: data}}, policy.Default, "grace", output{&o, &l}}
		check(t, killed.GiveRole(t.Context(), demoUsername, drill.Role))
		check(t, killed.RequireRole(t.Context(), "/site/userinfo", drill.Role))
		if !strings.Contains(l.String(), "GET /site/userinfo stays closed") {
			t.Errorf("it says %q, want what is closed", l.String())
		}
		log := run("session")
		after := mustCommand(t, "policy", "show", "--data", data)
		roles := as[accountJSON](t, "account", "show", demoUsername, "--data", data).Roles
		if after != before || !slices.Equal(roles, []string{"member"}) || strings.Count(log, "was interrupted") != 2 {
			t.Errorf("after a drill that was killed, the next says\n%s, roles %v, before\n%safter\n%s", log, roles, before, after)
		}
	}

	var o, l bytes.Buffer
	killed := operatorOf{target{folder: folder{Data: data}}, policy.Default, "grace", output{&o, &l}}
	check(t, killed.RequireRole(t.Context(), "/site/userinfo", drill.Role))
	changed := "unlisted: allow\nroutes:\n  GET /site/userinfo: {roles: [member]}\n"
	apply(changed)
	run("session")
	if after := mustCommand(t, "policy", "show", "--data", data); after != changed {
		t.Errorf("somebody has changed the policy meanwhile to\n%safter the drill it is\n%s", changed, after)
	}
}

// TestDrillThatWasKilledIsUndone leaves the account disabled, as a drill does that ends between the two.
func TestDrillThatWasKilledIsUndone(t *testing.T) {
	t.Setenv("REVOCATION_STALENESS", "0s")
	data := t.TempDir()
	s := start(t, "--data", data)
	var o, l bytes.Buffer
	killed := operatorOf{target{folder: folder{Data: data}}, policy.Default, "grace", output{&o, &l}}
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
	check(t, killed.note(func(r *drillRecord) { r.Disabled = "nobody" }))
	if _, _, err := command(t, quick...); err == nil || !strings.Contains(err.Error(), "wavepass account enable") || !strings.Contains(err.Error(), "no account nobody") {
		t.Errorf("%v, want how to undo it", err)
	}
}

func TestDrillNotesWhatItChangesBeforeItDoes(t *testing.T) {
	data := t.TempDir()
	check(t, start(t, "--data", data).stop())
	var o, l bytes.Buffer
	op := operatorOf{target{folder: folder{Data: data}}, policy.Default, "grace", output{&o, &l}}
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
