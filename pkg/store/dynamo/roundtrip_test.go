package dynamo_test

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
	"github.com/wavepass/wavepass/pkg/store/dynamo"
)

// record is one thing that is stored and read back.
type record struct {
	name  string
	store func(t *testing.T, s *dynamo.Store) error
	read  func(t *testing.T, s *dynamo.Store) (any, error)
	want  any
}

func records() []record {
	at := time.UnixMilli(1_700_000_000_123).UTC()
	full := session.Session{
		AccountID: testAccount, ID: testSession, ClientID: "app", Generation: 1<<32 - 1, RotatedAt: at,
		CreatedAt: at.Add(-time.Second), AuthTime: at.Truncate(time.Second), AMR: []string{"pwd", "otp"},
		IdleExpiry: at.Truncate(time.Second).Add(time.Hour), Expiry: at.Truncate(time.Second).Add(2 * time.Hour),
		Epoch: 7, Remembered: true, Device: "phone #1", Network: "2001:db8::/64", UsedFrom: "203.0.113.0/24", Late: []session.Late{{Generation: 3, At: at}, {Generation: 4, At: at.Add(time.Millisecond)}},
		RevokedAt: at, Reason: session.ReasonReuse,
	}
	someone := account.Account{
		ID: testAccount, Username: "u#1", Roles: []string{"b", "a"}, Scopes: []string{"s"}, Claims: `{"a":1}`, Disabled: true, Epoch: 1 << 40,
	}
	service := client.Client{
		ID: "partner", Kind: client.Service, Origins: []string{"https://a"}, Redirects: []string{"https://a/b"},
		Audiences: []string{"x", "y"}, Scopes: []string{"s"}, Roles: client.RolesLookup, AccessLife: time.Minute,
		IdleLife: time.Hour, Absolute: 24 * time.Hour, Remembered: 48 * time.Hour, LateRetries: 2, SharedStore: true,
		SecretHash: []byte{0, 1, 255}, Introspects: []string{"app"}, PostLogoutRedirects: []string{"https://a/c"}, Consent: true,
		Directory: "d", JWKS: `{"keys":[]}`, MayBegin: []string{"app"}, MayGrant: []string{"role:r"}, AMR: []string{"pwd"}, Since: at.Truncate(time.Second), Revision: 1 << 40,
	}
	putClient := func(c client.Client) record {
		return record{"client " + c.ID,
			func(t *testing.T, s *dynamo.Store) error { return s.PutClient(t.Context(), c) },
			func(t *testing.T, s *dynamo.Store) (any, error) { return s.Client(t.Context(), c.ID) }, c}
	}
	return []record{
		{"session",
			func(t *testing.T, s *dynamo.Store) error { return s.Create(t.Context(), full) },
			func(t *testing.T, s *dynamo.Store) (any, error) {
				return s.Session(t.Context(), testAccount, testSession)
			}, full},
		{"account",
			func(t *testing.T, s *dynamo.Store) error { return s.CreateAccount(t.Context(), someone, "hash") },
			func(t *testing.T, s *dynamo.Store) (any, error) { return s.Account(t.Context(), testAccount) }, someone},
		{"login name",
			func(t *testing.T, s *dynamo.Store) error { return s.CreateAccount(t.Context(), someone, "hash") },
			func(t *testing.T, s *dynamo.Store) (any, error) { return s.LoginName(t.Context(), "u#1") },
			account.LoginName{AccountID: testAccount, Hash: "hash"}},
		{"key part",
			func(t *testing.T, s *dynamo.Store) error { return s.ReplaceParts(t.Context(), 8, testParts) },
			func(t *testing.T, s *dynamo.Store) (any, error) { return s.ReadPart(t.Context(), keyring.Refresh) },
			keyring.Item{Version: 9, Data: []byte{2}}},
		putClient(service),
		putClient(client.Client{ID: "empty"}),
	}
}

func TestWhatIsStoredIsReadBack(t *testing.T) {
	for _, r := range records() {
		store := open(t, dynamo.Config{Table: "t", Endpoint: newFake(t).URL})
		if err := r.store(t, store); err != nil {
			t.Errorf("%s: store: %v", r.name, err)
			continue
		}
		got, err := r.read(t, store)
		if err != nil {
			t.Errorf("%s: read: %v", r.name, err)
		}
		if diff := cmp.Diff(r.want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", r.name, diff)
		}
	}
}

// TestClientWithoutTheNewerAttributes reads an item as it was written before shared_store and third_party existed.
func TestClientWithoutTheNewerAttributes(t *testing.T) {
	table := newFake(t)
	store := open(t, dynamo.Config{Table: "t", Endpoint: table.URL})
	if err := store.PutClient(t.Context(), client.Client{ID: "app", SharedStore: true}); err != nil {
		t.Fatal(err)
	}
	table.damage(func(it map[string]any) { delete(it, "shared_store"); delete(it, "third_party") })
	got, err := store.Client(t.Context(), "app")
	if err != nil || got.SharedStore || !got.FirstParty {
		t.Errorf("client %+v, error %v; want a first-party client without a shared store", got, err)
	}
}

// TestDamagedItemIsUnavailable takes away, and then replaces, one attribute after the other.
func TestDamagedItemIsUnavailable(t *testing.T) {
	optional := map[string]bool{ // when missing; of a wrong type they are damage too
		"amr": true, "late": true, "roles": true, "scopes": true, "origins": true, "redirects": true,
		"audiences": true, "introspects": true, "secret_hash": true, "revoked_at": true, "network": true, "used_from": true,
		"shared_store": true, "endings": true, "held": true, "third_party": true, "claims": true,
		"post_logout_redirects": true, "consent": true, "directory": true, "jwks": true, "may_begin": true, "may_grant": true, "since": true, "revision": true,
	}
	for _, r := range records() {
		table := newFake(t)
		store := open(t, dynamo.Config{Table: "t", Endpoint: table.URL})
		if err := r.store(t, store); err != nil {
			t.Fatalf("%s: store: %v", r.name, err)
		}
		whole := maps.Clone(table.items)
		for _, attribute := range attributesRead(r.name, whole) {
			if !(optional[attribute] || r.name == "client partner" && attribute == "roles") {
				table.items = maps.Clone(whole)
				table.damage(func(it map[string]any) { delete(it, attribute) })
				if got, err := r.read(t, store); !errors.Is(err, oauth.ErrUnavailable) {
					t.Errorf("%s without %s: %+v, error %v; want ErrUnavailable", r.name, attribute, got, err)
				}
			}
			table.items = maps.Clone(whole)
			table.damage(func(it map[string]any) { it[attribute] = map[string]any{"NULL": true} })
			if got, err := r.read(t, store); !errors.Is(err, oauth.ErrUnavailable) {
				t.Errorf("%s with a null as %s: %+v, error %v; want ErrUnavailable", r.name, attribute, got, err)
			}
		}
	}
}

// attributesRead lists the attributes of the item that a record is read from, without keys and the time to
// live, which only DynamoDB reads.
func attributesRead(name string, items map[string]map[string]any) []string {
	prefix := map[string]string{"session": "SESSIONS#", "account": "ACCOUNT#", "login name": "LOGIN#", "key part": "KEYRING#REFRESH"}[name]
	var names []string
	for key, it := range items {
		if !strings.HasPrefix(key, prefix) {
			continue
		}
		for attribute := range it {
			unread := attribute == "pk" || attribute == "sk" || attribute == "expires_at" ||
				name == "login name" && attribute == "epoch" // for functions of the version before
			if !unread {
				names = append(names, attribute)
			}
		}
	}
	return names
}
