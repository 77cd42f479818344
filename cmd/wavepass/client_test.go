package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/client/clientfile"
)

// clientWorld is a running server whose clients commands change.
type clientWorld struct {
	*server
	data string
}

func newClientWorld(t *testing.T) clientWorld {
	t.Setenv("REVOCATION_STALENESS", "0s")
	data := t.TempDir()
	return clientWorld{start(t, "--data", data), data}
}

func (w clientWorld) client(args ...string) (string, error) {
	w.t.Helper()
	return typed(w.t, "", append(append([]string{"client"}, args...), "--data", w.data)...)
}

func (w clientWorld) must(args ...string) string {
	w.t.Helper()
	out, err := w.client(args...)
	if err != nil {
		w.t.Fatalf("client %v: %v", args, err)
	}
	return out
}

func (w clientWorld) loginAt(id string) answer {
	w.t.Helper()
	body, _ := json.Marshal(map[string]string{"client_id": id, "username": demoUsername, "password": demoPassword})
	return w.do("POST", "/login", "application/json", string(body))
}

func TestLifeOfAClient(t *testing.T) {
	w := newClientWorld(t)
	w.want("before it is registered", w.loginAt("shop"), 401, "invalid_client")
	if !strings.Contains(w.log.String(), "wavepass client add") || strings.Contains(w.log.String(), "shop") {
		t.Errorf("the log does not say what to type, or says what was sent as an id:\n%s", w.log)
	}
	w.must("add", "shop", "--kind", "native", "--scope", "profile", "--access-life", "5m")
	login := w.loginAt("shop")
	w.want("registered", login, 200, "")
	if out := w.must("show", "shop"); !strings.Contains(out, "access_life") || !strings.Contains(out, "5m0s") {
		t.Errorf("show:\n%s", out)
	}
	if out := w.must("list", "--json"); !strings.Contains(out, `"id": "shop"`) || !strings.Contains(out, `"id": "web"`) {
		t.Errorf("list:\n%s", out)
	}
	if out := w.must("set", "shop", "--clear", "scopes"); !strings.Contains(out, "scopes: profile → none") || !strings.Contains(out, "next refresh") {
		t.Errorf("set:\n%s", out)
	}
	if out := w.must("set", "shop", "--clear", "scopes"); !strings.Contains(out, "no change") {
		t.Errorf("set again:\n%s", out)
	}
	w.must("remove", "shop", "--yes")
	if got := w.userinfo(login.AccessToken); got.Status != 403 {
		t.Errorf("an access token of a removed client: %d, want 403", got.Status)
	}
	if out, err := w.client("add", "shop", "--kind", "browser"); err == nil || !strings.Contains(err.Error(), "add it again after") {
		t.Errorf("added again at once: %s, %v", out, err)
	}
	if out := mustCommand(t, "audit", "list", "--data", w.data); !strings.Contains(out, "client_added") || !strings.Contains(out, "client_removed") {
		t.Errorf("audit:\n%s", out)
	}
}

func TestAnotherKindWantsYesAndEndsSessions(t *testing.T) {
	w := newClientWorld(t)
	login := w.loginAt("app")
	if _, err := w.client("set", "app", "--kind", "browser"); err == nil || !strings.Contains(err.Error(), "--yes") {
		t.Errorf("another kind without --yes: %v", err)
	}
	w.must("set", "app", "--kind", "browser", "--yes")
	if got := w.userinfo(login.AccessToken); got.Status != 403 {
		t.Errorf("an access token of the kind before: %d, want 403", got.Status)
	}
}

func TestSecretIsPrintedOnce(t *testing.T) {
	w := newClientWorld(t)
	var added, rotated struct{ Secret string }
	if err := json.Unmarshal([]byte(w.must("add", "back", "--kind", "service", "--json")), &added); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(w.must("rotate-secret", "back", "--json")), &rotated); err != nil {
		t.Fatal(err)
	}
	if len(added.Secret) < 40 || len(rotated.Secret) < 40 || added.Secret == rotated.Secret {
		t.Errorf("secrets of %d and %d characters", len(added.Secret), len(rotated.Secret))
	}
	shown := w.must("show", "back") + w.must("show", "back", "--json") + w.must("list", "--json") + mustCommand(t, "audit", "list", "--json", "--data", w.data) + w.log.String()
	if strings.Contains(shown, "wpcs_") {
		t.Errorf("the secret is shown again:\n%s", shown)
	}
	if _, err := w.client("rotate-secret", "app"); err == nil || !strings.Contains(err.Error(), "only server and service clients") {
		t.Errorf("a secret for an app: %v", err)
	}
}

