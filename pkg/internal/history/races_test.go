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

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
	"github.com/wavepass/wavepass/pkg/store/bolt"
	"github.com/wavepass/wavepass/pkg/token"
)

// Two requests meet, hundreds of times, on a clock that stands still: whatever one of them does to the sessions
// of a person, what must be dead afterwards is dead, and what must live lives.

const (
	otherPassword = "another-canary-wave"
	loginRounds   = 100
	endingRounds  = 200
	sideBySide    = 4 // rounds, which have nothing to do with each other
)

// track is where races are run.
type track struct {
	*testing.T
	store table
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

// onEveryStore runs rounds of a race on each store. bolt, whose writers come one at a time, has fewer.
func onEveryStore(t *testing.T, rounds int, run func(r race)) {
	t.Run("memory", func(t *testing.T) {
		clock := fakestore.NewClock(start)
		store := fakestore.New(clock.Now)
		store.Before = func(context.Context, string) error {
			time.Sleep(rand.N(200 * time.Microsecond)) // else whoever comes first is through before the other begins
			return nil
		}
		newTrack(t, store, clock).run(rounds, run)
	})
	t.Run("bolt", func(t *testing.T) {
		clock := fakestore.NewClock(start)
		store, err := bolt.Open(filepath.Join(fastDir(t), "store"), clock.Now)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = store.Close() })
		newTrack(t, store, clock).run(rounds/4, run)
	})
	t.Run("DynamoDB", func(t *testing.T) {
		endpoint := os.Getenv("DYNAMODB_ENDPOINT")
		if endpoint == "" {
			t.Skip("DYNAMODB_ENDPOINT is not set: start DynamoDB Local and set it")
		}
		clock := fakestore.NewClock(start)
		store, _ := openDynamo(t, endpoint, endpoint, clock)
		newTrack(t, store, clock).run(rounds, run)
	})
}

