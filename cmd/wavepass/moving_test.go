package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

func TestStartsOfTheChoosingPageWorkWhenPasted(t *testing.T) {
	needs(t, "sh", "curl", "grep")
	s := start(t, "--data", t.TempDir())
	script := section{page: "docs/choosing.md", title: "A start to copy"}.script(t, s.url)
	got, err := exec.Command("sh", "-c", script).CombinedOutput()
	want := "__Host-Http-wprt-web\nSameSite=Strict\nSameSite=Strict\n\"access_token\"\n__Host-Http-wpss-site\nSameSite=Lax\n\"csrf_token\"\n\"access_token\"\n\"refresh_token\"\n\"access_token\"\n"
	if err != nil || string(got) != want {
		t.Errorf("%v, printed\n%swant\n%s%s", err, got, want, s.log)
	}
}

// TestInteropBridge runs the code of docs/moving-from.md in Node, for clients of both kinds that it may begin sessions of.
func TestInteropBridge(t *testing.T) {
	needs(t, "node")
	text, err := os.ReadFile("../../docs/moving-from.md")
	check(t, err)
	folder := t.TempDir()
	s := start(t, "--data", folder, "--web-origins", "http://localhost:5173")
	register, _, _ := strings.Cut(string(text)[strings.Index(string(text), "    wavepass client add ")+len("    wavepass "):], "\n")
	secret := regexp.MustCompile(`wpcs_\S+`).FindString(mustCommand(t, append(strings.Fields(register), "--data", folder)...))
	check(t, os.WriteFile(filepath.Join(folder, "bridge.mjs"), []byte(block(t, string(text), "js")), 0o600))
	check(t, os.WriteFile(filepath.Join(folder, "try.mjs"), []byte(`
import { bridge } from './bridge.mjs'
const [url, secret] = process.argv.slice(2), service = { url, id: 'shop', secret }
const old = { user: '4711', oldSession: 'random-of-the-old-session', client: 'app', device: 'Ada\'s phone' }
const native = [await bridge(service, old), await bridge(service, old)]
const browser = await bridge(service, { ...old, oldSession: 'another', client: 'web' })
const refused = await bridge(service, { ...old, oldSession: 'third', client: 'site' }).catch((error) => error.message)
console.log(JSON.stringify({ native, browser, refused }))
`), 0o600))
	node := exec.CommandContext(t.Context(), "node", "try.mjs", s.url, secret)
	node.Dir, node.Stderr = folder, s.log
	out, err := node.Output()
	if err != nil {
		t.Fatalf("%v: %s\n%s", err, out, s.log)
	}
	var got struct {
		Native  []answer `json:"native"`
		Browser struct {
			Cookies []string `json:"cookies"`
		} `json:"browser"`
		Refused string `json:"refused"`
	}
	check(t, json.Unmarshal(out, &got))
	if first, again := got.Native[0].RefreshToken, got.Native[1].RefreshToken; first == "" || first != again {
		t.Error("the same old session gave two new ones")
	}
	if len(got.Browser.Cookies) == 0 || !strings.HasPrefix(got.Browser.Cookies[0], "__Host-Http-wprt-web=") {
		t.Errorf("cookies of the browser client: %d", len(got.Browser.Cookies))
	}
	if !strings.HasPrefix(got.Refused, "session: 4") {
		t.Errorf("a session of a client that was not registered for it: %q", got.Refused)
	}
	if next := s.refresh(got.Native[0].RefreshToken); next.Status != 200 {
		t.Errorf("a refresh of the session that the bridge began: %d %s", next.Status, next.Body)
	}
}
