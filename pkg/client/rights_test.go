package client_test

import (
	"testing"

	"github.com/wavepass/wavepass/pkg/client"
)

func TestServiceBeginsSessionsOfItsClientsOnly(t *testing.T) {
	service := manager(good(client.Service))
	service.MayBegin = []string{"app", "web", "site", "other", "thirdparty", "wavepass"} // a record may be older than Check
	for name, test := range map[string]struct {
		change func(*client.Client)
		want   bool
	}{
		"native":                {func(c *client.Client) { *c = client.New("app", client.Native) }, true},
		"browser":               {func(c *client.Client) { *c = client.New("web", client.Browser) }, true},
		"site":                  {func(c *client.Client) { *c = client.New("site", client.Site) }, true},
		"another service":       {func(c *client.Client) { *c = client.New("other", client.Service) }, false},
		"itself":                {func(c *client.Client) { *c = service }, false},
		"reserved":              {func(c *client.Client) { *c = client.New("wavepass", client.Browser) }, false},
		"third party":           {func(c *client.Client) { *c = client.New("thirdparty", client.Native); c.FirstParty = false }, false},
		"not registered for it": {func(c *client.Client) { *c = client.New("app2", client.Native) }, false},
		"removed":               {func(c *client.Client) { *c = client.New("app", client.Removed) }, false},
	} {
		var other client.Client
		test.change(&other)
		if got := service.Begins(other); got != test.want {
			t.Errorf("%s: %t, want %t", name, got, test.want)
		}
	}
	if none := good(client.Service); none.Begins(client.New("app", client.Native)) {
		t.Error("a service that is registered for nothing begins a session")
	}
}

func TestServiceGrantsWhatIsRegistered(t *testing.T) {
	service := manager(good(client.Service))
	for _, test := range []struct {
		right client.Right
		name  string
		want  bool
	}{
		{client.GrantRole, "editor", true}, {client.GrantScope, "orders:read", true}, {client.GrantScope, "account", true}, {client.GrantClaim, "plan", true},
		{client.GrantRole, "admin", false}, {client.GrantRole, "plan", false}, {client.GrantScope, "editor", false}, {client.GrantClaim, "orders:read", false},
		{client.GrantScope, "orders", false}, {client.GrantRole, "", false}, {client.GrantRole, "Editor", false},
	} {
		if got := service.Grants(test.right, test.name); got != test.want {
			t.Errorf("%s %q: %t, want %t", test.right, test.name, got, test.want)
		}
	}
	if good(client.Service).Grants(client.GrantRole, "editor") {
		t.Error("a service that is registered for nothing gives a role")
	}
}

func TestServiceWithADirectoryAndTheScopeManagesSessions(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*client.Client)
		want   bool
	}{
		"all of it":           {func(*client.Client) {}, true},
		"without a directory": {func(c *client.Client) { c.Directory = "" }, false},
		"without the scope":   {func(c *client.Client) { c.Scopes = []string{"orders:read"} }, false},
		"no service":          {func(c *client.Client) { c.Kind = client.Native }, false},
		"removed meanwhile":   {func(c *client.Client) { c.Kind = client.Removed }, false},
	} {
		c := manager(good(client.Service))
		test.change(&c)
		if got := c.ManagesSessions(); got != test.want {
			t.Errorf("%s: %t, want %t", name, got, test.want)
		}
	}
}
