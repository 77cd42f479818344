// Package writtenpage holds a page of docs/ to what code writes. It owns the flag -update of the tests that use it; what the page says is theirs.
package writtenpage

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the page anew")

// Check is red while the file, relative to the folder of the test, which is in internal/, is not want. With -update it writes want first.
func Check(t *testing.T, file, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		folder, _ := os.Getwd()
		t.Errorf("docs/%s is not current: run go test ./internal/%s -update (-want +got):\n%s", filepath.Base(file), filepath.Base(folder), diff)
	}
}
