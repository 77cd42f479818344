package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wavepass/wavepass/internal/faultproxy"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/client/clientfile"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/store/dynamo"
)

// clientTable is a table in DynamoDB Local whose clients the program changes, as a process of its own, through a proxy.
type clientTable struct {
	t     *testing.T
	name  string
	proxy *faultproxy.Proxy
	store *dynamo.Store // past the proxy
}

func newClientTable(t *testing.T) clientTable {
	t.Helper()
	w := clientTable{t: t}
	w.name, w.store = newTable(t, func(engine string) string {
		w.proxy = faultproxy.Start(t, engine)
		return w.proxy.URL
	})
	return w
}

// run runs `wavepass client` on the table, and returns what it printed and its error with what it said.
func (w clientTable) run(args ...string) (string, error) {
	w.t.Helper()
	run, log := program(w.t, append(append([]string{"client"}, args...), "--table", w.name, "--operator", "grace")...)
	out, err := run.Output()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, log)
	}
	return string(out), err
}

func (w clientTable) must(says string, args ...string) string {
	w.t.Helper()
	out, err := w.run(args...)
	if err != nil || !strings.Contains(out, says) {
		w.t.Fatalf("client %v: %v, printed\n%s\nwant %q in it", args, err, last(out), says)
	}
	return out
}

func last(out string) string { return out[max(0, len(out)-300):] }

