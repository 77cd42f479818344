package accounts_test

import (
	"context"
	"encoding/json"
	"html"
	"io"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/endpoint/mailer"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/oauth"
)

const (
	mailbox = "bea@example.com"
	next    = "another-canary-wave"
)

type world struct {
	*deployment.Deployment
	t       *testing.T
	letters *mailer.Letters
}

// newWorld has somebody whose address was never verified: bea.
func newWorld(t *testing.T) *world {
	d := deployment.New(t, browser.Jar{})
	w := &world{d, t, mailer.NewLetters(deployment.Settings(io.Discard, d.Clock.Now), d.Store, d.Sealer)}
	ada, err := d.Store.LoginName(t.Context(), deployment.Username)
	if err != nil {
		t.Fatal(err)
	}
	a := account.Account{ID: uuid.New(), Username: "bea", Email: account.Email{Address: mailbox}, Epoch: d.Clock.Now().Unix()}
	if err := d.Store.CreateAccount(t.Context(), a, ada.Hash); err != nil {
		t.Fatal(err)
	}
	return w
}

// mailed is what the mail of the last order says, and what a browser does with its link.
func (w *world) mailed() (letter mail.Letter, text string) {
	w.t.Helper()
	orders := w.Store.OrdersPlaced()
	if len(orders) == 0 {
		w.t.Fatal("no mail was ordered")
	}
	letter, err := w.letters.Letter(w.t.Context(), orders[len(orders)-1])
	if err != nil {
		w.t.Fatal(err)
	}
	at, err := url.Parse(letter.Link)
	if err != nil {
		w.t.Fatal(err)
	}
	return letter, at.Query().Get("link")
}

func (w *world) json(route string, members map[string]string) deployment.Answer {
	w.t.Helper()
	body, err := json.Marshal(members)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.Do(deployment.JSON("POST "+route, string(body)))
}

func (w *world) login(username, password string, status int) deployment.Answer {
	w.t.Helper()
	a := w.json("/login", map[string]string{"client_id": "app", "username": username, "password": password})
	w.Want("login as "+username, a, status, a.Error)
	return a
}

func TestSignUpAndRecoverByApplication(t *testing.T) {
	w := newWorld(t)
	w.Want("ask", w.json("/signup", map[string]string{"email": "New@Example.com", "language": "de"}), 202, "")
	if orders := w.Store.OrdersPlaced(); len(orders) != 1 || orders[0].Language != "de" || orders[0].Address != "new@example.com" {
		t.Errorf("orders %+v", orders)
	}
	letter, link := w.mailed()
	short := w.json("/signup/verify", map[string]string{"link": link, "password": "short"})
	w.Want("a short password", short, 400, "invalid_request")
	made := w.json("/signup/verify", map[string]string{"email": "new@example.com", "code": letter.Code, "password": next})
	w.Want("verify", made, 201, "")
	var said struct{ Sub, Username string }
	if err := json.Unmarshal([]byte(made.Body), &said); err != nil || said.Username != "new@example.com" || uuid.Validate(said.Sub) != nil {
		t.Errorf("answer %s", made.Body)
	}
	if a, err := w.Store.Account(t.Context(), uuid.MustParse(said.Sub)); err != nil || len(a.Roles) != 0 || !slices.Equal(a.Scopes, []string{"openid", "profile", "email"}) {
		t.Errorf("account %+v (%v), want no role, and the scopes that /userinfo takes", a, err)
	}
	if again := w.json("/signup/verify", map[string]string{"email": "new@example.com", "code": letter.Code, "password": next}); again.StatusCode != 201 || again.Body != made.Body {
		t.Errorf("verify again: %d %s, want the answer of before", again.StatusCode, again.Body)
	}
	w.Want("verify by the link, after the code", w.json("/signup/verify", map[string]string{"link": link, "password": next}), 400, "invalid_grant")
	before := w.login("new@example.com", next, 200)

	w.Want("ask", w.json("/recover", map[string]string{"email": "new@example.com"}), 202, "")
	_, link = w.mailed()
	w.Want("recover", w.json("/recover/finish", map[string]string{"link": link, "password": next + "-2"}), 200, "")
	w.Want("recover again", w.json("/recover/finish", map[string]string{"link": link, "password": next + "-2"}), 200, "")
	w.Want("recover again, with another password", w.json("/recover/finish", map[string]string{"link": link, "password": next + "-3"}), 400, "invalid_grant")
	w.login("new@example.com", next, 401)
	w.login("new@example.com", next+"-2", 200)
	w.Want("the session of before", w.Do(deployment.Form("POST /refresh", "client_id=app&refresh_token="+before.RefreshToken)), 400, "invalid_grant")
	if orders := w.Store.OrdersPlaced(); orders[len(orders)-1].Purpose != mail.PasswordChanged {
		t.Errorf("the last order is %+v, want that the owner is told", orders[len(orders)-1])
	}
	for event, n := range map[string]int{"signed_up": 2, "recovered": 2, "proof_refused": 2} {
		if got := strings.Count(w.Trail(), `"event":"`+event+`"`); got != n {
			t.Errorf("%d events %s, want %d:\n%s", got, event, n, w.Trail())
		}
	}
	for _, secret := range []string{link, letter.Code, "example.com"} {
		if strings.Contains(w.Trail()+w.Log(), secret) {
			t.Errorf("%q is in the logs", secret)
		}
	}
}

