package doctor

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestPageHasARowOfEachLook(t *testing.T) {
	text, err := os.ReadFile("../../../../docs/doctor.md")
	if err != nil {
		t.Fatal(err)
	}
	want := ""
	for _, l := range looks {
		want += fmt.Sprintf("| `%s` | %s | %s | %s |\n", l.id, l.title, l.why, l.mend)
	}
	if _, rows, _ := strings.Cut(string(text), "|---|---|---|---|\n"); !strings.HasPrefix(rows, want) || strings.HasPrefix(strings.TrimPrefix(rows, want), "|") {
		t.Errorf("docs/doctor.md lacks these rows:\n%s", want)
	}
}
