package dynamo_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/internal/faultproxy"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/consent"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/endpoint/mailer"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/internal/permissions"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/link"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/seal"
	"github.com/wavepass/wavepass/pkg/session"
	"github.com/wavepass/wavepass/pkg/store/dynamo"
)

// TestPoliciesAllowWhatFunctionsUseAndNoMore compares template.yaml with what the functions were seen to ask of the
// table. A function that is added must be used here, or its policy counts as too wide.
func TestPoliciesAllowWhatFunctionsUseAndNoMore(t *testing.T) {
	policies, err := permissions.Read(template, permissions.Table)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, engine(t), newTable(t, engine(t)))
	w.used = map[string][]faultproxy.Call{}
	w.must(refreshRequest("wprt_nobodys"), 400) // a refresh may be the first to need a keyring
	w.removeKeyring()
	w.must(ownTokenRequest(), 200) // so may a service
	w.removeKeyring()
	w.signIn() // and a person at the pages
	w.removeKeyring()
	w.must(beginRequest(newSubject(), ""), 200) // and a session of a subject
	ended := w.login()
	w.must(endAllRequest(ended), 200)
	w.must(tokenRequest(ended.RefreshToken), 400) // reads the session again
	signed := introspectRequest(ended.RefreshToken)
	signed.accept = "application/token-introspection+jwt"
	w.must(signed, 200)
	w.visitSite()
	w.connectAgent()
	w.comeFromProvider()
	w.must(w.assertedTokenRequest(), 200)
	w.must(w.asserted("POST /introspect", "token", "x"), 200)
	w.must(w.asserted("POST /revoke", "token", "x"), 200)
	for _, op := range append([]userOperation{firstLogin}, userOperations...) {
		sent, done := op.prepare(w)
		if op.soon {
			w.restart()
		} else {
			w.pass(time.Minute) // each function is a process of its own and reads the schema number for itself
		}
		if err := op.check(w.send(t.Context(), sent), done); err != nil {
			t.Fatalf("%s: %v", op.name, err)
		}
	}
	w.must(request{route: "GET /.well-known/jwks.json"}, 200)
	access := w.login().AccessToken // it has the scope email
	w.pass(time.Minute)             // the schema number is read again
	w.must(request{route: "GET /userinfo", bearer: access}, 200)
	w.must(request{route: "GET /.well-known/oauth-protected-resource/{path+}", path: map[string]string{"path": "mcp"}}, 404)
	w.removeKeyring() // a rotation too
	for range 2 {
		w.rotateKeys()
		w.pass(keyring.DefaultPeriod)
	}

	w.remove(itemKey("KEYRING#LINKS", "KEYRING"))
	w.selfServe()
	w.closeAtThePage()
	w.remove(itemKey("KEYRING#LINKS", "KEYRING"))
	w.sendMail()

	for function := range w.used {
		if _, ok := policies[function]; !ok {
			t.Errorf("the template has no function %s", function)
		}
	}
	for function, statements := range policies {
		for _, difference := range permissions.Differences(function, statements, w.used[function]) {
			t.Error(difference)
		}
	}
}

