package session_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/internal/eventlines"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
)

const network = "203.0.113.0/24"

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// keys implements session.Keys with fixed keys.
type keys struct {
	byVersion map[byte]keyring.MACKey
	err       error        // of every reading
	renew     func() error // nil: nothing to do
}

func newKeys() *keys {
	return &keys{byVersion: map[byte]keyring.MACKey{
		1: keyring.NewMACKey(1, []byte("0123456789abcdef0123456789abcdef")),
		2: keyring.NewMACKey(2, []byte("fedcba9876543210fedcba9876543210")),
	}}
}

func (k *keys) Current(context.Context) (keyring.MACKey, error) { return k.byVersion[1], k.err }

func (k *keys) Key(_ context.Context, version byte) (keyring.MACKey, error) {
	key, ok := k.byVersion[version]
	if k.err == nil && !ok {
		return key, keyring.ErrUnknownKey
	}
	return key, k.err
}

func (k *keys) Renew(context.Context, keyring.MACKey) error {
	if k.renew == nil {
		return nil
	}
	return k.renew()
}

// lockedBuffer collects audit lines.
type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

// world is one account with one session, and everything that refreshes it.
type world struct {
	t       *testing.T
	clock   *testclock.Clock
	store   *fakestore.Store
	keys    *keys
	trail   *lockedBuffer
	rules   session.Rules
	client  client.Client
	account account.Account
	id      uuid.UUID // of the session
	first   session.RefreshToken
}

func newWorld(t *testing.T, kind client.Kind) *world {
	t.Helper()
	w := &world{
		t:       t,
		clock:   testclock.New(start),
		keys:    newKeys(),
		trail:   &lockedBuffer{},
		rules:   session.Rules{Grace: session.DefaultGrace},
		client:  client.New("app", kind),
		account: account.Account{ID: uuid.MustParse("0190b0e4-7e00-7000-8000-000000000001"), Username: "ada", Epoch: 100},
	}
	w.client.Absolute = client.DefaultAbsoluteLife
	w.store = fakestore.New(w.clock.Now)
	w.store.SetAccount(w.account, "hash")
	s, first, err := session.Begin(session.Login{AccountID: w.account.ID, Epoch: 100, AMR: []string{"pwd"}, Client: w.client}, start)
	if err != nil {
		t.Fatal(err)
	}
	w.store.SetSession(s)
	w.id, w.first = s.ID, first
	return w
}

func (w *world) refresher() *session.Refresher { return w.refresherOver(w.store) }

func (w *world) refresherOver(store session.Store) *session.Refresher {
	return session.NewRefresher(store, w.store, w.keys, w.rules, audit.NewTrail(eventlines.Watch(w.t, w.trail), w.clock.Now), w.clock.Now)
}

// token is the text of the session's refresh token of generation g.
func (w *world) token(g uint32) oauth.Secret {
	w.t.Helper()
	token := w.first
	token.Generation = g
	return token.Encode(newKeys().byVersion[1])
}

// change rewrites the stored session.
func (w *world) change(f func(*session.Session)) {
	w.t.Helper()
	s := w.stored()
	f(&s)
	w.store.SetSession(s)
}

func (w *world) stored() session.Session {
	w.t.Helper()
	s, ok := w.store.GetSession(w.id)
	if !ok {
		w.t.Fatal("the session is not stored any more")
	}
	return s
}

func (w *world) refresh(g uint32) (session.Refreshed, error) {
	w.t.Helper()
	return w.refresher().Refresh(w.t.Context(), w.token(g), w.client, session.Target{}, network)
}

// wantCase refreshes with the token of generation g, expects the case and the successor's text.
func (w *world) wantCase(g uint32, want session.Case) session.Refreshed {
	w.t.Helper()
	got, err := w.refresh(g)
	if err != nil {
		w.t.Fatalf("refresh with generation %d: %v, want case %d", g, err, want)
	}
	if got.Case != want {
		w.t.Errorf("refresh with generation %d: case %d, want %d", g, got.Case, want)
	}
	if got.Token.Reveal() != w.token(g+1).Reveal() {
		w.t.Errorf("refresh with generation %d: not the token of generation %d", g, g+1)
	}
	return got
}

// wantRefused refreshes with the token of generation g, expects ErrRefused for a reason that begins so.
func (w *world) wantRefused(g uint32, reason string) {
	w.t.Helper()
	got, err := w.refresh(g)
	wantRefusal(w.t, err, reason)
	if !got.Token.IsZero() {
		w.t.Errorf("refresh with generation %d: refused, and yet a token came", g)
	}
}

func wantRefusal(t *testing.T, err error, reason string) {
	t.Helper()
	if !errors.Is(err, session.ErrRefused) || errors.Is(err, oauth.ErrUnavailable) {
		t.Fatalf("error %v, want ErrRefused and nothing else", err)
	}
	if !strings.Contains(err.Error(), reason) {
		t.Errorf("refused because of %q, want %q", err, reason)
	}
}

func wantUnavailable(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, oauth.ErrUnavailable) || errors.Is(err, session.ErrRefused) {
		t.Fatalf("error %v, want ErrUnavailable and nothing else", err)
	}
}

// wantUntouched runs f and expects that neither the session nor the revocation log has changed.
func (w *world) wantUntouched(f func()) {
	w.t.Helper()
	before, log := w.stored(), w.store.Log()
	f()
	if diff := cmp.Diff(before, w.stored()); diff != "" {
		w.t.Errorf("the session was written (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(log, w.store.Log()); diff != "" {
		w.t.Errorf("the revocation log was written (-before +after):\n%s", diff)
	}
}

// wantRevoked expects the session revoked for that reason at the clock's time, with its log entry.
func (w *world) wantRevoked(reason session.Reason) {
	w.t.Helper()
	s := w.stored()
	if !s.RevokedAt.Equal(w.clock.Now()) || s.Reason != reason {
		w.t.Errorf("session revoked at %s because of %q, want %s and %q", s.RevokedAt, s.Reason, w.clock.Now(), reason)
	}
	want := []revocation.Entry{{At: w.clock.Now(), Kind: revocation.Session, ID: w.id.String()}}
	if diff := cmp.Diff(want, w.store.Log()); diff != "" {
		w.t.Errorf("revocation log (-want +got):\n%s", diff)
	}
}

func (w *world) wantLive() {
	w.t.Helper()
	if s := w.stored(); !s.Live(w.clock.Now()) || len(w.store.Log()) > 0 {
		w.t.Errorf("the session came to harm: revoked at %s, log %v", s.RevokedAt, w.store.Log())
	}
}

// events returns the audit lines written so far.
func (w *world) events() []audit.Event {
	w.t.Helper()
	w.trail.mu.Lock()
	defer w.trail.mu.Unlock()
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

// wantEvents expects the names of all events so far.
func (w *world) wantEvents(names ...string) {
	w.t.Helper()
	var got []string
	for _, e := range w.events() {
		got = append(got, e.Name)
		if e.Subject != w.account.ID.String() || e.SessionID != w.id.String() {
			w.t.Errorf("event %s names account %q and session %q, want %s and %s", e.Name, e.Subject, e.SessionID, w.account.ID, w.id)
		}
	}
	if !slices.Equal(got, names) {
		w.t.Errorf("audit events %q, want %q", got, names)
	}
}

// wantCalls expects exactly these store calls since the count began, in any order.
func (w *world) wantCalls(names ...string) {
	w.t.Helper()
	slices.Sort(names)
	if got := w.store.Calls(); !slices.Equal(got, names) {
		w.t.Errorf("store calls %q, want %q", got, names)
	}
}
