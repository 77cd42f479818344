package grant_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/internal/eventlines"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

// TestListHasTheCallersSessionAlthoughTheOthersEndMeanwhile ends the others after the page was read and before the
// caller's session is: the page has that session with the epoch of before.
func TestListHasTheCallersSessionAlthoughTheOthersEndMeanwhile(t *testing.T) {
	w := newWorld(t)
	own := w.stored(w.mustLogin())
	w.mustLogin()
	changed := make(chan struct{})
	w.store.After = func(ctx context.Context, method string) error {
		if method != "SessionsOf" {
			return nil
		}
		defer close(changed)
		return w.editor().EndOthers(ctx, w.ada, own.ID)
	}
	if err := w.store.PutClient(t.Context(), w.clients["native"]); err != nil {
		t.Fatal(err)
	}
	w.store.Before = func(_ context.Context, method string) error {
		if method == "Session" || method == "Account" {
			select {
			case <-changed:
			case <-time.After(patience):
				return errors.New("the page is never read")
			}
		}
		return nil
	}
	devices := grant.NewDevices(grant.DevicesParts{
		Sessions: w.store, Owners: session.NewOwners(w.store, w.store, client.NewRegistry(w.store, w.clock.Now), w.clock.Now), Revoker: session.NewRevoker(w.store, w.clock.Now),
		Accounts: w.editor(), Trail: audit.NewTrail(eventlines.Watch(w.t, &w.trail), w.clock.Now),
	})
	page, err := devices.List(t.Context(), grant.Caller{
		Holder: session.Holder{AccountID: w.ada.ID, SessionID: own.ID, ClientID: "native"},
	}, uuid.Nil, 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Sessions) != 1 || page.Sessions[0].ID != own.ID {
		t.Errorf("sessions %v, want the caller's own and no other", page.Sessions)
	}
}

// TestTokenOfAKeyThatWasTakenAwayEndsNothing resets the keyring under a process that holds the key still.
func TestTokenOfAKeyThatWasTakenAwayEndsNothing(t *testing.T) {
	w := newWorld(t)
	leaver := w.leaver()
	logout := func(everywhere bool) func(oauth.Secret) error {
		return func(refreshToken oauth.Secret) error {
			return leaver.End(t.Context(), grant.LogoutRequest{Client: w.clients["native"], RefreshToken: refreshToken, Everywhere: everywhere})
		}
	}
	ends := map[string]func(oauth.Secret) error{
		"logout": logout(false), "logout everywhere": logout(true),
		"revocation": func(refreshToken oauth.Secret) error { return w.tryRevoke("native", refreshToken) },
	}
	stolen := w.mustLogin()
	for name, end := range ends {
		if err := end(w.mustLogin().RefreshToken); err != nil { // now the process holds the key
			t.Fatalf("%s: %v", name, err)
		}
		stolen = w.mustLogin()
	}
	if _, err := w.keeper().Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(2 * time.Minute)
	before := len(w.store.Log())
	for name, end := range ends {
		if err := end(stolen.RefreshToken); err != nil && !errors.Is(err, session.ErrRefused) {
			t.Errorf("%s: error %v", name, err)
		}
		if got := len(w.store.Log()); got != before || !w.stored(stolen).RevokedAt.IsZero() {
			t.Errorf("%s: a token of a key that is gone ended something", name)
		}
	}
}
