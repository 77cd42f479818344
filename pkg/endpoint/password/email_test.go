package password_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/mail"
)

func emailRequest(route, address, current string) deployment.Request {
	return deployment.JSON("POST "+route, `{"email":"`+address+`","current_password":"`+current+`"}`)
}

// asker asks as somebody who is logged in: with an access token, or with the cookie of a site.
func asker(d *deployment.Deployment, route string) func(deployment.Request) deployment.Answer {
	if route == "/email" {
		own := d.Login("app")
		return func(r deployment.Request) deployment.Answer {
			r.Caller = caller(own)
			return d.Do(r)
		}
	}
	cookie := d.LoginSite("site").CookiePair()
	return func(r deployment.Request) deployment.Answer {
		return d.AtSite(r.From(deployment.Origin).Cookie(cookie))
	}
}

// TestThiefOfASessionAsksForNoAddress says what it takes, by the token of an application and by the cookie of a site.
func TestThiefOfASessionAsksForNoAddress(t *testing.T) {
	for route, clientID := range map[string]string{"/email": "app", "/site/email": "site"} {
		d := deployment.New(t, browser.Jar{})
		addressed(d)
		ask := asker(d, route)
		const next = "ada@example.org"
		d.Want(route+" with a wrong password", ask(emailRequest(route, next, "wrong-canary-wave")), 401, "invalid_credentials")
		missing := ask(deployment.JSON("POST "+route, `{"email":"`+next+`"}`))
		d.Want(route+" without the password", missing, 400, "invalid_request")
		if !strings.Contains(missing.Body, "current_password") {
			t.Errorf("%s: %s, want what is missing", route, missing.Body)
		}
		counted := d.Store.Attempts("account")
		for _, address := range []string{"", "ada", "Ada <ada@example.org>", "a@b@example.org"} {
			d.Want(route+" for "+address, ask(emailRequest(route, address, deployment.Password)), 400, "invalid_request")
		}
		d.Want(route+", a long language", ask(deployment.JSON("POST "+route, `{"email":"`+next+`","current_password":"x","language":"`+strings.Repeat("x", 36)+`"}`)), 400, "invalid_request")
		if got := d.Store.Attempts("account"); got != counted || len(d.Store.OrdersPlaced()) > 0 {
			t.Errorf("%s: %d attempts are counted and %d mails ordered for what is no address, want none", route, got-counted, len(d.Store.OrdersPlaced()))
		}
		d.Want(route, ask(emailRequest(route, "Ada@Example.org", deployment.Password).With("accept-language", "de-AT,de;q=0.9")), 202, "")
		placed := d.Store.OrdersPlaced()
		if len(placed) != 1 {
			t.Fatalf("%s: orders %+v, want one", route, placed)
		}
		want := mail.Order{ID: placed[0].ID, Purpose: mail.ConfirmAddress, Account: deployment.AccountID, Address: next, Language: "de-AT", Client: clientID, At: d.Clock.Now()}
		if diff := cmp.Diff(want, placed[0]); diff != "" {
			t.Errorf("%s: order (-want +got)\n%s", route, diff)
		}
		if a, _ := d.Store.Account(t.Context(), deployment.AccountID); a.Email.Address != "ada@example.com" {
			t.Errorf("%s: the address is %s before anybody has confirmed another", route, a.Email.Address)
		}
		if n := strings.Count(d.Trail(), `"event":"address_asked"`); n != 1 || strings.Contains(d.Trail()+d.Log(), "example.org") {
			t.Errorf("%s: %d events, want 1 without an address:\n%s%s", route, n, d.Trail(), d.Log())
		}
		d.Restart(browser.Jar{}, func(string) keyring.Sealer { return d.Sealer }) // with the limits of a deployment
		for range account.DefaultLimits.Account.Count {
			ask(emailRequest(route, next, "wrong-canary-wave"))
		}
		d.Want(route+" after too many guesses", ask(emailRequest(route, next, deployment.Password)), 429, "too_many_attempts")

		silent := d.Beside(func(s *endpoint.Settings) { s.SelfService = endpoint.SelfService{} })
		d.Want(route+" of a service without mails", asker(silent, route)(emailRequest(route, next, deployment.Password)), 404, "not_found")
	}
}