// selfServe has somebody sign up, and somebody whose address was never verified choose a new password, and another one.
func (w *world) selfServe() {
	w.t.Helper()
	address := strings.ToLower(rand.Text()) + "@example.com"
	ask := func(route, body string) request {
		return request{route: "POST " + route, mediaType: apigw.JSON, body: `{"email":"` + address + `"` + body + `}`}
	}
	w.must(ask("/signup", ""), 202)
	w.must(ask("/recover", ""), 202)
	w.must(ask("/signup/verify", `,"code":"BCDFG-BCDFG","password":"another-canary-wave"`), 400) // makes the key of links
	sealer, err := seal.NewLocal(make([]byte, seal.KeySize))
	if err != nil {
		w.t.Fatal(err)
	}
	links := link.New(keyring.NewLinkKeys(keyring.LinkConfig{Store: w.store, Sealer: sealer, Now: w.Now}), w.Now)
	finish := func(route string, of link.Link, state link.State, status int) {
		w.t.Helper()
		code, err := links.Code(w.t.Context(), of, state)
		if err != nil {
			w.t.Fatal(err)
		}
		w.must(ask(route, `,"code":"`+code+`","password":"another-canary-wave"`), status)
	}
	finish("/signup/verify", link.Link{Purpose: link.SignUp, Address: address}, link.State{}, 201)
	invited, err := links.Make(w.t.Context(), link.Link{Purpose: link.Invite, Address: newAddress(), Expires: w.Now().Add(link.Invite.Life())}, link.State{})
	if err != nil {
		w.t.Fatal(err)
	}
	w.must(linkRequest("POST /signup/verify", invited, "another-canary-wave"), 201)
	address = strings.ToLower(rand.Text()) + "@example.com"
	a := account.Account{ID: uuid.New(), Username: address, Email: account.Email{Address: address}, Epoch: w.Now().Unix()}
	if err := w.store.CreateAccount(w.t.Context(), a, hashOf(8, 1)); err != nil {
		w.t.Fatal(err)
	}
	finish("/recover/finish", link.Link{Purpose: link.Recover, Account: a.ID, Address: address}, link.StateOf(a, hashOf(8, 1)), 200)
	login := request{route: "POST /login", mediaType: apigw.JSON, body: `{"client_id":"` + clientID + `","username":"` + address + `","password":"another-canary-wave"}`}
	w.closeAndKeep(w.must(login, 200), a.ID, address, links)
	own := w.must(passwordRequest(w.must(login, 200), "another-canary-wave", "yet-another-canary-wave"), 200)
	w.moves(links, own, a.ID, address)
}

