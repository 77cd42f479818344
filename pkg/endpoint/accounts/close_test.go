package accounts_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/mail"
)

// closeForm sends the form of the page that closes an account.
func (w *world) closeForm(members string) events.APIGatewayV2HTTPResponse {
	return w.Raw(deployment.Form("POST /account/close", members).From(deployment.Issuer).With("accept-language", "de"))
}

func TestAccountIsClosedAndKeptByThePages(t *testing.T) {
	w := newWorld(t)
	own := w.login("bea", deployment.Password, 200)
	shown := w.Raw(deployment.Request{Route: "GET /account/close"})
	w.wantPage("the page", shown.StatusCode, shown.Body, 200, `action="/account/close"`, "In 7 days the account is deleted", `autocomplete="current-password"`)
	if strings.Contains(shown.Body, `name="token"`) {
		t.Errorf("somebody who is not signed in is shown the button of those who are:\n%s", shown.Body)
	}
	for what, tc := range map[string]struct {
		members string
		status  int
		says    string
	}{
		"nothing":          {"", 400, "Der Benutzername oder das Passwort ist falsch."},
		"a wrong password": {"username=bea&password=wrong-canary-wave", 400, "Der Benutzername oder das Passwort ist falsch."},
		"an unknown name":  {"username=who&password=wrong-canary-wave", 400, "Der Benutzername oder das Passwort ist falsch."},
		"a token alone":    {"token=x", 400, "mehr als 10 Minuten her"},
	} {
		got := w.closeForm(tc.members)
		w.wantPage(what, got.StatusCode, got.Body, tc.status, tc.says)
	}
	other := w.Raw(deployment.Form("POST /account/close", "username=bea&password="+deployment.Password).From("https://evil.example"))
	w.wantPage("a form of another site", other.StatusCode, other.Body, 403, "<!doctype html>")
	if a := w.bea(); a.Disabled || len(w.Store.OrdersPlaced()) > 0 {
		t.Fatalf("account %+v, orders %+v; want nothing changed", a, w.Store.OrdersPlaced())
	}

	got := w.closeForm("username=bea&password=" + deployment.Password)
	w.wantPage("closed", got.StatusCode, got.Body, 200, "Ihr Konto ist geschlossen", "7 Tage")
	if a := w.bea(); !a.Disabled || !a.RemoveAt.Equal(w.Clock.Now().Add(account.Reopens).Truncate(time.Second)) {
		t.Errorf("account %+v, want it closed for 7 days", a)
	}
	orders := w.Store.OrdersPlaced()
	if len(orders) != 1 || orders[0].Purpose != mail.Deletion || orders[0].Address != mailbox || orders[0].Language != "de" {
		t.Errorf("orders %+v, want that the owner is told in German", orders)
	}
	if n := strings.Count(w.Trail(), `"event":"account_closed"`); n != 1 {
		t.Errorf("%d events of the closing, want 1", n)
	}
	w.Want("a session of before", w.Do(deployment.Form("POST /refresh", "client_id=app&refresh_token="+own.RefreshToken)), 400, "invalid_grant")
	again := w.closeForm("username=bea&password=" + deployment.Password)
	w.wantPage("again", again.StatusCode, again.Body, 400, "Der Benutzername oder das Passwort ist falsch.")

	for range 5 {
		again = w.closeForm("username=bea&password=wrong-canary-wave")
	}
	w.wantPage("too many guesses", again.StatusCode, again.Body, 429, "zu viele Versuche")

	_, link := w.mailed()
	kept := w.Raw(deployment.Form("POST /account/keep", "link="+link).From(deployment.Issuer))
	w.wantPage("kept", kept.StatusCode, kept.Body, 200, "Your account is kept")
	w.Clock.Advance(16 * time.Minute) // the guesses count no more
	w.logsIn("kept", 200)
}

// Somebody from an identity provider has no password: a login of the last minutes at the sign-in page of this browser stands for it.
func TestAccountWithoutAPasswordIsClosedByAYoungLoginAtThePages(t *testing.T) {
	for what, tc := range map[string]struct {
		age             time.Duration
		password, ended bool
		says            string // empty: closed
	}{
		"young":           {age: grant.YoungLogin},
		"old":             {age: grant.YoungLogin + time.Second, says: "it is more than 10 minutes ago"},
		"with a password": {password: true, says: "This account has a password."},
		"ended":           {ended: true, says: "You are not signed in"},
	} {
		w := newWorld(t)
		v := w.Visitor()
		v.SignIn(deployment.Authorization("app", "http://127.0.0.1/cb"))
		a := w.account(deployment.AccountID)
		if tc.ended {
			if err := account.NewEditor(w.Store, w.Clock.Now).EndSessions(t.Context(), a); err != nil {
				t.Fatal(err)
			}
			a = w.account(deployment.AccountID)
		}
		if !tc.password {
			a.Username, a.Subject = "", account.Subject{Directory: "idp:up", ID: "1"}
			w.Store.SetAccount(a, "")
		}
		w.Clock.Advance(tc.age)
		_, button, _ := strings.Cut(v.Open("/account/close", "").HTML, "</form>") // the second form
		got := v.Post("/account/close", deployment.Page{HTML: button}.Form())
		closed := w.account(a.ID)
		switch {
		case tc.says == "" && (got.Status != 200 || !closed.Disabled || !strings.Contains(got.HTML, "Your account is closed")):
			t.Errorf("%s: %d, account %+v\n%s", what, got.Status, closed, got.HTML)
		case tc.says == "" && !strings.Contains(strings.Join(got.Cookies, ""), "Max-Age=0"):
			t.Errorf("%s: cookies %q, want that of the session to be cleared", what, got.Cookies)
		case tc.says != "" && (got.Status != 400 || closed.Disabled || !strings.Contains(got.HTML, tc.says)):
			t.Errorf("%s: %d, account %+v\n%s\nwant %q", what, got.Status, closed, got.HTML, tc.says)
		}
	}
}

// The page works where nobody signs up by mail. A fault closes nothing, or is told with the closing done.
func TestPageThatClosesWorksWhereNobodySignsUp(t *testing.T) {
	w := newWorld(t)
	other := &world{w.Beside(func(s *endpoint.Settings) { s.SelfService = endpoint.SelfService{} }), t, w.letters}
	for _, method := range []string{"Forget", "PutOrder", "ChangeAccount"} {
		w.Store.Before = hooks.Fail(method)
		got := other.closeForm("username=bea&password=" + deployment.Password)
		other.wantPage("a fault of "+method, got.StatusCode, got.Body, 503, "antwortet im Moment nicht")
		if w.Store.Before = nil; w.bea().Disabled {
			t.Errorf("a fault of %s, and the account is closed", method)
		}
	}
	got := other.closeForm("username=bea&password=" + deployment.Password)
	other.wantPage("closed", got.StatusCode, got.Body, 200, "Ihr Konto ist geschlossen")
}
