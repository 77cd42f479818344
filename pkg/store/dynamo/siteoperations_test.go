package dynamo_test

import (
	"errors"
	"strings"
	"time"
)

// siteLogin is a login at the site, which the tests need as a beginning.
func (w *world) siteLogin() outcome {
	w.t.Helper()
	return w.must(w.siteLoginRequest(), 200)
}

// handleIsGood is an error unless the cookie of the answer opens a page.
func (w *world) handleIsGood(a outcome) error {
	return w.expect("a page by the new cookie", visit(a), 200)
}

// handleIsDead is an error if the cookie still opens a page.
func (w *world) handleIsDead(of outcome) error {
	return w.expect("a page by the cookie of the ended session", visit(of), 403)
}

// siteOperations are what people do at a server-rendered site.
var siteOperations = []userOperation{
	{name: "log in at a site", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		w.siteLogin()
		return w.siteLoginRequest(), w.handleIsGood
	}},
	// The earlier session of the browser is ended, if it can be; it never costs the login.
	{name: "log in at a site with an earlier cookie", status: 200, spares: []string{"GetItem SESSIONS#", "GetItem ACCOUNT#", "TransactWriteItems SESSIONS#"},
		prepare: func(w *world) (request, func(outcome) error) {
			sent := w.siteLoginRequest()
			sent.cookie = w.siteLogin().cookie
			return sent, w.handleIsGood
		}},
	{name: "log in at a site and end the others", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		elsewhere := w.siteLogin()
		sent := w.siteLoginRequest()
		sent.body = strings.Replace(sent.body, "{", `{"end_others":true,`, 1)
		return sent, func(a outcome) error { return errors.Join(w.handleIsGood(a), w.handleIsDead(elsewhere)) }
	}},
	{name: "visit a site", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		site := w.siteLogin()
		w.restart() // a warm function would decide by the policy that it read last
		return visit(site), func(outcome) error { return nil }
	}},
	{name: "visit a site after a while", status: 200, spares: []string{"UpdateItem SESSIONS#"}, prepare: func(w *world) (request, func(outcome) error) {
		site := w.siteLogin()
		w.pass(6 * time.Minute) // its use is recorded
		w.restart()
		return visit(site), func(outcome) error { return nil }
	}},
	{name: "log out of a site", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		site := w.siteLogin()
		w.restart()
		return siteLogoutRequest(site), func(outcome) error { return w.handleIsDead(site) }
	}},
}
