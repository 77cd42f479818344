//go:build unix

package functions_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// passwordSetters are the functions that set passwords. The table of package blocklist is a third of a megabyte, which no other carries.
var passwordSetters = map[string]bool{"accounts": true, "password": true}

func TestOnlyFunctionsThatSetPasswordsCarryTheBlocklist(t *testing.T) {
	newWorld(t, nil) // builds them
	table, err := os.ReadFile("../pkg/account/blocklist/common.bin")
	check(t, err)
	folders, err := filepath.Glob("*/main.go")
	check(t, err)
	for _, file := range folders {
		name := filepath.Dir(file)
		program, err := os.ReadFile(filepath.Join(programs, name))
		check(t, err)
		if carries := bytes.Contains(program, table); carries != passwordSetters[name] {
			t.Errorf("%s carries the blocklist: %t, want %t", name, carries, passwordSetters[name])
		}
	}
}
