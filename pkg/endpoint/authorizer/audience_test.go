package authorizer_test

import (
	"testing"

	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

// A token of a client with an audience of its own is good at the API that has it, and with the scope account at the service's
// own API, too.
func TestTokenIsGoodAtTheAPIsThatItIsFor(t *testing.T) {
	const orders, ordersAPI = "https://orders.example.com", "orders1"
	for name, test := range map[string]struct {
		audiences                []string
		firstParty               bool
		atOwn, atOrders, atOther bool
	}{
		"own audience, may manage the account": {[]string{orders}, true, true, true, true},
		"own audience, third party":            {[]string{orders}, false, false, true, false},
		"another audience":                     {[]string{"https://billing.example.com"}, false, false, false, false},
		"a part of the audience":               {[]string{"https://orders.example"}, false, false, false, false},
		"the deployment's":                     {nil, true, true, false, true},
	} {
		d := deployment.New(t, browser.Jar{})
		c := client.New("app", client.Native)
		c.Audiences, c.FirstParty, c.Scopes = test.audiences, test.firstParty, []string{"profile"}
		if err := d.Store.PutClient(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		g := guarded{d, t, d.Login("app").AccessToken}
		g.putFile(ordersAPI, "unlisted: allow\naudience: "+orders+"\nroutes: {}\n")
		g.putFile("other1", "unlisted: allow\nroutes: {}\n")
		if got := d.As(g.token, deployment.Request{Route: "GET /sessions"}); (got.StatusCode == 200) != (test.atOwn && test.firstParty) {
			t.Errorf("%s at /sessions: %d %s", name, got.StatusCode, got.Body)
		}
		for api, want := range map[string]bool{"abc123": test.atOwn, ordersAPI: test.atOrders, "other1": test.atOther} {
			for _, shape := range []string{"http-2.0", "rest"} {
				if got := g.event(shape, "abc123", api); (got.status == 200) != want {
					t.Errorf("%s at %s, %s: %d, want it let through: %t\n%s", name, api, shape, got.status, want, g.Log())
				}
			}
		}
	}
}
