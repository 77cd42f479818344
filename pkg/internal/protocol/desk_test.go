package protocol_test

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

// desk is where refresh tokens are exchanged, and one session of a client. No access tokens are made: months pass in
// a moment.
type desk struct {
	t         *testing.T
	clock     *testclock.Clock
	store     *fakestore.Store
	refresher *session.Refresher
	client    client.Client
	keys      session.Keys
	account   uuid.UUID
	id        uuid.UUID // of the session
}

func newDesk(t *testing.T, rules session.Rules, c client.Client) *desk {
	t.Helper()
	clock := testclock.New(start)
	store := fakestore.New(clock.Now)
	owner := account.Account{ID: uuid.MustParse("0190b0e4-7e00-7000-8000-000000000001"), Username: "ada", Epoch: 42}
	store.SetAccount(owner, "hash")
	keys := keyring.New(keyring.Config{Store: store, Sealer: fakestore.NewSealer(), Algorithm: keyring.ES256, Now: clock.Now}).MACKeys()
	trail := audit.NewTrail(io.Discard, clock.Now)
	return &desk{
		t: t, clock: clock, store: store, client: c, keys: keys, account: owner.ID,
		refresher: session.NewRefresher(store, store, keys, rules, trail, clock.Now),
	}
}

// logIn begins the session anew and returns its first refresh token.
func (d *desk) logIn() oauth.Secret {
	d.t.Helper()
	key, err := d.keys.Current(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	s, first, err := session.Begin(session.Login{AccountID: d.account, Epoch: 42, Client: d.client, Remember: true}, d.clock.Now())
	if err != nil {
		d.t.Fatal(err)
	}
	d.store.SetSession(s)
	d.id = s.ID
	return first.Encode(key)
}

// refresh returns the next token, and the status that a client would see.
func (d *desk) refresh(token oauth.Secret) (next oauth.Secret, status int) {
	d.t.Helper()
	got, err := d.refresher.Refresh(d.t.Context(), token, d.client, session.Target{}, "203.0.113.0/24")
	switch {
	case err == nil:
		return got.Token, 200
	case errors.Is(err, session.ErrOvertaken):
		return oauth.Secret{}, 503
	case errors.Is(err, session.ErrRefused):
		return oauth.Secret{}, 400
	}
	d.t.Fatalf("refresh: %v", err)
	return oauth.Secret{}, 0
}

// caught says when the session was ended because of reuse, and whether it was.
func (d *desk) caught() (time.Time, bool) {
	s, _ := d.store.GetSession(d.id)
	return s.RevokedAt, s.Reason == session.ReasonReuse
}

func sameToken(a, b oauth.Secret) bool { return a.Reveal() == b.Reveal() }
