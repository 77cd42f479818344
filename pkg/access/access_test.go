package access_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/access"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/token"
)

const (
	issuer = "https://id.example.com"
	api    = "https://api.example.com"
)

// world is a store with keys and an empty log, and a checker of its tokens that asks the log every time.
type world struct {
	*access.Checker
	t     *testing.T
	clock *testclock.Clock
	store *fakestore.Store
	key   keyring.SigningKey
}

func newWorld(t *testing.T) *world {
	t.Helper()
	clock := testclock.New(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	store := fakestore.New(clock.Now)
	ring := keyring.New(keyring.Config{Store: store, Sealer: fakestore.NewSealer(), Algorithm: keyring.ES256, Now: clock.Now})
	key, err := ring.SigningKeys().Current(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	verifier := token.NewVerifier(keyring.NewPublicKeys(store, keyring.Times{}, clock.Now), clock.Now)
	return &world{access.NewChecker(verifier, revocation.NewSnapshot(store, 0, clock.Now)), t, clock, store, key}
}

// claims are those of an account's token; change may alter them.
func (w *world) claims(change func(*token.Claims)) token.Claims {
	c := token.Claims{
		Issuer: issuer, Audience: []string{api}, Subject: uuid.NewString(), ID: uuid.NewString(), ClientID: "app",
		IssuedAt: w.clock.Now(), Expiry: w.clock.Now().Add(15 * time.Minute),
		Login: &token.Login{SessionID: uuid.New(), Epoch: 7, AuthTime: w.clock.Now(), AMR: []string{"pwd"}},
	}
	if change != nil {
		change(&c)
	}
	return c
}

// check asks about a token of these claims. A token that is refused must say nothing.
func (w *world) check(c token.Claims) error {
	w.t.Helper()
	text, _ := token.Sign(w.key, c)
	got, err := w.Check(w.t.Context(), text, token.Expect{Issuer: issuer, Audience: api})
	switch {
	case err != nil && (got.ID != "" || got.Login != nil):
		w.t.Errorf("refused (%v), and yet the claims are handed out: %+v", err, got)
	case err == nil && (got.ID != c.ID || got.SigningID != w.key.ID):
		w.t.Errorf("accepted as %+v, want %+v", got, c)
	}
	return err
}

// nobody makes the token one that a client got for itself.
func nobody(c *token.Claims) { c.Login, c.Subject = nil, c.ClientID }

func TestEachKindOfRevocationDeniesTheTokensThatItNames(t *testing.T) {
	for name, tc := range map[string]struct {
		token  func(*token.Claims)
		entry  func(c token.Claims, key string) revocation.Entry
		denied bool
	}{
		"this token": {nil, func(c token.Claims, _ string) revocation.Entry {
			return revocation.Entry{Kind: revocation.Token, ID: c.ID}
		}, true},
		"another token": {nil, func(token.Claims, string) revocation.Entry {
			return revocation.Entry{Kind: revocation.Token, ID: uuid.NewString()}
		}, false},
		"the session": {nil, func(c token.Claims, _ string) revocation.Entry {
			return revocation.Entry{Kind: revocation.Session, ID: c.Login.SessionID.String()}
		}, true},
		"the account, below a higher epoch": {nil, func(c token.Claims, _ string) revocation.Entry {
			return revocation.Entry{Kind: revocation.Account, ID: c.Subject, MinEpoch: 8}
		}, true},
		"the account, from this epoch on": {nil, func(c token.Claims, _ string) revocation.Entry {
			return revocation.Entry{Kind: revocation.Account, ID: c.Subject, MinEpoch: 7}
		}, false},
		"the client": {nil, func(token.Claims, string) revocation.Entry {
			return revocation.Entry{Kind: revocation.Client, ID: "app"}
		}, true},
		"the client, before the second after the login": {nil, func(c token.Claims, _ string) revocation.Entry {
			return revocation.Entry{Kind: revocation.Client, ID: "app", Before: c.Login.AuthTime.Unix() + 1}
		}, true},
		"the client, before the login": {nil, func(c token.Claims, _ string) revocation.Entry {
			return revocation.Entry{Kind: revocation.Client, ID: "app", Before: c.Login.AuthTime.Unix()}
		}, false},
		"the client, after the login and before this token": {func(c *token.Claims) { c.Login.AuthTime = c.IssuedAt.Add(-time.Hour) }, func(c token.Claims, _ string) revocation.Entry {
			return revocation.Entry{Kind: revocation.Client, ID: "app", Before: c.IssuedAt.Unix() - 60}
		}, true},
		"the client, before a token of its own": {nobody, func(c token.Claims, _ string) revocation.Entry {
			return revocation.Entry{Kind: revocation.Client, ID: "app", Before: c.IssuedAt.Unix()}
		}, false},
		"the client, after a token of its own": {nobody, func(c token.Claims, _ string) revocation.Entry {
			return revocation.Entry{Kind: revocation.Client, ID: "app", Before: c.IssuedAt.Unix() + 1}
		}, true},
		"the key": {nil, func(_ token.Claims, key string) revocation.Entry {
			return revocation.Entry{Kind: revocation.Key, ID: key}
		}, true},
		"the client, of a token of its own": {nobody, func(token.Claims, string) revocation.Entry {
			return revocation.Entry{Kind: revocation.Client, ID: "app"}
		}, true},
		"an account, of a client's token": {nobody, func(c token.Claims, _ string) revocation.Entry {
			return revocation.Entry{Kind: revocation.Account, ID: c.Subject, MinEpoch: 8}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c := w.claims(tc.token)
			if err := w.check(c); err != nil {
				t.Fatalf("before the revocation: %v", err)
			}
			entry := tc.entry(c, w.key.ID)
			entry.At = w.clock.Now()
			if err := w.store.Append(t.Context(), entry); err != nil {
				t.Fatal(err)
			}
			if err := w.check(c); errors.Is(err, revocation.ErrRevoked) != tc.denied || (err != nil) != tc.denied {
				t.Errorf("after it: %v, want it revoked: %v", err, tc.denied)
			}
		})
	}
}

func TestTokenThatDoesNotVerifyIsRefusedWithoutTheLog(t *testing.T) {
	w := newWorld(t)
	for name, change := range map[string]func(*token.Claims){
		"expired":          func(c *token.Claims) { c.Expiry = w.clock.Now() },
		"another audience": func(c *token.Claims) { c.Audience = []string{"https://other.example"} },
		"another issuer":   func(c *token.Claims) { c.Issuer = "https://evil.example" },
	} {
		if err := w.check(w.claims(change)); !errors.Is(err, token.ErrInvalid) {
			t.Errorf("%s: %v, want it invalid", name, err)
		}
	}
	if n := w.store.Count("Since"); n > 0 {
		t.Errorf("the log was asked %d times about tokens that do not verify", n)
	}
}

func TestDoubtRefuses(t *testing.T) {
	for _, method := range []string{"ReadPart", "Since"} {
		w := newWorld(t)
		w.store.Before = hooks.Fail(method)
		if err := w.check(w.claims(nil)); !errors.Is(err, oauth.ErrUnavailable) {
			t.Errorf("%s fails: %v, want it unavailable", method, err)
		}
		w.store.Before = nil
		w.clock.Advance(time.Minute)
		if err := w.check(w.claims(nil)); err != nil {
			t.Errorf("%s works again: %v", method, err)
		}
	}
}