// TestServerHasASecretAsLongAsItIsAServer takes a server through other kinds: a secret is neither shown again, nor left behind.
func TestServerHasASecretAsLongAsItIsAServer(t *testing.T) {
	w := newClientWorld(t)
	says := func(out string, all ...string) {
		t.Helper()
		for _, part := range all {
			if !strings.Contains(out, part) {
				t.Errorf("it says\n%s\nwant %q", out, part)
			}
		}
	}
	says(w.must("add", "portal", "--kind", "server", "--redirect", "https://portal.example.com/callback"), "wpcs_")
	says(w.must("show", "portal"), "kept as a hash", "https://portal.example.com/callback")
	says(w.must("rotate-secret", "portal"), "wpcs_")
	says(w.must("set", "portal", "--kind", "service", "--clear", "redirects", "--yes"), "Every session of the client has ended.")
	w.must("set", "portal", "--kind", "server", "--yes")
	says(w.must("show", "portal"), "kept as a hash")
	says(w.must("set", "portal", "--kind", "native", "--yes"), "secret: kept as a hash → none")
	says(w.must("set", "portal", "--kind", "server", "--yes"), "It has no secret yet: wavepass client rotate-secret portal")
	says(w.must("rotate-secret", "portal"), "wpcs_")
	says(w.must("apply", w.file("clients:\n  portal: {kind: server, scopes: [orders:read]}\n")), "0 added, 1 changed")
	says(w.must("show", "portal"), "kept as a hash", "orders:read")
	if _, err := w.client("set", "portal", "--origin", "https://portal.example.com"); err == nil || !strings.Contains(err.Error(), "origins of a server") {
		t.Errorf("an origin of a server: %v", err)
	}
}

func TestClientCommandsSayWhatIsWrong(t *testing.T) {
	w := newClientWorld(t)
	for _, c := range []struct {
		says string
		args []string
	}{
		{"no client gone", []string{"show", "gone"}},
		{"no client gone", []string{"set", "gone", "--scope", "a"}},
		{"no client gone", []string{"remove", "gone", "--yes"}},
		{"no client gone", []string{"rotate-secret", "gone"}},
		{"client set app", []string{"add", "app", "--kind", "native"}},
		{"the service's own", []string{"add", "wavepass", "--kind", "site"}},
		{"origins[0]", []string{"add", "spa", "--kind", "browser", "--origin", "https://app.example.com/"}},
		{"nothing was named", []string{"set", "app"}},
		{"want one of origins", []string{"set", "app", "--clear", "kind"}},
		{"--yes", []string{"remove", "app"}},
		{"no such file", []string{"apply", filepath.Join(w.data, "gone.yaml")}},
	} {
		if out, err := w.client(c.args...); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: %v (%s), want an error that says %q", c.args, err, out, c.says)
		}
	}
}

// file writes a file of clients.
func (w clientWorld) file(text string) string {
	w.t.Helper()
	path := filepath.Join(w.data, "clients.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

func manyClients(n int, more string) string {
	var text strings.Builder
	text.WriteString("clients:\n")
	for i := range n {
		fmt.Fprintf(&text, "  shop-%03d: {kind: browser, origins: [\"https://s%d.example.com\"], scopes: [orders:read]}\n", i, i)
	}
	return text.String() + more
}

func TestApplyOfTwoHundredClients(t *testing.T) {
	w := newClientWorld(t)
	list := func() (all []clientJSON) {
		if err := json.Unmarshal([]byte(w.must("list", "--json")), &all); err != nil {
			t.Fatal(err)
		}
		return all
	}
	before := len(list())
	for name, line := range map[string]string{
		"unknown key": "  bad: {kind: native, colour: red}\n", "bad origin": "  bad: {kind: browser, origins: ['*']}\n", "id twice": "  shop-000: {kind: native}\n",
	} {
		_, err := w.client("apply", w.file(manyClients(200, line)))
		if err == nil || !strings.Contains(err.Error(), "line 202") || len(list()) != before {
			t.Errorf("%s: %v, and %d clients; want the line and nothing changed", name, err, len(list()))
		}
	}
	path := w.file(manyClients(200, ""))
	if out := w.must("apply", path, "--dry-run"); !strings.Contains(out, "+ shop-199") || !strings.Contains(out, "would be 200 added, 0 changed, 0 removed") || len(list()) != before {
		t.Errorf("dry run:\n%s", out[max(0, len(out)-300):])
	}
	if out := w.must("apply", path); !strings.Contains(out, "    + origins: https://s7.example.com") || !strings.Contains(out, "200 added, 0 changed, 0 removed") || len(list()) != before+200 {
		t.Errorf("applied:\n%s", out[max(0, len(out)-300):])
	}
	if out := w.must("apply", path); !strings.Contains(out, "no change") {
		t.Errorf("applied again:\n%s", out)
	}
	path = w.file(strings.Replace(manyClients(199, ""), "orders:read", "orders:write", 1))
	if _, err := w.client("apply", path, "--prune"); err == nil || !strings.Contains(err.Error(), "--yes") || len(list()) != before+200 {
		t.Errorf("prune without --yes: %v", err)
	}
	out := w.must("apply", path, "--prune", "--yes")
	if !strings.Contains(out, "- shop-199") || !strings.Contains(out, "~ scopes: orders:read → orders:write") || !strings.Contains(out, "- web") || len(list()) != 199 {
		t.Errorf("pruned to %d:\n%s", len(list()), out[max(0, len(out)-300):])
	}
}

// TestPageOfClientsIsApplied applies the example of docs/clients.md.
func TestPageOfClientsIsApplied(t *testing.T) {
	page, err := os.ReadFile("../../docs/clients.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```yaml\n")
	example, _, found := strings.Cut(rest, "```")
	clients, err := clientfile.Read([]byte(example))
	if !found || err != nil || len(clients) != 4 {
		t.Fatalf("the example has %d clients, %v", len(clients), err)
	}
	w := newClientWorld(t)
	w.must("apply", w.file(example))
	if out := w.must("apply", w.file(example)); !strings.Contains(out, "no change") {
		t.Errorf("applied again:\n%s", out)
	}
}
