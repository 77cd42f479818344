package oauthtoken_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// servers is a deployment with two applications on servers: "keyed", which has the key, and "shop", which has a secret. The service
// "partner" begins sessions of both, and looks at their refresh tokens.
type servers struct {
	*deployment.Deployment
	t   *testing.T
	key ownKey
}

func newServers(t *testing.T) servers {
	t.Helper()
	key := newKey(t, "ES256", "k1")
	w := servers{newKeyed(t, key), t, key}
	change(t, w.Deployment, "keyed", func(c *client.Client) { c.Kind = client.Server })
	shop := client.New("shop", client.Server)
	shop.SecretHash = client.HashSecret(oauth.NewSecret("shop-secret"))
	if err := w.Store.PutClient(t.Context(), shop); err != nil {
		t.Fatal(err)
	}
	change(t, w.Deployment, "partner", func(c *client.Client) {
		c.Directory, c.Scopes, c.MayBegin, c.MayGrant = "shop", []string{oauth.ScopeSessions}, []string{"keyed", "shop"}, []string{"scope:account"}
		c.AMR, c.Introspects = []string{"pwd"}, []string{"keyed", "shop"}
	})
	return w
}

// begin begins a session of a server.
func (w servers) begin(clientID string) deployment.Answer {
	w.t.Helper()
	r := deployment.JSON("POST /subjects/{subject}/sessions", `{"client_id":"`+clientID+`","amr":["pwd"],"scopes":["account"]}`)
	r.Path = map[string]string{"subject": "ada"}
	got := w.As(w.Do(byBasic()).AccessToken, r)
	w.Want("begin a session of "+clientID, got, 200, "")
	return got
}

// state is what a request might change.
func (w servers) state(sessions ...deployment.Answer) string {
	state := fmt.Sprintf("%d sessions, log %v", w.Store.SessionCount(), w.Store.Log())
	for _, one := range sessions {
		stored, ok := w.Store.GetSession(one.SessionID())
		state += fmt.Sprintf("; %v %+v", ok, stored)
	}
	return state
}

func refreshOf(text string, parameters ...string) deployment.Request {
	return form(append([]string{"grant_type", "refresh_token", "refresh_token", text}, parameters...)...)
}

// byShop authenticates as the server with the secret.
func byShop(r deployment.Request) deployment.Request {
	return r.With("authorization", basic("shop", "shop-secret"))
}

// byKey is an assertion of the server with the key.
func (w servers) byKey(changes ...any) string {
	return w.key.sign(w.t, w.key.header(), with(goodClaims(w.Deployment), changes...))
}

func TestServerKeepsOneRefreshTokenBoundToItsAuthentication(t *testing.T) {
	w := newServers(t)
	ofShop, ofKeyed := w.begin("shop"), w.begin("keyed")
	shop, keyed := ofShop.RefreshToken, ofKeyed.RefreshToken
	byKey := func(text string, changes ...any) deployment.Request {
		return asserting("POST /token", w.byKey(changes...), "grant_type", "refresh_token", "refresh_token", text)
	}
	for _, good := range []struct {
		name, token string
		request     func() deployment.Request
	}{
		{"client_secret_basic", shop, func() deployment.Request { return byShop(refreshOf(shop)) }},
		{"client_secret_post", shop, func() deployment.Request {
			return refreshOf(shop, "client_id", "shop", "client_secret", "shop-secret")
		}},
		{"private_key_jwt", keyed, func() deployment.Request { return byKey(keyed) }},
	} {
		for range 3 {
			w.Clock.Advance(time.Hour)
			got := w.Do(good.request())
			w.Want(good.name, got, 200, "")
			if got.RefreshToken != good.token || got.AccessToken == "" || len(got.Cookies) > 0 {
				t.Errorf("%s: %s, want an access token and the same refresh token", good.name, got.Body)
			}
		}
	}
	for name, tc := range map[string]struct {
		r      deployment.Request
		status int
		code   string
	}{
		"nobody":                      {refreshOf(shop), 400, "invalid_request"},
		"the id alone":                {refreshOf(shop, "client_id", "shop"), 401, "invalid_client"},
		"an empty secret by Basic":    {refreshOf(shop).With("authorization", basic("shop", "")), 401, "invalid_client"},
		"a wrong secret":              {refreshOf(shop).With("authorization", basic("shop", deployment.Secret)), 401, "invalid_client"},
		"a secret of one with keys":   {refreshOf(keyed).With("authorization", basic("keyed", "shop-secret")), 401, "invalid_client"},
		"an assertion of a wrong key": {asserting("POST /token", newKey(t, "ES256", "k1").sign(t, w.key.header(), goodClaims(w.Deployment)), "grant_type", "refresh_token", "refresh_token", keyed), 401, "invalid_client"},
		"the other server's, secret":  {byShop(refreshOf(keyed)), 400, "invalid_grant"},
		"the other server's, key":     {byKey(shop), 400, "invalid_grant"},
		"a native client's":           {refreshOf(shop, "client_id", "app"), 400, "invalid_grant"},
		"a service's":                 {refreshOf(shop).With("authorization", basic("partner", deployment.Secret)), 400, "unauthorized_client"},
		"at /refresh":                 {deployment.Form("POST /refresh", "client_id=shop&client_secret=shop-secret&refresh_token="+shop), 400, "unauthorized_client"},
		"a token for itself":          {byShop(ownToken()), 400, "unauthorized_client"},
		"a password":                  {deployment.JSON("POST /login", `{"client_id":"shop","username":"ada","password":"`+deployment.Password+`"}`), 400, "unauthorized_client"},
		"a question about a token":    {byShop(deployment.Form("POST /introspect", "token="+shop)), 400, "unauthorized_client"},
	} {
		since := w.state(ofShop, ofKeyed)
		w.Want(name, w.Do(tc.r), tc.status, tc.code)
		if now := w.state(ofShop, ofKeyed); now != since {
			t.Errorf("%s: refused, but it changed\n%s\nto\n%s", name, since, now)
		}
	}
	w.Want("afterwards, by secret", w.Do(byShop(refreshOf(shop))), 200, "")
	w.Want("afterwards, by key", w.Do(byKey(keyed)), 200, "")
	if trail := w.Trail(); strings.Contains(trail, "reuse_detected") || strings.Contains(trail, "race_replay") || strings.Count(trail, `"event":"refresh"`) != 11 {
		t.Errorf("the trail does not have eleven refreshes, or has something else of them:\n%s", trail)
	}
}

