package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
)

// refreshTests prove the promises of the refresh protocol with the store under test beneath it.
var refreshTests = []subtest{
	{"ManyParallelRefreshesOfOneTokenGetOneSuccessor", refreshParallel},
	{"GrandparentTokenEndsTheSession", refreshGrandparent},
	{"RotationAppliedButReplyLostIsRetriedToTheSuccessor", refreshRotateReplyLost},
	{"LateRetryAppliedButReplyLostIsRetriedToTheSuccessor", refreshLateReplyLost},
	{"RevocationAppliedButReplyLostIsRetriedToRefusal", refreshRevokeReplyLost},
}

// fixedKeys authenticate refresh tokens with one key, version 1.
type fixedKeys struct{}

var testKey = keyring.NewMACKey(1, []byte("a key for tests only"))

func (fixedKeys) Current(context.Context) (keyring.MACKey, error) { return testKey, nil }
func (fixedKeys) Renew(context.Context, keyring.MACKey) error     { return nil }

func (fixedKeys) Key(_ context.Context, version byte) (keyring.MACKey, error) {
	if version != testKey.Version() {
		return keyring.MACKey{}, keyring.ErrUnknownKey
	}
	return testKey, nil
}

// lossy performs every write, and loses the first reply of the named method.
type lossy struct {
	session.Store
	method string
	mu     sync.Mutex
	lost   bool
}

func (l *lossy) lose(method string, err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil || method != l.method || l.lost {
		return err
	}
	l.lost = true
	return fmt.Errorf("%w: reply lost", oauth.ErrUnavailable)
}

func (l *lossy) Rotate(ctx context.Context, r session.Rotation) (session.Session, error) {
	s, err := l.Store.Rotate(ctx, r)
	if err := l.lose("Rotate", err); err != nil {
		return s, err
	}
	return s, nil
}

func (l *lossy) RecordReplay(ctx context.Context, r session.Replay) (session.Session, error) {
	s, err := l.Store.RecordReplay(ctx, r)
	if err := l.lose("RecordReplay", err); err != nil {
		return s, err
	}
	return s, nil
}

func (l *lossy) Revoke(ctx context.Context, e session.Ending) error {
	return l.lose("Revoke", l.Store.Revoke(ctx, e))
}

// login is a session of generation 0 with its first token, and what it is refreshed with.
type login struct {
	fixture
	client    client.Client
	account   account.Account
	session   session.Session
	token     oauth.Secret
	refresher *session.Refresher
}

// logIn stores an account and a session. The refresher loses the first reply of the named method.
func logIn(t *testing.T, f fixture, lose string) login {
	t.Helper()
	l := login{
		fixture: f,
		client:  client.New(fresh(t, "c"), client.Native),
		account: storedAccount(t, f, hash),
	}
	s, token, err := session.Begin(session.Login{
		AccountID: l.account.ID, Epoch: l.account.Epoch, AMR: []string{"pwd"}, Client: l.client,
	}, f.clock.Now())
	wantErr(t, "begin", err, nil)
	wantErr(t, "create", f.Create(t.Context(), s), nil)
	l.session = s
	l.token = token.Encode(testKey)
	l.refresher = session.NewRefresher(&lossy{Store: f, method: lose}, f, fixedKeys{}, session.Rules{Grace: session.DefaultGrace},
		audit.NewTrail(io.Discard, f.clock.Now), f.clock.Now)
	return l
}

// refresh exchanges a token that must be good, and checks the generation of its successor.
func (l login) refresh(t *testing.T, what string, token oauth.Secret, want session.Case, generation uint32) oauth.Secret {
	t.Helper()
	got, err := l.refresher.Refresh(t.Context(), token, l.client, session.Target{}, network)
	wantErr(t, what, err, nil)
	if got.Case != want {
		t.Errorf("%s: case = %d, want %d", what, got.Case, want)
	}
	successor, _, err := session.ParseRefreshToken(t.Context(), got.Token, fixedKeys{})
	wantErr(t, what+": parse the successor", err, nil)
	same(t, what+": successor", successor, session.RefreshToken{
		AccountID: l.account.ID, SessionID: l.session.ID,
		Generation: generation, Expiry: l.session.Expiry,
	})
	return got.Token
}

