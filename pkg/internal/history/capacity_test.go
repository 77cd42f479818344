package history_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/internal/tabletemplate"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/enrol"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/link"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/policy"
	"github.com/wavepass/wavepass/pkg/session"
	"github.com/wavepass/wavepass/pkg/store/storetest"
	"github.com/wavepass/wavepass/pkg/token"
)

const (
	capacityPage = "../../../docs/capacity.md"

	// Assumed prices of a million on-demand units, US dollars. The page says where and when.
	millionReads  = 0.125
	millionWrites = 0.625
)

// TestCapacityPageSaysWhatIsMeasured compares the tables of operations and of items with the engine. Where it
// fails, copy the lines that it prints, and look at what the page derives from them.
func TestCapacityPageSaysWhatIsMeasured(t *testing.T) {
	endpoint := os.Getenv("DYNAMODB_ENDPOINT")
	if endpoint == "" {
		t.Skip("DYNAMODB_ENDPOINT is not set: start DynamoDB Local and set it")
	}
	page, err := os.ReadFile(capacityPage)
	if err != nil {
		t.Fatalf("read the page: %v", err)
	}
	u := newUser(t, endpoint)
	for _, line := range slices.Concat(u.costs(), u.sizes(), newUser(t, endpoint).mailboxCosts()) {
		if !strings.Contains(string(page), line+"\n") {
			t.Errorf("the page lacks the line that was measured:\n%s", line)
		}
	}
}

// user is one person with a function that has its keys, and a meter between it and the engine.
type user struct {
	testing.TB
	clock  *testclock.Clock
	meter  *meter
	sealer keyring.Sealer
	api    *dynamodb.Client
	table  string
	f      *function
	name   string

	store   storetest.Store
	account uuid.UUID
}

