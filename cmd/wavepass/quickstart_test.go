package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/clients/web"
)

// quickstart is what docs/quickstart.md starts.
type quickstart struct {
	*server
	page, folder string
}

// startQuickstart starts the route and Wavepass in an empty folder, for a page of an origin.
func startQuickstart(t *testing.T, folder, origin string) quickstart {
	t.Helper()
	text, err := os.ReadFile("../../docs/quickstart.md")
	check(t, err)
	page := string(text)
	for file, language := range map[string]string{"template.yaml": "yaml", "server.mjs": "js", "policy.yaml": "policy"} {
		code := strings.ReplaceAll(block(t, page, language), "http://localhost:5174", origin)
		check(t, os.WriteFile(filepath.Join(folder, file), []byte(code), 0o600))
	}
	port := startBackEnd(t, folder, "node", "server.mjs")
	s := start(t, "--data", filepath.Join(folder, ".wavepass"), "--template", filepath.Join(folder, "template.yaml"), "--authorizer", "Wavepass",
		"--forward", "OrdersFunction=http://127.0.0.1:"+port, "--web-origins", origin, "--policy", filepath.Join(folder, "policy.yaml"))
	return quickstart{s, page, folder}
}

// TestInteropQuickstart does what docs/quickstart.md says, with its own files and commands, but the page in a browser.
func TestInteropQuickstart(t *testing.T) {
	needs(t, "node", "sh", "curl", "sed", "go")
	q := startQuickstart(t, t.TempDir(), "http://localhost:5174")
	program := filepath.Join(q.folder, "wavepass")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v: %s", err, out)
	}
	script := "set -e\n"
	for _, part := range strings.Split(q.page, "\n```sh\n")[1:] {
		code, _, _ := strings.Cut(part, "\n```\n")
		script += code + "\n"
	}
	shell := exec.Command("sh", "-c", strings.ReplaceAll(script, "http://localhost:3000", q.url))
	shell.Dir, shell.Env = q.folder, append(os.Environ(), "PATH="+q.folder+string(os.PathListSeparator)+os.Getenv("PATH"))
	got, err := shell.CombinedOutput()
	if want := block(t, q.page, "json"); err != nil || !strings.HasSuffix(string(got), want) {
		t.Errorf("%v, printed\n%swant at its end\n%s%s", err, got, want, q.log)
	}
}

// TestChromiumQuickstart opens the page of docs/quickstart.md.
func TestChromiumQuickstart(t *testing.T) {
	needChromium(t)
	folder := t.TempDir()
	site := httptest.NewServer(http.FileServer(http.Dir(folder)))
	defer site.Close()
	origin := strings.Replace(site.URL, "127.0.0.1", "localhost", 1)
	q := startQuickstart(t, folder, origin)
	index := strings.ReplaceAll(block(t, q.page, "html"), "http://localhost:3000", q.url)
	check(t, os.WriteFile(filepath.Join(folder, "index.html"), []byte(index), 0o600))
	check(t, os.WriteFile(filepath.Join(folder, "wavepass.js"), web.Module, 0o600))
	data := filepath.Join(folder, ".wavepass")
	mustCommand(t, "client", "add", "shop", "--kind", "browser", "--origin", origin, "--data", data)
	_, err := typed(t, "a-long-enough-wave", "account", "add", "ada", "--role", "seller", "--data", data)
	check(t, err)
	inChromium(t, "quickstart", q.url, origin)
}
