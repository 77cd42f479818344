package clientfile_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/client/clientfile"
)

func TestFileIsRead(t *testing.T) {
	clients, err := clientfile.Read([]byte(`
clients:
  web:
    kind: browser
    origins: [https://app.example.com]
    scopes: ["orders:read", openid]
    access_life: 5m
  partner: { kind: service, introspects: [web], first_party: false, consent: true, directory: shop, roles: lookup, may_begin: [web], may_grant: ["role:editor", "claim:plan"], amr: [pwd] }
  cli: { kind: native, shared_store: true, late_retries: 1 }
`))
	if err != nil || len(clients) != 3 {
		t.Fatalf("%d clients, %v", len(clients), err)
	}
	web, partner, cli := clients[0], clients[1], clients[2]
	if web.ID != "web" || web.Kind != client.Browser || !web.FirstParty || web.AccessLife.String() != "5m0s" || web.Remembered != client.DefaultAbsoluteLife || len(web.Scopes) != 2 {
		t.Errorf("web is %+v", web)
	}
	if partner.FirstParty || !partner.Consent || partner.Directory != "shop" || partner.Roles != client.RolesLookup || !partner.Grants(client.GrantClaim, "plan") || !slices.Equal(partner.MayBegin, []string{"web"}) || len(partner.AMR) != 1 || len(partner.SecretHash) > 0 {
		t.Errorf("partner is %+v", partner)
	}
	if !cli.SharedStore || cli.LateRetries != 1 || cli.Absolute != client.DefaultAbsoluteLife {
		t.Errorf("cli is %+v", cli)
	}
}

// mistakes are the lines that a client may have wrong, and what is said of each.
func mistakes(t testing.TB) map[string]string {
	t.Helper()
	text, err := os.ReadFile("testdata/mistakes.txt")
	if err != nil {
		t.Fatal(err)
	}
	says := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if wrong, why, found := strings.Cut(line, "|"); found {
			says[strings.TrimSpace(wrong)] = "line 5: " + strings.TrimSpace(why)
		}
	}
	if len(says) < 16 {
		t.Fatalf("%d mistakes were read", len(says))
	}
	return says
}

func TestEachMistakeNamesItsLine(t *testing.T) {
	for line, says := range mistakes(t) {
		clients, err := clientfile.Read([]byte("clients:\n  good: {kind: native}\n  bad:\n    kind: browser\n    " + line + "\n"))
		if err == nil || !strings.Contains(err.Error(), says) || clients != nil {
			t.Errorf("%s: %d clients, %v; want an error that says %q", line, len(clients), err, says)
		}
	}
	for text, says := range map[string]string{
		"":                                        "the file is empty",
		"clients: []":                             "line 1: clients: want names and values",
		"apps: {}":                                `line 1: unknown key "apps"`,
		"clients: {}\napps: {}":                   `line 2: unknown key "apps"`,
		"clients: {}\nclients: {}":                "line 2: the file: clients stands twice, first in line 1",
		"clients: {}\n---\nclients: {}":           "more than one document",
		"clients:\n  a: {kind: native}\n  a: {}":  "line 3: clients: a stands twice, first in line 2",
		"clients:\n  a: {}":                       "line 2: client a: kind is missing",
		"clients:\n  a: {kind: mobile}":           `line 2: client a: kind "mobile"`,
		"clients:\n  A: {kind: native}":           `line 2: client A: id "A"`,
		"clients:\n  a: {kind: native":            "did not find",
		"clients:\n  a: {scopes: *there}":         "unknown anchor",
		strings.Repeat(" ", clientfile.MaxSize+1): "longer than 512 KB",
	} {
		if _, err := clientfile.Read([]byte(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.40q: %v, want an error that says %q", text, err, says)
		}
	}
}

func TestAllMistakesAreToldUpToALimit(t *testing.T) {
	var text strings.Builder
	text.WriteString("clients:\n")
	for n := range 200 {
		fmt.Fprintf(&text, "  c%d: {kind: mobile}\n", n)
	}
	_, err := clientfile.Read([]byte(text.String()))
	if lines := strings.Split(fmt.Sprint(err), "\n"); len(lines) != 51 || lines[50] != "and 150 mistakes more" || !strings.HasPrefix(lines[0], "line 2:") {
		t.Errorf("%d lines, the last %q; want 50 mistakes and how many more", len(lines), lines[len(lines)-1])
	}
}

func TestAThousandClientsAndNoMore(t *testing.T) {
	file := func(n int) []byte {
		var text strings.Builder
		text.WriteString("clients:\n")
		for i := range n {
			fmt.Fprintf(&text, "  c%d: {kind: native}\n", i)
		}
		return []byte(text.String())
	}
	if clients, err := clientfile.Read(file(1000)); err != nil || len(clients) != 1000 {
		t.Errorf("1000 clients: %d, %v", len(clients), err)
	}
	if _, err := clientfile.Read(file(1001)); err == nil || !strings.Contains(err.Error(), "1001 clients: want at most 1000") {
		t.Errorf("1001 clients: %v", err)
	}
}

func FuzzWhatIsReadPassesItsCheck(f *testing.F) {
	for line := range mistakes(f) {
		f.Add("clients:\n  bad:\n    kind: browser\n    " + line + "\n")
	}
	f.Add("clients:\n  web: {kind: browser, origins: [https://app.example.com]}\n")
	f.Fuzz(func(t *testing.T, text string) {
		clients, err := clientfile.Read([]byte(text))
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, c := range clients {
			if err := c.Check(); err != nil || seen[c.ID] || len(c.SecretHash) > 0 {
				t.Fatalf("%+v was read: %v", c, err)
			}
			seen[c.ID] = true
		}
	})
}
