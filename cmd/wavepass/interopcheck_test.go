package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	checks "github.com/wavepass/wavepass/cmd/wavepass/internal/check"
	"github.com/wavepass/wavepass/cmd/wavepass/internal/verdict"
)

// wantNoAlarm reports what fails, and what warns without being named as true.
func wantNoAlarm(t *testing.T, report checks.Report, passes int, warned ...string) {
	t.Helper()
	for _, f := range report.Findings {
		warns := f.Verdict == verdict.Warn && !strings.Contains(" "+strings.Join(warned, " ")+" ", " "+f.ID+" ")
		if f.Verdict == verdict.Fail || warns {
			t.Errorf("%s: %s: %s", f.ID, f.Verdict, f.Detail)
		}
	}
	if passed := report.Findings.Count(verdict.Pass); passed < passes {
		t.Errorf("only %d checks passed, want %d: something was not seen", passed, passes)
	}
}

// oidc-provider is nobody's mistake. What is said of it must be true: by http there is no TLS, and its page that is not found has no nosniff.
func TestInteropCheckRaisesNoFalseAlarmOnOIDCProvider(t *testing.T) {
	home, name := libraries(t), filepath.Join(t.TempDir(), "report.sarif")
	p := startForeignIDP(t, home)
	var report checks.Report
	check(t, json.Unmarshal([]byte(mustCommand(t, "check", p.url, "--json", "--pause", "0s", "--sarif", name)), &report))
	wantNoAlarm(t, report, 8, "tls.https", "header.nosniff")
	wantSARIF(t, home, name)
}

// wantSARIF holds a report to the schema of OASIS, and looks whether that would refuse what is none.
func wantSARIF(t *testing.T, home, name string) {
	t.Helper()
	judge := func(name string) ([]byte, error) {
		return exec.Command(filepath.Join(home, "venv/bin/python"), "testdata/interop/against_schema.py", filepath.Join(home, "sarif-schema.json"), name).CombinedOutput()
	}
	if out, err := judge(name); err != nil {
		t.Errorf("SARIF: %v\n%s", err, out)
	}
	text, err := os.ReadFile(name)
	check(t, err)
	for good, bad := range map[string]string{`"kind":`: `"kin":`, `"level": "warning"`: `"level": "odd"`} {
		other := filepath.Join(t.TempDir(), "other.sarif")
		check(t, os.WriteFile(other, bytes.Replace(text, []byte(good), []byte(bad), 1), 0o600))
		if out, err := judge(other); err == nil {
			t.Errorf("with %s in place of %s it is SARIF all the same: %s", bad, good, out)
		}
	}
}

const (
	foreignUser     = "ada@example.com"
	foreignPassword = "surf-the-cookie-wave"
)

// startForeignShop starts a service of testdata/interop that people log in to, and returns its address.
func startForeignShop(t *testing.T, home, script string) string {
	t.Helper()
	return startNodeProgram(t, home, script, map[string]string{"username": foreignUser, "password": foreignPassword})
}

// By http no cookie can be Secure or have a prefix. The login of Better Auth has neither nosniff nor Cache-Control.
func TestInteropCheckRaisesNoFalseAlarmOnServicesWithSessions(t *testing.T) {
	home := libraries(t)
	for script, one := range map[string]struct {
		description string
		warned      []string
	}{
		"express-session.mjs": {"login: {path: /login, as: json}\nsigned_in: {path: /me, says: '\"user\"'}\nlogout: {path: /logout, as: json}\n", nil},
		"better-auth.mjs":     {"login: {path: /api/auth/sign-in/email, as: json, username: email}\nsigned_in: {path: /api/auth/get-session, says: '\"user\"'}\nlogout: {path: /api/auth/sign-out, as: json}\n", []string{"header.nosniff", "cache.login"}},
	} {
		address := startForeignShop(t, home, script)
		description, password := filepath.Join(t.TempDir(), "service.yaml"), filepath.Join(t.TempDir(), "password")
		check(t, os.WriteFile(description, []byte(one.description), 0o600))
		check(t, os.WriteFile(password, []byte(foreignPassword), 0o600))
		var report checks.Report
		said := mustCommand(t, "check", address, "--json", "--pause", "0s", "--username", foreignUser, "--password-file", password, "--service", description, "--log-out", "--bound", "1s")
		check(t, json.Unmarshal([]byte(said), &report))
		wantNoAlarm(t, report, 10, append(one.warned, "tls.https", "cookie.secure", "cookie.prefix")...)
	}
}
