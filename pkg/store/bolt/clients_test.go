package bolt_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/store/storetest"
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

func TestDocumentsThatAreGoneAreDeletedBesideWrites(t *testing.T) {
	s := open(t, filepath.Join(storetest.Dir(t), "store"), at(start))
	first := time.Unix(1_782_900_000, 0).UTC()
	put := func(i int, fetched time.Time) {
		t.Helper()
		c := client.Client{ID: fmt.Sprintf("https://a%04d.example/c", i), Kind: client.Native, Document: client.Document{Fetched: fetched, KeptUntil: fetched.Add(24 * time.Hour)}}
		if err := s.PutClient(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 200 {
		put(i, first)
	}
	for i := 0; i < 200; i += 10 {
		put(i, first.Add(24*time.Hour))
	}
	all, err := s.Clients(t.Context())
	if err != nil || len(all) != 20 {
		t.Errorf("%d clients, %v, want the 20 that are kept", len(all), err)
	}
}
