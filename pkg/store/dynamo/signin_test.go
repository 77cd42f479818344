package dynamo_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/internal/faultproxy"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/federation"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/oauth"
)

const (
	callback     = "https://app.example/cb" // of every client that people sign in to
	serverID     = "portal"                 // an application on a server
	serverSecret = "canary-portal-secret"
	askingID     = "asking" // people are asked what it may have
)

// signInClients are those that people sign in to at the pages.
func signInClients() []client.Client {
	app, server, asking := client.New(clientID, client.Native), client.New(serverID, client.Server), client.New(askingID, client.Native)
	server.SecretHash, asking.Consent = client.HashSecret(oauth.NewSecret(serverSecret)), true
	all := []client.Client{app, server, asking}
	for i := range all {
		all[i].Redirects, all[i].PostLogoutRedirects, all[i].Scopes = []string{callback}, []string{callback}, []string{"openid", "email"}
	}
	return all
}

// authorization is an authorization request of a client.
func authorization(id string) string { return deployment.Authorization(id, callback) }

// pushRequest pushes an authorization request of a public client.
func pushRequest(id string) request {
	return request{route: "POST /par", mediaType: apigw.Form, body: authorization(id)}
}

// pushed is the query that the browser comes with after a request was pushed.
func (w *world) pushed(id string) string {
	w.t.Helper()
	return url.Values{"client_id": {id}, "request_uri": {w.must(pushRequest(id), 201).RequestURI}}.Encode()
}

// opened is a page that a browser opens with a cookie.
func opened(path, query, cookie string) request {
	values, err := url.ParseQuery(query)
	if err != nil {
		panic(err)
	}
	r := request{route: "GET " + path, cookie: cookie, query: map[string]string{}}
	for name := range values {
		r.query[name] = values.Get(name)
	}
	return r
}

// sent is the form of a page, with fields that a person fills in, given as name, value, name, value.
func sent(path string, page outcome, cookie string, filled ...string) request {
	fields := deployment.Page{HTML: page.body}.Form()
	for i := 0; i < len(filled); i += 2 {
		fields.Set(filled[i], filled[i+1])
	}
	return request{route: "POST " + path, mediaType: apigw.Form, body: fields.Encode(), cookie: cookie}
}

// signInRequest is the form of the sign-in page, filled in.
func (w *world) signInRequest(id string) request {
	w.t.Helper()
	page := w.must(opened("/authorize", authorization(id), ""), 200)
	return sent("/signin", page, page.cookie, "username", w.person.Username, "password", w.password)
}

// signIn returns the cookie of a browser at which the person is signed in.
func (w *world) signIn() string {
	w.t.Helper()
	return w.must(w.signInRequest(clientID), 200).cookie
}

// allow has the person allow a client what it asks for.
func (w *world) allow() outcome {
	w.t.Helper()
	cookie := w.signIn()
	page := w.must(opened("/authorize", authorization(askingID)+"&prompt=consent", cookie), 200)
	return w.must(sent("/consent", page, cookie, "decision", "allow"), 200)
}

// exchangeRequest asks for the tokens of a code, as the native client or the server.
func exchangeRequest(id, code string) request {
	values := url.Values{
		"grant_type": {"authorization_code"}, "client_id": {id}, "redirect_uri": {callback}, "code": {code}, "code_verifier": {deployment.Verifier},
	}
	if id == serverID {
		values.Set("client_secret", serverSecret)
	}
	return request{route: "POST /token", mediaType: apigw.Form, body: values.Encode()}
}

// serverRefreshRequest refreshes as the server.
func serverRefreshRequest(token string) request {
	r := tokenRequest(token)
	r.body = strings.Replace(r.body, "client_id="+clientID, "client_id="+serverID+"&client_secret="+serverSecret, 1)
	return r
}

// code returns a code of the person for a client.
func (w *world) code(id string) string {
	w.t.Helper()
	return w.codeAt(id, w.signIn())
}

// codeAt is code at a browser where the person is signed in.
func (w *world) codeAt(id, cookie string) string {
	w.t.Helper()
	return deployment.CodeOf(w.must(opened("/authorize", authorization(id), cookie), 303).to)
}

// leadsToTokens is an error unless an answer of the pages leads to the client, with a code that is good.
func (w *world) leadsToTokens(id string) func(outcome) error {
	return func(a outcome) error {
		return w.expect("the code in "+a.to, exchangeRequest(id, deployment.CodeOf(a.to)), 200)
	}
}

