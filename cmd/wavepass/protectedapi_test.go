package main

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

const protectedAPI = "../../examples/protected-api"

// shop is one of examples/ as its script runs it, from a copy of its folder.
type shop struct {
	server
	folder string
}

func startShop(t *testing.T) *shop {
	t.Helper()
	needs(t, "bash", "curl", "sed", "go", "node", "python3")
	return startExample(t, protectedAPI)
}

// startExample runs an example's script at a free port, in a copy of its folder, with a program `wavepass` in the PATH.
func startExample(t *testing.T, example string, args ...string) *shop {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "shop")
	copyVisible(t, folder, example)
	if example == mcpExample { // it imports pkg/verify, until a version of that is published
		root, err := filepath.Abs("../..")
		check(t, err)
		edit := exec.Command("go", "mod", "edit", "-replace=github.com/wavepass/wavepass="+root)
		edit.Dir = filepath.Join(folder, "server")
		check(t, edit.Run())
	}
	programs := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", filepath.Join(programs, "wavepass"), ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v: %s", err, out)
	}
	t.Setenv("PATH", programs+string(os.PathListSeparator)+os.Getenv("PATH"))

	run := exec.Command("./run", append([]string{"--addr", "127.0.0.1:0"}, args...)...)
	s := &shop{server{t: t, log: &syncBuffer{}}, folder}
	run.Dir, run.Stderr, run.WaitDelay = folder, s.log, 10*time.Second
	out, err := run.StdoutPipe()
	check(t, err)
	check(t, run.Start())
	t.Cleanup(func() {
		check(t, run.Process.Signal(syscall.SIGTERM))
		_ = run.Wait() // its status says that it was ended
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		s.greeting += lines.Text() + "\n"
		if address := regexp.MustCompile(`listens on (http://[^ ]*)\.`).FindStringSubmatch(lines.Text()); address != nil {
			s.url = address[1]
		}
		if strings.HasPrefix(lines.Text(), "The shop is ready") || strings.HasPrefix(lines.Text(), "The MCP server is ready") {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return s
		}
	}
	t.Fatalf("the example ended before it was ready:\n%s%s", s.greeting, s.log)
	return nil
}

// copyVisible copies a folder without its hidden files: a try leaves its data in one.
func copyVisible(t *testing.T, to, from string) {
	t.Helper()
	entries, err := os.ReadDir(from)
	check(t, err)
	check(t, os.MkdirAll(to, 0o700))
	for _, entry := range entries {
		source, target := filepath.Join(from, entry.Name()), filepath.Join(to, entry.Name())
		switch {
		case strings.HasPrefix(entry.Name(), "."):
		case entry.IsDir():
			check(t, os.CopyFS(target, os.DirFS(source)))
		default:
			text, err := os.ReadFile(source)
			check(t, err)
			check(t, os.WriteFile(target, text, 0o700))
		}
	}
}

// sh runs a script in the example's folder.
func (s *shop) sh(script string) string {
	s.t.Helper()
	shell := exec.Command("bash", "-euc", strings.ReplaceAll(script, "http://localhost:3000", s.url))
	shell.Dir, shell.Stderr = s.folder, s.log
	out, err := shell.Output()
	if err != nil {
		s.t.Fatalf("%v: %s\n%s", err, out, s.log)
	}
	return string(out)
}

// login is one of the shop's own client.
func (s *shop) login(username, password string) answer {
	s.t.Helper()
	a := s.do("POST", "/login", "application/json", `{"client_id":"shop","username":"`+username+`","password":"`+password+`"}`)
	if a.Status != http.StatusOK {
		s.t.Fatalf("login of %s: %d %s", username, a.Status, a.Body)
	}
	return a
}

func TestExamplesHaveTheirDataBesideTheirScripts(t *testing.T) {
	needs(t, "bash", "go", "node", "python3")
	t.Setenv("PATH", t.TempDir()+string(os.PathListSeparator)+os.Getenv("PATH"))
	here, _, _ := strings.Cut(os.Getenv("PATH"), string(os.PathListSeparator))
	check(t, os.WriteFile(filepath.Join(here, "wavepass"), []byte("#!/bin/sh\nexit 9\n"), 0o700)) // nothing is to start
	for _, example := range []string{protectedAPI, siteExample, ownUsersExample, mcpExample} {
		for _, args := range [][]string{{"--data", "/tmp/elsewhere"}, {"--addr", "127.0.0.1:0", "--data=elsewhere"}} {
			run := exec.CommandContext(t.Context(), filepath.Join(example, "run"), args...)
			out, err := run.CombinedOutput()
			if run.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), "data is in .wavepass") {
				t.Errorf("%s/run %v: %v, %s, want status 2 and where data is", example, args, err, out)
			}
		}
	}
}

