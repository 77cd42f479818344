package main

import (
	"fmt"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/mail"
)

const newcomer, elsewhere = "canary@example.com", "canary@example.org"

// mailed is the link of a mail to the newcomer, empty when the store fails the mailer.
func (w *walker) mailed(purpose mail.Purpose) string {
	w.t.Helper()
	return w.mailedAbout(mail.Order{Purpose: purpose, Address: newcomer})
}

func (w *walker) mailedAbout(o mail.Order) string {
	w.t.Helper()
	o.ID, o.At = uuid.Must(uuid.NewV7()), time.Now()
	letter, err := w.letters.Letter(w.t.Context(), o)
	if err == nil {
		var at *url.URL
		at, err = url.Parse(letter.Link)
		check(w.t, err)
		link := at.Query().Get("link")
		w.secrets.text(w.t, "link of a mail", link)
		return link
	}
	if w.strict {
		w.t.Error(err)
	}
	return ""
}

// mailbox signs up and recovers.
func (w *walker) mailbox() {
	w.t.Helper()
	post := func(what string, status int, path, body string, values ...any) {
		w.t.Helper()
		w.send(what, status, "POST", path, jsonType, fmt.Sprintf(body, values...))
	}
	post("recover by a wrong code", 400, "/recover/finish", `{"email":"%s","code":"BCDFG-HJKLM","password":"%s"}`, newcomer, nextPassword)
	post("ask to sign up", 202, "/signup", `{"email":"%s"}`, newcomer)
	post("sign up by a password for a link", 400, "/signup/verify", `{"link":"%s","password":"%s"}`, canaryPassword, nextPassword)
	post("sign up with a password that is too long", 400, "/signup/verify", `{"link":"%s","password":"%s"}`, w.mailed(mail.SignUp), endlessPassword)
	signUp, invitation := w.mailed(mail.SignUp), w.mailed(mail.Invitation)
	post("sign up", 201, "/signup/verify", `{"link":"%s","password":"%s"}`, invitation, canaryPassword)
	post("sign up again", 201, "/signup/verify", `{"link":"%s","password":"%s"}`, invitation, canaryPassword)
	post("sign up by the other link", 400, "/signup/verify", `{"link":"%s","password":"%s"}`, signUp, canaryPassword)
	w.login("login of somebody new", 200, "app", newcomer, canaryPassword)
	post("ask to recover", 202, "/recover", `{"email":"%s"}`, newcomer)
	recovery := w.mailed(mail.Recover)
	post("a link for another purpose", 400, "/signup/verify", `{"link":"%s","password":"%s"}`, recovery, nextPassword)
	post("recover", 200, "/recover/finish", `{"link":"%s","password":"%s"}`, recovery, nextPassword)
	post("recover again", 200, "/recover/finish", `{"link":"%s","password":"%s"}`, recovery, nextPassword)
	w.login("login with the password of before", 401, "app", newcomer, canaryPassword)

	own := w.login("login with the new one", 200, "app", newcomer, nextPassword)
	bearer := []string{"Authorization", "Bearer " + own.access}
	newAddress := fmt.Sprintf(`{"email":"%s","current_password":"%s"}`, elsewhere, nextPassword)
	w.send("ask for a new address by a wrong password", 401, "POST", "/email", jsonType, fmt.Sprintf(`{"email":"%s","current_password":"%s"}`, elsewhere, wrongPassword), bearer...)
	w.send("ask for a new address", 202, "POST", "/email", jsonType, newAddress, bearer...)
	w.form("ask at the page", 400, "/email/change", url.Values{"username": {newcomer}, "password": {wrongPassword}, "email": {elsewhere}}, "Origin", canaryIssuer)
	id, err := w.store.OwnerOf(w.t.Context(), newcomer)
	if err != nil && w.strict {
		w.t.Error(err)
	}
	back := w.mailedAbout(mail.Order{Purpose: mail.AddressChanging, Account: id, Address: newcomer, NewAddress: elsewhere})
	post("a new address by a wrong code", 400, "/email/confirm", `{"sub":"%s","email":"%s","code":"BCDFG-HJKLM"}`, id, elsewhere)
	post("a new address", 200, "/email/confirm", `{"link":"%s"}`, w.mailedAbout(mail.Order{Purpose: mail.ConfirmAddress, Account: id, Address: elsewhere}))
	post("taken back", 200, "/email/takeback", `{"link":"%s","password":"%s"}`, back, canaryPassword)
	post("taken back again", 200, "/email/takeback", `{"link":"%s","password":"%s"}`, back, canaryPassword)

	own = w.login("login after that", 200, "app", newcomer, canaryPassword)
	bearer = []string{"Authorization", "Bearer " + own.access}
	w.send("close by a wrong password", 401, "DELETE", "/account", jsonType, `{"current_password":"`+wrongPassword+`"}`, bearer...)
	w.send("close", 200, "DELETE", "/account", jsonType, `{"current_password":"`+canaryPassword+`"}`, bearer...)
	keep := w.mailedAbout(mail.Order{Purpose: mail.Deletion, Account: id, Address: newcomer})
	w.login("login to a closed account", 401, "app", newcomer, canaryPassword)
	post("keep", 200, "/account/keep", `{"link":"%s"}`, keep)
	post("keep again", 200, "/account/keep", `{"link":"%s"}`, keep)
	atThePage := func(password string) url.Values { return url.Values{"username": {newcomer}, "password": {password}} }
	w.form("close at the page by a wrong password", 400, "/account/close", atThePage(wrongPassword), "Origin", canaryIssuer)
	w.form("close at the page", 200, "/account/close", atThePage(canaryPassword), "Origin", canaryIssuer)
}