func TestAnswersAreTheSameForEveryAddress(t *testing.T) {
	w := newWorld(t)
	for _, route := range []string{"/signup", "/recover"} {
		known, unknown := w.json(route, map[string]string{"email": mailbox}), w.json(route, map[string]string{"email": "nobody@example.com"})
		if known.StatusCode != 202 || known.Body != unknown.Body || known.StatusCode != unknown.StatusCode {
			t.Errorf("%s: %d %s and %d %s", route, known.StatusCode, known.Body, unknown.StatusCode, unknown.Body)
		}
		path := map[string]string{"/signup": "/signup/verify", "/recover": "/recover/finish"}[route]
		for range 12 {
			known, unknown = w.json(path, map[string]string{"email": mailbox, "code": "BCDFG-BCDFG", "password": next}),
				w.json(path, map[string]string{"email": "nobody@example.com", "code": "BCDFG-BCDFG", "password": next})
			if known.Body != unknown.Body || known.StatusCode != unknown.StatusCode || known.Headers["Retry-After"] != unknown.Headers["Retry-After"] {
				t.Errorf("%s: %d %s and %d %s", path, known.StatusCode, known.Body, unknown.StatusCode, unknown.Body)
			}
		}
		w.Want("the twelfth code", known, 429, "too_many_attempts")
	}
	w.Want("a link all the same", w.json("/recover", map[string]string{"email": mailbox}), 202, "")
	_, link := w.mailed()
	w.Want("and it is good", w.json("/recover/finish", map[string]string{"link": link, "password": next}), 200, "")
	if a, err := w.Store.OwnerOf(t.Context(), mailbox); err != nil {
		t.Fatal(err)
	} else if bea, err := w.Store.Account(t.Context(), a); err != nil || !bea.Email.Verified() {
		t.Errorf("%+v, %v: want the address verified", bea, err)
	}
}

func TestRequestsThatSayTooLittleOrTooMuch(t *testing.T) {
	w := newWorld(t)
	for _, tc := range []struct {
		route   string
		members map[string]string
	}{
		{"/recover", map[string]string{}},
		{"/recover", map[string]string{"email": "Bea <bea@example.com>"}},
		{"/recover", map[string]string{"email": mailbox, "language": strings.Repeat("x", 36)}},
		{"/recover/finish", map[string]string{"password": next}},
		{"/recover/finish", map[string]string{"email": mailbox, "password": next}},
		{"/recover/finish", map[string]string{"link": "x", "code": "x", "password": next}},
	} {
		w.Want(tc.route, w.json(tc.route, tc.members), 400, "invalid_request")
	}
	if n := len(w.Store.OrdersPlaced()); n != 0 {
		t.Errorf("%d mails were ordered", n)
	}
	for range 60 {
		w.Want("ask", w.json("/recover", map[string]string{"email": uuid.NewString() + "@example.com"}), 202, "")
	}
	w.Want("too many of one network", w.json("/recover", map[string]string{"email": mailbox}), 429, "too_many_attempts")
}

