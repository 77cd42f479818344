package grant_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/crypto/argon2"

	"github.com/wavepass/wavepass/internal/eventlines"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
	"github.com/wavepass/wavepass/pkg/token"
)

const (
	password = "surf-the-canary-wave"
	network  = "203.0.113.0/24"
	patience = 10 * time.Second
)

var (
	start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	here  = grant.Place{Issuer: "https://auth.example", Audience: "https://api.example"}

	// cheapHash is a hash of password that costs next to nothing.
	cheapHash = fmt.Sprintf("$argon2id$v=19$m=8,t=1,p=1$%s$%s",
		base64.RawStdEncoding.EncodeToString([]byte("saltsaltsaltsalt")),
		base64.RawStdEncoding.EncodeToString(argon2.IDKey([]byte(password), []byte("saltsaltsaltsalt"), 1, 8, 1, 32)))
)

// sealer fails for one purpose, when told to.
type sealer struct {
	*fakestore.Sealer
	mu     sync.Mutex
	closed keyring.Part
}

func (s *sealer) refuse(part keyring.Part) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = part
}

func (s *sealer) Open(ctx context.Context, purpose string, sealed []byte) ([]byte, error) {
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if keyring.Part(purpose) == closed {
		return nil, oauth.ErrUnavailable
	}
	return s.Sealer.Open(ctx, purpose, sealed)
}

// world is the account "ada", a client of each kind, and the three grants over one store.
type world struct {
	t       *testing.T
	clock   *testclock.Clock
	store   *fakestore.Store
	sealer  *sealer
	clients map[string]client.Client
	ada     account.Account
	trail   bytes.Buffer
	login   *grant.Login
	refresh *grant.Refresh
	revoke  *grant.Revoke
	keys    *keyring.SigningKeys
	verify  *token.Verifier
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, clock: testclock.New(start), sealer: &sealer{Sealer: fakestore.NewSealer()}, clients: map[string]client.Client{}}
	w.store = fakestore.New(w.clock.Now)
	w.ada = account.Account{
		ID: uuid.MustParse("0190b0e4-7e00-7000-8000-000000000001"), Username: "ada", Epoch: 42,
		Roles: []string{"admin", "editor"}, Scopes: []string{"write", "read", "extra"},
	}
	w.store.SetAccount(w.ada, cheapHash)
	for _, kind := range []client.Kind{client.Native, client.Browser, client.Site, client.Service} {
		c := client.New(string(kind), kind)
		c.Scopes = []string{"read", "admin", "write"}
		c.FirstParty = false // its tokens have the scopes that a test names, and no other
		if kind == client.Service {
			c.SecretHash = client.HashSecret(oauth.NewSecret("canary-client-secret"))
		}
		w.clients[c.ID] = c
	}
	other := w.clients["native"]
	other.ID = "other"
	w.clients["other"] = other
	w.wire()
	return w
}

// wire builds the grants anew, as another process with the same store has them.
func (w *world) wire() {
	ring := keyring.New(keyring.Config{Store: w.store, Sealer: w.sealer, Algorithm: keyring.ES256, Now: w.clock.Now})
	trail := audit.NewTrail(eventlines.Watch(w.t, &w.trail), w.clock.Now)
	mac := ring.MACKeys()
	w.keys = ring.SigningKeys()
	w.verify = token.NewVerifier(keyring.NewPublicKeys(w.store, keyring.Times{}, w.clock.Now), w.clock.Now)
	w.login = grant.NewLogin(grant.BeginParts{
		Accounts: account.NewAuthenticator(w.store, w.store, account.DefaultLimits, w.clock.Now), Editor: w.editor(),
		Sessions: w.store, MAC: mac, Signing: w.keys, Trail: trail, Now: w.clock.Now,
	})
	w.refresh = grant.NewRefresh(grant.RefreshParts{
		Sessions: session.NewRefresher(w.store, w.store, mac, session.Rules{Grace: session.DefaultGrace}, trail, w.clock.Now),
		Signing:  w.keys, Trail: trail, Now: w.clock.Now,
	})
	w.revoke = grant.NewRevoke(grant.RevokeParts{
		Sessions: session.NewRevoker(w.store, w.clock.Now), Owners: session.NewOwners(w.store, w.store, w.registered(), w.clock.Now),
		MAC: keyring.NewMACKeys(w.store, w.sealer, keyring.Times{}, w.clock.Now), Access: w.verify, Log: w.store, Trail: trail, Now: w.clock.Now,
	})
}

// registered finds the world's clients.
func (w *world) registered() session.Clients { return clientsOf{w} }

type clientsOf struct{ w *world }