func (w clientTable) file(text string) string {
	w.t.Helper()
	path := filepath.Join(w.t.TempDir(), "clients.yaml")
	check(w.t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// clients are the registered ones, each with what an operator has chosen and how often it was written.
func (w clientTable) clients() map[string]string {
	w.t.Helper()
	all, err := w.store.Clients(w.t.Context())
	check(w.t, err)
	described := map[string]string{}
	for _, c := range all {
		if c.Kind != client.Removed {
			check(w.t, c.Check())
			described[c.ID] = fmt.Sprintf("revision %d of %v", c.Revision, client.Diff(client.Client{}, c))
		}
	}
	return described
}

// events counts what the audit trail has of clients.
func (w clientTable) events() map[string]int {
	w.t.Helper()
	events, err := w.store.EventsOf(w.t.Context(), time.Now())
	check(w.t, err)
	counts := map[string]int{}
	for _, e := range events {
		counts[e.Name+" "+e.ClientID]++
	}
	return counts
}

// killed runs the command, and kills it when the table has carried out so many of its writes and before it can know of the last.
func (w clientTable) killed(writes int64, args ...string) {
	w.t.Helper()
	var count atomic.Int64
	held := make(chan struct{})
	hold := sync.OnceFunc(func() { close(held) }) // the SDK may repeat the write that is held
	w.proxy.Inject(faultproxy.Rule{Fault: func(e *faultproxy.Exchange) {
		if !e.Call.Writes() || count.Add(1) < writes {
			e.Pass()
			return
		}
		_, _ = e.Forward()
		hold()
		faultproxy.Hang(e)
	}})
	defer w.proxy.Heal()
	run, log := program(w.t, append(append([]string{"client"}, args...), "--table", w.name, "--operator", "grace")...)
	check(w.t, run.Start())
	ended := make(chan error, 1)
	go func() { ended <- run.Wait() }()
	select {
	case <-held:
		check(w.t, run.Process.Kill())
		<-ended
	case err := <-ended:
		w.t.Fatalf("it ended before its write %d: %v\n%s", writes, err, log)
	}
}

func TestApplyOfTwoHundredClientsOnATable(t *testing.T) {
	w := newClientTable(t)
	path := w.file(manyClients(200, ""))
	w.must("would be 200 added, 0 changed, 0 removed; nothing was changed", "apply", path, "--dry-run")
	if there := w.clients(); len(there) != 0 {
		t.Fatalf("%d clients after a dry run", len(there))
	}

	// Each client is two writes: itself, and its event.
	w.killed(2*120+1, "apply", path)
	done := len(w.clients()) // 121, and fewer where the machine was so slow that a write was repeated
	if done < 100 || done > 121 {
		t.Fatalf("%d clients where it was killed", done)
	}
	next := fmt.Sprintf("+ shop-%03d\n    + kind: browser\n", done)
	if out := w.must(fmt.Sprintf("%d added, 0 changed, 0 removed", 200-done), "apply", path); !strings.HasPrefix(out, next) ||
		!strings.Contains(out, "    + origins: https://s199.example.com\n") || !strings.Contains(out, "in the table "+w.name+" in eu-central-1 at http://127.0.0.1:") {
		t.Errorf("repeated:\n%s", out)
	}
	for id, described := range w.clients() {
		if !strings.HasPrefix(described, "revision 1 of") {
			t.Errorf("%s was written twice: %s", id, described)
		}
	}
	events := w.events()
	if most := slices.Max(slices.Collect(maps.Values(events))); len(w.clients()) != 200 || len(events) < 199 || most != 1 {
		t.Errorf("%d clients and %d events, at most %d of one; want 200, each once, and an event of each but perhaps of the one at which it was killed", len(w.clients()), len(events), most)
	}

	w.proxy.Forget()
	w.must("no change\n", "apply", path)
	if slices.ContainsFunc(w.proxy.Calls(), faultproxy.Call.Writes) {
		t.Errorf("applied again it wrote: %v", w.proxy.Calls())
	}
	var said applied
	out := w.must("", "apply", w.file(strings.Replace(manyClients(199, ""), "orders:read", "orders:write", 1)), "--prune", "--yes", "--json")
	check(t, json.Unmarshal([]byte(out), &said))
	want := []step{{What: "change", ClientID: "shop-000", Changes: []client.Change{{Field: "scopes", Was: "orders:read", Now: "orders:write"}}}, {What: "remove", ClientID: "shop-199"}}
	if !said.Changed || said.DryRun || !strings.HasPrefix(said.Target, "the table "+w.name) || fmt.Sprint(said.Steps) != fmt.Sprint(want) || len(w.clients()) != 199 {
		t.Errorf("as JSON %+v, and %d clients; want two steps, and 199", said, len(w.clients()))
	}
}

// TestApplyThatIsKilledIsRepeated kills it after each of its writes, whose answer it never sees.
func TestApplyThatIsKilledIsRepeated(t *testing.T) {
	const before = `clients:
  gone: {kind: native}
  other-kind: {kind: native}
  other-scope: {kind: native, scopes: [a]}
`
	after := strings.NewReplacer("  gone: {kind: native}\n", "  added: {kind: browser}\n", "other-kind: {kind: native}", "other-kind: {kind: browser}", "[a]", "[b]").Replace(before)
	const writes = 10 // four clients and events, and what is denied of the two whose sessions end
	var all map[string]string
	var wantEvents map[string]int
	t.Run("not killed", func(t *testing.T) {
		w := newClientTable(t)
		w.must("3 added", "apply", w.file(before))
		w.proxy.Forget()
		w.must("1 added, 2 changed, 1 removed", "apply", w.file(after), "--prune", "--yes")
		if calls := slices.DeleteFunc(w.proxy.Calls(), func(c faultproxy.Call) bool { return !c.Writes() }); len(calls) < writes {
			t.Errorf("%d writes, want %d", len(calls), writes)
		}
		all, wantEvents = w.clients(), w.events()
	})
	if len(all) == 0 {
		return // skipped, or failed
	}
	for n := 1; n <= writes; n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w := newClientTable(t)
			w.must("3 added", "apply", w.file(before))
			began := time.Now()
			w.killed(int64(n), "apply", w.file(after), "--prune", "--yes")
			w.must("\nin the table", "apply", w.file(after), "--prune", "--yes")
			if got := w.clients(); !maps.Equal(got, all) {
				t.Errorf("clients %v, want %v", got, all)
			}
			w.must("no change\n", "apply", w.file(after), "--prune", "--yes")
			missing := 0
			for event := range wantEvents {
				missing += 1 - w.events()[event]
			}
			if most := slices.Max(slices.Collect(maps.Values(w.events()))); most != 1 || missing > 1 {
				t.Errorf("events %v, want each of %v once, but perhaps the one at which it was killed", w.events(), wantEvents)
			}
			for _, id := range []string{"gone", "other-kind"} {
				err := revocation.NewSnapshot(w.store, 0, time.Now).Check(t.Context(), revocation.Subject{ClientID: id, Began: began.Unix()})
				if !errors.Is(err, revocation.ErrRevoked) {
					t.Errorf("a session of %s that began before: %v, want it revoked", id, err)
				}
			}
		})
	}
}

