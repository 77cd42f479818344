package deployment_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
	. "github.com/wavepass/wavepass/pkg/internal/deployment"
)

// with registers a native client whose definition is changed.
func with(t *testing.T, d *Deployment, id string, change func(*client.Client)) {
	t.Helper()
	c := client.New(id, client.Native)
	c.Scopes = []string{"profile"}
	change(&c)
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	if err := d.Store.PutClient(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

func TestEveryRouteAsksForItsScope(t *testing.T) {
	change := JSON("POST /password", `{"current_password":"`+Password+`","new_password":"`+Password+`2"}`)
	one := Request{Route: "DELETE /sessions/{id}", Path: map[string]string{"id": "0190b0e4-7e00-7000-8000-000000000009"}}
	managing := map[string]Request{
		"list": {Route: "GET /sessions"}, "end one": one, "end others": {Route: "DELETE /sessions", Query: map[string]string{"except": "current"}},
		"end all": {Route: "DELETE /sessions"}, "password": change,
		"grants": {Route: "GET /grants"}, "take back": {Route: "DELETE /grants/{client}", Path: map[string]string{"client": "third"}},
	}
	userinfo, byPost := Request{Route: "GET /userinfo"}, Form("POST /userinfo", "")
	for name, tc := range map[string]struct {
		change            func(*client.Client)
		manages, userinfo bool
	}{
		"first party":                         {func(*client.Client) {}, true, true},
		"first party, audience of its own":    {func(c *client.Client) { c.Audiences = []string{"https://orders.example"} }, true, true},
		"first party, openid":                 {func(c *client.Client) { c.Scopes = []string{"openid"} }, true, true},
		"first party, no scope for the route": {func(c *client.Client) { c.Scopes = nil }, true, false},
		"third party":                         {func(c *client.Client) { c.FirstParty = false }, false, true},
		"third party, no scope":               {func(c *client.Client) { c.FirstParty, c.Scopes = false, nil }, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := New(t, browser.Jar{})
			d.Store.SetAccount(account.Account{ID: AccountID, Username: Username, Scopes: []string{"profile", "openid"}, Epoch: Start.Unix()}, "")
			with(t, d, "c", tc.change)
			wantScope := func(what string, r Request, allowed bool) {
				t.Helper()
				got := d.As(d.Login("c").AccessToken, r)
				if refused := got.StatusCode == 403 && got.Error == "insufficient_scope"; refused == allowed {
					t.Errorf("%s: %d %q, want insufficient_scope: %t", what, got.StatusCode, got.Error, !allowed)
				}
			}
			wantScope("userinfo", userinfo, tc.userinfo)
			wantScope("userinfo by POST", byPost, tc.userinfo)
			for what, r := range managing {
				if what != "password" { // which changes what the next login needs
					wantScope(what, r, tc.manages)
				}
			}
			wantScope("password", change, tc.manages)
		})
	}
}

// Roles have no bound of their own. What does not fit is left out, and said to be: nobody is logged out by it.
func TestRolesThatDoNotFitCostNobodyTheirSession(t *testing.T) {
	d := New(t, browser.Jar{})
	ada := account.Account{ID: AccountID, Username: Username, Scopes: []string{"profile"}, Epoch: Start.Unix()}
	for i := range 40 {
		ada.Roles = append(ada.Roles, fmt.Sprintf("r%02d%s", i, strings.Repeat("x", 60)))
	}
	d.Store.SetAccount(ada, "")
	wantOmitted := func(what string, a Answer) {
		t.Helper()
		if a.AccessToken == "" {
			return // the answer has no token in it
		}
		got := d.As(a.AccessToken, Request{Route: "GET /userinfo"})
		var said struct {
			Roles   []string `json:"roles"`
			Omitted bool     `json:"roles_omitted"`
		}
		if err := json.Unmarshal([]byte(got.Body), &said); err != nil || got.StatusCode != 200 || !said.Omitted || len(said.Roles) != 0 {
			t.Errorf("%s: /userinfo is %d %s, want roles_omitted and no roles", what, got.StatusCode, got.Body)
		}
	}
	web, app := d.Login("web"), d.Login("app")
	wantOmitted("login", app)
	refreshed := web
	for range 3 {
		refreshed = d.Do(Form("POST /refresh", "client_id=web").From(Origin).Cookie(refreshed.CookiePair()))
		d.Want("browser refresh", refreshed, 200, "")
		wantOmitted("browser refresh", refreshed)
	}
	changed := d.As(app.AccessToken, JSON("POST /password", `{"current_password":"`+Password+`","new_password":"`+Password+`2"}`))
	d.Want("password change", changed, 200, "")
	wantOmitted("password change", changed)
	if n := strings.Count(d.Trail(), `"event":"roles_omitted"`); n < 5 {
		t.Errorf("%d events that roles were left out, want one for each token", n)
	}
}
