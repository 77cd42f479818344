package dynamo_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/uuid"
	"golang.org/x/crypto/argon2"

	"github.com/wavepass/wavepass/internal/faultproxy"
	"github.com/wavepass/wavepass/internal/tabletemplate"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/endpoint/all"
	"github.com/wavepass/wavepass/pkg/endpoint/authorizer"
	"github.com/wavepass/wavepass/pkg/endpoint/rotatekeys"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/seal"
	"github.com/wavepass/wavepass/pkg/store/dynamo"
)

// engine is the address of DynamoDB Local; without it the test is skipped.
func engine(t *testing.T) string {
	t.Helper()
	endpoint := os.Getenv("DYNAMODB_ENDPOINT")
	if endpoint == "" {
		t.Skip("DYNAMODB_ENDPOINT is not set: run it by scripts/dynamodb-local")
	}
	return endpoint
}

// world is every function of the service on one table of the real engine, with a fault proxy in between, and
// one person who is registered. The denylist is asked on every request, and attempts are all but unlimited.
type world struct {
	t      *testing.T
	table  string
	direct *dynamodb.Client // past the proxy
	proxy  *faultproxy.Proxy
	store  *dynamo.Store // through the proxy
	person account.Account

	password string // the person's
	source   string // address that requests come from; empty: that of everybody else

	used map[string][]faultproxy.Call // by function, when it is not nil: the calls that the functions made

	limits    account.Limits
	staleness time.Duration

	mu     sync.Mutex
	offset time.Duration // how far the world's clock is ahead
	trail  bytes.Buffer

	routes    map[string]apigw.Function
	authorize authorizer.Function
	rotate    rotatekeys.Function
}

const (
	issuer        = "https://id.example.com"
	firstPassword = "surf-the-canary-wave"
	clientID      = "app" // native
	siteID        = "shop"
	serviceID     = "partner"
	serviceSecret = "canary-partner-secret"
	keyedID       = "keyed" // a service with a key
)

// patient is for tests that wait for no deadline, on a machine however busy.
const patient = 10 * time.Second

// newWorld returns a world on an existing table.
func newWorld(t *testing.T, endpoint, table string) *world {
	t.Helper()
	w := &world{
		t: t, table: table, password: firstPassword, proxy: faultproxy.Start(t, endpoint),
		direct: dynamodb.New(dynamodb.Options{Region: tabletemplate.Region, BaseEndpoint: &endpoint, Credentials: tabletemplate.Credentials}),
		limits: account.Limits{Account: account.Limit{Count: 1000, Window: time.Hour}, Network: account.Limit{Count: 100_000, Window: time.Hour}},
	}
	w.patience(patient)
	partner := client.New(serviceID, client.Service)
	partner.SecretHash, partner.Introspects = client.HashSecret(oauth.NewSecret(serviceSecret)), []string{clientID}
	keyed := client.New(keyedID, client.Service)
	keyed.JWKS = keyedJWKS()
	partner.Directory, partner.Scopes, partner.MayBegin, partner.AMR = "shop", []string{oauth.ScopeSessions}, []string{clientID}, []string{"pwd"}
	partner.MayGrant = []string{"role:editor", "claim:plan"}
	for _, c := range append(signInClients(), client.New(siteID, client.Site), partner, keyed) {
		if err := w.store.PutClient(t.Context(), c); err != nil {
			t.Fatalf("register the client %s: %v", c.ID, err)
		}
	}
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	w.person = account.Account{ID: id, Username: "ada-" + strings.ToLower(rand.Text()), Scopes: []string{"openid", "email"}, Epoch: w.Now().Unix()}
	if err := w.store.CreateAccount(t.Context(), w.person, hashOf(8, 1)); err != nil {
		t.Fatalf("create the account: %v", err)
	}
	return w
}

// patience replaces every function by a cold one whose calls may take so long, 0 for what they may in the cloud.
func (w *world) patience(d time.Duration) {
	w.store = open(w.t, dynamo.Config{Table: w.table, Endpoint: w.proxy.URL, Now: w.Now, Patience: d})
	w.restart()
}

// hashOf is an argon2id hash of the password that costs as much as is asked for.
func hashOf(memory, passes uint32) string {
	salt := []byte("saltsaltsaltsalt")
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=1$%s$%s", memory, passes, base64.RawStdEncoding.EncodeToString(salt),
		base64.RawStdEncoding.EncodeToString(argon2.IDKey([]byte(firstPassword), salt, passes, memory, 1, 32)))
}

// restart replaces every function by a cold one.
func (w *world) restart() {
	sealer, err := seal.NewLocal(make([]byte, seal.KeySize))
	if err != nil {
		w.t.Fatal(err)
	}
	settings := deployment.Settings(w, w.Now)
	settings.Limits, settings.Staleness = w.limits, w.staleness
	settings.Documents = endpoint.Documents{Allowed: true, Source: agentDocument{}}
	functions := all.New(settings, w.store, func(string) keyring.Sealer { return sealer })
	w.routes, w.authorize, w.rotate = deployment.Routes(functions), functions.Authorizer, functions.RotateKeys
}

// Now is the world's clock. It begins with the real time, and runs.
func (w *world) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.offset)
}

// pass lets time pass.
func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.offset += d
}

// Write takes the audit trail.
func (w *world) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.trail.Write(line)
}

// events is the audit trail since it was asked for last.
func (w *world) events() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer w.trail.Reset()
	return w.trail.String()
}

// itemKey is the key of an item, past the store.
func itemKey(pk, sk string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: pk}, "sk": &types.AttributeValueMemberS{Value: sk}}
}

// item reads an item past the store; the test ends when there is none.
func (w *world) item(pk, sk string) map[string]types.AttributeValue {
	w.t.Helper()
	consistent := true
	out, err := w.direct.GetItem(w.t.Context(), &dynamodb.GetItemInput{TableName: &w.table, Key: itemKey(pk, sk), ConsistentRead: &consistent})
	if err != nil || len(out.Item) == 0 {
		w.t.Fatalf("read %s %s: %v, item %v", pk, sk, err, out)
	}
	return out.Item
}

// put writes an item past the store.
func (w *world) put(item map[string]types.AttributeValue) {
	w.t.Helper()
	if _, err := w.direct.PutItem(w.t.Context(), &dynamodb.PutItemInput{TableName: &w.table, Item: item}); err != nil {
		w.t.Fatalf("write %v: %v", item, err)
	}
}

// remove deletes an item past the store.
func (w *world) remove(key map[string]types.AttributeValue) {
	w.t.Helper()
	if _, err := w.direct.DeleteItem(w.t.Context(), &dynamodb.DeleteItemInput{TableName: &w.table, Key: key}); err != nil {
		w.t.Fatalf("delete %v: %v", key, err)
	}
}

// removeKeyring makes the functions cold on a table that has no keyring.
func (w *world) removeKeyring() {
	w.t.Helper()
	for _, part := range []string{"SIGNING", "REFRESH", "PUBLIC"} {
		w.remove(itemKey("KEYRING#"+part, "KEYRING"))
	}
	w.restart()
}
