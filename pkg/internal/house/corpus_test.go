package house_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var fuzzTarget = regexp.MustCompile(`(?m)^func (Fuzz\w*)\(`)

// eachTestFile reads the Go files of tests below root.
func eachTestFile(root string, read func(path string, text []byte)) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && (entry.Name()[0] == '.' || entry.Name() == "node_modules"):
			return filepath.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err == nil {
			read(path, text)
		}
		return err
	})
}

// emptyCorpora lists what is wrong with the fuzz targets below root, and how many there are.
func emptyCorpora(root string) (wrong []string, targets int, err error) {
	err = eachTestFile(root, func(path string, text []byte) {
		for _, found := range fuzzTarget.FindAllSubmatch(text, -1) {
			targets++
			folder := filepath.Join(filepath.Dir(path), "testdata", "fuzz", string(found[1]))
			seeds, err := filepath.Glob(filepath.Join(folder, "*"))
			if err != nil || len(seeds) < 3 {
				wrong = append(wrong, folder+": fewer than three seeds: a valid one, a nearly valid one, a hostile one")
			}
			for _, seed := range seeds {
				if content, err := os.ReadFile(seed); err != nil || !bytes.HasPrefix(content, []byte("go test fuzz v1\n")) {
					wrong = append(wrong, seed+": no seed, go test would pass it over or fail")
				}
			}
		}
	})
	return wrong, targets, err
}

func TestEveryFuzzTargetHasSeeds(t *testing.T) {
	wrong, targets, err := emptyCorpora("../../..")
	if err != nil || targets < 25 {
		t.Fatalf("found %d fuzz targets (%v), want those of every parser", targets, err)
	}
	for _, one := range wrong {
		t.Error(one)
	}
}

func TestEmptyCorpusIsSeen(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("p/a_test.go", "package p\n\nfunc FuzzSeeded(f *testing.F) {}\nfunc FuzzMissing(f *testing.F) {}\nfunc FuzzEmpty(f *testing.F) {}\nfunc FuzzTorn(f *testing.F) {}\n")
	write("p/testdata/fuzz/FuzzEmpty/.keep", "")
	for _, seed := range []string{"a", "b", "c"} {
		write("p/testdata/fuzz/FuzzSeeded/"+seed, "go test fuzz v1\nstring(\"\")\n")
		write("p/testdata/fuzz/FuzzTorn/"+seed, "go test fuzz v1\nstring(\"\")\n")
	}
	write("p/testdata/fuzz/FuzzTorn/d", "go test")
	wrong, targets, err := emptyCorpora(root)
	if err != nil || targets != 4 {
		t.Fatalf("found %d targets (%v), want 4", targets, err)
	}
	all := strings.Join(wrong, "\n")
	for name, want := range map[string]bool{"FuzzSeeded": false, "FuzzMissing": true, "FuzzEmpty": true, "FuzzTorn/d": true} {
		if strings.Contains(all, name) != want {
			t.Errorf("%s is reported: %v, want %v:\n%s", name, !want, want, all)
		}
	}
}