// TestInteropProtectedAPI runs examples/protected-api by its one command, with its functions in Go, Node and Python.
func TestInteropProtectedAPI(t *testing.T) {
	s := startShop(t)
	text, err := os.ReadFile(filepath.Join(protectedAPI, "README.md"))
	check(t, err)
	got, want := s.sh(block(t, string(text), "sh")), block(t, string(text), "json")
	pattern := strings.ReplaceAll(regexp.QuoteMeta(want), "…", `[\w-]+`)
	if !regexp.MustCompile("^" + pattern + "$").MatchString(got) {
		t.Errorf("the README's commands printed\n%swant\n%s%s", got, want, s.log)
	}

	ada, other := s.login("ada", "surf-the-first-wave"), s.server.login()
	var answers []string
	for _, path := range []string{"/prices/board", "/node/prices/board", "/python/prices/board"} {
		if got := s.do("GET", path, "", ""); got.Status != http.StatusUnauthorized {
			t.Errorf("%s without a token: %d, want 401", path, got.Status)
		}
		if got := s.get(path, other.AccessToken); got != http.StatusForbidden {
			t.Errorf("%s without its scope: %d, want 403", path, got)
		}
		got := s.do("GET", path, "", "", "Authorization", "Bearer "+ada.AccessToken)
		var seen struct {
			Cents  int                               `json:"cents"`
			Caller struct{ Sub, Scope, Plan string } `json:"caller"`
		}
		if err := json.Unmarshal([]byte(got.Body), &seen, json.MatchCaseInsensitiveNames(true)); err != nil || got.Status != http.StatusOK {
			t.Fatalf("%s: %d %s, error %v\n%s", path, got.Status, got.Body, err, s.log)
		}
		if seen.Cents != 44910 || seen.Caller.Plan != "pro" || seen.Caller.Sub == "" || !strings.Contains(seen.Caller.Scope, "orders:read") {
			t.Errorf("%s: %+v, want what the authorizer says of Ada", path, seen)
		}
		answers = append(answers, got.Body)
	}
	if answers[0] != answers[1] || answers[0] != answers[2] {
		t.Errorf("the languages differ:\n%s", strings.Join(answers, "\n"))
	}

	grace := s.login("grace", "surf-the-second-wave")
	s.sh("wavepass revoke account ada")
	for revoked := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		asked := time.Now()
		if s.get("/python/prices/board", ada.AccessToken) == http.StatusForbidden {
			break
		}
		if asked.After(revoked.Add(5 * time.Second)) {
			t.Fatal("Ada's token was accepted more than 5 s after her account was revoked")
		}
	}
	if got := s.get("/python/prices/board", grace.AccessToken); got != http.StatusOK {
		t.Errorf("Grace, who was not revoked: %d, want 200", got)
	}
}

// TestSAMProtectedAPI has the Go function of the example run in a container, with the settings that its samconfig.toml names. Its
// other functions want base images of their own.
func TestSAMProtectedAPI(t *testing.T) {
	samLocal(t)
	folder := filepath.Join(t.TempDir(), "shop")
	copyVisible(t, folder, protectedAPI)
	build := exec.CommandContext(t.Context(), "go", "build", "-o", "bootstrap", ".")
	build.Dir, build.Env = filepath.Join(folder, "orders"), append(os.Environ(), "GOOS=linux", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v: %s", err, out)
	}
	yaml, data := filepath.Join(folder, "template.yaml"), filepath.Join(folder, ".wavepass")
	lambda := startLambda(t, yaml, "--env-vars", filepath.Join(folder, "local", "env.json"), "--parameter-overrides", "Architecture="+architecture())
	s := start(t, "--data", data, "--template", yaml, "--authorizer", "Wavepass", "--policy", filepath.Join(folder, "policy.yaml"), "--invoke", lambda)
	mustCommand(t, "client", "apply", filepath.Join(folder, "clients.yaml"), "--data", data)
	mustCommand(t, "account", "set-access", demoUsername, "--role", "member", "--scope", "orders:read", "--scope", "orders:write", "--data", data)
	token := (&shop{server: *s}).login(demoUsername, demoPassword).AccessToken
	as := []string{"Authorization", "Bearer " + token}

	if got := s.do("GET", "/orders", "", ""); got.Status != http.StatusUnauthorized {
		t.Errorf("without a token: %d, want 401", got.Status)
	}
	if got := s.do("GET", "/admin/orders/ada", "", "", as...); got.Status != http.StatusForbidden {
		t.Errorf("what an admin may: %d, want 403", got.Status)
	}
	made := s.do("POST", "/orders", "application/json", `{"item":"wax","count":2}`, as...)
	if made.Status != http.StatusCreated || !strings.Contains(made.Body, `"cents":1400`) {
		t.Fatalf("an order: %d %s, want 201\n%s", made.Status, made.Body, s.log)
	}
	if got := s.do("GET", "/orders", "", "", as...); got.Status != http.StatusOK || got.Body != `{"orders":[`+made.Body+`]}` {
		t.Errorf("the orders: %d %s, want %s", got.Status, got.Body, made.Body)
	}
}