// signInOperations are what people do at the pages, and applications with what comes of it.
var signInOperations = []userOperation{
	{name: "open the sign-in page", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		w.restart()
		return opened("/authorize", authorization(clientID), ""), func(a outcome) error {
			if !strings.Contains(a.body, `name="password"`) {
				return fmt.Errorf("no sign-in page: %s", a.body)
			}
			return nil
		}
	}},
	{name: "sign in", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		w.signIn()
		return w.signInRequest(clientID), func(a outcome) error {
			return w.expect("a code", opened("/authorize", authorization(clientID), a.cookie), 303)
		}
	}},
	{name: "sign in to an imported account", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		w.signIn()
		w.importHash()
		return w.signInRequest(clientID), func(a outcome) error {
			return w.expect("a code", opened("/authorize", authorization(clientID), a.cookie), 303)
		}
	}},
	{name: "come back for another code", status: 303, spares: []string{"UpdateItem SESSIONS#"}, prepare: func(w *world) (request, func(outcome) error) {
		cookie := w.signIn()
		w.pass(6 * time.Minute) // the use of the browser's session is recorded
		return opened("/authorize", authorization(serverID), cookie), w.leadsToTokens(serverID)
	}},
	{name: "push a request", status: 201, prepare: func(w *world) (request, func(outcome) error) {
		cookie := w.signIn()
		w.restart()
		return pushRequest(clientID), func(a outcome) error {
			return w.expect("a code", opened("/authorize", url.Values{"client_id": {clientID}, "request_uri": {a.RequestURI}}.Encode(), cookie), 303)
		}
	}},
	{name: "come with a pushed request", status: 303, prepare: func(w *world) (request, func(outcome) error) {
		cookie := w.signIn()
		return opened("/authorize", w.pushed(clientID), cookie), w.leadsToTokens(clientID)
	}},
	{name: "consent", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		cookie := w.signIn()
		page := w.must(opened("/authorize", authorization(askingID)+"&prompt=consent", cookie), 200)
		return sent("/consent", page, cookie, "decision", "allow"), w.leadsToTokens(askingID)
	}},
	{name: "see what is allowed", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		w.allow()
		who := w.login()
		w.restart()
		return request{route: "GET /grants", bearer: who.AccessToken}, func(a outcome) error {
			if !strings.Contains(a.body, `"client_id":"`+askingID+`","scopes":["openid"]`) {
				return fmt.Errorf("the list is %s", a.body)
			}
			return nil
		}
	}},
	{name: "take back what is allowed", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		tokens := w.must(exchangeRequest(askingID, deployment.CodeOf(w.allow().to)), 200)
		who := w.login()
		w.restart()
		return request{route: "DELETE /grants/{client}", path: map[string]string{"client": askingID}, bearer: who.AccessToken}, func(outcome) error {
			refresh := tokenRequest(tokens.RefreshToken)
			refresh.body = strings.Replace(refresh.body, "client_id="+clientID, "client_id="+askingID, 1)
			return w.expect("its session", refresh, 400)
		}
	}},
	{name: "sign out", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		cookie := w.signIn()
		page := w.must(opened("/signout", "", cookie), 200)
		return sent("/signout", page, cookie, "decision", "signout"), func(outcome) error {
			return w.expect("the sign-in page", opened("/authorize", authorization(clientID), cookie), 200)
		}
	}},
	{name: "sign out for an application", status: 303, prepare: func(w *world) (request, func(outcome) error) {
		cookie := w.signIn()
		tokens := w.must(exchangeRequest(clientID, w.codeAt(clientID, cookie)), 200)
		w.restart()
		query := url.Values{"id_token_hint": {tokens.IDToken}, "post_logout_redirect_uri": {callback}}
		return opened("/signout", query.Encode(), cookie), func(a outcome) error {
			return errors.Join(w.expect("the sign-in page", opened("/authorize", authorization(clientID), cookie), 200), w.sessionIsDead(tokens)(a))
		}
	}},
	// Who repeats an exchange whose answer was lost is a second user of the code (RFC 6749 §4.1.2).
	{name: "exchange a code", status: 200, again: 400, soon: true, prepare: func(w *world) (request, func(outcome) error) {
		w.must(exchangeRequest(clientID, w.code(clientID)), 200) // a warm function
		return exchangeRequest(clientID, w.code(clientID)), func(a outcome) error {
			if a.status != 200 {
				return nil
			}
			return w.tokensAreGood(a)
		}
	}},
	{name: "exchange a code of a server", status: 200, again: 400, soon: true, prepare: func(w *world) (request, func(outcome) error) {
		code := w.code(serverID)
		w.restart()
		return exchangeRequest(serverID, code), func(a outcome) error {
			if a.status != 200 {
				return nil
			}
			return w.serverTokensAreGood(a.RefreshToken)(a)
		}
	}},
	{name: "exchange a code again", status: 400, code: "invalid_grant", spares: []string{"GetItem ACCOUNT#"}, prepare: func(w *world) (request, func(outcome) error) {
		code := w.code(clientID)
		tokens := w.must(exchangeRequest(clientID, code), 200)
		return exchangeRequest(clientID, code), w.sessionIsDead(tokens)
	}},
	{name: "refresh of a server", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		token := w.must(exchangeRequest(serverID, w.code(serverID)), 200).RefreshToken
		w.pass(5 * time.Minute) // its use is noted
		return serverRefreshRequest(token), w.serverTokensAreGood(token)
	}},
}

