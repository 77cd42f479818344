package authorizer_test

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/internal/tabletemplate"
	"github.com/wavepass/wavepass/pkg/endpoint/authorizer"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/store/bolt"
	"github.com/wavepass/wavepass/pkg/store/dynamo"
	"github.com/wavepass/wavepass/pkg/token"
)

// fleet is running copies of the authorizer over one store, and a key of theirs to sign tokens with.
type fleet struct {
	t      testing.TB
	store  fleetStore
	now    func() time.Time
	signer *keyring.SigningKeys
	copies []authorizer.Function
}

// fleetStore is what authorizers read, and what ends tokens writes.
type fleetStore interface {
	authorizer.Store
	revocation.Log
}

func newFleet(t testing.TB, store fleetStore, copies int, staleness time.Duration, now func() time.Time) *fleet {
	t.Helper()
	f := &fleet{t: t, store: store, now: now}
	f.signer = keyring.New(keyring.Config{Store: store, Sealer: fakestore.NewSealer(), Algorithm: keyring.ES256, Now: now}).SigningKeys()
	for range copies {
		f.copies = append(f.copies, f.authorizer(staleness))
	}
	return f
}

func (f *fleet) authorizer(staleness time.Duration) authorizer.Function {
	settings := deployment.Settings(io.Discard, f.now)
	settings.Staleness = staleness
	return authorizer.New(settings, f.store)
}

// caller is a token, and everything in it that can be revoked.
type caller struct {
	token  oauth.Secret
	event  []byte // of a request with it
	claims token.Claims
	keyID  string
}

// newCaller signs a token of a new person at a new client.
func (f *fleet) newCaller() caller {
	f.t.Helper()
	now := f.now().Truncate(time.Second)
	claims := token.Claims{
		Issuer: deployment.Issuer, Subject: newID(), Audience: []string{deployment.Issuer}, Expiry: now.Add(time.Hour), IssuedAt: now,
		ID: newID(), ClientID: "app-" + newID(), Scope: "profile", Roles: []string{"member"},
		Login: &token.Login{SessionID: uuid.MustParse(newID()), Epoch: 7, AuthTime: now, AMR: []string{"pwd"}},
	}
	key, err := f.signer.Current(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	text, _ := token.Sign(key, claims)
	event := strings.ReplaceAll(goldenEvent(f.t, "http-2.0"), "$ACCESS", text.Reveal())
	return caller{text, []byte(event), claims, key.ID}
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// entry revokes the caller, by what the kind names.
func (c caller) entry(kind revocation.Kind, at time.Time) revocation.Entry {
	e := revocation.Entry{At: at.Truncate(time.Millisecond), Kind: kind}
	switch kind {
	case revocation.Token:
		e.ID = c.claims.ID
	case revocation.Session:
		e.ID = c.claims.Login.SessionID.String()
	case revocation.Account:
		e.ID, e.MinEpoch = c.claims.Subject, c.claims.Login.Epoch+1
	case revocation.Client:
		e.ID = c.claims.ClientID
	case revocation.Key:
		e.ID = c.keyID
	}
	return e
}

// accepts asks one copy.
func (f *fleet) accepts(ask authorizer.Function, c caller) bool {
	answer, err := ask(f.t.Context(), c.event)
	if err != nil {
		f.t.Errorf("the authorizer failed instead of refusing: %v", err)
	}
	return bytes.HasPrefix(answer, []byte(`{"isAuthorized":true,`))
}

func openBolt(t *testing.T, now func() time.Time) fleetStore {
	t.Helper()
	store, err := bolt.Open(filepath.Join(t.TempDir(), "store"), now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// openDynamo opens a fresh table of the engine at endpoint.
func openDynamo(t *testing.T, endpoint string, shards int, now func() time.Time) fleetStore {
	t.Helper()
	return openDynamoBy(t, endpoint, endpoint, 10*time.Second, shards, now)
}

// openDynamoBy is the same, through another address and with another patience.
func openDynamoBy(t *testing.T, endpoint, through string, patience time.Duration, shards int, now func() time.Time) fleetStore {
	t.Helper()
	api, err := tabletemplate.Local(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	definition, err := tabletemplate.Read("../../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	name := "wavepass-authorizer-" + newID()
	if err := tabletemplate.Create(t.Context(), api, name, definition); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := api.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &name}); err != nil {
			t.Errorf("delete table %s: %v", name, err)
		}
	})
	store, err := dynamo.Open(dynamo.Config{
		Table: name, Endpoint: through, Region: tabletemplate.Region, Credentials: tabletemplate.Credentials,
		Shards: shards, Now: now, Patience: patience,
	})
	if err != nil {
		t.Fatal(err)
	}
	return store
}
