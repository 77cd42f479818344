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

	checks "github.com/wavepass/wavepass/cmd/wavepass/internal/check"
	"github.com/wavepass/wavepass/cmd/wavepass/internal/verdict"
)

// What a laptop cannot show, because it has no certificate.
var needTLS = []string{"tls.https", "tls.version", "tls.hsts", "discovery.https"}

func TestCheckPassesOnWavepassLocal(t *testing.T) {
	t.Setenv("REFRESH_GRACE", "0s")
	t.Setenv("REVOCATION_STALENESS", "0s")
	s := start(t, "--data", t.TempDir())
	folder := t.TempDir()
	sarif, html := filepath.Join(folder, "report.sarif"), filepath.Join(folder, "report.html")
	for client, unseen := range map[string][]string{"web": nil, "app": {"cookie.", "session.fixation", "csrf.", "logout.session", "logout.cookie"}} {
		var report checks.Report
		text := mustCommand(t, "check", s.url, "--json", "--username", demoUsername, "--client", client, "--log-out", "--pause", "0s", "--patience", "30s", "--sarif", sarif, "--html", html)
		check(t, json.Unmarshal([]byte(text), &report))
		if len(report.Findings) < 40 {
			t.Errorf("%s: only %d findings", client, len(report.Findings))
		}
		for _, f := range report.Findings {
			expected := slices.Contains(needTLS, f.ID) || slices.ContainsFunc(unseen, func(prefix string) bool { return strings.HasPrefix(f.ID, prefix) })
			if f.Verdict == verdict.Fail || f.Verdict != verdict.Pass && !expected {
				t.Errorf("%s: %s: %s: %s", client, f.ID, f.Verdict, f.Detail)
			}
		}
	}
	for _, name := range []string{sarif, html} {
		if text, err := os.ReadFile(name); err != nil || !bytes.Contains(text, []byte("cookie.secure")) || bytes.Contains(text, []byte(demoPassword)) {
			t.Errorf("%s: %v, %.200s", name, err, text)
		}
	}
}

// A script goes by the status: 1 when something failed, 2 when nothing was checked.
func TestStatusOfCheck(t *testing.T) {
	leaking := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/.well-known/jwks.json" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, `{"keys": [{"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "a", "d": "c2VjcmV0"}]}`)
	}))
	defer leaking.Close()
	empty := httptest.NewServer(http.NotFoundHandler())
	defer empty.Close()
	gone := httptest.NewServer(nil)
	gone.Close()
	for name, c := range map[string]struct {
		args   []string
		status int
		says   string
	}{
		"nothing failed":                {[]string{empty.URL, "--pause", "0s"}, 0, ""},
		"something failed":              {[]string{leaking.URL, "--pause", "0s"}, 1, "1 of"},
		"no address":                    {nil, 2, "expected"},
		"an unknown flag":               {[]string{empty.URL, "--passwrod", "x"}, 2, "unknown flag"},
		"another scheme":                {[]string{"ftp://localhost"}, 2, "want an address"},
		"a password by http":            {[]string{"http://id.example.com", "--username", "ada"}, 2, "want https"},
		"nobody answers":                {[]string{gone.URL}, 2, "does not answer"},
		"no password":                   {[]string{empty.URL, "--username", "ada"}, 2, "no password"},
		"a description that is missing": {[]string{empty.URL, "--username", "ada", "--service", filepath.Join(t.TempDir(), "none.yaml")}, 2, "no such file"},
		"no budget":                     {[]string{empty.URL, "--budget", "0"}, 2, "--budget 0"},
		"leave for nobody":              {[]string{empty.URL, "--log-out"}, 2, "--username"},
	} {
		run, log := program(t, append([]string{"check"}, c.args...)...)
		_ = run.Run() // its status says more
		if code := run.ProcessState.ExitCode(); code != c.status || !strings.Contains(log.String(), c.says) || strings.Count(log.String(), "\n") > 1 {
			t.Errorf("%s: status %d, %q; want %d and one line with %q", name, code, log, c.status, c.says)
		}
	}
}

// The password comes from a file or standard input, and is nowhere in what is printed.
func TestCheckReadsThePasswordAndKeepsItsSecrets(t *testing.T) {
	const secret = "canary-of-the-test-account"
	var got []string
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch cookie, err := r.Cookie("sid"); {
		case r.URL.Path == "/login":
			var body map[string]string
			_ = json.NewDecoder(r.Body).Decode(&body)
			got = append(got, body["password"])
			http.SetCookie(w, &http.Cookie{Name: "sid", Value: "canary-of-the-session-0123456789"})
		case r.URL.Path == "/me" && err == nil && cookie.Value != "":
		default:
			http.Error(w, "nobody", http.StatusUnauthorized)
		}
	}))
	defer service.Close()
	folder := t.TempDir()
	description, file := filepath.Join(folder, "service.yaml"), filepath.Join(folder, "password")
	check(t, os.WriteFile(description, []byte("login: {path: /login}\nsigned_in: {path: /me}\n"), 0o600))
	check(t, os.WriteFile(file, []byte(secret+"\n"), 0o600))
	for _, format := range [][]string{{}, {"--json"}, {"--password-file", file}} {
		run, log := program(t, append([]string{"check", service.URL, "--username", "ada", "--service", description, "--pause", "0s"}, format...)...)
		var out bytes.Buffer
		run.Stdin, run.Stdout = strings.NewReader(secret+"\n"), &out
		_ = run.Run()
		if code := run.ProcessState.ExitCode(); code != 1 || !strings.Contains(out.String(), "cookie.httponly") || strings.Contains(out.String()+log.String(), "canary") {
			t.Errorf("%q: status %d\n%s%s", format, code, &out, log)
		}
	}
	if !slices.Equal(got, []string{secret, secret, secret}) {
		t.Errorf("the service got %q", got)
	}
}
