package dynamo_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/link"
	"github.com/wavepass/wavepass/pkg/seal"
)

// person is somebody who logs in by their e-mail address.
type person struct {
	w       *world
	id      uuid.UUID
	address string
	links   *link.Links
}

// newPerson registers one, in a network of their own: only so many mails are sent for one network.
func (w *world) newPerson() person {
	w.t.Helper()
	w.goElsewhere()
	sealer, err := seal.NewLocal(make([]byte, seal.KeySize))
	if err != nil {
		w.t.Fatal(err)
	}
	p := person{w, uuid.Must(uuid.NewV7()), newAddress(), link.New(keyring.NewLinkKeys(keyring.LinkConfig{Store: w.store, Sealer: sealer, Now: w.Now}), w.Now)}
	a := account.Account{ID: p.id, Username: p.address, Email: account.Email{Address: p.address}, Scopes: []string{"openid", "email"}, Epoch: w.Now().Unix()}
	if err := w.store.CreateAccount(w.t.Context(), a, hashOf(8, 1)); err != nil {
		w.t.Fatal(err)
	}
	w.restart() // each operation meets functions that are cold
	return p
}

// goElsewhere has requests come from another network.
func (w *world) goElsewhere() {
	var b [2]byte
	_, _ = rand.Read(b[:]) // never fails
	w.source = fmt.Sprintf("10.%d.%d.1", b[0], b[1])
}

func newAddress() string { return strings.ToLower(rand.Text()) + "@example.com" }

// account is the person's as it is now.
func (p person) account() account.Account {
	p.w.t.Helper()
	a, err := p.w.store.Account(p.w.t.Context(), p.id)
	if err != nil {
		p.w.t.Fatal(err)
	}
	return a
}

// link is the one that a mail to an address brings now; it depends on the account as it is, unless it is one that lives through changes.
func (p person) link(purpose link.Purpose, address string, expires time.Time) string {
	p.w.t.Helper()
	var state link.State
	if purpose == link.Confirm || purpose == link.Recover {
		a := p.account()
		login, err := p.w.store.LoginName(p.w.t.Context(), a.Username)
		if err != nil {
			p.w.t.Fatal(err)
		}
		state = link.StateOf(a, login.Hash)
	}
	text, err := p.links.Make(p.w.t.Context(), link.Link{Purpose: purpose, Account: p.id, Address: address, Expires: expires}, state)
	if err != nil {
		p.w.t.Fatal(err)
	}
	return text
}

// loginRequest is a login by an address, with a password.
func (p person) loginRequest(address, password string) request {
	return request{route: "POST /login", mediaType: apigw.JSON, body: fmt.Sprintf(`{"client_id":%q,"username":%q,"password":%q}`, clientID, address, password)}
}

func (p person) login() outcome {
	p.w.t.Helper()
	return p.w.must(p.loginRequest(p.address, firstPassword), 200)
}

// emailRequest asks for another address.
func emailRequest(who outcome, address string) request {
	return request{
		route: "POST /email", mediaType: apigw.JSON, bearer: who.AccessToken, body: fmt.Sprintf(`{"email":%q,"current_password":%q}`, address, firstPassword),
	}
}

// linkRequest hands in the link of a mail, with a new password where one is wanted.
func linkRequest(route, text, password string) request {
	return request{route: route, mediaType: apigw.JSON, body: fmt.Sprintf(`{"link":%q,"password":%q}`, text, password)}
}

// confirmRequest hands in the link by which the person gets the address.
func (p person) confirmRequest(address string) request {
	return linkRequest("POST /email/confirm", p.link(link.Confirm, address, p.w.Now().Add(link.Confirm.Life())), "")
}

// takeBackRequest hands in the link of the notice that was mailed now, with a new password.
func (p person) takeBackRequest(password string) request {
	return linkRequest("POST /email/takeback", p.link(link.TakeBack, p.address, p.w.Now().Add(link.TakeBack.Life())), password)
}

// move gives the account another address, as an operator does.
func (p person) move(address string) {
	p.w.t.Helper()
	editor := account.NewEditor(p.w.store, p.w.Now)
	if err := editor.SetEmail(p.w.t.Context(), p.id, account.Email{Address: address, VerifiedAt: p.w.Now()}); err != nil {
		p.w.t.Fatal(err)
	}
}

// warm has the function that honours links read its keys.
func (p person) warm() {
	p.w.t.Helper()
	p.w.must(linkRequest("POST /account/keep", p.link(link.Keep, p.address, p.w.Now().Add(time.Hour)), ""), 400) // the account is not closed
}

