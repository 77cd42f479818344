package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// command runs a command as a person would.
func command(t *testing.T, args ...string) (out, log string, err error) {
	t.Helper()
	var o, l bytes.Buffer
	err = run(t.Context(), args, output{&o, &l})
	return o.String(), l.String(), err
}

func mustCommand(t *testing.T, args ...string) string {
	t.Helper()
	out, log, err := command(t, args...)
	if err != nil {
		t.Fatalf("wavepass %s: %v\n%s%s", strings.Join(args, " "), err, out, log)
	}
	return out
}

// signingKeys are the ids of the signing keys by state; of several in one state the newest.
func signingKeys(t *testing.T, data string) map[string]string {
	t.Helper()
	return signingKeysOn(t, "--data", data)
}

func signingKeysOn(t *testing.T, target ...string) map[string]string {
	t.Helper()
	var keys []keyJSON
	if err := json.Unmarshal([]byte(mustCommand(t, append([]string{"key", "list", "--json"}, target...)...)), &keys); err != nil {
		t.Fatal(err)
	}
	byState := map[string]string{}
	for _, key := range keys {
		if !strings.HasPrefix(key.ID, "mac:") {
			byState[key.State] = key.ID
		}
	}
	return byState
}

func TestKeyCommandsWorkWhileTheServerRunsAndAfterwards(t *testing.T) {
	data := t.TempDir()
	s := start(t, "--data", data)
	for _, running := range []bool{true, false} {
		before := signingKeys(t, data)
		list := mustCommand(t, "key", "list", "--data", data)
		for _, want := range []string{"KEY", "ES256  current", "ES256  next", "HS256  current", "retires in 29d", "signs in 29d", before["next"]} {
			if !strings.Contains(list, want) {
				t.Errorf("running %t: key list lacks %q:\n%s", running, want, list)
			}
		}
		if out := mustCommand(t, "key", "rotate", "--data", data); !strings.Contains(out, "Nothing is due") || !strings.Contains(out, "--now") {
			t.Errorf("running %t: rotate of a young key: %s, want that nothing is due and --now", running, out)
		}
		if got := as[result](t, "key", "rotate", "--data", data); got.Changed || len(got.Keys) != 0 {
			t.Errorf("running %t: rotate of a young key: %+v, want no change", running, got)
		}
		out, log, err := command(t, "key", "rotate", "--now", "--data", data)
		if err != nil || !strings.Contains(out, "promoted   "+before["next"]) || !strings.Contains(log, "warning: key "+before["next"]) {
			t.Errorf("running %t: rotate --now: %v\n%s%s", running, err, out, log)
		}
		after := signingKeys(t, data)
		if after["current"] != before["next"] || after["retired"] != before["current"] {
			t.Errorf("running %t: keys %v, before %v", running, after, before)
		}
		if set := mustCommand(t, "key", "export-jwks", "--data", data); !strings.Contains(set, after["next"]) || strings.Contains(set, `"d"`) {
			t.Errorf("running %t: exported %s", running, set)
		}
		if running {
			if err := s.stop(); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(filepath.Join(data, controlName)); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the socket is still there: %v", err)
			}
		}
	}
}

func TestKeyCommandsSayWhatIsWrong(t *testing.T) {
	data := t.TempDir()
	start(t, "--data", data)
	for _, c := range []struct {
		says string
		args []string
	}{
		{"`wavepass key list` shows", []string{"key", "revoke", "typo", "--data", data}},
		{"key reset", []string{"key", "revoke", "mac:1", "--data", data}},
		{"<kid>", []string{"key", "revoke", "--data", data}},
		{"--yes", []string{"key", "reset", "--data", data}},
		{"start `wavepass local`", []string{"key", "list", "--data", filepath.Join(data, "nowhere")}},
		{"`wavepass key --help`", []string{"key", "show"}},
	} {
		if _, _, err := command(t, c.args...); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: %v, want an error that says %q", c.args, err, c.says)
		}
	}
}