func newUser(t testing.TB, endpoint string) *user {
	t.Helper()
	u := &user{TB: t, clock: testclock.New(start), meter: newMeter(t, endpoint), sealer: fakestore.NewSealer(), name: "somebody@example.com"}
	store, table := openDynamo(t, endpoint, u.meter.url, u.clock)
	u.table, u.store = table, store
	u.api = dynamodb.New(dynamodb.Options{Region: tabletemplate.Region, BaseEndpoint: &endpoint, Credentials: tabletemplate.Credentials})
	accepted, err := account.PasswordRules{}.Accept(oauth.NewSecret(password), u.name)
	u.must(err)
	who, hash, err := account.New(u.name, accepted, u.clock.Now())
	u.must(err)
	u.account = who.ID
	who.Roles, who.Scopes = []string{"admin", "editor"}, []string{"read", "write"}
	u.must(store.CreateAccount(t.Context(), who, hash))
	u.must(store.PutClient(t.Context(), native))
	u.f = newFunction(store, u.sealer, audit.NewTrail(discard{}, u.clock.Now), u.clock.Now)
	return u
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// into measures an operation and appends its line.
func (u *user) into(lines *[]string) func(name string, operation func()) {
	return func(name string, operation func()) {
		u.meter.take()
		operation()
		used := u.meter.take()
		*lines = append(*lines, fmt.Sprintf("| %s | %d | %g | %g | %.3f |", name, used.calls, used.reads, used.writes,
			used.reads*millionReads+used.writes*millionWrites))
	}
}

// mailboxCosts measures what people do with their own accounts by way of their mailbox. The person has one session.
func (u *user) mailboxCosts() []string {
	var lines []string
	measure := u.into(&lines)
	const next = "somebody@example.org"
	editor := account.NewEditor(u.store, u.clock.Now)
	u.must(editor.SetEmail(u.Context(), u.account, account.Email{Address: u.name, VerifiedAt: u.clock.Now()}))
	u.clock.Advance(time.Second)
	_, err := u.f.enroller.Keep(u.Context(), u.link(link.Keep, u.name)) // the function has its keys
	if !errors.Is(err, link.ErrDead) {
		u.Fatalf("an account that is open is kept: %v", err)
	}
	proof := func() grant.ProofRequest {
		h := u.refresh(u.login()) // and has all its keys
		return grant.ProofRequest{Caller: u.caller(h), Client: native, Current: oauth.NewSecret(password), Network: network}
	}
	only := proof()
	measure("close an account, a person with one session", func() {
		_, err := u.f.password.Close(u.Context(), only, "")
		u.must(err)
	})
	keep := u.link(link.Keep, u.name)
	measure("keep an account", func() {
		_, err := u.f.enroller.Keep(u.Context(), keep)
		u.must(err)
	})
	asks := proof()
	measure("ask for another address", func() {
		a, err := u.f.password.Prove(u.Context(), asks)
		u.must(err)
		u.must(enrol.AskToChange(u.Context(), u.f.mails, a.ID, next, enrol.Asker{Network: network}))
	})
	confirm, back := u.link(link.Confirm, next), u.link(link.TakeBack, u.name)
	u.clock.Advance(time.Second)
	measure("confirm another address", func() {
		_, err := u.f.enroller.Confirm(u.Context(), enrol.Proof{Link: confirm}, enrol.Asker{Network: network})
		u.must(err)
	})
	measure("take a change of the address back", func() {
		_, err := u.f.enroller.TakeBack(u.Context(), back, oauth.NewSecret(password))
		u.must(err)
	})
	return lines
}

// link is the one that a mail to an address brings now.
func (u *user) link(purpose link.Purpose, address string) string {
	u.Helper()
	a, err := u.store.Account(u.Context(), u.account)
	u.must(err)
	said, state := link.Link{Purpose: purpose, Account: a.ID, Address: address, Expires: u.clock.Now().Add(purpose.Life())}, link.State{}
	switch purpose {
	case link.Confirm:
		login, err := u.store.LoginName(u.Context(), a.Username)
		u.must(err)
		state = link.StateOf(a, login.Hash)
	case link.Keep:
		if !a.RemoveAt.IsZero() {
			said.Expires = a.RemoveAt
		}
	}
	text, err := u.f.links.Make(u.Context(), said, state)
	u.must(err)
	return text
}

// costs measures the operations of a warm function.
func (u *user) costs() []string {
	var lines []string
	measure := u.into(&lines)
	u.later(0)
	var first, second, third holding
	measure("log in", func() { first = u.login() })
	measure("log in, wrong password", func() { u.fail() })
	measure("refresh", func() { second = u.refresh(first) })
	measure("refresh, race or retry", func() { u.refresh(first) })
	u.later(window + 2*clockSkew)
	measure("refresh, late retry", func() { u.refresh(first) })
	third = u.refresh(second)
	measure("refresh, reuse: the session is revoked", func() { u.refuse(first) })
	third = u.login()
	measure("revoke an access token", func() { u.hand(third.access) })
	measure("revoke a session, log out", func() { u.hand(third.refresh) })
	measure("revoke again, or a dead one", func() { u.hand(third.refresh) })
	third = u.login()
	measure("log out everywhere", func() {
		u.must(u.f.logout.End(u.Context(), grant.LogoutRequest{Client: native, RefreshToken: third.refresh, Everywhere: true}))
	})
	third = u.login()
	measure("list sessions, a person with one", func() { u.list(third, 1) })
	second = u.login()
	measure("end one session of the list", func() { u.must(u.f.devices.End(u.Context(), u.caller(third), second.id)) })
	measure("end all other sessions", func() { u.must(u.f.devices.EndOthers(u.Context(), u.caller(third))) })
	measure("end all sessions", func() { u.must(u.f.devices.EndAll(u.Context(), u.caller(third))) })
	third = u.login()
	measure("change the password", func() { third = u.changePassword(third, password, password) })
	measure("change the password, wrong one", func() { u.changePassword(third, "wrong", password+password) })
	u.copySession(third, 99)
	measure("list sessions, a page of 100", func() { u.list(third, 100) })
	third = u.login()
	measure("authorize, inside the staleness", func() { u.authorize(third, bound) })
	u.later(window)
	measure("authorize, the log asked, nothing new in it", func() { u.authorize(third, 0) })
	handle := u.loginAtSite()
	measure("authorize by cookie", func() { u.visit(handle, "api") })
	u.must(u.store.PutPolicy(u.Context(), "api", policy.Record{Version: 1, Document: []byte(`{"unlisted":"allow"}`)}))
	u.visit(handle, "api") // from now on the default policy is not read
	measure("authorize by cookie, the API has a policy of its own", func() { u.visit(handle, "api") })
	other := u.loginAtSite()
	u.clock.Advance(session.UseInterval)
	u.visit(other, "api") // the schema number is read again
	measure("authorize by cookie, once in 5 minutes of use", func() { u.visit(handle, "api") })
	measure("log out of a site", func() {
		u.must(u.f.logout.End(u.Context(), grant.LogoutRequest{Client: site, RefreshToken: handle}))
	})
	u.clock.Advance(6 * time.Minute)
	measure("verify, keys older than 5 minutes; JWKS", func() { u.verify(third) })
	u.clock.Advance(6 * time.Minute)
	measure("refresh, keys older than a minute", func() { u.refresh(third) })
	return lines
}

// later moves the clock and lets the function read its keys and the log.
func (u *user) later(d time.Duration) {
	u.clock.Advance(d)
	h := u.refresh(u.login())
	u.authorize(h, 0)
	u.authorize(h, bound)
}

func (u *user) must(err error) {
	u.Helper()
	if err != nil {
		u.Fatal(err)
	}
}

func (u *user) login() holding {
	u.Helper()
	issued, err := u.f.login.Grant(u.Context(), grant.LoginRequest{
		At: here, Client: native, Username: u.name, Password: oauth.NewSecret(password), Network: network, Device: "Somebody's phone",
	})
	u.must(err)
	return holding{issued.Session.ID, native, issued.Tokens.RefreshToken, issued.Tokens.AccessToken}
}

// loginAtSite returns a session handle.
func (u *user) loginAtSite() oauth.Secret {
	u.Helper()
	issued, err := u.f.login.Grant(u.Context(), grant.LoginRequest{
		At: here, Client: site, Username: u.name, Password: oauth.NewSecret(password), Network: network, Device: "Somebody's phone",
	})
	u.must(err)
	return issued.Handle
}

// visit does what the authorizer of an API does with a handle.
func (u *user) visit(text oauth.Secret, api string) {
	u.Helper()
	h, err := session.ParseHandle(text)
	u.must(err)
	reading := u.f.policies.AskNow(u.Context(), api)
	visit, err := u.f.visits.Open(u.Context(), here, h, site.ID)
	u.must(err)
	_, err = reading.Policy()
	u.must(err)
	u.must(u.f.visits.Used(u.Context(), visit, network))
}

func (u *user) fail() {
	u.Helper()
	_, err := u.f.login.Grant(u.Context(), grant.LoginRequest{
		At: here, Client: native, Username: u.name, Password: oauth.NewSecret("wrong"), Network: network,
	})
	if err == nil {
		u.Fatal("a wrong password logs in")
	}
}

func (u *user) refresh(h holding) holding {
	u.Helper()
	issued, err := u.f.refresh.Grant(u.Context(), grant.RefreshRequest{At: here, Client: native, RefreshToken: h.refresh, Network: network})
	u.must(err)
	return holding{h.id, native, issued.Tokens.RefreshToken, issued.Tokens.AccessToken}
}

func (u *user) refuse(h holding) {
	u.Helper()
	if _, err := u.f.refresh.Grant(u.Context(), grant.RefreshRequest{At: here, Client: native, RefreshToken: h.refresh}); err == nil {
		u.Fatal("an old token was accepted")
	}
}

func (u *user) hand(in oauth.Secret) {
	u.Helper()
	u.must(u.f.revoke.Revoke(u.Context(), grant.RevokeRequest{At: here, Client: native, Token: in}))
}

func (u *user) verify(h holding) token.Claims {
	u.Helper()
	claims, err := u.f.verifier.Verify(u.Context(), h.access, token.Expect{Issuer: here.Issuer, Audience: here.Audience})
	u.must(err)
	return claims
}

func (u *user) authorize(h holding, staleness time.Duration) {
	u.Helper()
	_, err := u.f.checkers[staleness].Check(u.Context(), h.access, token.Expect{Issuer: here.Issuer, Audience: here.Audience})
	u.must(err)
}

func (u *user) caller(h holding) grant.Caller {
	return grant.Caller{Holder: session.Holder{AccountID: u.account, SessionID: h.id, ClientID: native.ID}}
}

func (u *user) list(h holding, want int) {
	u.Helper()
	page, err := u.f.devices.List(u.Context(), u.caller(h), uuid.Nil, 100)
	u.must(err)
	if len(page.Sessions) != want {
		u.Fatalf("the list has %d sessions, want %d", len(page.Sessions), want)
	}
}

func (u *user) changePassword(h holding, current, next string) holding {
	u.Helper()
	issued, err := u.f.password.Change(u.Context(), grant.PasswordRequest{
		Caller: u.caller(h), At: here, Client: native, Current: oauth.NewSecret(current), New: oauth.NewSecret(next), Network: network,
	})
	if current == password {
		u.must(err)
	} else if !errors.Is(err, account.ErrInvalidCredentials) {
		u.Fatalf("a wrong password: %v", err)
	}
	return holding{issued.Session.ID, native, issued.Tokens.RefreshToken, issued.Tokens.AccessToken}
}

// copySession writes so many copies of a session, newer than all others.
func (u *user) copySession(h holding, count int) {
	u.Helper()
	s, err := u.store.Session(u.Context(), u.account, h.id)
	u.must(err)
	for range count {
		s.ID = uuid.Must(uuid.NewV7())
		u.must(u.store.Create(u.Context(), s))
	}
}

// sizes lists the largest item of each kind in the table, in bytes as DynamoDB counts them.
func (u *user) sizes() []string {
	out, err := u.api.Scan(u.Context(), &dynamodb.ScanInput{TableName: aws.String(u.table)})
	u.must(err)
	largest := map[string]int{}
	for _, it := range out.Items {
		kind, _, _ := strings.Cut(it["pk"].(*types.AttributeValueMemberS).Value, "#")
		if kind == "KEYRING" {
			kind = it["pk"].(*types.AttributeValueMemberS).Value
		}
		largest[kind] = max(largest[kind], itemSize(it))
	}
	names := map[string]string{
		"ACCOUNT": "account", "LOGIN": "login name", "SESSIONS": "session", "REVOCATION": "revocation",
		"ATTEMPTS": "attempts", "CLIENT": "client",
		"KEYRING#" + string(keyring.Signing): "signing keys, sealed",
		"KEYRING#" + string(keyring.Refresh): "MAC keys, sealed",
		"KEYRING#" + string(keyring.Public):  "public keys",
	}
	var lines []string
	for kind, name := range names {
		if largest[kind] == 0 {
			u.Errorf("the table holds no item of kind %s", kind)
		}
		lines = append(lines, fmt.Sprintf("| %s | %d |", name, largest[kind]))
	}
	slices.Sort(lines)
	return lines
}

// itemSize follows "DynamoDB item sizes and formats" of the developer guide: names and values in UTF-8; a
// number a byte per two digits and one more; 3 bytes for a list and one for each element.
func itemSize(it map[string]types.AttributeValue) int {
	n := 0
	for name, value := range it {
		n += len(name) + valueSize(value)
	}
	return n
}

func valueSize(value types.AttributeValue) int {
	switch v := value.(type) {
	case *types.AttributeValueMemberS:
		return len(v.Value)
	case *types.AttributeValueMemberN:
		return (len(strings.Trim(v.Value, "-.0"))+1)/2 + 1
	case *types.AttributeValueMemberB:
		return len(v.Value)
	case *types.AttributeValueMemberL:
		n := 3
		for _, element := range v.Value {
			n += 1 + valueSize(element)
		}
		return n
	}
	return 1 // a truth or nothing
}
