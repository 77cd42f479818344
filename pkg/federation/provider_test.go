package federation_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/federation"
)

func google() federation.Provider {
	return federation.Provider{
		ID: "google", Name: "Google", Issuer: "https://accounts.google.com", ClientID: "123.apps.googleusercontent.com", SealedSecret: []byte("sealed"),
		Scopes: federation.DefaultScopes, TrustEmail: []string{"example.com", "mail.1und1.de"}, RolesClaim: "groups", Roles: map[string]string{"staff": "member"},
	}
}

func TestProviderThatCanBeRegistered(t *testing.T) {
	if err := google().Check(); err != nil {
		t.Error(err)
	}
	if got := federation.CallbackOf("https://id.example.com", "google"); got != "https://id.example.com/callback/google" {
		t.Errorf("callback address %s", got)
	}
}

func TestProviderThatCannotBeRegistered(t *testing.T) {
	long := strings.Repeat("x", 300)
	for name, tc := range map[string]struct {
		change func(*federation.Provider)
		says   string
	}{
		"no id":                    {func(p *federation.Provider) { p.ID = "" }, "id \"\""},
		"upper case id":            {func(p *federation.Provider) { p.ID = "Google" }, "id"},
		"id of a path":             {func(p *federation.Provider) { p.ID = "a/b" }, "id"},
		"long id":                  {func(p *federation.Provider) { p.ID = long }, "id"},
		"no name":                  {func(p *federation.Provider) { p.Name = "" }, "name"},
		"name of two lines":        {func(p *federation.Provider) { p.Name = "a\nb" }, "name"},
		"name of broken UTF-8":     {func(p *federation.Provider) { p.Name = "\xff" }, "name"},
		"no client id":             {func(p *federation.Provider) { p.ClientID = "" }, "client_id"},
		"no secret":                {func(p *federation.Provider) { p.SealedSecret = nil }, "secret"},
		"no issuer":                {func(p *federation.Provider) { p.Issuer = "" }, "issuer"},
		"issuer without https":     {func(p *federation.Provider) { p.Issuer = "http://accounts.google.com" }, "https"},
		"issuer with a query":      {func(p *federation.Provider) { p.Issuer += "?x" }, "query"},
		"issuer with a fragment":   {func(p *federation.Provider) { p.Issuer += "#" }, "fragment"},
		"issuer with a user":       {func(p *federation.Provider) { p.Issuer = "https://a@accounts.google.com" }, "user name"},
		"issuer of another scheme": {func(p *federation.Provider) { p.Issuer = "file:///etc/passwd" }, "issuer"},
		"no scope openid":          {func(p *federation.Provider) { p.Scopes = []string{"email"} }, "openid"},
		"scope of two":             {func(p *federation.Provider) { p.Scopes = []string{"openid", "a b"} }, "scope"},
		"an address as domain":     {func(p *federation.Provider) { p.TrustEmail = []string{"ada@example.com"} }, "trust_email"},
		"a wildcard as domain":     {func(p *federation.Provider) { p.TrustEmail = []string{"*.example.com"} }, "trust_email"},
		"a whole top level":        {func(p *federation.Provider) { p.TrustEmail = []string{"com"} }, "trust_email"},
		"a domain in upper case":   {func(p *federation.Provider) { p.TrustEmail = []string{"Example.com"} }, "trust_email"},
		"a domain with a dot":      {func(p *federation.Provider) { p.TrustEmail = []string{"example.com."} }, "trust_email"},
		"an IP address as domain":  {func(p *federation.Provider) { p.TrustEmail = []string{"10.0.0.1"} }, "trust_email"},
		"a domain of 254 bytes":    {func(p *federation.Provider) { p.TrustEmail = []string{strings.Repeat("a.", 124) + "aa.com"} }, "trust_email"},
		"a domain with a dash":     {func(p *federation.Provider) { p.TrustEmail = []string{"-example.com"} }, "trust_email"},
		"roles without a claim":    {func(p *federation.Provider) { p.RolesClaim = "" }, "roles_claim"},
		"a claim without roles":    {func(p *federation.Provider) { p.Roles = nil }, "roles"},
		"an empty role":            {func(p *federation.Provider) { p.Roles = map[string]string{"staff": ""} }, "roles"},
		"many domains":             {func(p *federation.Provider) { p.TrustEmail = strings.Fields(strings.Repeat("a.example ", 51)) }, "at most"},
	} {
		p := google()
		p.Roles = maps.Clone(p.Roles)
		tc.change(&p)
		if err := p.Check(); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v, want an error that says %q", name, err, tc.says)
		}
	}
}
