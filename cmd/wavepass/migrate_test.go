package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/wavepass/wavepass/pkg/audit"
)

// olderFolder is a copy of a data folder that an older version has made.
func olderFolder(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for _, name := range []string{databaseName, keyFileName} {
		data, err := os.ReadFile(filepath.Join("../../pkg/internal/migration/testdata/folder", name))
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, name), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func TestOlderFolderIsRefusedUntilItIsMigrated(t *testing.T) {
	folder := olderFolder(t)
	sentence := folder + " was made by an older version of Wavepass: run `wavepass migrate --data " + folder + "` once"
	for _, args := range [][]string{
		{"local", "--addr", "127.0.0.1:0", "--template", "../../template.yaml"}, {"account", "show", "ada"}, {"key", "list"},
	} {
		if _, _, err := command(t, append(args, "--data", folder)...); err == nil || !strings.Contains(err.Error(), sentence) {
			t.Errorf("%v: error %v, want one that says %q", args, err, sentence)
		}
	}
	const plan = " has schema number 1; to do:\n"
	for i, step := range []struct {
		args []string
		says string
	}{
		{[]string{"--dry-run"}, plan}, {[]string{"--dry-run"}, plan},
		{nil, plan}, {nil, " has schema number 2: there is nothing to migrate\n"},
	} {
		out, _, err := command(t, append([]string{"migrate", "--data", folder}, step.args...)...)
		if err != nil || !strings.HasPrefix(out, folder+step.says) {
			t.Fatalf("migration %d: %q, error %v; want it to begin with %q", i, out, err, step.says)
		}
		if done := "done: the schema number is 2, and 9 login names migrated\n"; strings.HasSuffix(out, done) != (i == 2) {
			t.Errorf("migration %d says %q; only the third is to say %q", i, out, done)
		}
	}
	if out, _, err := command(t, "account", "show", "ada", "--data", folder); err != nil || !strings.Contains(out, "username  ada") {
		t.Errorf("account show afterwards: %q, error %v", out, err)
	}
	if events := as[[]audit.Event](t, "audit", "list", "--data", folder); len(events) != 1 || events[0].Name != audit.Migrated ||
		events[0].Count != 9 || !strings.HasPrefix(events[0].Actor, "operator:") {
		t.Errorf("events %+v, want one migration of nine by its operator", events)
	}
	s := start(t, "--data", folder)
	s.want("login afterwards", s.loginAs("ada", "surf-the-older-wave"), 200, "")
	if _, _, err := command(t, "migrate", "--data", folder); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("migrate beside a running server: error %v, want one that says in use", err)
	}
}

func TestNewerFolderIsRefused(t *testing.T) {
	folder := olderFolder(t)
	db, err := bbolt.Open(filepath.Join(folder, databaseName), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte("meta")).Put([]byte("format"), []byte("99")) })
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"account", "show", "ada"}, {"migrate"}} {
		_, _, err := command(t, append(args, "--data", folder)...)
		if err == nil || !strings.Contains(err.Error(), "made by a newer version of Wavepass") {
			t.Errorf("%v: error %v, want one that says newer", args, err)
		}
	}
}

func TestMigrateNeedsAFolderThatIsThere(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "none")
	if _, _, err := command(t, "migrate", "--data", folder); err == nil || !strings.Contains(err.Error(), folder+" holds no data") {
		t.Errorf("error %v, want one that says that nothing is there", err)
	}
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("the folder was created (%v)", err)
	}
}
