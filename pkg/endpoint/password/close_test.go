package password_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/mail"
)

func closeRequest(password string) deployment.Request {
	return deployment.JSON("DELETE /account", `{"current_password":"`+password+`","language":"de"}`)
}

// TestClosedAccountIsGoneAtOnceAndForGoodLater as far as the function goes: the table removes it.
func TestClosedAccountIsGoneAtOnceAndForGoodLater(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	addressed(d)
	own, other := d.Login("app"), d.Login("app")
	d.Want("without the password", d.As(own.AccessToken, deployment.JSON("DELETE /account", `{}`)), 400, "invalid_request")
	d.Want("a wrong one", d.As(own.AccessToken, closeRequest("wrong-canary-wave")), 401, "invalid_credentials")
	d.Want("a long language", d.As(own.AccessToken, deployment.JSON("DELETE /account",
		`{"current_password":"`+deployment.Password+`","language":"`+strings.Repeat("x", 36)+`"}`)), 400, "invalid_request")
	if placed := d.Store.OrdersPlaced(); len(placed) > 0 {
		t.Errorf("%+v is ordered though nothing has changed", placed)
	}
	var forgotten []string
	d.Store.Before = func(_ context.Context, method string) error {
		if slices.Contains([]string{"Forget", "ChangeAccount", "ForgetConsents"}, method) {
			forgotten = append(forgotten, method)
		}
		return nil
	}
	got := d.As(own.AccessToken, closeRequest(deployment.Password))
	d.Want("close", got, 200, "")
	deployment.CheckShape(t, got)
	a, _ := d.Store.Account(d.Context(), deployment.AccountID)
	if want := d.Clock.Now().Add(7 * 24 * time.Hour).Truncate(time.Second); !a.RemoveAt.Equal(want) || !a.Disabled || got.Body != `{"removed_at":`+strconv.FormatInt(want.Unix(), 10)+`}` {
		t.Errorf("removed at %s, disabled %t, answer %s; want %s", a.RemoveAt, a.Disabled, got.Body, want)
	}
	for what, who := range map[string]deployment.Answer{"own": own, "other": other} {
		d.Want(what+" refresh", d.Do(refreshRequest(who)), 400, "invalid_grant")
		d.Want(what+" token", d.As(who.AccessToken, deployment.Request{Route: "GET /sessions"}), 403, "")
	}
	d.Want("login", login(d, deployment.Password), 401, "invalid_credentials")
	placed := d.Store.OrdersPlaced()
	if len(placed) != 1 || placed[0].Purpose != mail.Deletion || placed[0].Address != "ada@example.com" || placed[0].Language != "de" || placed[0].Account != deployment.AccountID {
		t.Errorf("orders %+v, want one that tells the owner", placed)
	}
	if n := strings.Count(d.Trail(), `"event":"account_closed"`); n != 1 {
		t.Errorf("%d events of the closing, want 1", n)
	}
	if !slices.Equal(forgotten, []string{"Forget", "ChangeAccount", "ForgetConsents"}) {
		t.Errorf("calls %v, want sessions and consents to be removed later, and consents once more after the closing", forgotten)
	}
}

// Cookies are cleared, as when every session ends.
func TestClosedAccountLeavesNoCookies(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	own := d.Do(deployment.JSON("POST /login", `{"client_id":"web","username":"ada","password":"`+deployment.Password+`"}`).From(deployment.Origin))
	got := d.As(own.AccessToken, closeRequest(deployment.Password))
	d.Want("close", got, 200, "")
	if len(got.Cookies) == 0 || !strings.Contains(strings.Join(got.Cookies, ""), "Max-Age=0") {
		t.Errorf("cookies %q, want the session's to be cleared", got.Cookies)
	}
}

// An account of an identity provider has no password, so a login of the last minutes stands for it. A service's own user is the service's.
func TestAccountWithoutAPasswordIsClosedAfterAYoungLogin(t *testing.T) {
	for directory, want := range map[string]struct {
		age    time.Duration
		status int
		code   string
	}{
		"idp:up":  {grant.YoungLogin, 200, ""},
		"idp:old": {grant.YoungLogin + time.Second, 401, "insufficient_user_authentication"},
		"shop":    {0, 403, "access_denied"},
	} {
		d := deployment.New(t, browser.Jar{})
		own := d.Login("app")
		a, _ := d.Store.Account(d.Context(), deployment.AccountID)
		a.Username, a.Subject = "", account.Subject{Directory: directory, ID: "1"}
		d.Store.SetAccount(a, "")
		d.Clock.Advance(want.age)
		r := deployment.JSON("DELETE /account", `{}`)
		r.Caller = caller(own)
		d.Want(directory, d.Do(r), want.status, want.code)
		if a, _ := d.Store.Account(d.Context(), a.ID); a.RemoveAt.IsZero() != (want.status != 200) {
			t.Errorf("%s: removed at %s", directory, a.RemoveAt)
		}
	}
}

// TestClosingMayBeRepeated: once it was done, the caller's session has ended, and the mail says why.
func TestClosingMayBeRepeated(t *testing.T) {
	for _, method := range []string{"Session", "Account", "LoginName", "Forget", "CountMail", "PutOrder", "ChangeAccount"} {
		for _, when := range []string{"before", "after"} {
			d := deployment.New(t, browser.Jar{})
			addressed(d)
			own := d.Login("app")
			if d.Store.After = hooks.Fail(method); when == "before" {
				d.Store.Before, d.Store.After = d.Store.After, nil
			}
			d.Restart(browser.Jar{}, func(string) keyring.Sealer { return d.Sealer })
			r := closeRequest(deployment.Password)
			r.Caller = caller(own)
			d.Want("fault "+when+" "+method, d.Do(r), 503, "temporarily_unavailable")
			d.Store.Before, d.Store.After = nil, nil
			if a, _ := d.Store.Account(d.Context(), deployment.AccountID); a.RemoveAt.IsZero() {
				d.Want("again after "+method, d.Do(r), 200, "")
			} else {
				d.Want("again after "+method, d.Do(r), 401, "invalid_token")
			}
			if len(d.Store.Log()) != 1 || len(d.Store.OrdersPlaced()) == 0 {
				t.Errorf("%s %s: log %v, orders %v; want one ending, and the owner told", when, method, d.Store.Log(), d.Store.OrdersPlaced())
			}
		}
	}
}