func TestSessionOfAServerIsListedIntrospectedAndRevoked(t *testing.T) {
	w := newServers(t)
	begun, other := w.begin("shop"), w.begin("shop")
	sid := begun.SessionID().String()
	w.Clock.Advance(time.Hour)
	refreshed := w.Do(byShop(refreshOf(begun.RefreshToken)))
	w.Want("refresh", refreshed, 200, "")

	list := w.As(refreshed.AccessToken, deployment.Request{Route: "GET /sessions"})
	w.Want("list", list, 200, "")
	if used := fmt.Sprintf(`"last_used_at":%d,"current":true`, w.Clock.Now().Unix()); !strings.Contains(list.Body, sid) || !strings.Contains(list.Body, used) {
		t.Errorf("listed %s, want %s with %s", list.Body, sid, used)
	}
	introspect := func(text string) string {
		t.Helper()
		got := w.Do(deployment.Form("POST /introspect", "token="+text).With("authorization", basic("partner", deployment.Secret)))
		w.Want("introspection", got, 200, "")
		return got.Body
	}
	if got := introspect(begun.RefreshToken); !strings.HasPrefix(got, `{"active":true`) || !strings.Contains(got, `"client_id":"shop"`) || !strings.Contains(got, sid) {
		t.Errorf("the refresh token is %s", got)
	}

	revoke := deployment.Form("POST /revoke", "token="+begun.RefreshToken)
	w.Want("revocation by the id alone", w.Do(deployment.Form("POST /revoke", "client_id=shop&token="+begun.RefreshToken)), 401, "invalid_client")
	w.Want("revocation by another client", w.Do(asserting("POST /revoke", w.byKey(), "token", begun.RefreshToken)), 400, "invalid_grant")
	w.Want("still good", w.Do(byShop(refreshOf(begun.RefreshToken))), 200, "")
	w.Want("revocation", w.Do(byShop(revoke)), 200, "")
	if trail := w.Trail(); !strings.Contains(trail, `"event":"session_revoked"`) || !strings.Contains(trail, `"actor":"client:shop"`) {
		t.Errorf("the trail does not say that the client has revoked the session:\n%s", trail)
	}
	if got := introspect(begun.RefreshToken); got != `{"active":false}` {
		t.Errorf("after the revocation the refresh token is %s", got)
	}
	ended := w.Do(byShop(refreshOf(begun.RefreshToken)))
	w.Want("refresh afterwards", ended, 400, "invalid_grant")
	if !strings.Contains(ended.Body, `"reason":"ended"`) {
		t.Errorf("refused with %s, want the reason", ended.Body)
	}
	w.Want("another session of the client", w.Do(byShop(refreshOf(other.RefreshToken))), 200, "")
}
