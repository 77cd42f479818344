// Package examples holds the examples to what the rest of the repository is held to. Each is a module of its own, so that its folder
// can be copied (docs/adr/0054-an-example-is-a-module-of-its-own.md), and `go test ./...` would pass over it.
package examples

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestEachExampleHoldsWhereItIsCopiedTo(t *testing.T) {
	found, err := filepath.Glob("*/go.mod")
	below, err2 := filepath.Glob("*/*/go.mod")
	if err != nil || err2 != nil || len(found) == 0 || len(below) == 0 {
		t.Fatalf("found %v and %v, errors %v, %v; want the modules of the examples", found, below, err, err2)
	}
	found = append(found, below...)
	for _, module := range found {
		folder := filepath.Dir(module)
		t.Run(filepath.ToSlash(folder), func(t *testing.T) {
			copied := filepath.Join(t.TempDir(), "copied") // outside of the repository: neither its modules nor its other packages are there
			if err := os.CopyFS(copied, os.DirFS(folder)); err != nil {
				t.Fatal(err)
			}
			commands := []string{"vet ./...", "test ./..."}
			if _, imports := versions(t, module)["github.com/wavepass/wavepass"]; imports { // pkg/verify, until a version of it is published
				root, err := filepath.Abs("..")
				if err != nil {
					t.Fatal(err)
				}
				commands = slices.Insert(commands, 0, "mod edit -replace=github.com/wavepass/wavepass="+root)
			}
			for _, args := range commands {
				command := exec.CommandContext(t.Context(), "go", strings.Fields(args)...)
				command.Dir, command.Env = copied, append(os.Environ(), "GOWORK=off")
				if out, err := command.CombinedOutput(); err != nil {
					t.Errorf("go %s: %v\n%s", args, err, out)
				}
			}
			sameVersions(t, module)
		})
	}
}

// sameVersions reports modules of which an example has another version than Wavepass: one update reaches all.
func sameVersions(t *testing.T, module string) {
	t.Helper()
	wavepass := versions(t, "../go.mod")
	for name, version := range versions(t, module) {
		if want, shared := wavepass[name]; shared && version != want {
			t.Errorf("%s wants %s %s, and go.mod of Wavepass %s", module, name, version, want)
		}
	}
}

var required = regexp.MustCompile(`(?m)^(?:require |\t)(\S+) (v\S+)`)

func versions(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, found := range required.FindAllStringSubmatch(string(text), -1) {
		all[found[1]] = found[2]
	}
	return all
}
