// Package deployment is a whole Wavepass over pkg/internal/fakestore, for the tests of the endpoints: every
// function, real keys, one person, and clients of four kinds. It is called with events, as API Gateway does.
package deployment

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/crypto/argon2"

	"github.com/wavepass/wavepass/internal/eventlines"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/endpoint/all"
	"github.com/wavepass/wavepass/pkg/endpoint/authorizer"
	"github.com/wavepass/wavepass/pkg/endpoint/rotatekeys"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

// What a deployment is, and who is in it.
const (
	Issuer   = "https://id.example.com"
	Origin   = "https://app.example.com" // of the clients "web" and "web2"
	Username = "ada"
	Password = "surf-the-canary-wave"
	Secret   = "partner-secret" // of the client "partner"
)

// AccountID is ada's.
var AccountID = uuid.MustParse("0190b0e4-7e00-7000-8000-000000000001")

// cheapHash is a hash of Password that costs next to nothing: most tests here are not about hashing.
var cheapHash = sync.OnceValue(func() string {
	salt := []byte("saltsaltsaltsalt")
	key := argon2.IDKey([]byte(Password), salt, 1, 8, 1, 32)
	return fmt.Sprintf("$argon2id$v=19$m=8,t=1,p=1$%s$%s",
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
})

// Deployment is every function over one store. The hooks of Store must be set before the call they are for.
type Deployment struct {
	Clock  *testclock.Clock
	Store  *fakestore.Store
	Sealer *fakestore.Sealer
	MinAge time.Duration // of a refresh token that rotates; counts from the next Restart on

	Authorizer authorizer.Function
	RotateKeys rotatekeys.Function

	tb     testing.TB
	over   all.Store // Store, unless it is another
	log    buffer    // of functions
	trail  buffer    // audit events
	routes map[string]apigw.Function
}

// Start is when every deployment begins.
var Start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// New returns a deployment whose cookies are made by jar. Its clients are "app" (native), "web" and "web2"
// (browser), "site" (site) and "partner" (service). The denylist is asked on every request.
func New(tb testing.TB, jar browser.Jar) *Deployment {
	tb.Helper()
	d := &Deployment{Clock: testclock.New(Start), Sealer: fakestore.NewSealer(), tb: tb}
	d.Store = fakestore.New(d.Clock.Now)
	d.over = d.Store
	d.Store.SetAccount(account.Account{ID: AccountID, Username: Username, Scopes: []string{"profile"}, Epoch: Start.Unix()}, cheapHash())
	for id, kind := range map[string]client.Kind{
		"app": client.Native, "web": client.Browser, "web2": client.Browser, "site": client.Site, "partner": client.Service,
	} {
		c := client.New(id, kind)
		c.Scopes = []string{"profile"}
		switch kind {
		case client.Native:
			c.Redirects = []string{"http://127.0.0.1/cb"}
		case client.Browser:
			c.Origins = []string{Origin}
		case client.Site:
			c.Origins, c.Redirects, c.PostLogoutRedirects = []string{Origin}, []string{Origin + "/", Origin + "/sign-in"}, []string{Origin + "/bye"}
		case client.Service:
			c.SecretHash = client.HashSecret(oauth.NewSecret(Secret))
		}
		if err := d.Store.PutClient(tb.Context(), c); err != nil {
			tb.Fatal(err)
		}
	}
	d.Restart(jar, func(string) keyring.Sealer { return d.Sealer })
	return d
}

// Whole is a table that a test can fill.
type Whole interface {
	all.Store
	CreateAccount(ctx context.Context, a account.Account, hash string) error
	PutClient(ctx context.Context, c client.Client) error
}

// Over is New over a store of the test's own, which gets ada and this client. Store is nil.
func Over(tb testing.TB, clock *testclock.Clock, store Whole, c client.Client, minAge time.Duration) *Deployment {
	tb.Helper()
	d := &Deployment{Clock: clock, Sealer: fakestore.NewSealer(), MinAge: minAge, tb: tb, over: store}
	ada := account.Account{ID: AccountID, Username: Username, Roles: []string{}, Scopes: []string{"profile"}, Epoch: clock.Now().Unix()}
	if err := errors.Join(store.CreateAccount(tb.Context(), ada, cheapHash()), store.PutClient(tb.Context(), c)); err != nil {
		tb.Fatal(err)
	}
	d.start(func(string) keyring.Sealer { return d.Sealer }, func(*endpoint.Settings) {})
	return d
}

// Restart replaces every function by a cold one, whose sealer is sealerOf its name if it needs one.
func (d *Deployment) Restart(jar browser.Jar, sealerOf func(function string) keyring.Sealer) {
	d.start(sealerOf, func(s *endpoint.Settings) { s.Limits, s.Cookies = account.DefaultLimits, jar })
}

// Beside returns every function once more, cold, over the same store: the other version while a deployment is changed. A person may
// log in as often as a test likes. It has a log and a trail of its own.
func (d *Deployment) Beside(change func(*endpoint.Settings)) *Deployment {
	other := &Deployment{Clock: d.Clock, Store: d.Store, Sealer: d.Sealer, MinAge: d.MinAge, tb: d.tb, over: d.over}
	other.start(func(string) keyring.Sealer { return d.Sealer }, change)
	return other
}

func (d *Deployment) start(sealerOf func(function string) keyring.Sealer, change func(*endpoint.Settings)) {
	settings := Settings(eventlines.Watch(d.tb, &d.trail), d.Clock.Now)
	settings.Log, settings.Rules.MinAge = slog.New(slog.NewJSONHandler(&d.log, nil)), d.MinAge
	settings.Limits = account.Limits{Account: account.Limit{Count: 1_000_000, Window: time.Hour}, Network: account.Limit{Count: 1_000_000, Window: time.Hour}}
	change(&settings)
	functions := all.New(settings, d.over, sealerOf)
	d.routes, d.Authorizer, d.RotateKeys = Routes(functions), functions.Authorizer, functions.RotateKeys
}

// Settings are those of a deployment at Issuer without Limits, that rotates every refresh token and asks the denylist every time.
// Its functions log nothing.
func Settings(trail io.Writer, now func() time.Time) endpoint.Settings {
	return endpoint.Settings{
		Config:    apigw.Config{Issuer: Issuer, Log: slog.New(slog.DiscardHandler), Trail: audit.NewTrail(trail, now)},
		Algorithm: keyring.ES256,
		Rules:     session.Rules{Grace: session.DefaultGrace},

		SelfService: endpoint.SelfService{Recover: true, Invited: true, Open: true},
		Now:         now,
	}
}

// Routes are the functions behind the API by the routes that template.yaml gives them.
func Routes(f all.Functions) map[string]apigw.Function {
	routes := map[string]apigw.Function{}
	for route, name := range map[string]string{
		"POST /login":      "login",
		"POST /refresh":    "refresh",
		"GET /session":     "refresh",
		"POST /token":      "oauthtoken",
		"POST /par":        "oauthtoken",
		"POST /introspect": "introspect",
		"POST /revoke":     "revoke",
		"POST /logout":     "revoke",
		"GET /.well-known/oauth-protected-resource":         "discovery",
		"GET /.well-known/oauth-protected-resource/{path+}": "discovery",
		"GET /sessions":         "sessions",
		"DELETE /sessions/{id}": "sessions",
		"DELETE /sessions":      "sessions",
		"POST /password":        "password",
		"POST /email":           "password",
		"DELETE /account":       "password",

		"GET /grants":                  "sessions",
		"DELETE /grants/{client}":      "sessions",
		"GET /site/grants":             "sessions",
		"DELETE /site/grants/{client}": "sessions",

		"POST /subjects/{subject}/sessions":         "subjects",
		"GET /subjects/{subject}/sessions":          "subjects",
		"DELETE /subjects/{subject}/sessions":       "subjects",
		"DELETE /subjects/{subject}/sessions/{sid}": "subjects",
		"PATCH /subjects/{subject}":                 "subjects",

		"GET /site/userinfo":         "userinfo",
		"GET /site/sessions":         "sessions",
		"DELETE /site/sessions/{id}": "sessions",
		"DELETE /site/sessions":      "sessions",
		"POST /site/password":        "password",
		"POST /site/email":           "password",
		"DELETE /site/account":       "password",

		"POST /ticket": "ticket",

		"GET /signup":          "accounts",
		"POST /signup":         "accounts",
		"GET /signup/verify":   "accounts",
		"POST /signup/verify":  "accounts",
		"GET /recover":         "accounts",
		"POST /recover":        "accounts",
		"GET /recover/finish":  "accounts",
		"POST /recover/finish": "accounts",

		"GET /email/change":    "accounts",
		"POST /email/change":   "accounts",
		"GET /email/confirm":   "accounts",
		"POST /email/confirm":  "accounts",
		"GET /account/close":   "accounts",
		"POST /account/close":  "accounts",
		"GET /account/keep":    "accounts",
		"POST /account/keep":   "accounts",
		"GET /email/takeback":  "accounts",
		"POST /email/takeback": "accounts",

		"GET /authorize":  "signin",
		"POST /authorize": "signin",
		"POST /signin":    "signin",
		"POST /consent":   "signin",
		"GET /signout":    "signin",

		"POST /signin/provider":    "signin",
		"GET /callback/{provider}": "signin",

		"POST /signout": "signin",

		"POST /userinfo":                              "userinfo",
		"GET /userinfo":                               "userinfo",
		"GET /.well-known/jwks.json":                  "discovery",
		"GET /.well-known/oauth-authorization-server": "discovery",
		"GET /.well-known/openid-configuration":       "discovery",
	} {
		routes[route] = f.BehindAPI[name]
	}
	return routes
}

// Context is the test's.
func (d *Deployment) Context() context.Context { return d.tb.Context() }

// Log is what the functions have logged, apart from audit events.
func (d *Deployment) Log() string { return d.log.String() }

// Trail is the audit events so far, a line each.
func (d *Deployment) Trail() string { return d.trail.String() }

// buffer may be written to by several requests at once.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
