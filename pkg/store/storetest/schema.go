package storetest

import (
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/schema"
)

var schemaTests = []subtest{
	{"IsCurrentOnceThereIsAKeyring", schemaOfNewStore},
}

// schemaOfNewStore also asks before the keyring is there, so that an answer of that time must not be held.
func schemaOfNewStore(t *testing.T, f fixture) {
	_, err := f.Schema(t.Context())
	wantErr(t, "schema of an empty store", err, nil)
	wantErr(t, "create the keyring", f.ReplaceParts(t.Context(), 0, content("the first")), nil)
	for range 2 {
		number, err := f.Schema(t.Context())
		wantErr(t, "schema", err, nil)
		same(t, "schema", number, schema.Current)
		f.clock.Advance(2 * time.Minute)
	}
}
