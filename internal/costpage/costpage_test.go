package costpage

import (
	"os"
	"regexp"
	"strconv"
	"testing"

	"github.com/wavepass/wavepass/internal/writtenpage"
)

const page = "../../docs/cost.md"

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestCostPage is red while the page is not what the counted reads and writes come to.
func TestCostPage(t *testing.T) {
	want, err := write(read(t, page), read(t, "../../docs/capacity.md"))
	if err != nil {
		t.Fatal(err)
	}
	writtenpage.Check(t, page, want)
}

// The memory of a function is what template.yaml gives it.
func TestMemoryIsThatOfTheTemplate(t *testing.T) {
	template := read(t, "../../template.yaml")
	for function, i := range map[string]int{"LoginFunction": 0, "RefreshFunction": 1, "RevokeFunction": 2, "AuthorizerFunction": 3} {
		found := regexp.MustCompile(`(?s)\n  ` + function + `:\n.*?MemorySize: (\d+)`).FindStringSubmatch(template)
		if found == nil {
			t.Fatalf("%s has no MemorySize", function)
		}
		if memory, _ := strconv.ParseFloat(found[1], 64); memory != operations[i].memory {
			t.Errorf("%s: template.yaml has %v MB, the page counts %v", function, memory, operations[i].memory)
		}
	}
}
