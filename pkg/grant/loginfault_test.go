package grant_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
)

func TestFailedLoginIsRecordedWithItsAccountAndNoName(t *testing.T) {
	w := newWorld(t)
	for range account.DefaultLimits.Account.Count {
		response, err := w.tryLogin("native", "canary-wrong")
		wantError(t, response, err, account.ErrInvalidCredentials)
		want := []audit.Event{{Name: audit.LoginFailed, Time: start, Subject: w.ada.ID.String(), ClientID: "native"}}
		if diff := cmp.Diff(want, w.events()); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		w.trail.Reset()
	}
	response, err := w.tryLogin("native", password)
	var limited *account.TooManyAttemptsError
	if !errors.As(err, &limited) || limited.RetryAfter != 15*time.Minute || !response.AccessToken.IsZero() {
		t.Errorf("error %v, want too many attempts, retry after 15m", err)
	}
	w.wantEvents(audit.LoginLimited)
	if n := w.store.SessionCount(); n != 0 {
		t.Errorf("%d sessions stored, want none", n)
	}
}

func TestLoginThatFailsOnAFaultStoresNoEventAndCountsNothing(t *testing.T) {
	for name, fail := range map[string]func(*world){
		"login name":    func(w *world) { w.store.Before = hooks.Fail("LoginName") },
		"account":       func(w *world) { w.store.Before = hooks.Fail("AccountAndLogin") },
		"session":       func(w *world) { w.store.Before = hooks.Fail("Create") },
		"session, lost": func(w *world) { w.store.After = hooks.Fail("Create") },
		"keys":          func(w *world) { w.store.Before = hooks.Fail("ReadPart") },
		"signing keys":  func(w *world) { w.sealer.refuse(keyring.Signing) },
		"MAC keys":      func(w *world) { w.sealer.refuse(keyring.Refresh) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.mustLogin()
			w.trail.Reset()
			before := w.store.SessionCount()
			w.wire() // a new process, which holds no keys
			fail(w)
			response, err := w.tryLogin("native", password)
			wantError(t, response, err, oauth.ErrUnavailable)
			w.wantEvents()
			if a, n := w.store.Attempts("account"), w.store.Attempts("network"); a != 0 || n != 0 {
				t.Errorf("%d attempts of the account and %d of the network counted, want none", a, n)
			}
			if after := w.store.SessionCount(); name != "session, lost" && after != before {
				t.Errorf("%d sessions stored, want %d", after, before)
			}
		})
	}
}

func TestLoginWithRolesThatDoNotFitGetsATokenWithoutThem(t *testing.T) {
	w := newWorld(t)
	for i := range 200 {
		w.ada.Roles = append(w.ada.Roles, fmt.Sprintf("role-%010d", i))
	}
	w.store.SetAccount(w.ada, "")
	if claims := w.claims(w.mustLogin()); !claims.RolesOmitted || len(claims.Roles) != 0 {
		t.Errorf("claims %+v, want roles_omitted in place of the roles", claims)
	}
	w.wantEvents(audit.RolesOmitted, audit.Login)
	w.change("native", func(c *client.Client) { c.Roles = client.RolesLookup })
	if claims := w.claims(w.mustLogin()); !claims.RolesOmitted || len(claims.Roles) != 0 {
		t.Errorf("a client that has roles looked up: claims %+v, want roles_omitted in place of the roles", claims)
	}
	w.wantEvents(audit.Login) // nothing overflowed
}
