package bolt_test

import (
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"
)

// TestClientWithoutTheNewerFields reads a record as it was written before shared_store and third_party existed.
func TestClientWithoutTheNewerFields(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	if err := open(t, path, at(start)).Close(); err != nil {
		t.Fatal(err)
	}
	file, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = file.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("clients")).Put([]byte("app"), []byte(`{"kind":"native","roles":"embed","access_life":1,"idle_life":1,"absolute":1}`))
	})
	if err != nil || file.Close() != nil {
		t.Fatal(err)
	}
	got, err := open(t, path, at(start)).Client(t.Context(), "app")
	if err != nil || got.SharedStore || !got.FirstParty {
		t.Errorf("client %+v, error %v; want a first-party client without a shared store", got, err)
	}
}
