package bolt_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/store/bolt"
)

func TestOpenRefusesWhatIsNotAStore(t *testing.T) {
	good := filepath.Join(t.TempDir(), "store")
	closeStore(t, open(t, good, time.Now))
	whole, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"a short text":           []byte("not a database\n"),
		"a long text":            []byte(strings.Repeat("not a database\n", 10_000)),
		"zeros":                  make([]byte, 64*1024),
		"emptied":                {},
		"both meta pages broken": append(bytes.Repeat([]byte{0xff}, 64*1024), whole...),
	} {
		path := filepath.Join(t.TempDir(), "store")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := bolt.Open(path, time.Now)
		wantOpenError(t, name, s, err, bolt.ErrFormat, path)
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, content) {
			t.Errorf("%s: the file was changed (%v)", name, err)
		}
	}
}

// A file may be cut off or overwritten anywhere. It opens, or is refused with an error and left as it is; it never panics.
func TestOpenRefusesADamagedFileAndLeavesIt(t *testing.T) {
	good := filepath.Join(t.TempDir(), "store")
	s := open(t, good, time.Now)
	for i := range 300 {
		if err := s.PutClient(t.Context(), client.New(fmt.Sprintf("client-%d", i), client.Native)); err != nil {
			t.Fatal(err)
		}
	}
	closeStore(t, s)
	whole, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	page := os.Getpagesize()
	tried := func(what string, content []byte, mustFail bool) {
		path := filepath.Join(t.TempDir(), "store")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := bolt.Open(path, time.Now)
		if err == nil {
			closeStore(t, s)
			if mustFail {
				t.Errorf("%s: opened", what)
			}
			return
		}
		wantOpenError(t, what, s, err, bolt.ErrFormat, path)
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, content) {
			t.Errorf("%s: the file was changed (%v)", what, err)
		}
	}
	for _, size := range []int{1, 100, page, 2*page - 1, 2 * page, 3 * page, len(whole) / 4, len(whole) / 2} {
		tried(fmt.Sprintf("cut off after %d bytes", size), whole[:size], true)
	}
	for at := 2 * page; at+page <= len(whole); at += page {
		for _, with := range []byte{0, 0xff} {
			damaged := bytes.Clone(whole)
			copy(damaged[at:], bytes.Repeat([]byte{with}, page))
			tried(fmt.Sprintf("page %d full of %#x", at/page, with), damaged, false)
		}
	}
}

// TestOpenRefusesAnotherProgramsDatabase: without a format the buckets of somebody else would be joined
// by ours.
func TestOpenRefusesAnotherProgramsDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	change(t, path, func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucket([]byte("theirs"))
		return err
	})
	s, err := bolt.Open(path, time.Now)
	wantOpenError(t, "another program's", s, err, bolt.ErrFormat, path)
}

func TestOpenRefusesAFileInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	first := open(t, path, time.Now)
	s, err := bolt.Open(path, time.Now)
	wantOpenError(t, "in use", s, err, bolt.ErrInUse, path)
	closeStore(t, first)
	open(t, path, time.Now)
}

func TestOpenReportsTheFileSystem(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing", "store")
	s, err := bolt.Open(missing, time.Now)
	wantOpenError(t, "no such folder", s, err, fs.ErrNotExist, missing)

	folder := t.TempDir()
	if s, err := bolt.Open(folder, time.Now); err == nil {
		closeStore(t, s)
		t.Error("a folder in place of the file: no error")
	}

	if os.Getuid() == 0 {
		t.Log("root may read every folder: the unreadable one was not tried")
		return
	}
	path := filepath.Join(folder, "store")
	if err := os.Chmod(folder, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(folder, 0o700) })
	s, err = bolt.Open(path, time.Now)
	wantOpenError(t, "unreadable folder", s, err, fs.ErrPermission, path)
}

func TestOpenCreatesAFileForItsOwnerOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	open(t, path, time.Now)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("mode of a new file = %o, want 600", got)
	}
}

// wantOpenError checks that there is no store, and that the error is want and says all of words.
func wantOpenError(t *testing.T, what string, s *bolt.Store, err, want error, words ...string) {
	t.Helper()
	if s != nil {
		closeStore(t, s)
		t.Fatalf("%s: a store was opened, want %v", what, want)
	}
	if !errors.Is(err, want) {
		t.Fatalf("%s: error = %v, want %v", what, err, want)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%s: error = %q, want one that names %s", what, err, word)
		}
	}
}

func closeStore(t *testing.T, s *bolt.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// change writes to a file that is not open, past the package under test.
func change(t *testing.T, path string, do func(*bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(do); err != nil {
		t.Error(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestFileThatWasCutOffIsRefused(t *testing.T) {
	for _, pages := range []int64{2, 3, 5} {
		path := filepath.Join(t.TempDir(), "wavepass.db")
		store, err := bolt.Open(path, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, pages*int64(os.Getpagesize())); err != nil {
			t.Fatal(err)
		}
		if _, err := bolt.Open(path, time.Now); !errors.Is(err, bolt.ErrFormat) {
			t.Errorf("cut off after %d pages: error %v, want ErrFormat", pages, err)
		}
	}
}
