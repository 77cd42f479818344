package history_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/access"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
	"github.com/wavepass/wavepass/pkg/store/bolt"
	"github.com/wavepass/wavepass/pkg/store/storetest"
	"github.com/wavepass/wavepass/pkg/token"
)

// track is where races are run.
type track struct {
	*testing.T
	store storetest.Store
	f     *function
	now   func() time.Time

	mu         sync.Mutex
	dead, live []oauth.Secret // access tokens, judged when all races are over
}

// race is one round: a person of his own.
type race struct {
	*track
	who account.Account
}

// onEveryStore runs rounds of a race on each store: on the engine alone where there is one, and without it on
// the others, because each takes its time. bolt, whose writers come one at a time, has fewer rounds.
func onEveryStore(t *testing.T, rounds int, run func(r race)) {
	t.Helper()
	clock := testclock.New(start)
	if endpoint := os.Getenv("DYNAMODB_ENDPOINT"); endpoint != "" {
		store, _ := openDynamo(t, endpoint, endpoint, clock)
		newTrack(t, store, clock).run(rounds, run)
		return
	}
	t.Run("memory", func(t *testing.T) {
		store := fakestore.New(clock.Now)
		store.Before = func(context.Context, string) error {
			time.Sleep(rand.N(200 * time.Microsecond)) // else whoever comes first is through before the other begins
			return nil
		}
		newTrack(t, store, clock).run(rounds, run)
	})
	t.Run("bolt", func(t *testing.T) {
		store, err := bolt.Open(filepath.Join(storetest.Dir(t), "store"), clock.Now)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = store.Close() })
		newTrack(t, store, clock).run(rounds/4, run)
	})
}

func newTrack(t *testing.T, store storetest.Store, clock *testclock.Clock) *track {
	t.Helper()
	sealer := fakestore.NewSealer()
	if err := keyring.New(keyring.Config{Store: store, Sealer: sealer, Algorithm: keyring.ES256, Now: clock.Now}).Ensure(t.Context()); err != nil {
		t.Fatalf("create the keyring: %v", err)
	}
	return &track{T: t, store: store, now: clock.Now, f: newFunction(store, sealer, audit.NewTrail(discard{}, clock.Now), clock.Now)}
}

func (k *track) run(rounds int, run func(r race)) {
	var wg sync.WaitGroup
	for first := range sideBySide {
		wg.Go(func() {
			for i := first; i < rounds; i += sideBySide {
				who := account.Account{ID: uuid.Must(uuid.NewV7()), Username: fmt.Sprintf("person-%d", i), Epoch: start.Unix()}
				if err := k.store.CreateAccount(k.Context(), who, cheapHash); err != nil {
					k.Errorf("create account %d: %v", i, err)
					return
				}
				run(race{k, who})
			}
		})
	}
	wg.Wait()
	k.judge()
}

// judge asks an authorizer about every access token.
func (k *track) judge() {
	checker := access.NewChecker(k.f.verifier, revocation.NewSnapshot(k.store, time.Hour, k.now))
	for want, tokens := range map[bool][]oauth.Secret{true: k.live, false: k.dead} {
		wrong := 0
		for _, text := range tokens {
			_, err := checker.Check(k.Context(), text, token.Expect{Issuer: here.Issuer, Audience: here.Audience})
			switch {
			case err != nil && !errors.Is(err, revocation.ErrRevoked):
				k.Fatalf("check: %v", err)
			case (err == nil) != want:
				wrong++
			}
		}
		if wrong > 0 {
			k.Errorf("%d of %d access tokens: accepted %t, want %t", wrong, len(tokens), !want, want)
		}
	}
}

func (k *track) wantAccess(lives bool, tokens ...holding) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, h := range tokens {
		if h.access.IsZero() {
			continue
		}
		if lives {
			k.live = append(k.live, h.access)
		} else {
			k.dead = append(k.dead, h.access)
		}
	}
}

func (r race) login(with string) (holding, error) {
	issued, err := r.f.login.Grant(r.Context(), grant.LoginRequest{
		At: here, Client: native, Username: r.who.Username, Password: oauth.NewSecret(with), Network: network,
	})
	return holding{issued.Session.ID, native, issued.Tokens.RefreshToken, issued.Tokens.AccessToken}, err
}

func (r race) mustLogin(with string) holding {
	h, err := r.login(with)
	if err != nil {
		r.Errorf("login: %v", err)
	}
	return h
}

// surely repeats what was not confirmed, as anybody would.
func surely(f func() error) (err error) {
	for range enough {
		if err = f(); !errors.Is(err, oauth.ErrUnavailable) {
			return err
		}
	}
	return err
}

func (r race) refresh(h holding) (got holding, err error) {
	err = surely(func() error {
		issued, err := r.f.refresh.Grant(r.Context(), grant.RefreshRequest{At: here, Client: native, RefreshToken: h.refresh, Network: network})
		got = holding{h.id, native, issued.Tokens.RefreshToken, issued.Tokens.AccessToken}
		return err
	})
	return got, err
}

// wantDead expects that nothing of a session is worth anything.
func (r race) wantDead(what string, tokens ...holding) {
	for _, h := range tokens {
		if h.refresh.IsZero() {
			continue
		}
		if _, err := r.refresh(h); !errors.Is(err, session.ErrRefused) {
			r.Errorf("%s: refresh: %v, want it refused", what, err)
		}
	}
	r.wantAccess(false, tokens...)
}

// wantLive expects that a session can be refreshed, and that the new access token is accepted.
func (r race) wantLive(what string, h holding) {
	got, err := r.refresh(h)
	if err != nil {
		r.Errorf("%s: refresh: %v, want it to live", what, err)
	}
	r.wantAccess(true, got)
}

func (r race) caller(h holding) grant.Caller {
	return grant.Caller{Holder: session.Holder{AccountID: r.who.ID, SessionID: h.id, ClientID: native.ID}}
}

// both runs two requests at once.
func both(a, b func()) {
	var wg sync.WaitGroup
	ready := make(chan struct{})
	for _, f := range []func(){a, b} {
		wg.Go(func() {
			<-ready
			f()
		})
	}
	close(ready)
	wg.Wait()
}

func (r race) endEverything(h holding) error {
	return surely(func() error {
		return r.f.logout.End(r.Context(), grant.LogoutRequest{Client: native, RefreshToken: h.refresh, Everywhere: true})
	})
}