// moves changes the address of an account, which is its login name, and takes it back, when an identity of a provider has been linked meanwhile.
func (w *world) moves(links *link.Links, own outcome, id uuid.UUID, address string) {
	w.t.Helper()
	const password = "yet-another-canary-wave"
	next := strings.ToLower(rand.Text()) + "@example.com"
	body := `{"email":"` + next + `","current_password":"` + password + `","username":"` + address + `","password":"` + password + `"}`
	w.must(request{route: "POST /email", mediaType: apigw.JSON, bearer: own.AccessToken, body: body}, 202)
	w.pass(16 * time.Minute) // the counts of the page begin anew
	w.must(request{route: "POST /email/change", mediaType: apigw.Form, body: url.Values{"username": {address}, "password": {"wrong-canary-wave"}, "email": {next}}.Encode()}, 400)
	w.must(request{route: "POST /email/change", mediaType: apigw.Form, body: url.Values{"username": {address}, "password": {password}, "email": {next}}.Encode()}, 200)
	state := func() link.State {
		w.t.Helper()
		a, err := w.store.Account(w.t.Context(), id)
		if err != nil {
			w.t.Fatal(err)
		}
		login, err := w.store.LoginName(w.t.Context(), a.Username)
		if err != nil {
			w.t.Fatal(err)
		}
		return link.StateOf(a, login.Hash)
	}
	make := func(of link.Link, state link.State) string {
		w.t.Helper()
		of.Account, of.Expires = id, w.Now().Add(of.Purpose.Life())
		text, err := links.Make(w.t.Context(), of, state)
		if err != nil {
			w.t.Fatal(err)
		}
		return text
	}
	back := make(link.Link{Purpose: link.TakeBack, Address: address}, link.State{})
	code, err := links.Code(w.t.Context(), link.Link{Purpose: link.Confirm, Account: id, Address: next}, state())
	if err != nil {
		w.t.Fatal(err)
	}
	w.must(request{route: "POST /email/confirm", mediaType: apigw.JSON, body: `{"sub":"` + id.String() + `","email":"` + next + `","code":"` + code + `"}`}, 200)

	moved, err := w.store.Account(w.t.Context(), id)
	if err != nil || moved.Email.Address != next || moved.Username != next || len(moved.Held) != 2 {
		w.t.Errorf("moved to %+v, %v", moved, err)
	}
	moved.Subject = account.Subject{Directory: "idp:up", ID: rand.Text()}
	moved.Identities = []account.Subject{moved.Subject}
	s, _, err := session.Begin(session.Login{AccountID: id, Epoch: moved.Epoch, Client: client.OfPages()}, w.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.store.BeginSession(w.t.Context(), session.Beginning{Account: moved, Linked: true, Session: s}); err != nil {
		w.t.Fatal(err)
	}
	if moved, err = w.store.Account(w.t.Context(), id); err != nil {
		w.t.Fatal(err)
	}
	if _, err := account.NewEditor(w.store, w.Now).Close(w.t.Context(), moved, w.Now().Add(account.Reopens)); err != nil { // then as much is written as can be
		w.t.Fatal(err)
	}
	w.must(request{route: "POST /email/takeback", mediaType: apigw.JSON, body: `{"link":"` + back + `","password":"` + password + `"}`}, 200)
	if returned, err := w.store.Account(w.t.Context(), id); err != nil || returned.Email.Address != address || returned.Username != address || len(returned.Identities) > 0 || returned.Disabled {
		w.t.Errorf("taken back to %+v, %v", returned, err)
	}
}

// closeAndKeep closes an account and keeps it. Its owner has allowed an application something, and has an identity of a provider.
func (w *world) closeAndKeep(tokens outcome, id uuid.UUID, address string, links *link.Links) {
	w.t.Helper()
	item := w.item("ACCOUNT#"+id.String(), "ACCOUNT")
	item["identities"] = &types.AttributeValueMemberL{Value: []types.AttributeValue{text("idp:up/" + id.String())}}
	w.put(item)
	w.put(map[string]types.AttributeValue{
		"pk": text(fmt.Sprintf("SUBJECT#idp:up#%x", sha256.Sum256([]byte(id.String())))), "sk": text("SUBJECT"), "account_id": text(id.String()),
	})
	if err := w.store.PutConsent(w.t.Context(), consent.Consent{}, consent.Consent{AccountID: id, ClientID: "third", Given: w.Now()}); err != nil {
		w.t.Fatal(err)
	}
	w.must(closeRequest(tokens, "another-canary-wave"), 200)
	closed, err := w.store.Account(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	kept, err := links.Make(w.t.Context(), link.Link{Purpose: link.Keep, Account: id, Address: address, Expires: closed.RemoveAt}, link.State{})
	if err != nil {
		w.t.Fatal(err)
	}
	w.must(request{route: "POST /account/keep", mediaType: apigw.JSON, body: `{"link":"` + kept + `"}`}, 200)
}

// closeAtThePage closes an account by username and password, and looks whose the session of a browser is. The person has a session and has allowed an application
// something.
func (w *world) closeAtThePage() {
	w.t.Helper()
	cookie := w.signIn()
	page := w.must(request{route: "GET /account/close", cookie: cookie}, 200)
	_, page.body, _ = strings.Cut(page.body, "</form>") // the second form
	w.must(sent("/account/close", page, cookie), 400)   // the person has a password
	p := w.newPerson()
	p.login()
	if err := w.store.PutConsent(w.t.Context(), consent.Consent{}, consent.Consent{AccountID: p.id, ClientID: "third", Given: w.Now()}); err != nil {
		w.t.Fatal(err)
	}
	w.must(request{route: "POST /account/close", mediaType: apigw.Form, body: url.Values{"username": {p.address}, "password": {firstPassword}}.Encode()}, 200)
}

// sendMail carries out an order, as the stream of the table makes the function do.
func (w *world) sendMail() {
	w.t.Helper()
	address := rand.Text() + "@example.com"
	a := account.Account{ID: uuid.New(), Username: address, Email: account.Email{Address: strings.ToLower(address)}, Epoch: w.Now().Unix()}
	if err := w.store.CreateAccount(w.t.Context(), a, "$argon2id$"); err != nil {
		w.t.Fatal(err)
	}
	o := mail.Order{ID: uuid.Must(uuid.NewV7()), Purpose: mail.Recover, Address: a.Email.Address, At: w.Now()}
	if err := w.store.PutOrder(w.t.Context(), o); err != nil {
		w.t.Fatal(err)
	}
	texts, err := mailer.Texts("", endpoint.Looks{})
	if err != nil {
		w.t.Fatal(err)
	}
	w.proxy.Forget()
	settings := deployment.Settings(w, w.Now)
	sealer, err := seal.NewLocal(make([]byte, 32))
	if err != nil {
		w.t.Fatal(err)
	}
	function := mailer.New(settings, w.store, mailer.Parts{Letters: mailer.NewLetters(settings, w.store, sealer), Texts: texts, Sender: nowhere{}})
	record := events.DynamoDBEventRecord{EventName: "INSERT", Change: events.DynamoDBStreamRecord{
		Keys: map[string]events.DynamoDBAttributeValue{"pk": events.NewStringAttribute(dynamo.OrderPrefix + o.ID.String())},
	}}
	if err := function(w.t.Context(), events.DynamoDBEvent{Records: []events.DynamoDBEventRecord{record}}); err != nil {
		w.t.Fatalf("send a mail: %v", err)
	}
	w.used["mailer"] = w.proxy.Calls()
}

// nowhere is where mails go in these tests.
type nowhere struct{}

func (nowhere) Send(context.Context, mail.Mail) error { return nil }

// visitSite does by a session handle what needs other rights than by tokens.
func (w *world) visitSite() {
	w.t.Helper()
	again := w.siteLoginRequest()
	again.cookie = w.must(w.siteLoginRequest(), 200).cookie
	site := w.must(again, 200) // it ends the earlier session of the browser
	w.pass(5 * time.Minute)
	w.must(visit(site), 200) // and its use is recorded
	w.must(sitePasswordRequest(site, w.password, w.password), 200)
	alone := w.siteLoginRequest()
	alone.body = strings.Replace(alone.body, "{", `{"end_others":true,`, 1)
	w.must(alone, 200)
}

// agentID is the address of the document of an application that nobody has registered.
const agentID = "https://agent.example/client.json"

// agentDocument is what it says of itself.
type agentDocument struct{}

// Read implements endpoint.DocumentSource.
func (agentDocument) Read(context.Context, string) ([]byte, time.Duration, error) {
	return []byte(`{"client_id":"` + agentID + `","redirect_uris":["` + callback + `"]}`), time.Hour, nil
}

// connectAgent does what reads and writes clients that nobody has registered.
func (w *world) connectAgent() {
	w.t.Helper()
	w.must(opened("/authorize", authorization(agentID)+"&resource=https%3A%2F%2Fmcp.example%2Fmcp", w.signIn()), 303)
	w.must(exchangeRequest(agentID, "wpac_nobodys"), 400)
	for _, route := range []string{"POST /introspect", "POST /revoke"} {
		w.send(w.t.Context(), request{route: route, mediaType: apigw.Form, body: url.Values{"client_id": {agentID}, "token": {"x"}}.Encode()})
	}
	w.send(w.t.Context(), request{route: "DELETE /grants/{client}", path: map[string]string{"client": agentID}, bearer: w.login().AccessToken})
}

// rotateKeys runs the function that no request reaches.
func (w *world) rotateKeys() {
	w.t.Helper()
	w.proxy.Forget()
	if err := w.rotate(w.t.Context(), events.EventBridgeEvent{}); err != nil {
		w.t.Fatalf("rotate the keys: %v", err)
	}
	w.used["rotatekeys"] = append(w.used["rotatekeys"], w.proxy.Calls()...)
}