// wantDead checks that reuse has ended the session and that the log denies its access tokens.
func (l login) wantDead(t *testing.T, what string) {
	t.Helper()
	s, err := l.Session(t.Context(), l.session.AccountID, l.session.ID)
	wantErr(t, what+": read session", err, nil)
	if s.RevokedAt.IsZero() || s.Reason != session.ReasonReuse {
		t.Errorf("%s: revoked at %v for %q, want a time and %q", what, s.RevokedAt, s.Reason, session.ReasonReuse)
	}
	same(t, what+": entries", l.entriesOf(t, s.ID.String(), time.Time{}),
		[]revocation.Entry{{At: s.RevokedAt, Kind: revocation.Session, ID: s.ID.String()}})
}

func refreshParallel(t *testing.T, f fixture) {
	const callers = 100
	l := logIn(t, f, "")
	results := make([]session.Refreshed, callers)
	errs := parallel(callers, func(i int) (err error) {
		results[i], err = l.refresher.Refresh(t.Context(), l.token, l.client, session.Target{}, network)
		return err
	})
	rotations := 0
	for i, err := range errs {
		wantErr(t, fmt.Sprint("caller ", i), err, nil)
		if results[i].Case == session.Rotate {
			rotations++
		}
		if results[i].Token.Reveal() != results[0].Token.Reveal() {
			t.Fatalf("callers 0 and %d got different successors of one token", i)
		}
	}
	if rotations != 1 {
		t.Errorf("%d of %d callers have rotated, want 1", rotations, callers)
	}
	now, err := f.Session(t.Context(), l.session.AccountID, l.session.ID)
	wantErr(t, "read", err, nil)
	if now.Generation != 1 || !now.Live(f.clock.Now()) {
		t.Errorf("session after the race = %+v, want generation 1 and alive", now)
	}
	l.refresh(t, "the successor", results[0].Token, session.Rotate, 2)
}

func refreshGrandparent(t *testing.T, f fixture) {
	l := logIn(t, f, "")
	first := l.refresh(t, "first", l.token, session.Rotate, 1)
	second := l.refresh(t, "second", first, session.Rotate, 2)

	_, err := l.refresher.Refresh(t.Context(), l.token, l.client, session.Target{}, network)
	wantErr(t, "the grandparent", err, session.ErrRefused)
	l.wantDead(t, "after the grandparent")
	_, err = l.refresher.Refresh(t.Context(), second, l.client, session.Target{}, network)
	wantErr(t, "the newest token", err, session.ErrRefused)
}

func refreshRotateReplyLost(t *testing.T, f fixture) {
	l := logIn(t, f, "Rotate")
	_, err := l.refresher.Refresh(t.Context(), l.token, l.client, session.Target{}, network)
	wantErr(t, "reply lost", err, oauth.ErrUnavailable)
	successor := l.refresh(t, "retry", l.token, session.Race, 1)
	l.refresh(t, "the successor", successor, session.Rotate, 2)
}

func refreshLateReplyLost(t *testing.T, f fixture) {
	l := logIn(t, f, "RecordReplay")
	lost := l.refresh(t, "rotate", l.token, session.Rotate, 1) // the caller never sees it
	f.clock.Advance(time.Hour)
	_, err := l.refresher.Refresh(t.Context(), l.token, l.client, session.Target{}, network)
	wantErr(t, "reply lost", err, oauth.ErrUnavailable)
	f.clock.Advance(time.Second)
	again := l.refresh(t, "retry", l.token, session.Race, 1)
	if again.Reveal() != lost.Reveal() {
		t.Error("the retry got another successor than the first refresh")
	}
	now, err := f.Session(t.Context(), l.session.AccountID, l.session.ID)
	wantErr(t, "read", err, nil)
	same(t, "late retries", now.Late, []session.Late{{Generation: 0, At: f.clock.Now().Add(-time.Second)}})
	l.refresh(t, "the successor", again, session.Rotate, 2)
}

func refreshRevokeReplyLost(t *testing.T, f fixture) {
	l := logIn(t, f, "Revoke")
	first := l.refresh(t, "first", l.token, session.Rotate, 1)
	l.refresh(t, "second", first, session.Rotate, 2)

	_, err := l.refresher.Refresh(t.Context(), l.token, l.client, session.Target{}, network)
	wantErr(t, "reply lost", err, oauth.ErrUnavailable)
	if errors.Is(err, session.ErrRefused) {
		t.Errorf("reply lost: error = %v is a refusal too, want only ErrUnavailable", err)
	}
	_, err = l.refresher.Refresh(t.Context(), l.token, l.client, session.Target{}, network)
	wantErr(t, "retry", err, session.ErrRefused)
	l.wantDead(t, "after the retry")
}
