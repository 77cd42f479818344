package introspect_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

// setAccount changes ada's account as an operator would.
func (w world) setAccount(change func(*account.Account)) {
	w.t.Helper()
	a, err := w.Store.Account(w.t.Context(), deployment.AccountID)
	if err != nil {
		w.t.Fatal(err)
	}
	change(&a)
	w.Store.SetAccount(a, "")
}

func TestRolesThatATokenIsWithoutAreThoseOfNow(t *testing.T) {
	w := newWorld(t)
	w.setAccount(func(a *account.Account) { a.Roles = []string{"member"} })
	embedded := w.Login("app").AccessToken
	w.change("app", func(c *client.Client) { c.Roles = client.RolesLookup })
	w.Clock.Advance(client.CacheLife)
	without := w.Login("app").AccessToken
	w.ask("partner", without) // warm
	for _, tc := range []struct {
		what, text string
		now, want  []string
		calls      []string
	}{
		{"in the token", embedded, []string{"member"}, []string{"member"}, []string{"Since"}},
		{"in the token, taken away", embedded, nil, []string{"member"}, []string{"Since"}},
		{"looked up", without, []string{"member"}, []string{"member"}, []string{"Account", "Since"}},
		{"looked up, given", without, []string{"member", "admin"}, []string{"member", "admin"}, []string{"Account", "Since"}},
		{"looked up, taken away", without, nil, nil, []string{"Account", "Since"}},
	} {
		w.setAccount(func(a *account.Account) { a.Roles = tc.now })
		w.Store.ForgetCalls()
		answer := decode(t, w.ask("partner", tc.text).Body)
		if diff := cmp.Diff(tc.calls, slices.Sorted(slices.Values(w.Store.Calls()))); diff != "" {
			t.Errorf("%s: calls (-want +got)\n%s", tc.what, diff)
		}
		var roles []string
		for _, role := range anys(answer["roles"]) {
			roles = append(roles, role.(string))
		}
		if diff := cmp.Diff(tc.want, roles); diff != "" || answer["active"] != true || answer["roles_omitted"] != nil {
			t.Errorf("%s: %v, roles (-want +got)\n%s", tc.what, answer, diff)
		}
	}

	w.change("other", func(c *client.Client) { c.Audiences = []string{"https://other.example"} })
	w.ask("other", "x")
	w.Store.ForgetCalls()
	if got := w.ask("other", without); got.Body != inactive || slices.Contains(w.Store.Calls(), "Account") {
		t.Errorf("of another audience: %s, after %v: want no look at the account", got.Body, w.Store.Calls())
	}
	w.Store.Before = hooks.Fail("Account")
	if got := w.Do(form("POST /introspect", "partner", "token", without)); got.StatusCode != 503 || strings.Contains(got.Body, "active") {
		t.Errorf("the account cannot be read: %d %s", got.StatusCode, got.Body)
	}
	w.Store.Before = nil
	w.setAccount(func(a *account.Account) { a.Disabled = true })
	w.wantInactive("the account is disabled", without)
}

func anys(list any) []any {
	all, _ := list.([]any)
	return all
}
