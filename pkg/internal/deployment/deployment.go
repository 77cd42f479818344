// Package deployment is a whole Wavepass over pkg/internal/fakestore, for the tests of the endpoints: every
// function, real keys, one person, and clients of three kinds. It is called with events, as API Gateway does.
package deployment

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/crypto/argon2"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/endpoint/authorizer"
	"github.com/wavepass/wavepass/pkg/endpoint/discovery"
	"github.com/wavepass/wavepass/pkg/endpoint/login"
	"github.com/wavepass/wavepass/pkg/endpoint/password"
	"github.com/wavepass/wavepass/pkg/endpoint/refresh"
	"github.com/wavepass/wavepass/pkg/endpoint/revoke"
	"github.com/wavepass/wavepass/pkg/endpoint/rotatekeys"
	"github.com/wavepass/wavepass/pkg/endpoint/sessions"
	"github.com/wavepass/wavepass/pkg/endpoint/userinfo"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
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
	Clock  *fakestore.Clock
	Store  *fakestore.Store
	Sealer *fakestore.Sealer
	MinAge time.Duration // of a refresh token that rotates; counts from the next Restart on

	Authorizer authorizer.Function
	RotateKeys rotatekeys.Function

	tb     testing.TB
	log    buffer // of functions
	trail  buffer // audit events
	routes map[string]apigw.Function
}

// Start is when every deployment begins.
var Start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// New returns a deployment whose cookies are made by jar. Its clients are "app" (native), "web" and "web2"
// (browser), "site" (site) and "partner" (service). The denylist is asked on every request.
func New(tb testing.TB, jar browser.Jar) *Deployment {
	tb.Helper()
	d := &Deployment{Clock: fakestore.NewClock(Start), Sealer: fakestore.NewSealer(), tb: tb}
	d.Store = fakestore.New(d.Clock.Now)
	d.Store.SetAccount(account.Account{ID: AccountID, Username: Username, Scopes: []string{"profile"}, Epoch: Start.Unix()}, cheapHash())
	for id, kind := range map[string]client.Kind{
		"app": client.Native, "web": client.Browser, "web2": client.Browser, "site": client.Site, "partner": client.Service,
	} {
		c := client.New(id, kind)
		c.Scopes = []string{"profile"}
		switch kind {
		case client.Browser, client.Site:
			c.Origins = []string{Origin}
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

// Restart replaces every function by a cold one, whose sealer is sealerOf its name if it needs one.
func (d *Deployment) Restart(jar browser.Jar, sealerOf func(function string) keyring.Sealer) {
	now, trail := d.Clock.Now, audit.NewTrail(&d.trail, d.Clock.Now)
	at := apigw.Config{Issuer: Issuer, Log: slog.New(slog.NewJSONHandler(&d.log, nil))}
	public := discovery.New(at, d.Store, keyring.Times{}, now)
	ending := revoke.New(at, revoke.Parts{Store: d.Store, Sealer: sealerOf("revoke"), Cookies: jar, Trail: trail, Now: now})
	devices := sessions.New(at, sessions.Parts{Store: d.Store, Cookies: jar, Trail: trail, Now: now})
	refreshing := refresh.New(at, refresh.Parts{
		Store: d.Store, Sealer: sealerOf("refresh"), Algorithm: keyring.ES256, Grace: session.DefaultGrace, MinAge: d.MinAge,
		Cookies: jar, Trail: trail, Now: now,
	})
	d.routes = map[string]apigw.Function{
		"POST /login": login.New(at, login.Parts{
			Store: d.Store, Sealer: sealerOf("login"), Algorithm: keyring.ES256, Limits: account.DefaultLimits,
			Cookies: jar, Trail: trail, Now: now,
		}),
		"POST /refresh":         refreshing,
		"GET /session":          refreshing,
		"POST /revoke":          ending,
		"POST /logout":          ending,
		"GET /sessions":         devices,
		"DELETE /sessions/{id}": devices,
		"DELETE /sessions":      devices,
		"POST /password": password.New(at, password.Parts{
			Store: d.Store, Sealer: sealerOf("password"), Algorithm: keyring.ES256, Limits: account.DefaultLimits,
			Cookies: jar, Trail: trail, Now: now,
		}),
		"GET /userinfo":                               userinfo.New(at),
		"GET /.well-known/jwks.json":                  public,
		"GET /.well-known/oauth-authorization-server": public,
		"GET /.well-known/openid-configuration":       public,
	}
	d.Authorizer = authorizer.New(at, authorizer.Parts{Store: d.Store, Now: now})
	d.RotateKeys = rotatekeys.New(rotatekeys.Parts{
		Store: d.Store, Sealer: sealerOf("rotatekeys"), Algorithm: keyring.ES256, Trail: trail, Log: at.Log, Now: now,
	})
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