// fastDir is a folder in memory where the system has one: bolt syncs every write.
func fastDir(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("/dev/shm", "wavepass-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	return folder
}

func newTrack(t *testing.T, store table, clock *fakestore.Clock) *track {
	t.Helper()
	sealer := fakestore.NewSealer()
	if err := keyring.New(store, sealer, keyring.ES256, clock.Now).Ensure(t.Context()); err != nil {
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
	denylist := revocation.NewSnapshot(k.store, time.Hour, k.now)
	for want, tokens := range map[bool][]oauth.Secret{true: k.live, false: k.dead} {
		wrong := 0
		for _, access := range tokens {
			claims, err := k.f.verifier.Verify(k.Context(), access, token.Expect{Issuer: here.Issuer, Audience: here.Audience})
			if err != nil {
				k.Fatalf("verify: %v", err)
			}
			err = denylist.Check(context.Background(), revocation.Subject{
				TokenID: claims.ID, SessionID: claims.Login.SessionID.String(), AccountID: claims.Subject, Epoch: claims.Login.Epoch,
			})
			if (err == nil) != want {
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
	return grant.Caller{Holder: session.Holder{AccountID: r.who.ID, SessionID: h.id}, ClientID: native.ID}
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

func TestLoginAndRevokeAllInOneSecond(t *testing.T) {
	onEveryStore(t, loginRounds, func(r race) {
		before, also := r.mustLogin(password), r.mustLogin(password)
		if err := r.endEverything(also); err != nil {
			r.Errorf("everywhere: %v", err)
		}
		r.wantDead("a login before", before, also)
		after := r.mustLogin(password)
		if _, err := r.refresh(after); err != nil {
			r.Errorf("a login after: refresh: %v, want it to live", err)
		}

		var meanwhile holding
		var endErr error
		both(func() { meanwhile = r.mustLogin(password) }, func() { endErr = r.endEverything(after) })
		if endErr != nil {
			r.Errorf("everywhere: %v", endErr)
		}
		r.wantDead("the login before the second", after)
		r.wantLive("a login after the second", r.mustLogin(password))
		// What began before either lives or is dead on arrival, with all that it was given.
		if _, err := r.refresh(meanwhile); err == nil {
			r.wantAccess(true, meanwhile)
		} else {
			r.wantDead("a login meanwhile", meanwhile)
		}
	})
}

// endings end the session victim of a person; helper is another one of his.
var endings = map[string]func(r race, victim, helper holding) error{
	"revoke": func(r race, victim, _ holding) error {
		return r.f.revoke.Revoke(r.Context(), grant.RevokeRequest{At: here, Client: native, Token: victim.refresh})
	},
	"end one": func(r race, victim, helper holding) error {
		return r.f.devices.End(r.Context(), r.caller(helper), victim.id)
	},
	"end others": func(r race, _, helper holding) error { return r.f.devices.EndOthers(r.Context(), r.caller(helper)) },
	"end all":    func(r race, _, helper holding) error { return r.f.devices.EndAll(r.Context(), r.caller(helper)) },
	"everywhere": func(r race, _, helper holding) error {
		return r.f.logout.End(r.Context(), grant.LogoutRequest{Client: native, RefreshToken: helper.refresh, Everywhere: true})
	},
	"disable": func(r race, _, _ holding) error { return r.f.admin.Disable(r.Context(), r.who.ID) },
	"set password": func(r race, _, _ holding) error {
		return r.f.admin.SetPassword(r.Context(), r.who.ID, oauth.NewSecret(otherPassword))
	},
	"change password": func(r race, _, helper holding) error { return r.changePassword(helper) },
	"delete":          func(r race, _, _ holding) error { return r.f.admin.Delete(r.Context(), r.who.ID) },
}

func (r race) changePassword(h holding) error {
	return r.f.password.Change(r.Context(), grant.PasswordRequest{
		Caller: r.caller(h), Current: oauth.NewSecret(password), New: oauth.NewSecret(otherPassword), Network: network,
	})
}

func TestSessionIsDeadWhenItsRefreshAndItsEndingAreOver(t *testing.T) {
	for name, end := range endings {
		t.Run(name, func(t *testing.T) {
			onEveryStore(t, endingRounds, func(r race) {
				victim, helper := r.mustLogin(password), r.mustLogin(password)
				var renewed holding
				both(func() { renewed, _ = r.refresh(victim) }, func() {
					if err := surely(func() error { return end(r, victim, helper) }); err != nil {
						r.Errorf("ending: %v", err)
					}
				})
				r.wantDead("the session", victim, renewed)
			})
		})
	}
}

// TestCallerOfAChangeThatKeepsHisSessionIsNeverLoggedOut: not even when he refreshes meanwhile.
func TestCallerOfAChangeThatKeepsHisSessionIsNeverLoggedOut(t *testing.T) {
	for _, name := range []string{"end others", "change password"} {
		t.Run(name, func(t *testing.T) {
			onEveryStore(t, endingRounds, func(r race) {
				own, other := r.mustLogin(password), r.mustLogin(password)
				renewed := own
				both(func() {
					var err error
					if renewed, err = r.refresh(own); err != nil {
						r.Errorf("the caller's refresh: %v", err)
					}
				}, func() {
					if err := surely(func() error { return endings[name](r, other, own) }); err != nil {
						r.Errorf("%s: %v", name, err)
					}
				})
				r.wantLive("the caller", renewed)
				r.wantAccess(false, own)
				r.wantDead("the other", other)
			})
		})
	}
}

// TestTwoWhoEndTheOthers: one of them wins, and it is one.
func TestTwoWhoEndTheOthers(t *testing.T) {
	onEveryStore(t, loginRounds, func(r race) {
		sessions := [2]holding{r.mustLogin(password), r.mustLogin(password)}
		var errs [2]error
		end := func(i int) func() {
			return func() {
				errs[i] = surely(func() error { return r.f.devices.EndOthers(r.Context(), r.caller(sessions[i])) })
			}
		}
		both(end(0), end(1))
		winner := 0
		if errs[0] != nil {
			winner = 1
		}
		if errs[winner] != nil || !errors.Is(errs[1-winner], session.ErrEnded) {
			r.Errorf("errors %v, want one nil and one ErrEnded", errs)
		}
		r.wantLive("the winner", sessions[winner])
		r.wantDead("the loser", sessions[1-winner])
	})
}

// TestLoginWithTheOldPasswordNeverLives: whether it is refused or comes in time, nothing is left of it.
func TestLoginWithTheOldPasswordNeverLives(t *testing.T) {
	for _, name := range []string{"set password", "change password"} {
		t.Run(name, func(t *testing.T) {
			onEveryStore(t, loginRounds, func(r race) {
				own := r.mustLogin(password)
				var meanwhile holding
				both(func() {
					var err error
					if meanwhile, err = r.login(password); err != nil && !errors.Is(err, account.ErrInvalidCredentials) && !errors.Is(err, oauth.ErrUnavailable) {
						r.Errorf("login: %v", err)
					}
				}, func() {
					if err := surely(func() error { return endings[name](r, own, own) }); err != nil {
						r.Errorf("%s: %v", name, err)
					}
				})
				r.wantDead("a login with the old password", meanwhile)
				r.wantLive("a login with the new one", r.mustLogin(otherPassword))
			})
		})
	}
}
