package grant_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/internal/eventlines"
	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
)

// leaver is a new process that ends sessions: it holds no keys yet.
func (w *world) leaver() *grant.Logout {
	return grant.NewLogout(grant.LogoutParts{
		Sessions: session.NewRevoker(w.store, w.clock.Now),
		Owners:   session.NewOwners(w.store, w.store, client.NewRegistry(w.store, w.clock.Now), w.clock.Now),
		Accounts: w.editor(),
		MAC:      keyring.NewMACKeys(w.store, w.sealer, keyring.Times{}, w.clock.Now),
		Trail:    audit.NewTrail(eventlines.Watch(w.t, &w.trail), w.clock.Now),
	})
}

func (w *world) editor() *account.Editor { return account.NewEditor(w.store, w.clock.Now) }

func (w *world) logout(clientID string, refreshToken oauth.Secret, everywhere bool) error {
	w.t.Helper()
	return w.leaver().End(w.t.Context(), grant.LogoutRequest{
		Client: w.clients[clientID], RefreshToken: refreshToken, Everywhere: everywhere,
	})
}

// wantDead expects that neither token of the response is worth anything.
func (w *world) wantDead(response oauth.TokenResponse) {
	w.t.Helper()
	w.wantDenied(response)
	got, err := w.tryRefresh("native", response.RefreshToken)
	wantRefused(w.t, got, err)
}

func TestLogoutEndsTheSessionWhateverTheGenerationOfItsToken(t *testing.T) {
	for name, which := range map[string]int{"newest": 3, "the one before": 2, "old": 0} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			chain, other := []oauth.TokenResponse{w.mustLogin()}, w.mustLogin()
			for i := range 3 {
				chain = append(chain, w.mustRefresh(chain[i].RefreshToken))
			}
			w.trail.Reset()
			w.clock.Advance(time.Minute)
			if err := w.logout("native", chain[which].RefreshToken, false); err != nil {
				t.Fatal(err)
			}
			s := w.stored(chain[3])
			if s.Reason != session.ReasonLogout || !s.RevokedAt.Equal(start.Add(time.Minute)) {
				t.Errorf("session revoked at %s because of %q, want now, logout", s.RevokedAt, s.Reason)
			}
			want := []audit.Event{{
				Name: audit.LoggedOut, Time: start.Add(time.Minute), Subject: w.ada.ID.String(), SessionID: s.ID.String(), ClientID: "native",
			}}
			if diff := cmp.Diff(want, w.events()); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			wantLog := []revocation.Entry{{At: start.Add(time.Minute), Kind: revocation.Session, ID: s.ID.String()}}
			if diff := cmp.Diff(wantLog, w.store.Log()); diff != "" {
				t.Errorf("revocation log (-want +got):\n%s", diff)
			}
			w.wantDead(chain[3])
			w.wantDenied(chain[0])
			w.wantAccepted(other)
			w.mustRefresh(other.RefreshToken)
		})
	}
}

func TestLogoutWorksTwiceAndAfterTheAccessTokenHasExpired(t *testing.T) {
	w := newWorld(t)
	login := w.mustLogin()
	w.clock.Advance(2 * time.Hour)
	for range 2 {
		if err := w.logout("native", login.RefreshToken, false); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(time.Minute)
	}
	id, _, err := session.ParseRefreshToken(t.Context(), login.RefreshToken, keyring.NewMACKeys(w.store, w.sealer, keyring.Times{}, w.clock.Now))
	if err != nil {
		t.Fatal(err)
	}
	if s, _ := w.store.GetSession(id.SessionID); !s.RevokedAt.Equal(start.Add(2 * time.Hour)) {
		t.Errorf("revoked at %s, want the first time, %s", s.RevokedAt, start.Add(2*time.Hour))
	}
}

