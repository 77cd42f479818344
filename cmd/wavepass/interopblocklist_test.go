package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestInteropBlocklistIsMadeOfItsSources: what package blocklist embeds is what the program makes of the pinned lists.
func TestInteropBlocklistIsMadeOfItsSources(t *testing.T) {
	libraries(t)
	made := filepath.Join(t.TempDir(), "common.bin")
	if out, err := exec.Command("go", "run", "../../internal/passwordlist", "-o", made).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want, err := os.ReadFile(made)
	check(t, err)
	got, err := os.ReadFile("../../pkg/account/blocklist/common.bin")
	check(t, err)
	if !bytes.Equal(got, want) {
		t.Errorf("pkg/account/blocklist/common.bin has %d bytes and is not what its sources make, %d bytes: run scripts/interop-tools go generate ./pkg/account/blocklist", len(got), len(want))
	}
}
