package signin_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/metadata"
	"github.com/wavepass/wavepass/pkg/resource"
)

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

const (
	agent         = "https://agent.example/oauth/client.json"
	agentCallback = "http://127.0.0.1/cb"
	agentDocument = `{"client_id":"` + agent + `","client_name":"Agent","redirect_uris":["` + agentCallback + `","https://agent.example/cb"],"token_endpoint_auth_method":"none"}`
	tools         = "https://mcp.example/mcp"
	notes         = "https://notes.example/mcp"
	closed        = "https://closed.example/mcp"
)

// hosts are where documents are, in place of the internet.
type hosts struct {
	mu        sync.Mutex
	documents map[string]string
	down      bool
	fresh     time.Duration
	asked     int
}

func (h *hosts) Read(_ context.Context, id string) ([]byte, time.Duration, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked++
	document, ok := h.documents[id]
	switch {
	case h.down:
		return nil, 0, &metadata.Error{Says: "the host did not answer within 3s", Unreachable: true}
	case !ok:
		return nil, 0, &metadata.Error{Says: "the host answered with status 404, want 200"}
	}
	return []byte(document), h.fresh, nil
}

func (h *hosts) times() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.asked
}

// newDocumentWorld is a world that takes client id metadata documents, with two open resources and one that is not. The person may use the tools.
func newDocumentWorld(t *testing.T) (world, *hosts) {
	t.Helper()
	w := newWorld(t)
	h := &hosts{documents: map[string]string{agent: agentDocument}, fresh: time.Hour}
	w.Deployment = w.Beside(func(s *endpoint.Settings) {
		s.Documents, s.Cookies = endpoint.Documents{Allowed: true, Source: h}, browser.Jar{}
	})
	w.Store.SetAccount(account.Account{ID: deployment.AccountID, Username: deployment.Username, Scopes: []string{"profile", "tools:read", "tools:write"}, Epoch: deployment.Start.Unix()}, "")
	for _, r := range []resource.Resource{
		{URI: tools, Scopes: []string{"tools:read", "tools:write"}, Open: true}, {URI: notes, Scopes: []string{"notes"}, Open: true}, {URI: closed, Scopes: []string{"tools:read"}},
	} {
		document, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Store.PutResource(t.Context(), resource.Key(r.URI), resource.Record{Version: 1, Document: document}); err != nil {
			t.Fatal(err)
		}
	}
	return w, h
}

func byAgent(parameters ...string) string {
	return deployment.Authorization(agent, agentCallback, append([]string{"scope", "tools:read", "resource", tools}, parameters...)...)
}

// allow answers the consent page that v is shown for a request, and returns the page after it.
func (w world) allow(v *deployment.Visitor, shown deployment.Page) deployment.Page {
	w.t.Helper()
	form := shown.Form()
	form.Set("decision", "allow")
	return v.Post("/consent", form)
}

// connect signs ada in for the agent, allows it what it asks for, and returns its tokens.
func (w world) connect(parameters ...string) deployment.Answer {
	w.t.Helper()
	v := w.Visitor()
	page := w.allow(v, v.SignIn(byAgent(parameters...)))
	tokens := w.Do(deployment.Exchange(agent, agentCallback, deployment.CodeOf(page.To())))
	w.Want("exchange", tokens, 200, "")
	return tokens
}