func TestLogoutEverywhereEndsEverySessionOfTheAccountAndNoOther(t *testing.T) {
	w := newWorld(t)
	phone, tablet := w.mustLogin(), w.mustLogin()
	bob := w.ada
	bob.ID[15], bob.Username = 9, "bob"
	w.store.SetAccount(bob, cheapHash)
	issued, err := w.login.Grant(t.Context(), grant.LoginRequest{
		At: here, Client: w.clients["native"], Username: "bob", Password: oauth.NewSecret(password), Network: network,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.trail.Reset()
	if err := w.logout("native", phone.RefreshToken, true); err != nil {
		t.Fatal(err)
	}
	want := []audit.Event{{
		Name: audit.LoggedOutEverywhere, Time: start, Subject: w.ada.ID.String(), SessionID: w.stored(phone).ID.String(), ClientID: "native",
	}}
	if diff := cmp.Diff(want, w.events()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	wantLog := []revocation.Entry{{At: start, Kind: revocation.Account, ID: w.ada.ID.String(), MinEpoch: start.Unix()}}
	if diff := cmp.Diff(wantLog, w.store.Log()); diff != "" {
		t.Errorf("revocation log (-want +got):\n%s", diff)
	}
	w.wantDead(phone)
	w.wantDead(tablet)
	w.wantAccepted(issued.Tokens)
	w.mustRefresh(issued.Tokens.RefreshToken)

	again := w.mustLogin() // in the very same second
	w.wantAccepted(again)
	w.mustRefresh(again.RefreshToken)
}

// notGood are the ways in which a refresh token is not good for ending all sessions. Each gets the chain of
// a session's tokens, the newest last, and returns the client and the token to try.
func notGood() map[string]func(w *world, chain []oauth.TokenResponse) (string, oauth.Secret) {
	newest := func(chain []oauth.TokenResponse) oauth.Secret { return chain[len(chain)-1].RefreshToken }
	change := func(f func(*session.Session)) func(*world, []oauth.TokenResponse) (string, oauth.Secret) {
		return func(w *world, chain []oauth.TokenResponse) (string, oauth.Secret) {
			s := w.stored(chain[0])
			f(&s)
			w.store.SetSession(s)
			return "native", newest(chain)
		}
	}
	edit := func(f func(*account.Account)) func(*world, []oauth.TokenResponse) (string, oauth.Secret) {
		return func(w *world, chain []oauth.TokenResponse) (string, oauth.Secret) {
			f(&w.ada)
			w.store.SetAccount(w.ada, "")
			return "native", newest(chain)
		}
	}
	return map[string]func(*world, []oauth.TokenResponse) (string, oauth.Secret){
		"two generations old": func(_ *world, chain []oauth.TokenResponse) (string, oauth.Secret) {
			return "native", chain[len(chain)-3].RefreshToken
		},
		"newer than the table": change(func(s *session.Session) { s.Generation-- }),
		"revoked":              change(func(s *session.Session) { s.RevokedAt, s.Reason = start, session.ReasonClient }),
		"idle for too long":    change(func(s *session.Session) { s.IdleExpiry = start }),
		"expired":              change(func(s *session.Session) { s.Expiry = start }),
		"account disabled":     edit(func(a *account.Account) { a.Disabled = true }),
		"foreign client": func(_ *world, chain []oauth.TokenResponse) (string, oauth.Secret) {
			return "other", newest(chain)
		},
		"not ours": func(_ *world, chain []oauth.TokenResponse) (string, oauth.Secret) {
			return "native", oauth.NewSecret(newest(chain).Reveal() + "A")
		},
		"an access token": func(_ *world, chain []oauth.TokenResponse) (string, oauth.Secret) {
			return "native", chain[0].AccessToken
		},
		"no token": func(*world, []oauth.TokenResponse) (string, oauth.Secret) { return "native", oauth.Secret{} },
		"no session any more": func(w *world, chain []oauth.TokenResponse) (string, oauth.Secret) {
			w.store.DropSession(w.stored(chain[0]).ID)
			return "native", newest(chain)
		},
	}
}

func TestLogoutEverywhereTakesTheNewestTokenOrTheOneBefore(t *testing.T) {
	for back := range 2 {
		w := newWorld(t)
		chain := w.chain(3)
		w.clock.Advance(time.Hour) // beyond every window
		if err := w.logout("native", chain[len(chain)-1-back].RefreshToken, true); err != nil {
			t.Errorf("%d generations back: %v, want all sessions ended", back, err)
		}
	}
}

func TestLogoutEverywhereWithATokenThatIsNotGoodIsRefusedAndWritesNothing(t *testing.T) {
	for name, prepare := range notGood() {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			clientID, token := prepare(w, w.chain(3))
			w.wantNothingWritten(func() {
				err := w.logout(clientID, token, true)
				wantRefused(t, oauth.TokenResponse{}, err)
			})
		})
	}
}

// The answer was lost, and the same is sent again; or somebody else has ended everything meanwhile.
func TestLogoutEverywhereMayBeRepeated(t *testing.T) {
	again := map[string]func(w *world, token oauth.Secret){
		"repeated": func(w *world, token oauth.Secret) {
			if err := w.logout("native", token, true); err != nil {
				w.t.Errorf("the first: %v", err)
			}
		},
		"account deleted before": func(w *world, _ oauth.Secret) { w.store.DropAccount(w.ada.ID) },
		"account deleted meanwhile": func(w *world, _ oauth.Secret) {
			w.store.Before = func(_ context.Context, method string) error {
				if method == "ChangeAccount" {
					w.store.DropAccount(w.ada.ID)
				}
				return nil
			}
		},
	}
	for name, first := range again {
		w := newWorld(t)
		chain := w.chain(3)
		token := chain[len(chain)-1].RefreshToken
		first(w, token)
		w.trail.Reset()
		if err := w.logout("native", token, true); err != nil {
			t.Errorf("%s: %v, want no error", name, err)
		}
		w.wantEvents()
	}
}

// Without `everywhere` the same tokens end their own session or none, and nobody hears of it.
func TestLogoutWithATokenOfNoLiveSessionIsNoError(t *testing.T) {
	for _, name := range []string{"foreign client", "not ours", "an access token", "no token", "no session any more"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			clientID, token := notGood()[name](w, w.chain(3))
			w.wantNothingWritten(func() {
				if err := w.logout(clientID, token, false); err != nil {
					t.Errorf("error %v, want none", err)
				}
			})
		})
	}
	t.Run("absolute expiry", func(t *testing.T) {
		w := newWorld(t)
		chain := w.chain(1)
		w.clock.Advance(client.DefaultAbsoluteLife)
		w.wantNothingWritten(func() {
			if err := w.logout("native", chain[0].RefreshToken, false); err != nil {
				t.Errorf("error %v, want none", err)
			}
		})
	})
}