func TestRunningServerCarriesOutAdminCommandsOnly(t *testing.T) {
	data := t.TempDir()
	start(t, "--data", data)
	for _, args := range [][]string{{"local", "--addr", "127.0.0.1:0"}, {}, {"--help"}, {"key"}} {
		var out, log bytes.Buffer
		asked, err := askRunning(t.Context(), folder{Data: data}, invocation{args: args}, output{&out, &log})
		if !asked || strings.Contains(out.String(), "listens on") || err != nil && strings.Contains(err.Error(), "the command failed") {
			t.Errorf("%v: asked %t, %v, %s", args, asked, err, out.String())
		}
		if help := len(args) == 1 && args[0] == "--help"; help != (err == nil && strings.Contains(out.String(), "Usage: wavepass")) {
			t.Errorf("%v: %v, %s; want the help for --help and an error for the others", args, err, out.String())
		}
	}
	conn, err := net.Dial("unix", filepath.Join(data, controlName))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = conn.Write([]byte(`{"args":["` + strings.Repeat("x", maxControlCall) + `"]}`))
	if n, _ := conn.Read(make([]byte, 1)); n != 0 {
		t.Error("an over-long call got an answer")
	}
	mustCommand(t, "key", "list", "--data", data) // it still listens
	info, err := os.Stat(filepath.Join(data, controlName))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket has mode %v, %v; want 0600", info.Mode(), err)
	}
}

func TestSocketOfADeadServerIsReplaced(t *testing.T) {
	data := t.TempDir()
	first, err := control(data)
	if err != nil {
		t.Fatal(err)
	}
	_ = first.(controlListener).Listener.Close() // as a process that dies: the name stays
	start(t, "--data", data)
	mustCommand(t, "key", "list", "--data", data)
	if _, err := control(data); err == nil || !strings.Contains(err.Error(), "another wavepass local") {
		t.Errorf("a second server in the folder: %v, want it refused", err)
	}
	mustCommand(t, "key", "list", "--data", data)
}

func TestIdleCallerOfTheSocketDelaysNoShutdown(t *testing.T) {
	data := t.TempDir()
	s := start(t, "--data", data)
	conn, err := net.Dial("unix", filepath.Join(data, controlName))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	mustCommand(t, "key", "list", "--data", data) // the server has taken the idle one before
	began := time.Now()
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > controlTime/2 {
		t.Errorf("the end took %s, want it not to wait for who says nothing", took)
	}
}

func TestFolderTooDeepForASocketIsServedWithoutCommands(t *testing.T) {
	data := filepath.Join(t.TempDir(), strings.Repeat("deep/", 20))
	s := start(t, "--data", data)
	s.want("login", s.login(), 200, "")
	if !strings.Contains(s.log.String(), "shorter --data") {
		t.Errorf("the log does not say that commands are not taken:\n%s", s.log)
	}
	if _, _, err := command(t, "key", "list", "--data", data); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a command meanwhile: %v, want that the folder is in use", err)
	}
}

func TestDynamoDBFlagIsRefusedWhereAServerHasTheFolder(t *testing.T) {
	data := t.TempDir()
	start(t, "--data", data)
	if _, _, err := command(t, "key", "list", "--data", data, "--dynamodb", "http://127.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "leave --dynamodb out") {
		t.Errorf("error %v, want the flag refused", err)
	}
}

func TestPeriodTooShortForTheCachesIsRefusedAtStart(t *testing.T) {
	t.Setenv("KEY_PERIOD", "9m")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var o, l bytes.Buffer
	err := run(ctx, []string{"local", "--addr", "127.0.0.1:0", "--template", template, "--data", t.TempDir()}, output{&o, &l})
	if err == nil || !strings.Contains(err.Error(), "KEY_PERIOD") || !strings.Contains(err.Error(), "10m0s or more") {
		t.Errorf("error %v, want one that names KEY_PERIOD and how long it must be", err)
	}
}

