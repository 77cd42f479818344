package grant_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

// prove is what the session of a login comes to with a password.
func (w *world) prove(own session.Session, clientID, current string) (account.Account, error) {
	w.t.Helper()
	ring := keyring.New(keyring.Config{Store: w.store, Sealer: w.sealer, Algorithm: keyring.ES256, Now: w.clock.Now})
	p := grant.NewPassword(grant.PasswordParts{
		BeginParts: grant.BeginParts{
			Accounts: account.NewAuthenticator(w.store, w.store, account.DefaultLimits, w.clock.Now), Editor: w.editor(),
			Sessions: w.store, MAC: ring.MACKeys(), Signing: w.keys, Trail: audit.NewTrail(&w.trail, w.clock.Now), Now: w.clock.Now,
		},
		Owners: session.NewOwners(w.store, w.store, w.registered(), w.clock.Now),
	})
	return p.Prove(w.t.Context(), grant.ProofRequest{
		Caller: grant.Caller{Holder: session.Holder{AccountID: own.AccountID, SessionID: own.ID, ClientID: own.ClientID}},
		Client: w.clients[clientID], Current: oauth.NewSecret(current), Network: "192.0.2.0/24",
	})
}

func TestThiefOfASessionProvesNothingWithoutThePassword(t *testing.T) {
	w := newWorld(t)
	own := w.stored(w.mustLogin())
	w.trail.Reset()
	for current, want := range map[string]error{"": grant.ErrPasswordMissing, "canary-wrong": account.ErrInvalidCredentials} {
		if _, err := w.prove(own, "native", current); !errors.Is(err, want) {
			t.Errorf("password %q: %v, want %v", current, err, want)
		}
	}
	w.wantEvents(audit.PasswordFailed)
	if n := w.store.Attempts("account"); n != 1 {
		t.Errorf("%d attempts are counted, want the wrong one", n)
	}
	w.clock.Advance(time.Minute)
	if a, err := w.prove(own, "native", password); err != nil || a.ID != w.ada.ID {
		t.Errorf("%v, %v; want the account", a.ID, err)
	}
	if n := w.store.Attempts("account"); n != 0 {
		t.Errorf("%d attempts are counted after the right password, want none", n)
	}
	if _, err := w.prove(own, "service", password); err == nil {
		t.Error("a client that has no sessions proves something")
	}
	w.store.DropAccount(w.ada.ID)
	if _, err := w.prove(own, "native", password); !errors.Is(err, session.ErrEnded) {
		t.Errorf("without the account: %v, want that the session has ended", err)
	}
}

// TestNamesakeIsNotProven: the account goes while its password is checked, and somebody has its name by then.
func TestNamesakeIsNotProven(t *testing.T) {
	w := newWorld(t)
	own := w.stored(w.mustLogin())
	login, err := w.store.LoginName(t.Context(), w.ada.Username)
	if err != nil {
		t.Fatal(err)
	}
	namesake := w.ada
	namesake.ID = uuid.New()
	w.store.Before = func(_ context.Context, method string) error {
		if method == "LoginName" {
			w.store.DropAccount(w.ada.ID)
			w.store.SetAccount(namesake, login.Hash)
		}
		return nil
	}
	if a, err := w.prove(own, "native", password); !errors.Is(err, session.ErrEnded) {
		t.Errorf("account %s, %v; want that the session has ended", a.ID, err)
	}
}

func TestYoungLoginProvesWhereThereIsNoPassword(t *testing.T) {
	w := newWorld(t)
	own := w.stored(w.mustLogin())
	w.ada.Username = "" // they come from a provider
	w.store.SetAccount(w.ada, "")
	for _, tc := range []struct {
		after time.Duration
		want  error
	}{{0, nil}, {10 * time.Minute, nil}, {10*time.Minute + time.Millisecond, grant.ErrOldLogin}, {24 * time.Hour, grant.ErrOldLogin}} {
		w.clock.Set(own.AuthTime.Add(tc.after))
		if _, err := w.prove(own, "native", ""); !errors.Is(err, tc.want) {
			t.Errorf("%s after the login: %v, want %v", tc.after, err, tc.want)
		}
	}
}
