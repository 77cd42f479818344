package dynamo_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/uuid"
	"golang.org/x/crypto/argon2"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/endpoint/authorizer"
	"github.com/wavepass/wavepass/pkg/endpoint/discovery"
	"github.com/wavepass/wavepass/pkg/endpoint/login"
	"github.com/wavepass/wavepass/pkg/endpoint/refresh"
	"github.com/wavepass/wavepass/pkg/endpoint/revoke"
	"github.com/wavepass/wavepass/pkg/internal/faultproxy"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/seal"
	"github.com/wavepass/wavepass/pkg/session"
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

	limits    account.Limits
	staleness time.Duration

	mu     sync.Mutex
	offset time.Duration // how far the world's clock is ahead
	trail  bytes.Buffer

	routes    map[string]apigw.Function
	authorize authorizer.Function
}

const (
	issuer   = "https://id.example.com"
	password = "surf-the-canary-wave"
	clientID = "app" // native
	unwanted = "reuse_detected"
)

// patient is for tests that wait for no deadline, on a machine however busy.
const patient = 10 * time.Second

// newWorld returns a world on an existing table.
func newWorld(t *testing.T, endpoint, table string) *world {
	t.Helper()
	w := &world{
		t: t, table: table, proxy: faultproxy.Start(t, endpoint),
		direct: dynamodb.New(dynamodb.Options{Region: "eu-west-1", BaseEndpoint: &endpoint, Credentials: dummyCredentials}),
		limits: account.Limits{Account: account.Limit{Count: 1000, Window: time.Hour}, Network: account.Limit{Count: 100_000, Window: time.Hour}},
	}
	w.patience(patient)
	app := client.New(clientID, client.Native)
	if err := w.store.PutClient(t.Context(), app); err != nil {
		t.Fatalf("register the client: %v", err)
	}
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	w.person = account.Account{ID: id, Username: "ada-" + strings.ToLower(rand.Text()), Epoch: w.Now().Unix()}
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
		base64.RawStdEncoding.EncodeToString(argon2.IDKey([]byte(password), salt, passes, memory, 1, 32)))
}

// restart replaces every function by a cold one.
func (w *world) restart() {
	sealer, err := seal.NewLocal(make([]byte, seal.KeySize))
	if err != nil {
		w.t.Fatal(err)
	}
	at := apigw.Config{Issuer: issuer, Log: slog.New(slog.DiscardHandler)}
	trail := audit.NewTrail(w, w.Now)
	ending := revoke.New(at, revoke.Parts{Store: w.store, Sealer: sealer, Trail: trail, Now: w.Now})
	w.routes = map[string]apigw.Function{
		"POST /login": login.New(at, login.Parts{
			Store: w.store, Sealer: sealer, Algorithm: keyring.ES256, Limits: w.limits, Trail: trail, Now: w.Now,
		}),
		"POST /refresh": refresh.New(at, refresh.Parts{
			Store: w.store, Sealer: sealer, Algorithm: keyring.ES256, Grace: session.DefaultGrace, Trail: trail, Now: w.Now,
		}),
		"POST /revoke":               ending,
		"POST /logout":               ending,
		"GET /.well-known/jwks.json": discovery.New(at, w.store, w.Now),
	}
	w.authorize = authorizer.New(at, authorizer.Parts{Store: w.store, Staleness: w.staleness, Now: w.Now})
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

// request is what somebody sends. A route without a method is the authorizer's.
type request struct{ route, mediaType, body, bearer string }

func (w *world) loginRequest() request {
	return request{"POST /login", apigw.JSON, `{"client_id":"` + clientID + `","username":"` + w.person.Username + `","password":"` + password + `"}`, ""}
}

func refreshRequest(token string) request {
	return request{"POST /refresh", apigw.Form, "grant_type=refresh_token&client_id=" + clientID + "&refresh_token=" + token, ""}
}

func revokeRequest(token string) request {
	return request{"POST /revoke", apigw.Form, "client_id=" + clientID + "&token=" + token, ""}
}

func logoutRequest(token string, everywhere bool) request {
	return request{"POST /logout", apigw.JSON, fmt.Sprintf(`{"client_id":%q,"refresh_token":%q,"everywhere":%v}`, clientID, token, everywhere), ""}
}

func authorizeRequest(token string) request { return request{route: "authorize", bearer: token} }

// outcome is what comes back. The authorizer's is 200 or 403, without a body.
type outcome struct {
	status     int
	retryAfter string
	body       string
	took       time.Duration

	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	Error        string `json:"error"`
}

// send calls the function behind the route.
func (w *world) send(ctx context.Context, r request) (a outcome) {
	start := time.Now()
	defer func() { a.took = time.Since(start) }()
	if r.route == "authorize" {
		got, err := w.authorize(ctx, events.APIGatewayV2CustomAuthorizerV2Request{IdentitySource: []string{"Bearer " + r.bearer}})
		switch {
		case err != nil:
			return outcome{status: 500, body: err.Error()}
		case got.IsAuthorized:
			return outcome{status: 200}
		}
		return outcome{status: 403}
	}
	e := events.APIGatewayV2HTTPRequest{RouteKey: r.route, Headers: map[string]string{"content-type": r.mediaType}, Body: r.body}
	e.RequestContext.HTTP.SourceIP = "203.0.113.9"
	got, err := w.routes[r.route](ctx, e)
	if err != nil {
		return outcome{status: 500, body: err.Error()}
	}
	a = outcome{status: got.StatusCode, retryAfter: got.Headers["Retry-After"], body: got.Body}
	if got.Body != "" {
		if err := json.Unmarshal([]byte(got.Body), &a); err != nil {
			a.status, a.body = 500, "not JSON: "+a.body
		}
	}
	return a
}

// must ends the test unless the answer has the status.
func (w *world) must(r request, status int) outcome {
	w.t.Helper()
	a := w.send(w.t.Context(), r)
	if a.status != status {
		w.t.Fatalf("%s: %d %s, want %d", r.route, a.status, a.body, status)
	}
	return a
}

func (w *world) login() outcome { w.t.Helper(); return w.must(w.loginRequest(), 200) }

func (w *world) refresh(token string) outcome {
	w.t.Helper()
	return w.must(refreshRequest(token), 200)
}

// expect is an error unless the answer to r has the status.
func (w *world) expect(what string, r request, status int) error {
	if a := w.send(w.t.Context(), r); a.status != status {
		return fmt.Errorf("%s: %s: %d %s, want %d", what, r.route, a.status, a.body, status)
	}
	return nil
}

// itemKey is the key of an item, past the store.
func itemKey(pk, sk string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: pk}, "sk": &types.AttributeValueMemberS{Value: sk}}
}
