package bolt_test

import (
	"errors"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/wavepass/wavepass/pkg/schema"
	"github.com/wavepass/wavepass/pkg/store/bolt"
)

func setSchema(t *testing.T, path, number string) {
	t.Helper()
	change(t, path, func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("meta")).Put([]byte("format"), []byte(number))
	})
}

func TestOpenRefusesEverySchemaButItsOwn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	closeStore(t, open(t, path, time.Now))
	for number, want := range map[string]error{
		strconv.Itoa(schema.First):       schema.ErrOlder,
		strconv.Itoa(schema.Current + 1): schema.ErrNewer,
		"0":                              bolt.ErrFormat,
		"-1":                             bolt.ErrFormat,
		"two":                            bolt.ErrFormat,
		"":                               bolt.ErrFormat,
	} {
		setSchema(t, path, number)
		s, err := bolt.Open(path, time.Now)
		wantOpenError(t, "schema "+number, s, err, want, path)
		if _, err := bolt.Migrate(path, false); want != schema.ErrOlder && !errors.Is(err, want) {
			t.Errorf("migrate a file of schema %q: error %v, want %v", number, err, want)
		}
	}
	setSchema(t, path, strconv.Itoa(schema.Current)) // also proves that the refusals have let go of the file
	open(t, path, time.Now)
}

func TestMigrateMayBeRehearsedAndRepeated(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	closeStore(t, open(t, path, time.Now))
	setSchema(t, path, strconv.Itoa(schema.First))
	change(t, path, func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("login names")).Put([]byte("ada"),
			[]byte(`{"account_id":"0198c0de-0000-7000-8000-000000000001","hash":"h","epoch":7}`))
	})
	first := schema.Migration{From: schema.First, To: schema.Current, Items: 1}
	for i, step := range []struct {
		dryRun bool
		want   schema.Migration
	}{
		{true, first}, {true, first}, {false, first},
		{false, schema.Migration{From: schema.Current, To: schema.Current}},
	} {
		got, err := bolt.Migrate(path, step.dryRun)
		if err != nil || got != step.want {
			t.Fatalf("migration %d: %+v, error %v; want %+v", i, got, err, step.want)
		}
	}
	found, err := open(t, path, time.Now).LoginName(t.Context(), "ada")
	if err != nil || found.Hash != "h" {
		t.Errorf("the login name afterwards: %+v, error %v", found, err)
	}
}

func TestMigrateLeavesOtherFilesAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	change(t, path, func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucket([]byte("theirs"))
		return err
	})
	if _, err := bolt.Migrate(path, false); !errors.Is(err, bolt.ErrFormat) {
		t.Errorf("another program's database: error %v, want ErrFormat", err)
	}
	path = filepath.Join(t.TempDir(), "store")
	open(t, path, time.Now)
	if _, err := bolt.Migrate(path, false); !errors.Is(err, bolt.ErrInUse) {
		t.Errorf("a file in use: error %v, want ErrInUse", err)
	}
}
