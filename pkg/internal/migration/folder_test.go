package migration_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/endpoint/all"
	"github.com/wavepass/wavepass/pkg/schema"
	"github.com/wavepass/wavepass/pkg/store/bolt"
)

func TestNobodyIsLoggedOutByTheMigrationOfAFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "wavepass.db")
	copyFile(t, filepath.Join("testdata", "folder", "wavepass.db"), file)
	if s, err := bolt.Open(file, time.Now); !errors.Is(err, schema.ErrOlder) {
		if err == nil {
			_ = s.Close()
		}
		t.Fatalf("open the older folder: %v, want ErrOlder", err)
	}
	if done, err := bolt.Migrate(file, false); err != nil || done.From != schema.First || done.Items != 9 {
		t.Fatalf("migrate: %+v, error %v; want 9 login names", done, err)
	}
	w := newWorld(t, "folder", func(now func() time.Time) all.Store {
		s, err := bolt.Open(file, now)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	})
	tokens := w.wantNobodyLoggedOut("after the migration")
	w.clock.Advance(14*24*time.Hour - time.Minute)
	w.wantAllRefresh("a minute before they are idle for too long", tokens)
}
