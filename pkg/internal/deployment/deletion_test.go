package deployment_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/wavepass/wavepass/pkg/browser"
	. "github.com/wavepass/wavepass/pkg/internal/deployment"
)

// TestNothingFailsBesideADeletion deletes account or session before each call to the store that an operation makes, and
// before the operation. None answers 500: what is gone is refused, or has come true.
func TestNothingFailsBesideADeletion(t *testing.T) {
	type person struct{ own, other Answer }
	operations := map[string]struct {
		request func(person) Request
		bearer  bool
	}{
		"login":             {func(person) Request { return loginRequest("") }, false},
		"login, end others": {func(person) Request { return loginRequest(`,"end_others":true`) }, false},
		"refresh": {func(p person) Request {
			return JSON("POST /refresh", `{"client_id":"app","refresh_token":"`+p.own.RefreshToken+`"}`)
		}, false},
		"revoke":                 {func(p person) Request { return Form("POST /revoke", "client_id=app&token="+p.own.RefreshToken) }, false},
		"revoke an access token": {func(p person) Request { return Form("POST /revoke", "client_id=app&token="+p.own.AccessToken) }, false},
		"logout": {func(p person) Request {
			return JSON("POST /logout", `{"client_id":"app","refresh_token":"`+p.own.RefreshToken+`"}`)
		}, false},
		"logout everywhere": {func(p person) Request {
			return JSON("POST /logout", `{"client_id":"app","refresh_token":"`+p.own.RefreshToken+`","everywhere":true}`)
		}, false},
		"list": {func(person) Request { return Request{Route: "GET /sessions"} }, true},
		"end one": {func(p person) Request {
			return Request{Route: "DELETE /sessions/{id}", Path: map[string]string{"id": p.other.SessionID().String()}}
		}, true},
		"end others": {func(person) Request {
			return Request{Route: "DELETE /sessions", Query: map[string]string{"except": "current"}}
		}, true},
		"end all": {func(person) Request { return Request{Route: "DELETE /sessions"} }, true},
		"password": {func(person) Request {
			return JSON("POST /password", `{"current_password":"`+Password+`","new_password":"`+Password+`2"}`)
		}, true},
		"close": {func(person) Request { return JSON("DELETE /account", `{"current_password":"`+Password+`"}`) }, true},
	}
	deletions := map[string]func(*Deployment, person){
		"account":          func(d *Deployment, _ person) { d.Store.DropAccount(AccountID) },
		"account and name": func(d *Deployment, _ person) { d.Store.DropAccount(AccountID); d.Store.DropLoginName(Username) },
		"session":          func(d *Deployment, p person) { d.Store.DropSession(p.own.SessionID()) },
		"other session":    func(d *Deployment, p person) { d.Store.DropSession(p.other.SessionID()) },
	}
	for name, op := range operations {
		begin := func() (*Deployment, person, func() Answer) {
			d := New(t, browser.Jar{})
			p := person{d.Login("app"), d.Login("app")}
			r := op.request(p)
			if op.bearer {
				r.Caller = map[string]any{"sub": AccountID.String(), "sid": p.own.SessionID().String(), "client_id": "app", "scope": "account"}
			}
			return d, p, func() Answer { return d.Do(r) }
		}
		d, _, do := begin()
		d.Store.ForgetCalls()
		d.Want(name, do(), 200, "")
		methods := slices.Compact(slices.Sorted(slices.Values(d.Store.Calls())))
		for what, deletion := range deletions {
			for _, method := range append(methods, "") {
				d, p, do := begin()
				if method == "" {
					deletion(d, p)
				}
				var done atomic.Bool
				d.Store.Before = func(_ context.Context, called string) error {
					if called == method && done.CompareAndSwap(false, true) {
						deletion(d, p)
					}
					return nil
				}
				if got := do(); got.StatusCode >= 500 {
					t.Errorf("%s, %s deleted before %q: %d %s", name, what, method, got.StatusCode, got.Body)
				}
			}
		}
	}
}

func loginRequest(more string) Request {
	return JSON("POST /login", `{"client_id":"app","username":"`+Username+`","password":"`+Password+`"`+more+`}`)
}