func TestEmergencyRevocationOfTheKeyThatSigns(t *testing.T) {
	t.Setenv("KEY_CACHE_AGE", "1s")
	t.Setenv("REVOCATION_STALENESS", "0s")
	data := t.TempDir()
	s := start(t, "--data", data)
	login, other := s.login(), s.login()
	s.want("before", s.userinfo(login.AccessToken), 200, "")
	bad := kid(t, login.AccessToken)
	out := mustCommand(t, "key", "revoke", bad, "--data", data)
	if !strings.Contains(out, "revoked    "+bad) || !strings.Contains(out, "within 200ms") {
		t.Errorf("revoke says %s", out)
	}
	for name, a := range map[string]answer{"first": login, "second": other} {
		if got := s.userinfo(a.AccessToken); got.Status != 403 {
			t.Errorf("%s token of the revoked key: %d, want 403", name, got.Status)
		}
	}
	if set := s.do("GET", "/.well-known/jwks.json", "", ""); set.Header.Get("Cache-Control") != "public, max-age=1" {
		t.Errorf("Cache-Control %q, want the cache age in force", set.Header.Get("Cache-Control"))
	}
	// People go on as soon as the issuing function has read its keys again.
	deadline := time.Now().Add(10 * time.Second)
	for token := login.RefreshToken; ; {
		fresh := s.refresh(token)
		s.want("refresh", fresh, 200, "")
		token = fresh.RefreshToken
		if got := s.userinfo(fresh.AccessToken); got.Status == 200 {
			if kid(t, fresh.AccessToken) == bad {
				t.Error("accepted a token of the revoked key")
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("refreshed tokens are still refused")
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func TestChangeOfAlgorithmKeepsSessionsAlive(t *testing.T) {
	t.Setenv("KEY_CACHE_AGE", "1s")
	data := t.TempDir()
	var login answer
	for i, alg := range []string{"ES256", "RS256", "EdDSA"} {
		t.Setenv("SIGNING_ALG", alg)
		s := start(t, "--data", data, "--issuer", "http://localhost:3000")
		old := login
		if i == 0 {
			login = s.login()
		} else {
			// At its start the schedule has replaced the next key by one of the new algorithm.
			for !strings.Contains(mustCommand(t, "key", "rotate", "--now", "--data", data), "promoted") {
				continue // it was the command that replaced the next key, not the schedule
			}
			deadline := time.Now().Add(10 * time.Second)
			for decoded(t, login.AccessToken, header)["alg"] != alg {
				if time.Now().After(deadline) {
					t.Fatalf("no token is signed with %s", alg)
				}
				time.Sleep(50 * time.Millisecond) // until the function has read its keys again
				fresh := s.refresh(login.RefreshToken)
				s.want("refresh", fresh, 200, "")
				login = fresh
			}
			s.want("token of the algorithm before", s.userinfo(old.AccessToken), 200, "")
		}
		s.want(alg, s.userinfo(login.AccessToken), 200, "")
		if got := decoded(t, login.AccessToken, header)["alg"]; got != alg {
			t.Errorf("signed with %s, want %s", got, alg)
		}
		t.Logf("an access token signed with %s has %d bytes", alg, len(login.AccessToken))
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestResetLogsEverybodyOut(t *testing.T) {
	t.Setenv("KEY_CACHE_AGE", "1s")
	data := t.TempDir()
	s := start(t, "--data", data)
	login := s.login()
	mustCommand(t, "key", "reset", "--yes", "--data", data)
	deadline := time.Now().Add(10 * time.Second)
	for token := login.RefreshToken; ; time.Sleep(50 * time.Millisecond) {
		got := s.refresh(token)
		if got.Status == 400 && got.Error == "invalid_grant" {
			break
		}
		if got.Status != 200 || time.Now().After(deadline) {
			t.Fatalf("refresh after the reset: %d %s, want invalid_grant soon", got.Status, got.Body)
		}
		token = got.RefreshToken
	}
	s.want("access token", s.userinfo(login.AccessToken), 200, "")
	for s.refresh(s.login().RefreshToken).Status != 200 {
		if time.Now().After(deadline) {
			t.Fatal("new logins cannot refresh")
		}
	}
}

// One key id in 64 begins with a dash.
func TestKeyIDThatBeginsWithADashIsNoFlag(t *testing.T) {
	deploymentInFolder(t)
	for _, id := range []string{"-bbHde-e-WtilvetOsOUa0soI8SuBrT3Wxy9itjOw2o", "--bHde-e-WtilvetOsOUa0soI8SuBrT3Wxy9itjOw2o"} {
		for _, args := range [][]string{{"key", "revoke", id, "--json"}, {"key", "revoke", "--json", "--", id}} {
			if _, _, err := command(t, args...); err == nil || !strings.Contains(err.Error(), id) || strings.Contains(err.Error(), "flag") {
				t.Errorf("%v: error %v, want that there is no such key", args, err)
			}
		}
	}
	if _, _, err := command(t, "key", "revoke", "-x"); err == nil || !strings.Contains(err.Error(), "unknown flag -x") {
		t.Errorf("error %v, want that -x is no flag", err)
	}
}
