package authorizer_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

// newLookup is a deployment whose client has roles looked up. One route of it asks for the role member, one for a scope
// that the token lacks besides, and one for neither.
func newLookup(t *testing.T) guarded {
	t.Helper()
	g := newGuarded(t, `
unlisted: deny
routes:
  GET /members:  { roles: [member] }
  GET /others:   { roles: [member], scopes: [other] }
  GET /everyone: {}
`)
	app, err := g.Store.Client(t.Context(), "app")
	if err != nil {
		t.Fatal(err)
	}
	app.Roles = client.RolesLookup
	if err := g.Store.PutClient(t.Context(), app); err != nil {
		t.Fatal(err)
	}
	g.Clock.Advance(client.CacheLife)
	g.token = g.Login("app").AccessToken
	return g
}

// get asks about a GET of the path, which is its route.
func (g guarded) get(path string) events.APIGatewayV2CustomAuthorizerSimpleResponse {
	g.t.Helper()
	e := events.APIGatewayV2CustomAuthorizerV2Request{Version: "2.0", Type: "REQUEST", RawPath: path, IdentitySource: []string{"Bearer " + g.token}}
	e.RequestContext.APIID, e.RequestContext.DomainName, e.RequestContext.Stage = apiID, own, "$default"
	e.RequestContext.RouteKey, e.RequestContext.HTTP.Method = "GET "+path, "GET"
	got, err := deployment.AskAuthorizer(g.t.Context(), g.Authorizer, e)
	if err != nil {
		g.t.Fatal(err)
	}
	return got
}

func TestRolesAreLookedUpWhereTheyDecide(t *testing.T) {
	g := newLookup(t)
	var asked int
	g.Store.Before = func(_ context.Context, method string) error {
		if method == "Account" {
			asked++
		}
		return nil
	}
	for _, test := range []struct {
		path    string
		want    bool
		roles   any
		omitted any
		asked   int
	}{
		{"/everyone", true, []any{}, true, 0},
		{"/others", false, nil, nil, 0},
		{"/members", true, []any{"member"}, nil, 1},
		{"/members", true, []any{"member"}, nil, 1}, // a token that was seen before says no more than at first
	} {
		asked = 0
		got := g.get(test.path)
		if got.IsAuthorized != test.want || asked != test.asked {
			t.Errorf("%s: %t, and the account read %d times; want %t and %d", test.path, got.IsAuthorized, asked, test.want, test.asked)
		}
		if !cmp.Equal(got.Context["roles"], test.roles) || got.Context["roles_omitted"] != test.omitted {
			t.Errorf("%s: roles %v, omitted %v; want %v, %v", test.path, got.Context["roles"], got.Context["roles_omitted"], test.roles, test.omitted)
		}
	}
	g.Store.Before = nil
	a, err := g.Store.Account(t.Context(), deployment.AccountID)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Store.SetAccess(t.Context(), a.ID, a.Access(), account.Access{Roles: []string{"guest"}, Scopes: a.Scopes}); err != nil {
		t.Fatal(err)
	}
	if g.get("/members").IsAuthorized {
		t.Error("a role that was taken away still counts")
	}
}

func TestRolesOfAnAccountThatIsGoneAreNone(t *testing.T) {
	for what, change := range map[string]func(g guarded, a account.Account){
		"deleted":  func(g guarded, a account.Account) { g.Store.DropAccount(a.ID) },
		"disabled": func(g guarded, a account.Account) { a.Disabled = true; g.Store.SetAccount(a, "") },
		"ended":    func(g guarded, a account.Account) { a.Epoch++; g.Store.SetAccount(a, "") },
	} {
		g := newLookup(t)
		a, err := g.Store.Account(t.Context(), deployment.AccountID)
		if err != nil {
			t.Fatal(err)
		}
		if !g.get("/members").IsAuthorized {
			t.Fatalf("refused before: %s", g.Log())
		}
		change(g, a)
		if g.get("/members").IsAuthorized {
			t.Errorf("%s: let through", what)
		}
		if strings.Contains(g.Log(), `"level":"ERROR"`) {
			t.Errorf("%s: logged as an outage:\n%s", what, g.Log())
		}
	}
}

func TestRolesThatCannotBeLookedUpRefuse(t *testing.T) {
	g := newLookup(t)
	g.Store.Before = hooks.Fail("Account")
	if g.get("/members").IsAuthorized {
		t.Error("let through without the roles")
	}
	if !strings.Contains(g.Log(), `"level":"ERROR"`) || !strings.Contains(g.Log(), "roles of the account") {
		t.Errorf("the log does not say so:\n%s", g.Log())
	}
	if !g.get("/everyone").IsAuthorized {
		t.Errorf("a route that asks for no role is refused:\n%s", g.Log())
	}
}
