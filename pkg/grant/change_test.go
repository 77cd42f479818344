package grant_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/oauth"
)

const newPassword = "a-newer-canary-wave"

// chain is a login followed by n refreshes, and no events of them.
func (w *world) chain(n int) []oauth.TokenResponse {
	w.t.Helper()
	chain := []oauth.TokenResponse{w.mustLogin()}
	for i := range n {
		chain = append(chain, w.mustRefresh(chain[i].RefreshToken))
	}
	w.trail.Reset()
	return chain
}

// wantNothingWritten runs f and expects the store to be as before, and no event.
func (w *world) wantNothingWritten(f func()) {
	w.t.Helper()
	sessions := w.store.Sessions()
	log := w.store.Log()
	a, _ := w.store.Account(w.t.Context(), w.ada.ID)
	l, _ := w.store.LoginName(w.t.Context(), w.ada.Username)
	w.store.ForgetCalls()
	f()
	for _, call := range w.store.Calls() {
		if slices.Contains([]string{"Create", "Rotate", "RecordReplay", "ChangeAccount", "Append"}, call) {
			w.t.Errorf("%s was called, want no write tried", call)
		}
	}
	afterA, _ := w.store.Account(w.t.Context(), w.ada.ID)
	afterL, _ := w.store.LoginName(w.t.Context(), w.ada.Username)
	diff := cmp.Diff(sessions, w.store.Sessions()) + cmp.Diff(log, w.store.Log()) + cmp.Diff(a, afterA) + cmp.Diff(l, afterL)
	if diff != "" {
		w.t.Errorf("something was written (-before +after):\n%s", diff)
	}
	w.wantEvents()
}

// changePasswordBefore changes the password of ada just before the call of that name.
func changePasswordBefore(w *world, call string) func(context.Context, string) error {
	return hooks.Once(call, func(ctx context.Context) error {
		return w.editor().SetPassword(ctx, w.ada.ID, oauth.NewSecret(newPassword), account.PasswordRules{})
	})
}

// The old password was right when it was checked. Somebody who held it must not keep a session.
func TestLoginWithTheOldPasswordThatRacesWithAChangeIsDeadOnArrival(t *testing.T) {
	for call, behind := range map[string]time.Duration{"Create": 0, "Create, clock behind the epoch": 24 * time.Hour * 365 * 60} {
		t.Run(call, func(t *testing.T) {
			w := newWorld(t)
			if behind > 0 {
				w.ada.Epoch = start.Add(behind).Unix()
				w.store.SetAccount(w.ada, "")
				call = "Create"
			}
			before := w.mustLogin()
			w.store.Before = changePasswordBefore(w, call)
			raced := w.mustLogin()
			w.store.Before = nil

			w.wantDead(raced)
			w.wantDead(before)
			w.trail.Reset()
			response, err := w.tryLogin("native", password)
			wantError(t, response, err, account.ErrInvalidCredentials)
			issued, err := w.login.Grant(t.Context(), grant.LoginRequest{
				At: here, Client: w.clients["native"], Username: "ada", Password: oauth.NewSecret(newPassword), Network: network,
			})
			if err != nil {
				t.Fatalf("login with the new password: %v", err)
			}
			w.wantAccepted(issued.Tokens)
			w.mustRefresh(issued.Tokens.RefreshToken)
			w.wantEvents(audit.LoginFailed, audit.Login, audit.Refresh)
		})
	}
}

func TestLoginWithTheOldPasswordIsRefusedWhenItChangesWhileItIsChecked(t *testing.T) {
	w := newWorld(t)
	w.mustLogin() // reads the keys
	w.store.Before = changePasswordBefore(w, "AccountAndLogin")
	response, err := w.tryLogin("native", password)
	wantError(t, response, err, account.ErrInvalidCredentials)
}

// A refresh reads session and account side by side, so the change comes before, between or after.
func TestRefreshThatRacesWithAPasswordChangeLeavesNothingAlive(t *testing.T) {
	for _, call := range []string{"Rotate", "Account"} {
		t.Run(call, func(t *testing.T) {
			w := newWorld(t)
			login := w.mustLogin()
			w.store.Before = changePasswordBefore(w, call)
			refreshed, err := w.tryRefresh("native", login.RefreshToken)
			w.store.Before = nil
			if err == nil {
				w.wantDead(refreshed)
			}
			w.wantDead(login)
		})
	}
}

func TestEveryEditOfAnAccountEndsItsSessions(t *testing.T) {
	for name, edit := range map[string]func(w *world) error{
		"end sessions": func(w *world) error { return w.editor().EndSessions(w.t.Context(), w.ada) },
		"disable":      func(w *world) error { _, err := w.editor().Disable(w.t.Context(), w.ada.ID); return err },
		"set password": func(w *world) error {
			return w.editor().SetPassword(w.t.Context(), w.ada.ID, oauth.NewSecret(newPassword), account.PasswordRules{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			chain, tablet := w.chain(2), w.mustLogin()
			if err := edit(w); err != nil {
				t.Fatal(err)
			}
			w.wantDead(chain[2])
			w.wantDead(tablet)
			w.wantDenied(chain[0])
		})
	}
}