func TestLogoutTakesOneRoundTripAndEverywhereTwo(t *testing.T) {
	w := newWorld(t)
	leaver, a, b := w.leaver(), w.mustLogin(), w.mustLogin()
	end := func(what oauth.Secret, everywhere bool) {
		t.Helper()
		if err := leaver.End(t.Context(), grant.LogoutRequest{Client: w.clients["native"], RefreshToken: what, Everywhere: everywhere}); err != nil {
			t.Fatal(err)
		}
	}
	end(oauth.NewSecret(a.RefreshToken.Reveal()), false) // reads the keys
	w.store.ForgetCalls()
	end(a.RefreshToken, false)
	w.wantCalls("Revoke")

	w.store.ForgetCalls()
	w.store.Before = hooks.Meet(patience, "Session", "Account")
	end(b.RefreshToken, true)
	w.wantCalls("Session", "Account", "ChangeAccount")
}

func TestLogoutThatIsNotConfirmedIsUnavailable(t *testing.T) {
	for name, test := range map[string]struct {
		everywhere bool
		fail       func(*world)
	}{
		"session not revoked":         {false, func(w *world) { w.store.Before = hooks.Fail("Revoke") }},
		"session revoked, reply lost": {false, func(w *world) { w.store.After = hooks.Fail("Revoke") }},
		"no keys":                     {false, func(w *world) { w.store.Before = hooks.Fail("ReadPart") }},
		"keys not opened":             {false, func(w *world) { w.sealer.refuse(keyring.Refresh) }},
		"everywhere, no session":      {true, func(w *world) { w.store.Before = hooks.Fail("Session") }},
		"everywhere, no account":      {true, func(w *world) { w.store.Before = hooks.Fail("Account") }},
		"everywhere, not written":     {true, func(w *world) { w.store.Before = hooks.Fail("ChangeAccount") }},
		"everywhere, reply lost":      {true, func(w *world) { w.store.After = hooks.Fail("ChangeAccount") }},
		"everywhere, no keys":         {true, func(w *world) { w.store.Before = hooks.Fail("ReadPart") }},
		"everywhere, keys not opened": {true, func(w *world) { w.sealer.refuse(keyring.Refresh) }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			login := w.mustLogin()
			w.trail.Reset()
			test.fail(w)
			err := w.logout("native", login.RefreshToken, test.everywhere)
			wantError(t, oauth.TokenResponse{}, err, oauth.ErrUnavailable)
			if errors.Is(err, session.ErrRefused) {
				t.Errorf("error %v, want an outage and no refusal", err)
			}
			w.wantEvents()
			if strings.Contains(name, "reply lost") {
				return
			}
			w.store.Before = nil
			w.sealer.refuse("")
			w.wantAccepted(login)
			w.mustRefresh(login.RefreshToken)
		})
	}
}
