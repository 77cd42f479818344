package main

import (
	"fmt"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/mail"
)

const newcomer = "canary@example.com"

// mailed is the link of a mail to the newcomer, empty when the store fails the mailer.
func (w *walker) mailed(purpose mail.Purpose) string {
	w.t.Helper()
	letter, err := w.letters.Letter(w.t.Context(), mail.Order{ID: uuid.Must(uuid.NewV7()), Purpose: purpose, Address: newcomer, At: time.Now()})
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
	signUp := w.mailed(mail.SignUp)
	post("sign up", 201, "/signup/verify", `{"link":"%s","password":"%s"}`, signUp, canaryPassword)
	post("sign up again", 400, "/signup/verify", `{"link":"%s","password":"%s"}`, signUp, canaryPassword)
	w.login("login of somebody new", 200, "app", newcomer, canaryPassword)
	post("ask to recover", 202, "/recover", `{"email":"%s"}`, newcomer)
	recovery := w.mailed(mail.Recover)
	post("a link for another purpose", 400, "/signup/verify", `{"link":"%s","password":"%s"}`, recovery, nextPassword)
	post("recover", 200, "/recover/finish", `{"link":"%s","password":"%s"}`, recovery, nextPassword)
	post("recover again", 400, "/recover/finish", `{"link":"%s","password":"%s"}`, recovery, nextPassword)
	w.login("login with the password of before", 401, "app", newcomer, canaryPassword)
}