// claimsOf returns the claims of an access token, unverified.
func claimsOf(t *testing.T, access string) map[string]any {
	t.Helper()
	parts := strings.Split(access, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no access token", access)
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	claims := map[string]any{}
	if err == nil {
		err = json.Unmarshal(text, &claims)
	}
	if err != nil {
		t.Fatal(err)
	}
	return claims
}

func refreshAgent(a deployment.Answer) deployment.Request {
	return deployment.Form("POST /token", url.Values{"grant_type": {"refresh_token"}, "client_id": {agent}, "refresh_token": {a.RefreshToken}}.Encode())
}

func (w world) stored(id string) (client.Client, bool) {
	w.t.Helper()
	c, err := w.Store.Client(w.t.Context(), id)
	return c, err == nil
}

func TestAClientThatNobodyRegisteredGetsTokensForOneResource(t *testing.T) {
	w, h := newDocumentWorld(t)
	v := w.Visitor()
	w.want("nobody is signed in", v.Open("/authorize", byAgent()), 200, `action="/signin"`)
	if h.times() != 0 {
		t.Error("a document was asked for before anybody was signed in")
	}
	shown := v.SignIn(byAgent())
	for _, text := range []string{"agent.example asks for access", agent, "It calls itself “Agent”", tools, "tools:read", "127.0.0.1", "program on this device"} {
		w.want("the consent page", shown, 200, text)
	}
	page := w.allow(v, shown)
	w.answer("allowed", page, agentCallback)
	tokens := w.Do(deployment.Exchange(agent, agentCallback, deployment.CodeOf(page.To())))
	w.Want("exchange", tokens, 200, "")
	for what, got := range map[string]deployment.Answer{"exchange": tokens, "refresh without resource": w.Do(refreshAgent(tokens))} {
		claims := claimsOf(t, got.AccessToken)
		if claims["aud"] != tools || claims["client_id"] != agent || claims["scope"] != "tools:read" || claims["roles"] != nil {
			t.Errorf("%s: %v, want an audience of %s, the scope tools:read and no roles", what, claims, tools)
		}
	}
	if h.times() != 1 {
		t.Errorf("the document was asked for %d times, want once", h.times())
	}
	c, _ := w.stored(agent)
	if !c.IsFetched() || len(c.Scopes)+len(c.Audiences) != 0 || c.SharedStore || c.FirstParty {
		t.Errorf("stored: %+v", c)
	}
	w.want("the second time", v.Open("/authorize", byAgent()), 200, "asks for access")
	w.wantError("without a page", v.Open("/authorize", byAgent("prompt", "none")), agentCallback, "consent_required")
}

// TestGoNamesADocumentByBasic is what Go's SDK of MCP does: the address in Basic, escaped (RFC 6749 §2.3.1), with an empty password, and nothing of it in the form.
func TestGoNamesADocumentByBasic(t *testing.T) {
	w, _ := newDocumentWorld(t)
	v := w.Visitor()
	basic := func(user, password string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	}
	exchange := deployment.Exchange(agent, agentCallback, deployment.CodeOf(w.allow(v, v.SignIn(byAgent())).To()))
	form, err := url.ParseQuery(exchange.Body)
	if err != nil {
		t.Fatal(err)
	}
	form.Del("client_id")
	bare := deployment.Form("POST /token", form.Encode())
	w.Want("a password", w.Do(bare.With("authorization", basic(url.QueryEscape(agent), "x"))), 401, "invalid_client")
	w.Want("another document", w.Do(bare.With("authorization", basic(url.QueryEscape(agent+"2"), ""))), 401, "invalid_client")
	tokens := w.Do(bare.With("authorization", basic(url.QueryEscape(agent), "")))
	w.Want("exchange", tokens, 200, "")
	refresh := deployment.Form("POST /token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.RefreshToken}}.Encode())
	w.Want("refresh without resource", w.Do(refresh.With("authorization", basic(url.QueryEscape(agent), ""))), 200, "")
	w.Want("refresh for another resource", w.Do(deployment.Form("POST /token", url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {tokens.RefreshToken}, "client_id": {agent}, "resource": {notes}}.Encode())), 400, "invalid_target")
}

func TestUnregisteredClientsAreOffByDefault(t *testing.T) {
	w := newWorld(t)
	v := w.Visitor()
	v.SignIn(request())
	w.want("off", v.Open("/authorize", byAgent()), 400, "client_id is none that is registered")
}

func TestWhatAnUnregisteredClientMayNotAskFor(t *testing.T) {
	w, _ := newDocumentWorld(t)
	v := w.Visitor()
	v.SignIn(byAgent())
	for name, tc := range map[string]struct{ query, code string }{
		"no resource":                 {deployment.Authorization(agent, agentCallback, "scope", "tools:read"), "invalid_target"},
		"a resource that is not open": {byAgent("resource", closed), "invalid_target"},
		"a resource that is unknown":  {byAgent("resource", "https://other.example/mcp"), "invalid_target"},
		"the service itself":          {byAgent("resource", deployment.Issuer), "invalid_target"},
		"scopes of another resource":  {byAgent("resource", notes), "invalid_scope"},
		"the scope account":           {byAgent("scope", "account"), "invalid_scope"},
		"the scope openid":            {byAgent("scope", "openid"), "invalid_scope"},
	} {
		w.wantError(name, v.Open("/authorize", tc.query), agentCallback, tc.code)
	}
	for name, query := range map[string]string{
		"another redirect": deployment.Authorization(agent, "https://evil.example/cb", "resource", tools),
		"no redirect":      deployment.Authorization(agent, "", "resource", tools),
	} {
		w.want(name, v.Open("/authorize", query), 400, "redirect_uri")
	}
	w.want("prompt=none of an unknown client", w.Visitor().Open("/authorize", deployment.Authorization("https://new.example/c.json", agentCallback, "prompt", "none")), 400, "nobody is signed in")
	w.want("a port", v.Open("/authorize", deployment.Authorization("https://agent.example:8443/c.json", agentCallback)), 400, "leave it out")
}

func TestADocumentThatCannotBeUsedStoresNothing(t *testing.T) {
	w, h := newDocumentWorld(t)
	v := w.Visitor()
	v.SignIn(byAgent())
	const id = "https://bad.example/client.json"
	h.documents[id] = `{"client_id":"https://other.example/client.json","redirect_uris":["` + agentCallback + `"]}`
	before := h.times()
	for range 3 {
		shown := v.Open("/authorize", deployment.Authorization(id, agentCallback, "resource", tools))
		w.want("another client_id", shown, 400, "describes itself at an address of its own")
		w.want("for the developer", shown, 400, "client_id in the document is not the address that it was found at")
	}
	if got := h.times() - before; got != 1 {
		t.Errorf("asked for %d times within a minute, want once", got)
	}
	if _, ok := w.stored(id); ok {
		t.Error("a client was stored")
	}
	h.documents[id] = strings.ReplaceAll(agentDocument, agent, id)
	w.Clock.Advance(time.Minute)
	w.want("a minute later", v.Open("/authorize", deployment.Authorization(id, agentCallback, "scope", "tools:read", "resource", tools)), 200, "asks for access")
}

func TestAHostThatIsDownForADayLogsNobodyOut(t *testing.T) {
	w, h := newDocumentWorld(t)
	tokens := w.connect()
	h.down = true
	for hour := range 25 {
		w.Clock.Advance(time.Hour)
		tokens = w.Do(refreshAgent(tokens))
		w.Want(fmt.Sprintf("refresh %d h later", hour+1), tokens, 200, "")
	}
	w.want("signing in on the second day", w.Visitor().SignIn(byAgent()), 400, "did not answer")
	w.Clock.Advance(13 * 24 * time.Hour)
	w.Want("refresh two weeks later", w.Do(refreshAgent(tokens)), 200, "")
	if h.times() < 1 {
		t.Error("never asked for")
	}
}

func TestPeopleSignInForADayWhileTheHostIsDown(t *testing.T) {
	w, h := newDocumentWorld(t)
	w.connect()
	h.down = true
	w.Clock.Advance(24 * time.Hour)
	w.connect()
	delete(h.documents, agent)
	h.down = false
	w.Clock.Advance(time.Minute)
	w.want("the document is gone", w.Visitor().SignIn(byAgent()), 400, "status 404")
}

func TestADocumentIsReadAgainWhenItIsOld(t *testing.T) {
	w, h := newDocumentWorld(t)
	w.connect()
	h.documents[agent] = strings.ReplaceAll(agentDocument, agentCallback, "http://127.0.0.1/elsewhere")
	w.connect() // an hour has not passed
	w.Clock.Advance(time.Hour)
	w.want("its redirect is gone", w.Visitor().SignIn(byAgent()), 400, "redirect_uri is none that the application has registered")
	if c, _ := w.stored(agent); c.Redirects[0] != "http://127.0.0.1/elsewhere" || c.Document.KeptUntil.Before(w.Clock.Now().Add(29*24*time.Hour)) {
		t.Errorf("stored: %+v, want the new redirect, kept while sessions may live", c)
	}
}

func TestTheRecordOfAClientWithoutSessionsIsGoneAfterADay(t *testing.T) {
	w, _ := newDocumentWorld(t)
	w.Visitor().SignIn(byAgent()) // sees the consent page, and leaves
	c, _ := w.stored(agent)
	if got := c.Document.KeptUntil.Sub(w.Clock.Now()); got > 24*time.Hour || got < 23*time.Hour {
		t.Errorf("kept for %s, want a day", got)
	}
	w.Clock.Advance(24 * time.Hour)
	w.want("as if it had never been there", w.Visitor().Open("/authorize", byAgent("prompt", "none")), 400, "not known yet")
	w.connect()
}

func TestAnOperatorEndsAndForbidsAnUnregisteredClient(t *testing.T) {
	w, h := newDocumentWorld(t)
	tokens := w.connect()
	c, _ := w.stored(agent)
	c.Kind, c.Revision, c.Since = client.Removed, c.Revision+1, w.Clock.Now().Add(time.Second)
	if err := w.Store.PutClient(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(2 * time.Minute)
	w.Want("refresh", w.Do(refreshAgent(tokens)), 401, "invalid_client")
	before := h.times()
	w.want("sign in", w.Visitor().SignIn(byAgent()), 400, "the operator has removed")
	if h.times() != before {
		t.Error("the document of a removed client was asked for")
	}
}

func TestClosingAResourceEndsNoSession(t *testing.T) {
	w, _ := newDocumentWorld(t)
	tokens := w.connect()
	document, err := json.Marshal(resource.Resource{URI: tools, Scopes: []string{"tools:read", "tools:write"}})
	if err == nil {
		err = w.Store.PutResource(t.Context(), resource.Key(tools), resource.Record{Version: 2, Document: document})
	}
	if err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(5 * time.Minute)
	w.wantError("signing in anew", w.Visitor().SignIn(byAgent()), agentCallback, "invalid_target")
	again := w.Do(refreshAgent(tokens))
	w.Want("refresh", again, 200, "")
	if claims := claimsOf(t, again.AccessToken); claims["aud"] != tools || claims["scope"] != "tools:read" {
		t.Errorf("%v, want what was granted", claims)
	}
}

func TestOnePersonCausesThirtyRequestsAnHour(t *testing.T) {
	w, h := newDocumentWorld(t)
	v := w.Visitor()
	v.SignIn(byAgent())
	limited := 0
	for i := range 100 {
		query := deployment.Authorization(fmt.Sprintf("https://a%d.example/c.json", i), agentCallback, "resource", tools)
		got := v.Open("/authorize", query)
		if i%2 == 1 { // by a form it is no other
			form, err := url.ParseQuery(query)
			if err != nil {
				t.Fatal(err)
			}
			got = v.Post("/authorize", form)
		}
		if got.Status == 429 {
			limited++
			w.want("too many", got, 429, "too many new applications")
		}
	}
	if h.times() != 30 || limited != 71 {
		t.Errorf("%d requests and %d refusals, want 30 and 71", h.times(), limited)
	}
	w.Clock.Advance(time.Hour)
	w.want("an hour later", v.Open("/authorize", byAgent()), 200, "asks for access")
}

func TestNobodyLogsInToAnUnregisteredClientWithoutThePages(t *testing.T) {
	w, _ := newDocumentWorld(t)
	tokens := w.connect()
	body := fmt.Sprintf(`{"client_id":%q,"username":%q,"password":%q}`, agent, deployment.Username, deployment.Password)
	w.Want("login", w.Do(deployment.JSON("POST /login", body)), 401, "invalid_client")
	w.Want("refresh beside the token endpoint", w.Do(deployment.Form("POST /refresh", url.Values{"client_id": {agent}, "refresh_token": {tokens.RefreshToken}}.Encode())), 401, "invalid_client")
	own := w.Login("app")
	list := w.As(own.AccessToken, listGrants)
	var grants struct {
		Grants []struct {
			ID       string `json:"id"`
			ClientID string `json:"client_id"`
		} `json:"grants"`
	}
	if err := json.Unmarshal([]byte(list.Body), &grants); err != nil || len(grants.Grants) != 1 || grants.Grants[0].ClientID != agent || strings.Trim(grants.Grants[0].ID, "~-_"+letters) != "" {
		t.Fatalf("listed: %s (%v), want the address, and an id that is one segment of every path", list.Body, err)
	}
	w.Want("another address", w.As(own.AccessToken, takeBack(client.PathOf(agent+"2"))), 404, "not_found")
	w.Want("another spelling", w.As(own.AccessToken, takeBack(grants.Grants[0].ID+"=")), 404, "not_found")
	w.Want("taken back", w.As(own.AccessToken, takeBack(grants.Grants[0].ID)), 200, "")
	w.Want("refresh of what was taken back", w.Do(refreshAgent(tokens)), 400, "invalid_grant")
}
