package foreignhash_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/internal/hashvectors"
	"github.com/wavepass/wavepass/pkg/foreignhash"
)

// vectors are what other programs have made, and what they have published themselves.
func vectors(t *testing.T) []hashvectors.Vector {
	t.Helper()
	files, err := filepath.Glob("testdata/*.jsonl")
	if err != nil || len(files) != 3 {
		t.Fatalf("the folder has %d files of vectors (%v), want 3", len(files), err)
	}
	var all []hashvectors.Vector
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		read, err := hashvectors.Read(text)
		if err != nil || len(read) == 0 {
			t.Fatalf("%s has %d vectors (%v)", file, len(read), err)
		}
		all = append(all, read...)
	}
	return all
}

func TestHashesOfOtherProgramsFitTheirPasswordsOnly(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.MadeBy, func(t *testing.T) {
			t.Parallel()
			stored, err := v.Stored()
			if err != nil {
				t.Fatal(err)
			}
			hash, err := foreignhash.Parse(stored)
			if err != nil {
				t.Fatalf("a hash of %s: %v", v.MadeBy, err)
			}
			if !hash.Fits(v.Password) {
				t.Errorf("the password %q does not fit its hash", v.Password)
			}
			if other := "x" + v.Password; !strings.Contains(v.MadeBy, "own costs") && hash.Fits(other) { // those are dear
				t.Errorf("another password, %q, fits", other)
			}
		})
	}
}

// TestPasswordBeyond72BytesMattersAsItDidForBcrypt, because the program that made the hash compared no more either.
func TestPasswordBeyond72BytesMattersAsItDidForBcrypt(t *testing.T) {
	seen := 0
	for _, v := range vectors(t) {
		if len(v.Password) < 73 || !strings.HasPrefix(v.Hash, "$2") || v.Pepper != "" {
			continue
		}
		seen++
		hash, err := foreignhash.Parse(v.Hash)
		if err != nil {
			t.Fatal(err)
		}
		if !hash.Fits(v.Password[:72]) || !hash.Fits(v.Password+"more") || hash.Fits(v.Password[:71]) {
			t.Errorf("%s: not exactly the first 72 bytes of a password count", v.MadeBy)
		}
	}
	if seen < 3 {
		t.Errorf("%d hashes of bcrypt are of a long password", seen)
	}
}

func TestPepperIsPartOfThePassword(t *testing.T) {
	for _, v := range vectors(t) {
		if v.Pepper == "" {
			continue
		}
		hash, err := foreignhash.Parse(foreignhash.Peppered(v.Hash, "another pepper"))
		if err != nil {
			t.Fatal(err)
		}
		if len(v.Password) < 72 && hash.Fits(v.Password) {
			t.Errorf("%q fits with another pepper", v.Password)
		}
	}
}
