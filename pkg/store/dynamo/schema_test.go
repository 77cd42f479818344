package dynamo_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/wavepass/wavepass/internal/faultproxy"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/schema"
)

// setSchema writes the number past the store; 0 removes it.
func (w *world) setSchema(number int) {
	w.t.Helper()
	if number == 0 {
		w.remove(itemKey("SCHEMA", "SCHEMA"))
		return
	}
	it := itemKey("SCHEMA", "SCHEMA")
	it["number"] = &types.AttributeValueMemberN{Value: strconv.Itoa(number)}
	w.put(it)
}

func (w *world) wantSchema(want int, wantErr error) {
	w.t.Helper()
	got, err := w.store.Schema(w.t.Context())
	if got != want || !errors.Is(err, wantErr) {
		w.t.Errorf("schema %d, error %v; want %d, %v", got, err, want, wantErr)
	}
}

func TestSchemaIsReadOnceAMinuteBesideTheAccount(t *testing.T) {
	w := newWorld(t, engine(t), newTable(t, engine(t)))
	w.wantSchema(schema.First, nil)
	w.setSchema(schema.Current)
	w.pass(time.Minute - time.Second)
	w.wantSchema(schema.First, nil)
	w.pass(time.Second)

	w.proxy.Inject(faultproxy.Rule{Fault: faultproxy.Delay(20 * time.Millisecond)}) // or they may not overlap, though nobody waits
	w.proxy.Forget()
	for range 2 {
		if _, err := w.store.Account(t.Context(), w.person.ID); err != nil {
			t.Fatal(err)
		}
		w.wantSchema(schema.Current, nil)
	}
	var schemas, accounts []faultproxy.Call
	for _, c := range w.proxy.Calls() {
		if c.Accesses[0].Key == "SCHEMA" {
			schemas = append(schemas, c)
		} else {
			accounts = append(accounts, c)
		}
	}
	if len(schemas) != 1 || len(accounts) != 2 || accounts[0].Start.After(schemas[0].End) || schemas[0].Start.After(accounts[0].End) {
		t.Errorf("schema read by %v, account by %v; want the one read of the schema beside the first of the account", schemas, accounts)
	}
}

func TestSchemaThatCannotBeReadIsAsItWas(t *testing.T) {
	w := newWorld(t, engine(t), newTable(t, engine(t)))
	w.patience(patient) // a store that knows no number
	unreadable := faultproxy.Rule{Operation: "GetItem", Key: "SCHEMA", Fault: faultproxy.InternalError}
	w.proxy.Inject(unreadable)
	w.setSchema(schema.Current)
	w.wantSchema(schema.First, nil)
	w.proxy.Heal()
	w.wantSchema(schema.Current, nil)
	w.pass(time.Hour)
	w.proxy.Inject(unreadable)
	w.wantSchema(schema.Current, nil)
	if _, err := w.store.Account(t.Context(), w.person.ID); err != nil {
		t.Errorf("read an account while the schema cannot be read: %v", err)
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	w := newWorld(t, engine(t), newTable(t, engine(t)))
	w.patience(patient) // a store that knows no number
	w.setSchema(schema.Current + 1)
	w.wantSchema(0, schema.ErrNewer)
	w.wantSchema(0, oauth.ErrUnavailable)
	if _, err := w.store.Migrate(t.Context(), false); !errors.Is(err, schema.ErrNewer) {
		t.Errorf("migrate a newer table: error %v, want ErrNewer", err)
	}
	err := w.store.ReplaceParts(t.Context(), 0, map[keyring.Part][]byte{keyring.Signing: {1}, keyring.Refresh: {2}, keyring.Public: {3}})
	if !errors.Is(err, keyring.ErrConflict) {
		t.Errorf("create a keyring in a newer table: error %v, want ErrConflict", err)
	}
}