func TestWhatIsSwitchedOffIsRefused(t *testing.T) {
	w := newWorld(t)
	for name, tc := range map[string]struct {
		on              endpoint.SelfService
		signUp, recover int
	}{
		"nothing":  {endpoint.SelfService{}, 404, 404},
		"recovery": {endpoint.SelfService{Recover: true}, 403, 202},
		"invited":  {endpoint.SelfService{Recover: true, Invited: true}, 403, 202},
		"all":      {endpoint.SelfService{Recover: true, Invited: true, Open: true}, 202, 202},
	} {
		beside := w.Beside(func(s *endpoint.Settings) { s.SelfService = tc.on })
		for route, status := range map[string]int{"POST /signup": tc.signUp, "POST /recover": tc.recover} {
			if a := beside.Do(deployment.JSON(route, `{"email":"bea@example.com"}`)); a.StatusCode != status {
				t.Errorf("%s: %s %d, want %d", name, route, a.StatusCode, status)
			}
			page := beside.Raw(deployment.Request{Route: strings.Replace(route, "POST", "GET", 1)})
			if good := page.StatusCode == 200; good != (status == 202) || !strings.HasPrefix(page.Body, "<!doctype html>") {
				t.Errorf("%s: the page of %s is %d", name, route, page.StatusCode)
			}
		}
		signIn := beside.Raw(deployment.Request{Route: "GET /authorize", Raw: deployment.Authorization("app", "http://127.0.0.1/cb")})
		if strings.Contains(signIn.Body, `href="/recover"`) != tc.on.Recover || strings.Contains(signIn.Body, `href="/signup"`) != tc.on.Open {
			t.Errorf("%s: links of the sign-in page:\n%s", name, signIn.Body)
		}
	}
}

// TestInvitationsCountWhereSigningUpIsNotOpen says which proofs make an account.
func TestInvitationsCountWhereSigningUpIsNotOpen(t *testing.T) {
	for name, tc := range map[string]struct {
		on                      endpoint.SelfService
		page, byMail, byInvited int
	}{
		"recovery": {endpoint.SelfService{Recover: true}, 403, 403, 403},
		"invited":  {endpoint.SelfService{Recover: true, Invited: true}, 200, 403, 201},
		"all":      {endpoint.SelfService{Recover: true, Invited: true, Open: true}, 200, 201, 201},
	} {
		w := newWorld(t)
		beside := w.Beside(func(s *endpoint.Settings) { s.SelfService = tc.on })
		verify := func(what string, status int, members map[string]string) {
			t.Helper()
			members["password"] = next
			body, err := json.Marshal(members)
			if err != nil {
				t.Fatal(err)
			}
			if a := beside.Do(deployment.JSON("POST /signup/verify", string(body))); a.StatusCode != status {
				t.Errorf("%s: %s: %d %s, want %d", name, what, a.StatusCode, a.Body, status)
			}
		}
		w.place(mail.Order{Purpose: mail.SignUp, Address: "new@example.com"})
		letter, byMail := w.mailed()
		w.place(mail.Order{Purpose: mail.Invitation, Address: "eve@example.com"})
		_, byInvited := w.mailed()
		page := beside.Raw(deployment.Request{Route: "GET /signup/verify", Query: map[string]string{"link": byInvited}})
		if page.StatusCode != tc.page {
			t.Errorf("%s: the page is %d, want %d", name, page.StatusCode, tc.page)
		}
		if tc.byMail != 201 {
			verify("a code", tc.byMail, map[string]string{"email": "new@example.com", "code": letter.Code})
		}
		verify("a link of a sign-up", tc.byMail, map[string]string{"link": byMail})
		verify("an invitation", tc.byInvited, map[string]string{"link": byInvited})
		if tc.byInvited != 201 {
			continue
		}
		w.login("eve@example.com", next, 200)
		verify("an invitation again", 201, map[string]string{"link": byInvited})
		if !strings.Contains(beside.Trail(), `"mail":"invitation"`) {
			t.Errorf("%s: events %s, want that an invitation made the account", name, beside.Trail())
		}
		again := beside.Raw(deployment.Form("POST /signup/verify", "link="+byInvited+"&password="+next+"-2").From(deployment.Issuer))
		if strings.Contains(again.Body, `href="/signup"`) != tc.on.Open {
			t.Errorf("%s: the page of a dead link:\n%s\nwant a way to ask for another: %t", name, again.Body, tc.on.Open)
		}
	}
}