func (c clientsOf) Find(_ context.Context, id string) (client.Client, error) {
	found, ok := c.w.clients[id]
	if !ok {
		return client.Client{}, client.ErrUnknown
	}
	return found, nil
}

// change rewrites a registered client.
func (w *world) change(id string, f func(*client.Client)) {
	c := w.clients[id]
	f(&c)
	w.clients[id] = c
}

func (w *world) tryLogin(clientID, password string) (oauth.TokenResponse, error) {
	w.t.Helper()
	issued, err := w.login.Grant(w.t.Context(), grant.LoginRequest{
		At: here, Client: w.clients[clientID], Username: "Ada", Password: oauth.NewSecret(password),
		Device: "Ada's phone", Network: network,
	})
	return issued.Tokens, err
}

func (w *world) mustLogin() oauth.TokenResponse {
	w.t.Helper()
	response, err := w.tryLogin("native", password)
	if err != nil {
		w.t.Fatalf("login: %v", err)
	}
	return response
}

func (w *world) tryRefresh(clientID string, refreshToken oauth.Secret) (oauth.TokenResponse, error) {
	w.t.Helper()
	issued, err := w.refresh.Grant(w.t.Context(), grant.RefreshRequest{
		At: here, Client: w.clients[clientID], RefreshToken: refreshToken,
	})
	return issued.Tokens, err
}

func (w *world) mustRefresh(refreshToken oauth.Secret) oauth.TokenResponse {
	w.t.Helper()
	response, err := w.tryRefresh("native", refreshToken)
	if err != nil {
		w.t.Fatalf("refresh: %v", err)
	}
	return response
}

func (w *world) tryRevoke(clientID string, what oauth.Secret) error {
	w.t.Helper()
	return w.revoke.Revoke(w.t.Context(), grant.RevokeRequest{At: here, Client: w.clients[clientID], Token: what})
}

// claims verifies the access token of a response and returns what it says.
func (w *world) claims(response oauth.TokenResponse) token.Claims {
	w.t.Helper()
	claims, err := w.verify.Verify(w.t.Context(), response.AccessToken, token.Expect{Issuer: here.Issuer, SkipAudience: true})
	if err != nil {
		w.t.Fatalf("access token of the response: %v", err)
	}
	return claims
}

// stored is the session that a response belongs to, as it is stored.
func (w *world) stored(response oauth.TokenResponse) session.Session {
	w.t.Helper()
	s, ok := w.store.GetSession(w.claims(response).Login.SessionID)
	if !ok {
		w.t.Fatal("the session of the response is not stored")
	}
	return s
}

func (w *world) events() []audit.Event {
	w.t.Helper()
	var all []audit.Event
	for line := range strings.Lines(w.trail.String()) {
		var e audit.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			w.t.Fatalf("audit line %q: %v", line, err)
		}
		all = append(all, e)
	}
	return all
}

// wantEvents expects the names of the events since the last look.
func (w *world) wantEvents(names ...string) {
	w.t.Helper()
	var got []string
	for _, e := range w.events() {
		got = append(got, e.Name)
	}
	if !slices.Equal(got, names) {
		w.t.Errorf("audit events %q, want %q", got, names)
	}
	w.trail.Reset()
}

func (w *world) wantCalls(names ...string) {
	w.t.Helper()
	slices.Sort(names)
	if got := w.store.Calls(); !slices.Equal(got, names) {
		w.t.Errorf("store calls %q, want %q", got, names)
	}
}

// wantError expects want, and that neither a token came nor a secret is in the text.
func wantError(t *testing.T, response oauth.TokenResponse, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error %v, want %v", err, want)
	}
	if !response.AccessToken.IsZero() || !response.RefreshToken.IsZero() {
		t.Error("an error, and yet a token came")
	}
	if strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "wprt_") || strings.Contains(err.Error(), "eyJ") {
		t.Errorf("the error tells a secret: %v", err)
	}
}

func wantRefused(t *testing.T, response oauth.TokenResponse, err error) {
	t.Helper()
	wantError(t, response, err, session.ErrRefused)
	if errors.Is(err, oauth.ErrUnavailable) {
		t.Errorf("error %v, want a refusal and no outage", err)
	}
}

// both runs one hook after the other.
func both(hooks ...func(context.Context, string) error) func(context.Context, string) error {
	return func(ctx context.Context, method string) error {
		for _, hook := range hooks {
			if err := hook(ctx, method); err != nil {
				return err
			}
		}
		return nil
	}
}

// raiseEpochBefore raises the account's epoch, as a password change does, just before the call.
func raiseEpochBefore(w *world, call string, epoch int64) func(context.Context, string) error {
	return func(_ context.Context, method string) error {
		if method == call {
			w.ada.Epoch = epoch
			w.store.SetAccount(w.ada, "")
		}
		return nil
	}
}
