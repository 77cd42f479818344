package bolt_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/wavepass/wavepass/pkg/store/bolt"
)

// together starts all writes while another one is under way, so that they share a commit, and returns their errors. A
// write that panics has the panic as its error.
func together(t *testing.T, s *bolt.Store, writes ...func(*bbolt.Bucket) error) []error {
	t.Helper()
	under, goOn := make(chan struct{}), make(chan struct{})
	errs := make([]error, len(writes))
	var all sync.WaitGroup
	var first sync.Once
	all.Go(func() {
		if err := s.Write(t.Context(), func(*bbolt.Bucket) error {
			first.Do(func() { close(under); <-goOn })
			return nil
		}); err != nil {
			t.Error(err)
		}
	})
	<-under
	for i, write := range writes {
		all.Go(func() {
			defer func() {
				if panicked := recover(); panicked != nil {
					errs[i] = fmt.Errorf("panic: %v", panicked)
				}
			}()
			errs[i] = s.Write(t.Context(), write)
		})
		for s.Waiting() <= i { // so that they come in this order
			runtime.Gosched()
		}
	}
	close(goOn)
	all.Wait()
	return errs
}

func set(key string) func(*bbolt.Bucket) error {
	return func(b *bbolt.Bucket) error { return b.Put([]byte(key), []byte("written")) }
}

// written returns the keys that are in the file.
func written(t *testing.T, s *bolt.Store) string {
	t.Helper()
	var keys []string
	err := s.Write(t.Context(), func(b *bbolt.Bucket) error {
		keys = nil
		return b.ForEach(func(key, _ []byte) error {
			keys = append(keys, string(key))
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(keys, " ")
}

func commits(t *testing.T, s *bolt.Store) int {
	t.Helper()
	n, err := s.Commits()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestWritesThatWaitShareACommit(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store"), time.Now)
	writes := make([]func(*bbolt.Bucket) error, bolt.MostTogether+1)
	for i := range writes {
		writes[i] = set(fmt.Sprint(i))
	}
	before := commits(t, s)
	for i, err := range together(t, s, writes...) {
		if err != nil {
			t.Errorf("write %d: %v", i, err)
		}
	}
	// One of the write under way, one that is full, and one of the write that had no place in it.
	if n := commits(t, s) - before; n != 3 {
		t.Errorf("%d commits, want 3", n)
	}
	if n := len(strings.Fields(written(t, s))); n != len(writes) {
		t.Errorf("%d keys are written, want %d", n, len(writes))
	}
}

func TestWriteThatFailsLeavesTheOthersOfItsCommit(t *testing.T) {
	failure := errors.New("the condition does not hold")
	after := func(key string, then func() error) func(*bbolt.Bucket) error {
		return func(b *bbolt.Bucket) error { return errors.Join(set(key)(b), then()) }
	}
	fails := after("wrong", func() error { return failure })
	panics := after("worse", func() error { panic("as planned") })

	for name, test := range map[string]struct {
		writes  []func(*bbolt.Bucket) error
		errs    string
		written string
	}{
		"in the middle":  {[]func(*bbolt.Bucket) error{set("a"), fails, set("b")}, "[<nil> the condition does not hold <nil>]", "a b"},
		"the first":      {[]func(*bbolt.Bucket) error{fails, set("a"), set("b")}, "[the condition does not hold <nil> <nil>]", "a b"},
		"the last":       {[]func(*bbolt.Bucket) error{set("a"), set("b"), fails}, "[<nil> <nil> the condition does not hold]", "a b"},
		"several":        {[]func(*bbolt.Bucket) error{fails, set("a"), fails, fails, set("b"), fails}, "[the condition does not hold <nil> the condition does not hold the condition does not hold <nil> the condition does not hold]", "a b"},
		"all":            {[]func(*bbolt.Bucket) error{fails, fails}, "[the condition does not hold the condition does not hold]", ""},
		"with a panic":   {[]func(*bbolt.Bucket) error{set("a"), panics, set("b")}, "[<nil> panic: as planned <nil>]", "a b"},
		"a panic, first": {[]func(*bbolt.Bucket) error{panics, set("a")}, "[panic: as planned <nil>]", "a"},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, filepath.Join(t.TempDir(), "store"), time.Now)
			if errs := fmt.Sprint(together(t, s, test.writes...)); errs != test.errs {
				t.Errorf("answers %s, want %s", errs, test.errs)
			}
			if keys := written(t, s); keys != test.written {
				t.Errorf("written: %q, want %q", keys, test.written)
			}
		})
	}
}

// TestWriteSeesThoseBeforeItInItsCommit: of many that want the same, one gets it.
func TestWriteSeesThoseBeforeItInItsCommit(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store"), time.Now)
	taken := errors.New("taken")
	take := func(b *bbolt.Bucket) error {
		if b.Get([]byte("one")) != nil {
			return taken
		}
		return set("one")(b)
	}
	if errs := fmt.Sprint(together(t, s, take, take, take)); errs != "[<nil> taken taken]" {
		t.Errorf("answers %s, want that the first gets it", errs)
	}
}

func TestWriteThatNobodyWaitsForIsNotBegun(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store"), time.Now)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Write(ctx, set("a")); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that the context is cancelled", err)
	}
	if keys := written(t, s); keys != "" {
		t.Errorf("written: %q", keys)
	}
}

// writesUntilKilled names the file that this test program, as a process of its own, writes to until it is killed.
const writesUntilKilled = "WAVEPASS_WRITES_UNTIL_KILLED"

// TestConfirmedWritesSurviveAKill kills a process of eight writers. Each line that it printed is a write that it was told
// to be kept.
func TestConfirmedWritesSurviveAKill(t *testing.T) {
	if path := os.Getenv(writesUntilKilled); path != "" {
		writeUntilKilled(t, path)
		return
	}
	for range 5 {
		path := filepath.Join(t.TempDir(), "store")
		writer := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		writer.Env = append(os.Environ(), writesUntilKilled+"="+path)
		out, err := writer.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := writer.Start(); err != nil {
			t.Fatal(err)
		}
		var confirmed []string
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if confirmed = append(confirmed, lines.Text()); len(confirmed) == 100 {
				_ = writer.Process.Kill() // what it has printed by now is read, too
			}
		}
		_ = writer.Wait() // it was killed
		s := open(t, path, time.Now)
		kept := map[string]bool{}
		for _, key := range strings.Fields(written(t, s)) {
			kept[key] = true
		}
		for _, key := range confirmed {
			if !kept[key] {
				t.Errorf("the write %s was confirmed and is lost", key)
			}
		}
		if len(confirmed) < 100 {
			t.Errorf("the process ended after %d writes", len(confirmed))
		}
	}
}

func writeUntilKilled(t *testing.T, path string) {
	s := open(t, path, time.Now)
	var writers sync.WaitGroup
	for writer := range 8 {
		writers.Go(func() {
			for i := 0; ; i++ {
				key := fmt.Sprintf("%d-%d", writer, i)
				if err := s.Write(t.Context(), set(key)); err != nil {
					fmt.Println("error:", err)
					return
				}
				fmt.Println(key)
			}
		})
	}
	writers.Wait()
}
