package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestInteropQuickstart does what docs/quickstart.md says, with its own files and commands, but the page in a browser.
func TestInteropQuickstart(t *testing.T) {
	needs(t, "node", "sh", "curl", "sed", "go")
	text, err := os.ReadFile("../../docs/quickstart.md")
	check(t, err)
	page, folder := string(text), t.TempDir()
	for file, language := range map[string]string{"template.yaml": "yaml", "server.mjs": "js", "policy.yaml": "policy", "index.html": "html"} {
		check(t, os.WriteFile(filepath.Join(folder, file), []byte(block(t, page, language)), 0o600))
	}
	port := startBackEnd(t, folder, "node", "server.mjs")
	s := start(t, "--data", filepath.Join(folder, ".wavepass"), "--template", filepath.Join(folder, "template.yaml"), "--authorizer", "Wavepass",
		"--forward", "OrdersFunction=http://127.0.0.1:"+port, "--web-origins", "http://localhost:5174", "--policy", filepath.Join(folder, "policy.yaml"))

	program := filepath.Join(folder, "wavepass")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v: %s", err, out)
	}
	script := "set -e\n"
	for _, part := range strings.Split(page, "\n```sh\n")[1:] {
		code, _, _ := strings.Cut(part, "\n```\n")
		script += code + "\n"
	}
	shell := exec.Command("sh", "-c", strings.ReplaceAll(script, "http://localhost:3000", s.url))
	shell.Dir, shell.Env = folder, append(os.Environ(), "PATH="+folder+string(os.PathListSeparator)+os.Getenv("PATH"))
	got, err := shell.CombinedOutput()
	if want := block(t, page, "json"); err != nil || !strings.HasSuffix(string(got), want) {
		t.Errorf("%v, printed\n%swant at its end\n%s%s", err, got, want, s.log)
	}
}