func TestAddressThatIsSomebodysLoginName(t *testing.T) {
	w := newWorld(t)
	w.Want("ask", w.json("/signup", map[string]string{"email": "eve@example.com"}), 202, "")
	_, link := w.mailed()
	if err := w.Store.CreateAccount(t.Context(), account.Account{ID: uuid.New(), Username: "eve@example.com"}, ""); err != nil {
		t.Fatal(err)
	}
	w.Want("verify", w.json("/signup/verify", map[string]string{"link": link, "password": next}), 409, "already_used")
}

// place orders a mail.
func (w *world) place(o mail.Order) {
	w.t.Helper()
	if err := mail.NewDesk(w.Store, mail.DefaultLimits, w.Clock.Now).PlaceForOperator(w.t.Context(), o); err != nil {
		w.t.Fatal(err)
	}
}

// wantPage expects a page with each of the parts.
func (w *world) wantPage(what string, status int, page string, wantStatus int, parts ...string) {
	w.t.Helper()
	for _, part := range parts {
		if status != wantStatus || !strings.Contains(page, part) {
			w.t.Errorf("%s: %d, want %d and %q:\n%s", what, status, wantStatus, part, page)
		}
	}
}

// TestPages goes through them as a browser does. A program that opens the link before changes nothing.
func TestPages(t *testing.T) {
	w := newWorld(t)
	form := func(route, body string) (int, string) {
		t.Helper()
		a := w.Raw(deployment.Form("POST "+route, body).From(deployment.Issuer).With("accept-language", "de-AT,de;q=0.9"))
		return a.StatusCode, html.UnescapeString(a.Body)
	}
	status, page := form("/recover", "email=bea%40example")
	w.wantPage("no address", status, page, 400, "Das ist keine E-Mail-Adresse", `value="bea@example"`)
	status, page = form("/recover", "email=bea%40example.com")
	w.wantPage("asked", status, page, 200, "Wenn ein Konto die Adresse bea@example.com hat", `name="code"`, `action="/recover/finish"`)
	letter, link := w.mailed()
	if o := w.Store.OrdersPlaced()[0]; o.Language != "de-AT" {
		t.Errorf("the mail is in %q", o.Language)
	}
	status, page = form("/recover/finish", "email=bea%40example.com&code=wrong&password="+next)
	w.wantPage("a wrong code", status, page, 400, "gilt nicht mehr", `value="wrong"`, `href="/recover"`)
	without := w.Raw(deployment.Request{Route: "GET /recover/finish"})
	w.wantPage("an address without its link", without.StatusCode, without.Body, 200, `action="/recover"`, `name="email" type="email"`)
	before := len(w.Store.OrdersPlaced())
	for range 3 { // of which two are of a mail scanner
		opened := w.Raw(deployment.Request{Route: "GET /recover/finish", Query: map[string]string{"link": link}})
		w.wantPage("the link", opened.StatusCode, opened.Body, 200, link, `name="password"`)
		if opened.Headers["Referrer-Policy"] != "same-origin" || !strings.Contains(opened.Headers["Content-Security-Policy"], "default-src 'none'") {
			t.Errorf("headers %v", opened.Headers)
		}
	}
	if len(w.Store.OrdersPlaced()) != before {
		t.Error("the page of a link orders mails")
	}
	status, page = form("/recover/finish", "link="+link+"&password=short")
	w.wantPage("a short password", status, page, 400, "zu kurz: Es braucht 8 Zeichen", link)
	elsewhere := w.Raw(deployment.Form("POST /recover/finish", "link="+link+"&password="+next).From("https://evil.example"))
	w.wantPage("a form of another site", elsewhere.StatusCode, elsewhere.Body, 403, "<!doctype html>")
	status, page = form("/recover/finish", "link="+link+"&password="+next)
	w.wantPage("chosen", status, page, 200, "Ihr Passwort ist geändert", "Ihr Benutzername ist bea.")
	status, page = form("/recover/finish", "link="+link+"&password="+next+"-2")
	w.wantPage("again, with another password", status, page, 400, "gilt nicht mehr", `href="/recover"`)
	w.login("bea", next, 200)

	status, page = form("/recover/finish", "email=bea%40example.com&code="+letter.Code+"&password="+next)
	w.wantPage("the code of a mail whose link was used", status, page, 400, "gilt nicht mehr")
	status, page = form("/signup", "email=new%40example.com")
	w.wantPage("sign up", status, page, 200, "Eine Mail ist unterwegs an new@example.com")
	_, link = w.mailed()
	status, page = form("/signup/verify", "link="+link+"&password="+next)
	w.wantPage("signed up", status, page, 200, "Ihr Konto ist angelegt", "new@example.com")
	w.login("new@example.com", next, 200)
}