// serverTokensAreGood is an error unless the server was answered with its one refresh token, and both tokens are good.
func (w *world) serverTokensAreGood(token string) func(outcome) error {
	return func(a outcome) error {
		if a.RefreshToken != token {
			return errors.New("the server was given another refresh token")
		}
		return errors.Join(w.expect("the access token", authorizeRequest(a.AccessToken), 200), w.expect("the refresh token", serverRefreshRequest(token), 200))
	}
}

// comeFromProvider does for the function signin what an identity provider's answer leads to, past the provider: somebody comes for the first time, and again
// with other roles.
func (w *world) comeFromProvider() {
	w.t.Helper()
	ctx := w.t.Context()
	document := []byte(`{"id":"up","name":"Upstream","issuer":"https://idp.example","client_id":"us","sealed_secret":"c2VhbGVk","scopes":["openid"]}`)
	if err := w.store.PutProvider(ctx, "up", federation.Record{Version: 1, Document: document}); err != nil {
		w.t.Fatal(err)
	}
	w.restart()
	w.must(opened("/authorize", authorization(clientID), ""), 200) // the page has its button
	w.proxy.Forget()
	const address = "somebody@example.com"
	for _, role := range []string{"member", "editor"} {
		w.beginFederated(federation.Identity{Provider: "up", Subject: "somebody", Email: address, EmailVerified: true, Roles: []string{role}})
	}
	// Somebody has the address of an account, which is linked: first one that has no password, then one that has.
	w.beginFederated(federation.Identity{Provider: "down", Subject: "somebody", Email: address, EmailVerified: true})
	w.linkByAddress("somebody else")
	w.used["signin"] = append(w.used["signin"], w.proxy.Calls()...)
}

// linkByAddress makes an account with a verified address and a password, and links an identity to it.
func (w *world) linkByAddress(subject string) {
	w.t.Helper()
	a := account.Account{ID: uuid.New(), Username: uuid.NewString() + "@example.com", Scopes: []string{"openid"}, Epoch: w.Now().Unix()}
	a.Email = account.Email{Address: a.Username, VerifiedAt: w.Now()}
	calls := w.proxy.Calls()
	if err := w.store.CreateAccount(w.t.Context(), a, "a hash"); err != nil {
		w.t.Fatal(err)
	}
	w.proxy.Forget()
	w.used["signin"] = append(w.used["signin"], calls...)
	w.beginFederated(federation.Identity{Provider: "up", Subject: subject, Email: a.Email.Address, EmailVerified: true})
	linked, login, err := w.store.AccountAndLogin(w.t.Context(), a.ID, a.Username)
	if err != nil || len(linked.Identities) != 1 || linked.Epoch <= a.Epoch || login.Hash == "a hash" {
		w.t.Fatalf("%+v %+v %v, want an identity, another epoch and another password", linked, login, err)
	}
}

// beginFederated begins the session of an identity, as the callback does.
func (w *world) beginFederated(i federation.Identity) {
	w.t.Helper()
	federated := grant.NewFederated(grant.FederatedParts{
		Directory: w.store, Addresses: w.store, Reader: w.store, Accounts: account.NewAdministrator(w.store, w.Now), Mails: mail.NewDesk(w.store, mail.DefaultLimits, w.Now), Trail: audit.NewTrail(w, w.Now), Now: w.Now,
	})
	if _, err := federated.Begin(w.t.Context(), grant.FederatedRequest{Client: client.OfPages(), Identity: i, GivesRoles: true, TrustEmail: []string{"example.com"}}); err != nil {
		w.t.Fatalf("somebody comes from a provider: %v", err)
	}
}

// TestRoundTripsOfAnIdentity counts what a callback makes beyond those to the provider: clients, providers and keys are held by a warm function.
func TestRoundTripsOfAnIdentity(t *testing.T) {
	w := newWorld(t, engine(t), newTable(t, engine(t)))
	w.beginFederated(federation.Identity{Provider: "up", Subject: "warm"}) // the schema number is known
	w.proxy.Inject(faultproxy.Rule{Fault: faultproxy.Delay(20 * time.Millisecond)})
	defer w.proxy.Heal()
	for _, tc := range []struct {
		what, provider, email string
		calls, trips          int
	}{
		{"for the first time", "up", "", 2, 2},
		{"again", "up", "", 2, 2},
		{"with an address for the first time", "mail", "somebody@example.com", 3, 2}, // which is read beside the subject
		{"with an address again", "mail", "somebody@example.com", 3, 2},
		{"with an address that links them", "other", "somebody@example.com", 7, 6}, // the account is read, its owner is told, and its sessions end
	} {
		w.proxy.Forget()
		w.beginFederated(federation.Identity{Provider: tc.provider, Subject: "somebody", Email: tc.email, EmailVerified: tc.email != ""})
		if calls := w.proxy.Calls(); len(calls) != tc.calls || faultproxy.RoundTrips(calls) > tc.trips {
			t.Errorf("somebody comes %s: %v, want %d calls in %d round trips", tc.what, stepsOf(calls, false), tc.calls, tc.trips)
		}
	}
}