// TestApplyRefusesEachKindOfMistakeBeforeItWritesAnything adds one bad client to 200 good ones.
func TestApplyRefusesEachKindOfMistakeBeforeItWritesAnything(t *testing.T) {
	w := newClientTable(t)
	for _, args := range [][]string{{"add", "gone", "--kind", "native"}, {"remove", "gone", "--yes"}, {"add", "kind", "--kind", "native"}} {
		w.must("", args...)
	}
	before, events := w.clients(), len(w.events())
	lines, err := os.ReadFile("../../pkg/client/clientfile/testdata/mistakes.txt")
	check(t, err)
	wrong := map[string]string{
		"  shop-000: {kind: native}\n":                             "line 202: clients: shop-000 stands twice, first in line 2",
		"  bad: {kind: mobile}\n":                                  `line 202: client bad: kind "mobile"`,
		"  Bad: {kind: native}\n":                                  `line 202: client Bad: id "Bad"`,
		"  bad: {}\n":                                              "line 202: client bad: kind is missing",
		"  wavepass: {kind: site}\n":                               "the service's own",
		"  gone: {kind: native}\n":                                 "client gone: operate: the client was removed a moment ago",
		"  kind: {kind: browser}\n":                                "ends every session of the client kind",
		"shops: {}\n":                                              `line 202: unknown key "shops"`,
		strings.Repeat("#", clientfile.MaxSize):                    "longer than 512 KB",
		strings.Replace(manyClients(801, ""), "clients:\n", "", 1): "stands twice",
	}
	for line := range strings.Lines(string(lines)) {
		if line, says, found := strings.Cut(line, "|"); found {
			wrong["  bad:\n    kind: browser\n    "+strings.TrimSpace(line)+"\n"] = "line 204: " + strings.TrimSpace(says)
		}
	}
	w.proxy.Forget()
	for line, says := range wrong {
		_, log, err := command(t, "client", "apply", w.file(manyClients(200, line)), "--table", w.name)
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "othing was changed") && !strings.Contains(says, "longer") || log != "" {
			t.Errorf("%.60q: %.200v; want an error that says %q, and that nothing was changed", line, err, says)
		}
	}
	if slices.ContainsFunc(w.proxy.Calls(), faultproxy.Call.Writes) || !maps.Equal(w.clients(), before) || len(w.events()) != events {
		t.Errorf("something was written: %v", w.proxy.Calls())
	}
}

func TestClientCommandsOnATable(t *testing.T) {
	w := newClientTable(t)
	w.must("added  client shop", "add", "shop", "--kind", "native", "--scope", "orders:read", "--access-life", "5m")
	if _, err := w.run("add", "shop", "--kind", "native"); err == nil || !strings.Contains(err.Error(), "wavepass client set shop") {
		t.Errorf("added twice: %v", err)
	}
	w.must("orders:read", "list")
	w.must("5m0s", "show", "shop")
	w.must("scopes: orders:read → none", "set", "shop", "--clear", "scopes")
	w.must("no change: set before  client shop", "set", "shop", "--clear", "scopes")
	var added, rotated struct{ Secret string }
	check(t, json.Unmarshal([]byte(w.must("", "add", "back", "--kind", "service", "--json")), &added))
	check(t, json.Unmarshal([]byte(w.must("", "rotate-secret", "back", "--json")), &rotated))
	if len(added.Secret) < 40 || len(rotated.Secret) < 40 || added.Secret == rotated.Secret {
		t.Errorf("secrets of %d and %d characters, want two", len(added.Secret), len(rotated.Secret))
	}
	// A file knows no secrets: the one that is registered stays.
	w.must("no change", "apply", w.file("clients:\n  back: {kind: service}\n"))
	var list []clientJSON
	check(t, json.Unmarshal([]byte(w.must("", "list", "--json")), &list))
	if len(list) != 2 || list[0].ID != "back" || !list[0].HasSecret || list[1].ID != "shop" || list[1].AccessLife != "5m0s" {
		t.Errorf("list %+v", list)
	}
	if _, err := w.run("remove", "shop"); err == nil || !strings.Contains(err.Error(), "--yes") {
		t.Errorf("removed without --yes: %v", err)
	}
	w.must("removed  client shop", "remove", "shop", "--yes")
	if _, err := w.run("show", "shop"); err == nil || !strings.Contains(err.Error(), "there is no client shop") {
		t.Errorf("shown after it was removed: %v", err)
	}
	want := map[string]int{
		audit.ClientAdded + " shop": 1, audit.ClientChanged + " shop": 1, audit.ClientRemoved + " shop": 1, audit.ClientAdded + " back": 1, audit.ClientSecretRotated + " back": 1,
	}
	if got := w.events(); !maps.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
}
