package seal_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/internal/faultproxy"
	"github.com/wavepass/wavepass/pkg/internal/permissions"
	"github.com/wavepass/wavepass/pkg/keyring"
)

// TestWhoMayOpenWhatIsAsThePageSays compares the table of docs/keys.md with the policies of the template.
func TestWhoMayOpenWhatIsAsThePageSays(t *testing.T) {
	const template = "../../template.yaml"
	sealing, err := permissions.Read(template, permissions.SealingKey)
	if err != nil {
		t.Fatal(err)
	}
	table, err := permissions.Read(template, permissions.Table)
	if err != nil {
		t.Fatal(err)
	}
	may := func(statements []permissions.Statement, action, key string) bool {
		return permissions.Allow(statements, faultproxy.Call{
			Operation: "TransactWriteItems", Accesses: []faultproxy.Access{{Action: action, Key: key}},
		})
	}
	allowed := map[string]string{}
	for function, statements := range sealing {
		cells := []string{"–", "–", "–", "–"}
		for i, part := range []keyring.Part{keyring.Signing, keyring.Refresh, keyring.Links} {
			if may(statements, "Decrypt", string(part)) {
				cells[i] = "opens"
			}
		}
		switch public := "KEYRING#" + string(keyring.Public); {
		case may(table[function], "PutItem", public):
			cells[3] = "writes"
		case may(table[function], "GetItem", public):
			cells[3] = "reads"
		}
		allowed[function] = strings.Join(cells, " | ")
	}
	if diff := cmp.Diff(allowed, readPage(t)); diff != "" {
		t.Errorf("docs/keys.md, `Who may open what` (-template +page):\n%s", diff)
	}
}

// What SECURITY says of code that runs in functions follows from what they may open.
func TestSecurityNamesTheFunctionsThatOpenKeys(t *testing.T) {
	text, err := os.ReadFile("../../SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	for part, limit := range map[int]string{0: "- Code execution in `introspect` can sign access tokens", 1: "- Code execution in a function that opens the MAC keys"} {
		_, rest, found := strings.Cut(string(text), limit)
		if !found {
			t.Errorf("SECURITY.md does not say: %s", limit)
			continue
		}
		said, _, _ := strings.Cut(rest, "\n- ")
		for function, cells := range readPage(t) {
			opens := strings.Split(cells, " | ")[part] == "opens"
			if named := strings.Contains(limit+said, "`"+function+"`"); named != opens {
				t.Errorf("%s: SECURITY.md names it: %t; it opens the keys: %t", function, named, opens)
			}
		}
	}
}

// readPage returns the cells of the page's table by function; a row may name several.
func readPage(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/keys.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "| | SIGNING | REFRESH | LINKS | public part |\n|---|---|---|---|---|\n")
	if !found {
		t.Fatal("docs/keys.md has no table of who may open what")
	}
	rows := map[string]string{}
	for line := range strings.Lines(table) {
		names, cells, isRow := strings.Cut(strings.Trim(strings.TrimSpace(line), "| "), " | ")
		if !isRow {
			break
		}
		for name := range strings.SplitSeq(names, ", ") {
			rows[name] = cells
		}
	}
	return rows
}
