package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/internal/hashvectors"
	"github.com/wavepass/wavepass/pkg/foreignhash"
)

// TestInteropHashesOfOtherProgramsFit has new hashes made by the libraries themselves. Those that package foreignhash keeps were made in the
// same way; UPDATE_VECTORS=1 replaces them.
func TestInteropHashesOfOtherProgramsFit(t *testing.T) {
	home := libraries(t)
	for file, command := range map[string][]string{
		"python.jsonl": {filepath.Join(home, "venv/bin/python"), "testdata/interop/hashes.py"},
		"node.jsonl":   {"node", "testdata/interop/hashes.mjs"},
	} {
		var problems strings.Builder
		run := exec.CommandContext(t.Context(), command[0], command[1:]...)
		run.Stderr = &problems
		printed, err := run.Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s", command[1], err, problems.String())
		}
		kept := filepath.Join("../../pkg/foreignhash/testdata", file)
		if os.Getenv("UPDATE_VECTORS") != "" {
			check(t, os.WriteFile(kept, printed, 0o644))
		}
		made, err := hashvectors.Read(printed)
		check(t, err)
		text, err := os.ReadFile(kept)
		check(t, err)
		before, err := hashvectors.Read(text)
		check(t, err)
		if len(made) != len(before) {
			t.Errorf("%s makes %d hashes, and %d are kept: run this with UPDATE_VECTORS=1", command[1], len(made), len(before))
		}
		for _, v := range made {
			stored, err := v.Stored()
			check(t, err)
			hash, err := foreignhash.Parse(stored)
			if err != nil {
				t.Errorf("%s: %v", v.MadeBy, err)
				continue
			}
			if !hash.Fits(v.Password) || hash.Fits("x"+v.Password) {
				t.Errorf("%s: the hash does not fit %q alone", v.MadeBy, v.Password)
			}
		}
	}
}
