package grant_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/session"
)

// A refresh never widens what the login was granted (RFC 6749 §6), and takes away what client or account lost.
func TestRefreshGivesWhatWasGrantedAndIsStillAllowed(t *testing.T) {
	w := newWorld(t)
	w.ada.Scopes = []string{"write", "read"}
	w.store.SetAccount(w.ada, "")
	response := w.mustLogin()
	for _, step := range []struct {
		what            string
		client, account []string
		want            string
	}{
		{"as granted, in the client's order", []string{"read", "admin", "write"}, []string{"write", "read"}, "read write"},
		{"the account is given another", []string{"read", "admin", "write"}, []string{"write", "read", "admin"}, "read write"},
		{"the client is given another", []string{"new", "write", "read"}, []string{"write", "read", "new"}, "write read"},
		{"the account loses one", []string{"read", "write"}, []string{"read"}, "read"},
		{"the client loses the other", []string{"write"}, []string{"read"}, ""},
		{"both come back", []string{"read", "write"}, []string{"read", "write"}, "read write"},
	} {
		w.change("native", func(c *client.Client) { c.Scopes = step.client })
		w.ada.Scopes = step.account
		w.store.SetAccount(w.ada, "")
		response = w.mustRefresh(response.RefreshToken)
		if got := w.claims(response).Scope; got != step.want || response.Scope != step.want {
			t.Errorf("%s: scope %q in the token and %q in the response, want %q", step.what, got, response.Scope, step.want)
		}
	}
	if got := w.claims(w.mustLogin()).Scope; got != "read write" {
		t.Errorf("the next login has the scope %q", got)
	}
}

func TestLoginThatWasGrantedNothingIsGivenNothingLater(t *testing.T) {
	w := newWorld(t)
	w.ada.Scopes = nil
	w.store.SetAccount(w.ada, "")
	login := w.mustLogin()
	w.ada.Scopes = []string{"read"}
	w.store.SetAccount(w.ada, "")
	if got := w.claims(w.mustRefresh(login.RefreshToken)).Scope; got != "" {
		t.Errorf("scope %q, want none", got)
	}
}

func TestSessionOlderThanTheRecordOfItsScopesHasTheClients(t *testing.T) {
	w := newWorld(t)
	login := w.mustLogin()
	s := w.stored(login)
	s.Scopes = nil
	w.store.SetSession(s)
	w.change("native", func(c *client.Client) { c.Scopes, c.FirstParty = []string{"extra", "read"}, true })
	if got := w.claims(w.mustRefresh(login.RefreshToken)).Scope; got != "extra read account" {
		t.Errorf("scope %q, want what client and account have in common, and account", got)
	}
}

// The routes that manage the account are the service's own, whatever audiences the client has.
func TestAccountScopeBringsTheServicesAudience(t *testing.T) {
	const service = "https://api.example"
	for name, tc := range map[string]struct {
		firstParty bool
		audiences  []string
		want       []string
		scope      string
	}{
		"first party, none of its own":     {true, nil, []string{service}, "read write account"},
		"first party, one of its own":      {true, []string{"https://one.example"}, []string{"https://one.example", service}, "read write account"},
		"first party, the service's among": {true, []string{service, "https://one.example"}, []string{service, "https://one.example"}, "read write account"},
		"third party, none of its own":     {false, nil, []string{service}, "read write"},
		"third party, one of its own":      {false, []string{"https://one.example"}, []string{"https://one.example"}, "read write"},
	} {
		w := newWorld(t)
		w.change("native", func(c *client.Client) { c.FirstParty, c.Audiences = tc.firstParty, tc.audiences })
		login := w.mustLogin()
		claims := w.claims(login)
		if diff := cmp.Diff(tc.want, claims.Audience); diff != "" || claims.Scope != tc.scope {
			t.Errorf("%s: scope %q, want %q; audience (-want +got)\n%s", name, claims.Scope, tc.scope, diff)
		}
		// A login before the client became a third party has the scope no more.
		w.change("native", func(c *client.Client) { c.FirstParty = false })
		if got := w.claims(w.mustRefresh(login.RefreshToken)); strings.Contains(got.Scope, "account") {
			t.Errorf("%s: scope %q for a third party", name, got.Scope)
		}
		w.change("native", func(c *client.Client) { c.FirstParty = true })
		w.wantStoredScopes(name, w.stored(login), strings.Fields(tc.scope))
	}
}

func (w *world) wantStoredScopes(what string, s session.Session, want []string) {
	w.t.Helper()
	if diff := cmp.Diff(want, s.Scopes); diff != "" {
		w.t.Errorf("%s: scopes in the session (-want +got)\n%s", what, diff)
	}
}
