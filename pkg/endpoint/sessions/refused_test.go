package sessions_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/session"
)

// requests are one of each kind, by somebody who means to end other's session.
func requests(other string) map[string]deployment.Request {
	return map[string]deployment.Request{
		"list": listRequest(nil), "one": endRequest(other), "others": endAllRequest(othersOnly), "all": endAllRequest(nil),
	}
}

// An authorizer lets an ended session through for as long as its denylist may be old.
func TestEndedSessionSeesAndEndsNothing(t *testing.T) {
	for how, end := range map[string]func(d *deployment.Deployment, s session.Session){
		"revoked": func(d *deployment.Deployment, s session.Session) {
			s.RevokedAt = deployment.Start
			d.Store.SetSession(s)
		},
		"idle": func(d *deployment.Deployment, s session.Session) {
			s.IdleExpiry = deployment.Start
			d.Store.SetSession(s)
		},
		"expired":  func(d *deployment.Deployment, s session.Session) { s.Expiry = deployment.Start; d.Store.SetSession(s) },
		"epoch":    func(d *deployment.Deployment, s session.Session) { s.Epoch--; d.Store.SetSession(s) },
		"deleted":  func(d *deployment.Deployment, s session.Session) { d.Store.DropSession(s.ID) },
		"gone":     func(d *deployment.Deployment, _ session.Session) { d.Store.DropAccount(deployment.AccountID) },
		"disabled": disable,
	} {
		d := deployment.New(t, browser.Jar{})
		own, other := d.Login("app"), d.Login("app")
		stored, _ := d.Store.GetSession(own.SessionID())
		end(d, stored)
		before := d.Store.Sessions()
		for name, r := range requests(other.SessionID().String()) {
			got := d.As(own.AccessToken, r)
			d.Want(how+", "+name, got, 401, "invalid_token")
			deployment.CheckShape(t, got)
		}
		if diff := cmp.Diff(before, d.Store.Sessions()); diff != "" || len(d.Store.Log()) > 0 {
			t.Errorf("%s: something was ended: log %v (-before +after)\n%s", how, d.Store.Log(), diff)
		}
		d.Want(how+", its own", d.As(own.AccessToken, endRequest(own.SessionID().String())), 200, "")
	}
}

func disable(d *deployment.Deployment, _ session.Session) {
	a, _ := d.Store.Account(d.Context(), deployment.AccountID)
	a.Disabled = true
	d.Store.SetAccount(a, "")
}

func TestTokenWithoutASessionIsRefused(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	own := d.Login("app")
	for name, r := range requests(own.SessionID().String()) {
		r.Caller = map[string]any{"sub": "partner", "client_id": "partner", "scope": "", "roles": []string{}}
		got := d.Do(r)
		d.Want(name+" by a client", got, 403, "access_denied")
		deployment.CheckShape(t, got)
		r.Caller = nil
		d.Want(name+" without an authorizer", d.Do(r), 401, "invalid_token")
	}
	refreshed(t, d, own)
}

func TestUnconfirmedIsUnavailableAndMayBeRepeated(t *testing.T) {
	for what, methods := range map[string][]string{
		"list": {"Session", "Account", "SessionsOf"}, "one": {"Session", "Account", "Revoke"},
		"others": {"Session", "Account", "ChangeAccount"}, "all": {"Session", "Account", "ChangeAccount", "Client"},
	} {
		for _, method := range methods {
			for _, when := range []string{"before", "after"} {
				d := deployment.New(t, browser.Jar{})
				own, other := d.Login("app"), d.Login("app")
				if when == "before" {
					d.Store.Before = hooks.Fail(method)
				} else {
					d.Store.After = hooks.Fail(method)
				}
				r := requests(other.SessionID().String())[what]
				r.Caller = map[string]any{"sub": deployment.AccountID.String(), "sid": own.SessionID().String(), "client_id": "app", "scope": "account"}
				name := fmt.Sprintf("%s, fault %s %s", what, when, method)
				got := d.Do(r)
				d.Want(name, got, 503, "temporarily_unavailable")
				if got.Headers["Retry-After"] == "" || len(got.Cookies) > 0 {
					t.Errorf("%s: headers %v, cookies %v", name, got.Headers, got.Cookies)
				}
				d.Store.Before, d.Store.After = nil, nil
				again := d.Do(r)
				if what == "all" && when == "after" && method == "ChangeAccount" {
					d.Want(name+", again", again, 401, "invalid_token") // it was done
				} else {
					d.Want(name+", again", again, 200, "")
				}
				if what == "list" {
					continue
				}
				d.Want(name+": the other", d.Do(refreshRequest(other)), 400, "invalid_grant")
				if what != "all" {
					refreshed(t, d, own)
				}
			}
		}
	}
}

// TestRoundTrips: those of a warm function. The account is read for its epoch, the session that is ended for
// its client.
func TestRoundTrips(t *testing.T) {
	for what, want := range map[string][]string{
		"list": {"Account", "Session", "SessionsOf"}, "one": {"Account", "Revoke", "Session", "Session"},
		"others": {"Account", "ChangeAccount", "Session"}, "all": {"Account", "ChangeAccount", "Session"},
	} {
		d := deployment.New(t, browser.Jar{})
		d.Want("warm", d.As(d.Login("app").AccessToken, endAllRequest(nil)), 200, "") // it knows the client
		own, other := d.Login("app"), d.Login("app")
		d.Store.ForgetCalls()
		if what == "list" {
			d.Store.Before = hooks.Meet(10*time.Second, want...)
		} else {
			d.Store.Before = hooks.Meet(10*time.Second, slices.DeleteFunc(slices.Clone(want), func(m string) bool { return m == "Revoke" || m == "ChangeAccount" })...)
		}
		r := requests(other.SessionID().String())[what]
		r.Caller = map[string]any{"sub": deployment.AccountID.String(), "sid": own.SessionID().String(), "client_id": "app", "scope": "account"}
		d.Want(what, d.Do(r), 200, "")
		if got := d.Store.Calls(); !slices.Equal(got, want) {
			t.Errorf("%s: calls %q, want %q", what, got, want)
		}
	}
}

func TestTenThousandSessionsEndAsCheaplyAsOne(t *testing.T) {
	calls := map[int][]string{}
	for _, n := range []int{1, 10_000} {
		d := deployment.New(t, browser.Jar{})
		own, _ := manySessions(d, n)
		d.Store.ForgetCalls()
		d.Want("end others", d.As(own.AccessToken, endAllRequest(othersOnly)), 200, "")
		own = refreshed(t, d, own)
		d.Want("end all", d.As(own.AccessToken, endAllRequest(nil)), 200, "")
		calls[n] = d.Store.Calls()
		for id, s := range maps.All(d.Store.Sessions()) {
			if a, _ := d.Store.Account(d.Context(), deployment.AccountID); s.Epoch >= a.Epoch {
				t.Fatalf("%d sessions: %s lives on", n, id)
			}
		}
	}
	if diff := cmp.Diff(calls[1], calls[10_000]); diff != "" {
		t.Errorf("calls (-1 +10,000)\n%s", diff)
	}
}