// TestLostAnswers repeats what a person does whose answer was lost, at each call to the store.
func TestLostAnswers(t *testing.T) {
	for _, route := range []string{"/signup/verify", "/recover/finish", "/email/confirm", "/email/takeback"} {
		for lost := 0; ; lost++ {
			w := newWorld(t)
			var link string
			switch route {
			case "/signup/verify":
				w.json("/signup", map[string]string{"email": "new@example.com"})
			case "/recover/finish":
				w.json("/recover", map[string]string{"email": mailbox})
			default:
				_, link = w.asks(deployment.Password, newAddress)
				if route == "/email/takeback" {
					w.Want("confirm", w.json("/email/confirm", map[string]string{"link": link}), 200, "")
				}
			}
			_, link = w.mailed()
			bea := w.byLogin("bea")
			reached := w.loseReply(lost)
			send := map[string]string{"link": link, "password": next}
			first := w.json(route, send)
			if w.Store.After = nil; !reached() {
				break
			}
			if first.StatusCode >= 400 && first.StatusCode != 503 {
				t.Errorf("%s, reply %d lost: %d %s", route, lost, first.StatusCode, first.Body)
			}
			if again := w.json(route, send); again.StatusCode >= 300 {
				t.Errorf("%s again after reply %d was lost: %d %s", route, lost, again.StatusCode, again.Body)
			}
			switch a := w.account(bea); {
			case route == "/signup/verify":
				w.login("new@example.com", next, 200)
			case route == "/email/confirm" && a.Email.Address != newAddress, route == "/email/takeback" && a.Email.Address != mailbox:
				t.Errorf("%s, reply %d lost: the address is %s", route, lost, a.Email.Address)
			case route != "/email/confirm":
				w.login("bea", next, 200)
			}
			if lost > 50 {
				t.Fatal("there is no end")
			}
		}
	}
}

func (w *world) byLogin(name string) uuid.UUID {
	w.t.Helper()
	login, err := w.Store.LoginName(w.t.Context(), name)
	if err != nil {
		w.t.Fatal(err)
	}
	return login.AccountID
}

// loseReply loses the reply of one call to the store, and reports whether there was such a call.
func (w *world) loseReply(nth int) (reached func() bool) {
	var calls atomic.Int64
	w.Store.After = func(context.Context, string) error {
		if calls.Add(1) == int64(nth)+1 {
			return oauth.ErrUnavailable
		}
		return nil
	}
	return func() bool { return calls.Load() > int64(nth) }
}
