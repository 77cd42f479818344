package main

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/gateway"
)

// unlisted are the routes that metadata has no name for.
var unlisted = []string{
	"POST /authorize", "POST /signout", "POST /signin", "POST /signin/provider", "POST /consent", "GET /callback/{provider}", // the addresses of the first two are those of GET, the others are of its pages
	"POST /login", "POST /logout", "POST /password", "POST /email", "DELETE /account", "POST /ticket", // no endpoints of RFC 6749 or 8414
	"POST /refresh",                                                                                                                                                      // the token endpoint of those who know Wavepass, with its cookies
	"GET /site/userinfo", "GET /site/sessions", "DELETE /site/sessions", "DELETE /site/sessions/{id}", "POST /site/password", "POST /site/email", "DELETE /site/account", // by the cookie of a site
	"GET /signup", "POST /signup", "GET /signup/verify", "POST /signup/verify", "GET /recover", "POST /recover", "GET /recover/finish", "POST /recover/finish", // by mail
	"GET /email/change", "POST /email/change", "GET /email/confirm", "POST /email/confirm", "GET /email/takeback", "POST /email/takeback", "GET /account/close", "POST /account/close", "GET /account/keep", "POST /account/keep",
	"POST /userinfo", // the address is that of GET
	"GET /session", "GET /sessions", "DELETE /sessions", "DELETE /sessions/{id}",
	"GET /grants", "DELETE /grants/{client}", "GET /site/grants", "DELETE /site/grants/{client}",
	"POST /subjects/{subject}/sessions", "GET /subjects/{subject}/sessions", "PATCH /subjects/{subject}", // of Wavepass alone
	"DELETE /subjects/{subject}/sessions", "DELETE /subjects/{subject}/sessions/{sid}",
	"GET /.well-known/oauth-authorization-server", "GET /.well-known/openid-configuration", // the metadata itself
	"GET /.well-known/oauth-protected-resource", "GET /.well-known/oauth-protected-resource/{path+}", // that of resources
}

func TestMetadataListsTheRoutesOfTheTemplate(t *testing.T) {
	s := start(t, "--data", t.TempDir())
	listed := map[string]string{} // route: parameter
	for _, path := range []string{"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"} {
		got := s.do("GET", path, "", "")
		var document map[string]any
		if err := json.Unmarshal([]byte(got.Body), &document); err != nil || got.Status != 200 {
			t.Fatalf("%s: %d %s (%v)", path, got.Status, got.Body, err)
		}
		for name, value := range document {
			address, _ := value.(string)
			if !strings.HasSuffix(name, "_endpoint") && !strings.HasSuffix(name, "_uri") {
				continue
			}
			route, below := strings.CutPrefix(address, s.url)
			if !below {
				t.Errorf("%s: %s is %q, want an address below the issuer %s", path, name, address, s.url)
			}
			method := "POST"
			if name == "userinfo_endpoint" || name == "jwks_uri" || name == "authorization_endpoint" || name == "end_session_endpoint" {
				method = "GET"
			}
			listed[method+" "+route] = name
		}
	}
	template, err := gateway.ReadTemplate(template, nil)
	if err != nil {
		t.Fatal(err)
	}
	var served []string
	for _, route := range template.Routes {
		if !slices.Contains(unlisted, route.Key()) {
			served = append(served, route.Key())
		}
	}
	slices.Sort(served)
	if names := slices.Sorted(maps.Keys(listed)); !slices.Equal(names, served) {
		t.Errorf("metadata lists %v, the template serves %v", names, served)
	}
}
