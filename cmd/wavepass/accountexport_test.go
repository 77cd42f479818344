package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestExportComesBackByAnImport, with passwords of both kinds, into another deployment.
func TestExportComesBackByAnImport(t *testing.T) {
	data, other := t.TempDir(), t.TempDir()
	s := start(t, "--data", data)
	_, err := typed(t, "a-long-enough-wave", "account", "add", "ada", "--role", "admin", "--claim", "plan=pro", "--data", data)
	check(t, err)
	file := importFile(t, "users", `{"email":"moved@example.com","email_verified":true,"password_hash":"`+bcryptOf(t, importedPassword)+`"}`)
	as[importResult](t, "account", "import", file, "--format", "jsonl", "--data", data)

	live := filepath.Join(t.TempDir(), "live.jsonl")
	mustCommand(t, "account", "export", "--with-password-hashes", "--to", live, "--data", data)
	info, err := os.Stat(live)
	check(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the file has the mode %o", info.Mode().Perm())
	}
	check(t, s.stop())
	idle := mustCommand(t, "account", "export", "--with-password-hashes", "--data", data)
	text, err := os.ReadFile(live)
	check(t, err)
	if string(text) != idle || strings.Count(idle, "\n") != 3 {
		t.Errorf("of a running service:\n%s\nof an idle folder:\n%s", text, idle)
	}
	if plain := mustCommand(t, "account", "export", "--data", data); strings.Contains(plain, "$") || strings.Contains(plain, "password") || strings.Count(plain, "\n") != 3 {
		t.Errorf("without hashes: %s", plain)
	}
	if _, _, err := command(t, "account", "export", "--to", live, "--data", data); err == nil || !strings.Contains(err.Error(), "file exists") {
		t.Errorf("into a file that is there: %v", err)
	}

	s = start(t, "--data", other) // it has a demo account of its own
	wantImport(t, "import", as[importResult](t, "account", "import", live, "--format", "jsonl", "--data", other), 2, 0, 1)
	if again := mustCommand(t, "account", "export", "--with-password-hashes", "--data", other); linesBut(again, demoUsername) != linesBut(idle, demoUsername) {
		t.Errorf("exported again:\n%s\nwant\n%s", again, idle)
	}
	s.want("a password of ours", s.loginAs("ada", "a-long-enough-wave"), 200, "")
	s.want("an imported one", s.loginAs("moved@example.com", importedPassword), 200, "")
}

// linesBut returns the lines that do not have the word, in order.
func linesBut(text, word string) string {
	lines := slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool { return strings.Contains(line, `"`+word+`"`) })
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// TestManyAccountsComeFromARunningServiceInPages, so that neither side keeps all of them.
func TestManyAccountsComeFromARunningServiceInPages(t *testing.T) {
	const many = 3000
	data := t.TempDir()
	s := start(t, "--data", data)
	var lines bytes.Buffer
	for i := range many {
		fmt.Fprintf(&lines, `{"username":"zoë-%d"}`+"\n", i)
	}
	as[importResult](t, "account", "import", importFile(t, "users", lines.String()), "--format", "jsonl", "--data", data)
	list, export := []string{"account", "list", "--json"}, []string{"account", "export"}
	live := map[string]string{}
	for _, args := range [][]string{list, export} {
		conn, err := net.Dial("unix", filepath.Join(data, controlName))
		check(t, err)
		check(t, json.NewEncoder(conn).Encode(controlCall{Args: append(args, "--data", data)}))
		var text strings.Builder
		pages, largest := 0, 0
		for answers, more := json.NewDecoder(conn), true; more; pages++ {
			var answer controlAnswer
			check(t, answers.Decode(&answer))
			text.WriteString(answer.Out)
			if more, largest = answer.More, max(largest, len(answer.Out)); answer.Error != "" {
				t.Fatal(answer.Error)
			}
		}
		check(t, conn.Close())
		if pages < 5 || largest > 3*outputPage {
			t.Errorf("%v: %d pages, the largest of %d bytes; want several of some %d", args, pages, largest, outputPage)
		}
		live[args[1]] = text.String()
		if printed := mustCommand(t, append(args, "--data", data)...); printed != text.String() {
			t.Errorf("%v prints %d bytes, and %d were sent", args, len(printed), text.Len())
		}
	}
	check(t, s.stop())
	for _, args := range [][]string{list, export} {
		idle := mustCommand(t, append(args, "--data", data)...)
		if live[args[1]] != idle || strings.Count(idle, "zoë-") != many {
			t.Errorf("%v: %d bytes of a running service, %d of an idle folder with %d of the accounts; want them equal, with %d", args, len(live[args[1]]), len(idle), strings.Count(idle, "zoë-"), many)
		}
	}
}

// TestExportThatFailsLeavesNoFile that somebody might take for all accounts.
func TestExportThatFailsLeavesNoFile(t *testing.T) {
	to := filepath.Join(t.TempDir(), "accounts.jsonl")
	if _, _, err := command(t, "account", "export", "--to", to, "--data", t.TempDir()); err == nil {
		t.Fatal("there is no deployment")
	}
	if _, err := os.Stat(to); err == nil {
		t.Error("a file is left")
	}
}

func TestAccountsAreFoundByIDNameAndAddress(t *testing.T) {
	deploymentInFolder(t)
	var lines bytes.Buffer
	for _, name := range []string{"ada", "adam", "bea"} {
		lines.WriteString(`{"username":"` + name + `","email":"` + name + `@example.com"}` + "\n")
	}
	as[importResult](t, "account", "import", importFile(t, "users", lines.String()), "--format", "jsonl")
	id := as[accountJSON](t, "account", "show", "bea").ID
	for text, want := range map[string]string{
		id: "bea", "BEA": "bea", "Bea@example.com": "bea", "ada": "ada", "ada*": "ada adam", "ADAM@ex*": "adam", "zoe": "", "zoe*": "", "not a name": "",
		"0190b0e4-7e00-7000-8000-000000000001": "",
	} {
		var names []string
		for _, a := range as[[]accountJSON](t, "account", "search", text) {
			names = append(names, a.Username)
		}
		slices.Sort(names)
		if got := strings.Join(names, " "); got != want {
			t.Errorf("search %s: %q, want %q", text, got, want)
		}
	}
	if one := as[[]accountJSON](t, "account", "search", "ada*", "--limit", "1"); len(one) != 1 {
		t.Errorf("with --limit 1: %+v", one)
	}
	if text := mustCommand(t, "account", "search", "bea"); !strings.Contains(text, id) {
		t.Errorf("for people: %s", text)
	}
}