// keepRequest hands in the link of the mail about an account that is closed.
func (p person) keepRequest() request {
	return linkRequest("POST /account/keep", p.link(link.Keep, p.address, p.account().RemoveAt), "")
}

// hasMoved is an error unless the person logs in by the address, with the password, and by no other.
func (p person) hasMoved(from, to, password string) error {
	var errs []error
	if a := p.account(); a.Email.Address != to || a.Username != to || !a.Email.Verified() {
		errs = append(errs, fmt.Errorf("address %+v, login name %s; want %s, verified", a.Email, a.Username, to))
	}
	owner, ownerErr := p.w.store.OwnerOf(p.w.t.Context(), from)
	login, loginErr := p.w.store.LoginName(p.w.t.Context(), from)
	if !errors.Is(ownerErr, account.ErrNotFound) || !errors.Is(loginErr, account.ErrNotFound) {
		errs = append(errs, fmt.Errorf("the address of before belongs to %s, %v, and is the login name of %s, %v", owner, ownerErr, login.AccountID, loginErr))
	}
	return errors.Join(append(errs, p.w.expect("a login", p.loginRequest(to, password), 200))...)
}

// accountOperations are what people do with their own accounts by way of their mailbox. Each link is good once, and somebody whose answer was lost gets it again.
var accountOperations = []userOperation{
	{name: "ask for another address", status: 202, proves: true, prepare: func(w *world) (request, func(outcome) error) {
		p, next := w.newPerson(), newAddress()
		tokens := p.login()
		return emailRequest(tokens, next), func(outcome) error {
			if a := p.account(); a.Email.Address != p.address {
				return fmt.Errorf("the address is %s before it was confirmed", a.Email.Address)
			}
			return errors.Join(w.tokensAreGood(tokens), w.expect("the link of the mail", p.confirmRequest(next), 200))
		}
	}},
	{name: "confirm another address", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		p, next := w.newPerson(), newAddress()
		tokens := p.login()
		return p.confirmRequest(next), func(a outcome) error {
			return errors.Join(p.hasMoved(p.address, next, firstPassword), w.sessionIsDead(tokens)(a))
		}
	}},
	{name: "take a change of the address back", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		p, next := w.newPerson(), newAddress()
		const password = "another-canary-wave"
		sent := p.takeBackRequest(password)
		p.move(next)
		tokens := w.must(p.loginRequest(next, firstPassword), 200)
		return sent, func(a outcome) error {
			return errors.Join(p.hasMoved(next, p.address, password), w.sessionIsDead(tokens)(a))
		}
	}},
	{name: "sign up", status: 201, prepare: func(w *world) (request, func(outcome) error) {
		p := w.newPerson()
		p.id, p.address = uuid.Nil, newAddress()
		const password = "another-canary-wave"
		return linkRequest("POST /signup/verify", p.link(link.SignUp, p.address, w.Now().Add(link.SignUp.Life())), password), func(outcome) error {
			return w.expect("a login", p.loginRequest(p.address, password), 200)
		}
	}},
	{name: "choose a new password", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		p := w.newPerson()
		tokens := p.login()
		const password = "another-canary-wave"
		return linkRequest("POST /recover/finish", p.link(link.Recover, p.address, w.Now().Add(link.Recover.Life())), password), func(a outcome) error {
			return errors.Join(w.sessionIsDead(tokens)(a), w.expect("a login", p.loginRequest(p.address, password), 200))
		}
	}},
	{name: "close an account", status: 200, again: 401, proves: true, spares: []string{"Query CONSENT# (2)"}, prepare: func(w *world) (request, func(outcome) error) {
		p := w.newPerson()
		tokens := p.login()
		return closeRequest(tokens, firstPassword), func(a outcome) error {
			if now := p.account(); !now.Disabled || !now.Closed(w.Now()) {
				return fmt.Errorf("disabled %v, removed at %s; want it closed", now.Disabled, now.RemoveAt)
			}
			return errors.Join(w.sessionIsDead(tokens)(a), w.expect("the link of the mail", p.keepRequest(), 200),
				w.expect("a login afterwards", p.loginRequest(p.address, firstPassword), 200))
		}
	}},
	{name: "keep an account", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		p := w.newPerson()
		tokens := p.login()
		w.must(closeRequest(tokens, firstPassword), 200)
		return p.keepRequest(), func(a outcome) error {
			if now := p.account(); now.Disabled || !now.RemoveAt.IsZero() {
				return fmt.Errorf("disabled %v, removed at %s; want neither", now.Disabled, now.RemoveAt)
			}
			return errors.Join(w.sessionIsDead(tokens)(a), w.expect("a login", p.loginRequest(p.address, firstPassword), 200))
		}
	}},
}
