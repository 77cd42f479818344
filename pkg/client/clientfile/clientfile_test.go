package clientfile_test

import (
	"fmt"
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
  partner: { kind: service, introspects: [web], first_party: false, consent: true, directory: shop, roles: lookup }
  cli: { kind: native, shared_store: true, late_retries: 1 }
`))
	if err != nil || len(clients) != 3 {
		t.Fatalf("%d clients, %v", len(clients), err)
	}
	web, partner, cli := clients[0], clients[1], clients[2]
	if web.ID != "web" || web.Kind != client.Browser || !web.FirstParty || web.AccessLife.String() != "5m0s" || web.Remembered != client.DefaultAbsoluteLife || len(web.Scopes) != 2 {
		t.Errorf("web is %+v", web)
	}
	if partner.FirstParty || !partner.Consent || partner.Directory != "shop" || partner.Roles != client.RolesLookup || len(partner.SecretHash) > 0 {
		t.Errorf("partner is %+v", partner)
	}
	if !cli.SharedStore || cli.LateRetries != 1 || cli.Absolute != client.DefaultAbsoluteLife {
		t.Errorf("cli is %+v", cli)
	}
}

// mistakes is the table of what a client may have wrong in its third line, which is the fifth of the file.
var mistakes = map[string]struct{ line, says string }{
	"unknown key":         {"colour: red", `line 5: client bad: unknown key "colour"`},
	"a key twice":         {"kind: native", "line 5: client bad: kind stands twice, first in line 4"},
	"a secret":            {"secret: hunter2", "line 5: client bad: secrets are in no file"},
	"no list":             {"origins: https://app.example.com", "line 5: origins: want a list"},
	"no truth":            {"consent: yes please", "line 5: consent: want true or false"},
	"no time":             {"access_life: soon", "line 5: access_life: want a time"},
	"no number":           {"late_retries: many", "line 5: late_retries: want a whole number"},
	"no value":            {"roles:", "line 5: roles: want one value"},
	"a bad origin":        {"origins: [https://app.example.com/]", "line 5: client bad: origins[0]"},
	"a bad redirect":      {"redirects: [javascript:alert(1)]", "line 5: client bad: redirects[0]"},
	"a bad logout":        {"post_logout_redirects: ['https://a.example/#x']", "line 5: client bad: post_logout_redirects[0]"},
	"a bad scope":         {"scopes: [read, 'a b']", "line 5: client bad: scopes[1]"},
	"a bad audience":      {"audiences: ['']", "line 5: client bad: audiences[0]"},
	"a long life":         {"access_life: 2h", "line 5: client bad: access_life 2h0m0s"},
	"what a kind has not": {"shared_store: true", "line 5: client bad: shared_store true"},
	"a directory":         {"directory: shop", `line 5: client bad: directory "shop"`},
	"an alias":            {"scopes: *there", "unknown anchor"},
}

func TestEachMistakeNamesItsLine(t *testing.T) {
	for name, m := range mistakes {
		clients, err := clientfile.Read([]byte("clients:\n  good: {kind: native}\n  bad:\n    kind: browser\n    " + m.line + "\n"))
		if err == nil || !strings.Contains(err.Error(), m.says) || clients != nil {
			t.Errorf("%s: %d clients, %v; want an error that says %q", name, len(clients), err, m.says)
		}
	}
	for text, says := range map[string]string{
		"":                                        "the file is empty",
		"clients: []":                             "line 1: clients: want names and values",
		"apps: {}":                                `line 1: unknown key "apps"`,
		"clients: {}\nclients: {}":                "line 2: the file: clients stands twice, first in line 1",
		"clients: {}\n---\nclients: {}":           "more than one document",
		"clients:\n  a: {kind: native}\n  a: {}":  "line 3: clients: a stands twice, first in line 2",
		"clients:\n  a: {}":                       "line 2: client a: kind is missing",
		"clients:\n  a: {kind: mobile}":           `line 2: client a: kind "mobile"`,
		"clients:\n  A: {kind: native}":           `line 2: client A: id "A"`,
		"clients:\n  a: {kind: native":            "did not find",
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
	for _, m := range mistakes {
		f.Add("clients:\n  bad:\n    kind: browser\n    " + m.line + "\n")
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
