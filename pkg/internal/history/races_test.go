package history_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

// Two requests meet, hundreds of times, on a clock that stands still: whatever one of them does to the sessions
// of a person, what must be dead afterwards is dead, and what must live lives.

const (
	otherPassword = "another-canary-wave"
	loginRounds   = 100
	endingRounds  = 200
	sideBySide    = 4 // rounds, which have nothing to do with each other
)

// withPasswords is how many rounds are run where each hashes new passwords, which takes nearly all of the time.
func withPasswords(rounds int) int {
	if os.Getenv("WAVEPASS_LONG") != "" {
		return rounds
	}
	return rounds / 5
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
	"disable": func(r race, _, _ holding) error { _, err := r.f.admin.Disable(r.Context(), r.who.ID); return err },
	"set password": func(r race, _, _ holding) error {
		return r.f.admin.SetPassword(r.Context(), r.who.ID, oauth.NewSecret(otherPassword), account.PasswordRules{})
	},
	"change password": func(r race, _, helper holding) error { return r.changePassword(helper) },
	"delete":          func(r race, _, _ holding) error { return r.f.admin.Delete(r.Context(), r.who.ID) },
}

func (r race) changePassword(h holding) error {
	_, err := r.changePasswordOf(h)
	return err
}

func (r race) changePasswordOf(h holding) (grant.Issued, error) {
	return r.f.password.Change(r.Context(), grant.PasswordRequest{
		Caller: r.caller(h), At: here, Client: native, Current: oauth.NewSecret(password), New: oauth.NewSecret(otherPassword), Network: network,
	})
}

func TestSessionIsDeadWhenItsRefreshAndItsEndingAreOver(t *testing.T) {
	for name, end := range endings {
		t.Run(name, func(t *testing.T) {
			rounds := endingRounds
			if strings.Contains(name, "password") {
				rounds = withPasswords(rounds)
			}
			onEveryStore(t, rounds, func(r race) {
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

// TestCallerWhoEndsTheOthersIsNeverLoggedOut: not even when they refresh meanwhile.
func TestCallerWhoEndsTheOthersIsNeverLoggedOut(t *testing.T) {
	onEveryStore(t, endingRounds, func(r race) {
		own, other := r.mustLogin(password), r.mustLogin(password)
		renewed := own
		both(func() {
			var err error
			if renewed, err = r.refresh(own); err != nil {
				r.Errorf("the caller's refresh: %v", err)
			}
		}, func() {
			if err := surely(func() error { return endings["end others"](r, other, own) }); err != nil {
				r.Errorf("end others: %v", err)
			}
		})
		r.wantLive("the caller", renewed)
		r.wantAccess(false, own)
		r.wantDead("the other", other)
	})
}

// TestNewSessionOfAPasswordChangeIsTheOnlyOneLeft: whatever is refreshed meanwhile, the caller's copies too.
func TestNewSessionOfAPasswordChangeIsTheOnlyOneLeft(t *testing.T) {
	onEveryStore(t, withPasswords(endingRounds), func(r race) {
		own, other := r.mustLogin(password), r.mustLogin(password)
		var renewed, begun holding
		both(func() { renewed, _ = r.refresh(own) }, func() {
			issued, err := r.changePasswordOf(own)
			if err != nil {
				r.Errorf("change password: %v", err)
			}
			begun = holding{issued.Session.ID, native, issued.Tokens.RefreshToken, issued.Tokens.AccessToken}
		})
		r.wantDead("what was there before", own, renewed, other)
		r.wantLive("the new session", begun)
	})
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

// TestOneWhoEndsTheOthersTwiceAtOnce is a button that is pressed twice.
func TestOneWhoEndsTheOthersTwiceAtOnce(t *testing.T) {
	onEveryStore(t, loginRounds, func(r race) {
		own, other := r.mustLogin(password), r.mustLogin(password)
		end := func() {
			if err := surely(func() error { return r.f.devices.EndOthers(r.Context(), r.caller(own)) }); err != nil {
				r.Errorf("end others: %v", err)
			}
		}
		both(end, end)
		r.wantLive("the caller", own)
		r.wantDead("the other", other)
	})
}

// TestLoginWithTheOldPasswordNeverLives: whether it is refused or comes in time, nothing is left of it.
func TestLoginWithTheOldPasswordNeverLives(t *testing.T) {
	for _, name := range []string{"set password", "change password"} {
		t.Run(name, func(t *testing.T) {
			onEveryStore(t, withPasswords(loginRounds/2), func(r race) {
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
