package accounts_test

import (
	"encoding/json"
	"html"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/mail"
)

const newAddress = "bea@example.org"

// bea is the account of a mailbox that is verified.
func (w *world) bea() account.Account {
	w.t.Helper()
	id, err := w.Store.OwnerOf(w.t.Context(), mailbox)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.account(id)
}

func (w *world) account(id uuid.UUID) account.Account {
	w.t.Helper()
	a, err := w.Store.Account(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// asks asks for an address by an application, and returns what the mail has.
func (w *world) asks(password, address string) (letter mail.Letter, link string) {
	w.t.Helper()
	own := w.login("bea", password, 200)
	w.Want("ask", w.As(own.AccessToken, deployment.JSON("POST /email", `{"email":"`+address+`","current_password":"`+password+`"}`)), 202, "")
	return w.mailed()
}

func TestAddressIsChangedAndTakenBackByApplication(t *testing.T) {
	w := newWorld(t)
	bea := w.bea()
	own := w.login("bea", deployment.Password, 200)
	letter, link := w.asks(deployment.Password, newAddress)
	for what, members := range map[string]map[string]string{
		"nothing":         {},
		"no account":      {"email": newAddress, "code": letter.Code},
		"no address":      {"sub": bea.ID.String(), "code": letter.Code},
		"link and code":   {"sub": bea.ID.String(), "link": link, "code": letter.Code},
		"a bad sub":       {"sub": "bea", "email": newAddress, "code": letter.Code},
		"a long language": {"link": link, "language": strings.Repeat("x", 36)},
	} {
		w.Want(what, w.json("/email/confirm", members), 400, "invalid_request")
	}
	wrong := map[string]string{"sub": bea.ID.String(), "email": newAddress, "code": "BCDFG-BCDFG"}
	w.Want("a wrong code", w.json("/email/confirm", wrong), 400, "invalid_grant")
	w.Want("another's code", w.json("/email/confirm", map[string]string{"sub": deployment.AccountID.String(), "email": newAddress, "code": letter.Code}), 400, "invalid_grant")
	w.Clock.Advance(time.Second)
	made := w.json("/email/confirm", map[string]string{"sub": bea.ID.String(), "email": newAddress, "code": strings.ToLower(letter.Code), "language": "de"})
	w.Want("confirm", made, 200, "")
	var said struct{ Sub, Username string }
	if err := json.Unmarshal([]byte(made.Body), &said); err != nil || said.Sub != bea.ID.String() || said.Username != "bea" {
		t.Errorf("answer %s", made.Body)
	}
	if a := w.account(bea.ID); a.Email.Address != newAddress || !a.Email.Verified() {
		t.Errorf("address %+v", a.Email)
	}
	w.Want("a session of before", w.Do(deployment.Form("POST /refresh", "client_id=app&refresh_token="+own.RefreshToken)), 400, "invalid_grant")
	w.Want("the link, after the code", w.json("/email/confirm", map[string]string{"link": link}), 400, "invalid_grant")

	notice, back := w.mailed()
	if orders := w.Store.OrdersPlaced(); notice.Purpose != mail.AddressChanging || orders[len(orders)-1].Address != mailbox || orders[len(orders)-1].Language != "de" {
		t.Errorf("the last order is %+v, want that the old address is told", orders[len(orders)-1])
	}
	w.Want("no link", w.json("/email/takeback", map[string]string{"password": next}), 400, "invalid_request")
	w.Want("a short password", w.json("/email/takeback", map[string]string{"link": back, "password": "short"}), 400, "invalid_request")
	w.Want("another purpose", w.json("/email/takeback", map[string]string{"link": link, "password": next}), 400, "invalid_grant")
	w.Clock.Advance(6 * 24 * time.Hour)
	w.Want("take back", w.json("/email/takeback", map[string]string{"link": back, "password": next}), 200, "")
	w.Want("again", w.json("/email/takeback", map[string]string{"link": back, "password": next}), 200, "")
	w.Want("again, with another password", w.json("/email/takeback", map[string]string{"link": back, "password": next + "-2"}), 400, "invalid_grant")
	if a := w.account(bea.ID); a.Email.Address != mailbox {
		t.Errorf("address %+v", a.Email)
	}
	w.login("bea", deployment.Password, 401)
	w.login("bea", next, 200)
	for event, n := range map[string]int{"address_asked": 1, "address_confirmed": 1, "address_taken_back": 2, "proof_refused": 5} {
		if got := strings.Count(w.Trail(), `"event":"`+event+`"`); got != n {
			t.Errorf("%d events %s, want %d:\n%s", got, event, n, w.Trail())
		}
	}
	for _, secret := range []string{link, back, letter.Code, "example.org"} {
		if strings.Contains(w.Trail()+w.Log(), secret) {
			t.Errorf("%q is in the logs", secret)
		}
	}
}

func TestWrongCodesOfAnAddressAreCountedAndDisturbNoLink(t *testing.T) {
	w := newWorld(t)
	_, link := w.asks(deployment.Password, newAddress)
	wrong := map[string]string{"sub": w.bea().ID.String(), "email": newAddress, "code": "BCDFG-BCDFG"}
	for range 10 {
		w.Want("a wrong code", w.json("/email/confirm", wrong), 400, "invalid_grant")
	}
	w.Want("the eleventh", w.json("/email/confirm", wrong), 429, "too_many_attempts")
	w.Want("the link", w.json("/email/confirm", map[string]string{"link": link}), 200, "")
}

// TestAddressOfSomebodyElseIsToldToWhoHasTheMailbox only: they have had the mail.
func TestAddressOfSomebodyElse(t *testing.T) {
	w := newWorld(t)
	_, link := w.asks(deployment.Password, newAddress)
	w.place(mail.Order{Purpose: mail.SignUp, Address: newAddress})
	_, signUp := w.mailed()
	w.Want("sign up", w.json("/signup/verify", map[string]string{"link": signUp, "password": next}), 201, "")
	placed := len(w.Store.OrdersPlaced())
	w.Want("confirm", w.json("/email/confirm", map[string]string{"link": link}), 409, "already_used")
	page := w.Raw(deployment.Form("POST /email/confirm", "link="+link).From(deployment.Issuer))
	if page.StatusCode != 409 || !strings.Contains(page.Body, "Another account has this address") {
		t.Errorf("page %d:\n%s", page.StatusCode, page.Body)
	}
	if len(w.Store.OrdersPlaced()) != placed || w.bea().Email.Address != mailbox {
		t.Error("somebody is told of a change that was refused, or it was made")
	}

	w = newWorld(t)
	bea := w.bea()
	_, link = w.asks(deployment.Password, newAddress)
	w.Want("confirm", w.json("/email/confirm", map[string]string{"link": link}), 200, "")
	_, back := w.mailed()
	w.place(mail.Order{Purpose: mail.SignUp, Address: mailbox})
	_, signUp = w.mailed()
	w.Want("somebody takes the old address", w.json("/signup/verify", map[string]string{"link": signUp, "password": next}), 201, "")
	w.Want("take back", w.json("/email/takeback", map[string]string{"link": back, "password": next}), 409, "already_used")
	if a := w.account(bea.ID); a.Email.Address != newAddress {
		t.Errorf("address %s", a.Email.Address)
	}
}

// TestPagesOfAChange goes through them as a browser does. A program that opens the links before changes nothing.
func TestPagesOfAChange(t *testing.T) {
	w := newWorld(t)
	bea := w.bea()
	form := func(route string, members ...string) (int, string) {
		t.Helper()
		a := w.Raw(deployment.Form("POST "+route, strings.Join(members, "&")).From(deployment.Issuer).With("accept-language", "de"))
		return a.StatusCode, html.UnescapeString(a.Body)
	}
	get := func(route, link string) (int, string) {
		t.Helper()
		r := deployment.Request{Route: "GET " + route}
		if link != "" {
			r.Query = map[string]string{"link": link}
		}
		a := w.Raw(r.With("accept-language", "de"))
		return a.StatusCode, html.UnescapeString(a.Body)
	}
	status, page := get("/email/change", "")
	w.wantPage("the form", status, page, 200, `action="/email/change"`, `autocomplete="current-password"`, "E\u2011Mail-Adresse ändern")
	status, page = form("/email/change", "username=bea", "password=wrong-canary-wave", "email=bea")
	w.wantPage("no address", status, page, 400, "Das ist keine E-Mail-Adresse", `value="bea"`)
	if n := w.Store.Attempts(account.KindAccount); n != 0 {
		t.Errorf("%d attempts are counted for an address that is none", n)
	}
	status, page = form("/email/change", "username=bea", "password=wrong-canary-wave", "email="+newAddress)
	w.wantPage("a wrong password", status, page, 400, "Der Benutzername oder das Passwort ist falsch.", `value="`+newAddress+`"`)
	status, unknown := form("/email/change", "username=who", "password=wrong-canary-wave", "email="+newAddress)
	if want := strings.ReplaceAll(page, `value="bea"`, `value="who"`); status != 400 || unknown != want {
		t.Errorf("an unknown name: %d, want the same page:\n%s\n%s", status, unknown, want)
	}
	if strings.Contains(page, "wrong-canary-wave") || len(w.Store.OrdersPlaced()) > 0 {
		t.Errorf("the password is on the page, or a mail was ordered:\n%s", page)
	}
	other := w.Raw(deployment.Form("POST /email/change", "username=bea&password="+deployment.Password+"&email="+newAddress).From("https://evil.example"))
	w.wantPage("a form of another site", other.StatusCode, other.Body, 403, "<!doctype html>")
	status, page = form("/email/change", "username=bea", "password="+deployment.Password, "email="+newAddress)
	w.wantPage("asked", status, page, 200, "Eine Mail ist unterwegs an "+newAddress, `name="sub" value="`+bea.ID.String()+`"`, `action="/email/confirm"`, "kann diese Person es 7 Tage lang zurücknehmen")
	letter, link := w.mailed()
	status, page = form("/email/confirm", "sub="+bea.ID.String(), "email="+newAddress, "code=wrong")
	w.wantPage("a wrong code", status, page, 400, "Der Code ist falsch", `value="wrong"`, `href="/email/change"`)
	status, page = get("/email/confirm", "")
	w.wantPage("the page without its link", status, page, 200, `action="/email/change"`)
	before := w.bea()
	for range 3 { // of which two are of a mail scanner
		status, page = get("/email/confirm", link)
		w.wantPage("the link", status, page, 200, link, "Adresse bestätigen", "kann diese Person es 7 Tage lang zurücknehmen")
	}
	if now := w.bea(); now.Epoch != before.Epoch || now.Email != before.Email {
		t.Errorf("to open the link has made %+v of %+v", now, before)
	}
	foreign := w.Raw(deployment.Form("POST /email/confirm", "link="+link).From("https://evil.example"))
	w.wantPage("a form of another site", foreign.StatusCode, foreign.Body, 403, "<!doctype html>")
	status, page = form("/email/confirm", "link="+link)
	w.wantPage("confirmed", status, page, 200, "Ihre Adresse ist geändert", "Ihr Benutzername ist bea.")
	status, page = form("/email/confirm", "link="+link)
	w.wantPage("again", status, page, 200, "Ihre Adresse ist geändert", "Ihr Benutzername ist bea.")
	status, page = form("/email/confirm", "link="+link[:len(link)-2]+"AA")
	w.wantPage("another link", status, page, 400, "gilt nicht mehr", `href="/email/change"`)
	status, page = form("/email/confirm", "sub="+bea.ID.String(), "email="+newAddress, "code="+letter.Code)
	w.wantPage("the code of a mail whose link was used", status, page, 400, "gilt nicht mehr")

	_, back := w.mailed()
	status, page = get("/email/takeback", "")
	w.wantPage("the page without its link", status, page, 200, "Dieser Link gilt nicht mehr")
	for range 3 {
		status, page = get("/email/takeback", back)
		w.wantPage("the link back", status, page, 200, back, "Konto zurückholen", `action="/email/takeback"`, `autocomplete="new-password"`)
	}
	if now := w.account(bea.ID); now.Email.Address != newAddress {
		t.Error("to open the link takes the address back")
	}
	thief := w.Raw(deployment.Form("POST /email/takeback", "link="+back+"&password="+next).From("https://evil.example"))
	w.wantPage("a form of another site", thief.StatusCode, thief.Body, 403, "<!doctype html>")
	status, page = form("/email/takeback", "link="+back, "password=short")
	w.wantPage("a short password", status, page, 400, "zu kurz: Es braucht 8 Zeichen", back)
	status, page = form("/email/takeback", "link="+back, "password="+next)
	w.wantPage("taken back", status, page, 200, "Das Konto gehört wieder Ihnen", "Ihr Benutzername ist bea.")
	status, page = form("/email/takeback", "link="+back, "password="+next+"-2")
	w.wantPage("again, with another password", status, page, 400, "oder das Konto wurde mit einer früheren Mail zurückgeholt")
	if strings.Contains(page, "<a href") {
		t.Errorf("the page of a dead link leads to another mail:\n%s", page)
	}
	w.login("bea", next, 200)
}

// TestPageCallsTheTableAlikeForEveryNewAddress: the hash of the password hides any difference in time, so the calls are compared.
func TestPageCallsTheTableAlikeForEveryNewAddress(t *testing.T) {
	w := newWorld(t)
	var calls [2][]string
	for i, address := range []string{mailbox, "who@example.com"} {
		w.Store.ForgetCalls()
		a := w.Raw(deployment.Form("POST /email/change", "username="+deployment.Username+"&password="+deployment.Password+"&email="+address).From(deployment.Issuer))
		if a.StatusCode != 200 {
			t.Errorf("%s: %d:\n%s", address, a.StatusCode, a.Body)
		}
		calls[i] = w.Store.Calls()
		slices.Sort(calls[i])
	}
	if orders := w.Store.OrdersPlaced(); len(orders) != 2 || !slices.Equal(calls[0], calls[1]) {
		t.Errorf("%d mails; calls %v for the address of an account, %v for another", len(orders), calls[0], calls[1])
	}
}

// TestPageTakesFewerGuessesThanTheLogin: and what is guessed at the login counts at the page.
func TestPageTakesFewerGuessesThanTheLogin(t *testing.T) {
	for _, before := range []int{0, 5} {
		w := newWorld(t)
		limited := w.Beside(func(s *endpoint.Settings) { s.Limits = account.DefaultLimits })
		login := func(password string) deployment.Answer {
			return limited.Do(deployment.JSON("POST /login", `{"client_id":"app","username":"bea","password":"`+password+`"}`))
		}
		for range before {
			w.Want("a wrong login", login("wrong-canary-wave"), 401, "invalid_credentials")
		}
		guess := func() (int, string, string) {
			a := limited.Raw(deployment.Form("POST /email/change", "username=bea&password=wrong-canary-wave&email="+newAddress).From(deployment.Issuer))
			return a.StatusCode, a.Body, a.Headers["Retry-After"]
		}
		for range 5 - before {
			if status, page, _ := guess(); status != 400 {
				t.Fatalf("%d:\n%s", status, page)
			}
		}
		if status, page, wait := guess(); status != 429 || !strings.Contains(page, "too many attempts. Please try again in") || wait == "" {
			t.Errorf("%d, Retry-After %q:\n%s", status, wait, page)
		}
		w.Want("login", login(deployment.Password), 200, "")
	}
}