// TestNewAddressOfSomebodyWithoutAPassword: they have come from an identity provider.
func TestNewAddressOfSomebodyWithoutAPassword(t *testing.T) {
	for _, route := range []string{"/email", "/site/email"} {
		d := deployment.New(t, browser.Jar{})
		ask := asker(d, route)
		a, _ := d.Store.Account(t.Context(), deployment.AccountID)
		a.Username, a.Subject = "", account.Subject{Directory: "idp:up", ID: "ada"}
		d.Store.SetAccount(a, "")
		d.Clock.Advance(9 * time.Minute)
		d.Want(route+", logged in 9 minutes ago", ask(emailRequest(route, "ada@example.org", "")), 202, "")
		d.Clock.Advance(2 * time.Minute)
		old := ask(emailRequest(route, "ada@example.org", ""))
		d.Want(route+", logged in 11 minutes ago", old, 401, "insufficient_user_authentication")
		if got := old.Headers["Www-Authenticate"]; got != `Bearer error="insufficient_user_authentication", max_age="600"` {
			t.Errorf("%s: WWW-Authenticate %s", route, got)
		}
	}
}

// TestAnswerAndMailAreTheSameForEveryAddress: the new address may be somebody else's, and theirs to whom it is mailed.
func TestAnswerAndMailAreTheSameForEveryAddress(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	ada, _ := d.Store.LoginName(t.Context(), deployment.Username)
	bea := account.Account{ID: uuid.New(), Username: "bea", Email: account.Email{Address: "bea@example.com", VerifiedAt: deployment.Start}, Epoch: 1}
	if err := d.Store.CreateAccount(t.Context(), bea, ada.Hash); err != nil {
		t.Fatal(err)
	}
	ask := asker(d, "/email")
	var calls [2][]string
	for i, address := range []string{bea.Email.Address, "eve@example.com"} {
		for range 7 { // of which five are mailed
			d.Store.ForgetCalls()
			a := ask(emailRequest("/email", address, deployment.Password))
			d.Want(address, a, 202, "")
			if a.Body != "" {
				t.Errorf("%s: %s", address, a.Body)
			}
			calls[i] = append(calls[i], strings.Join(d.Store.Calls(), " "))
		}
	}
	sent := map[string]int{}
	for _, o := range d.Store.OrdersPlaced() {
		sent[o.Address]++
	}
	if sent[bea.Email.Address] != 5 || sent["eve@example.com"] != 5 {
		t.Errorf("mails ordered: %v, want 5 for each", sent)
	}
	for n := range calls[0] {
		if n > 0 && len(calls[0][n]) != len(calls[1][n]) {
			t.Errorf("call %d: %s for the address of an account, %s for another", n, calls[0][n], calls[1][n])
		}
	}
	last := deployment.Answer{}
	for i := range 60 {
		last = ask(emailRequest("/email", "eve"+strings.Repeat("x", i)+"@example.com", deployment.Password))
	}
	d.Want("the 61st mail of one network", last, 429, "too_many_attempts")
}

func TestAskingForAnAddressMayBeRepeated(t *testing.T) {
	for _, method := range []string{"Session", "Account", "LoginName", "AccountAndLogin", "Take", "Client", "CountMail", "PutOrder"} {
		d := deployment.New(t, browser.Jar{})
		own := d.Login("app")
		d.Restart(browser.Jar{}, func(string) keyring.Sealer { return d.Sealer }) // it holds no client
		d.Store.After = hooks.Fail(method)
		r := emailRequest("/email", "ada@example.org", deployment.Password)
		r.Caller = caller(own)
		d.Want(method+" lost", d.Do(r), 503, "temporarily_unavailable")
		d.Store.After = nil
		d.Want(method+" again", d.Do(r), 202, "")
	}
}
