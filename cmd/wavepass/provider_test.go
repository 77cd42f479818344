package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/federation"
)

const providerSecret = "GOCSPX-a-secret-of-the-provider"

func TestLifeOfAProvider(t *testing.T) {
	data := t.TempDir()
	start(t, "--data", data)
	on := func(args ...string) []string { return append(args, "--data", data) }
	add := on("provider", "add", "google", "--issuer", "https://accounts.google.com", "--client-id", "123", "--name", "Google",
		"--trust-email", "example.com,example.org", "--roles-claim", "groups", "--role", "staff=member", "--role", "board=admin")
	out, err := typed(t, providerSecret, add...)
	if err != nil || !strings.Contains(out, "added  provider google") || !strings.Contains(out, "ISSUER/callback/google") || strings.Contains(out, providerSecret) {
		t.Fatalf("add: %v\n%s", err, out)
	}
	if _, err := typed(t, providerSecret, add...); err == nil || !strings.Contains(err.Error(), "--replace") {
		t.Errorf("add again: %v, want an error that names --replace", err)
	}
	if _, err := typed(t, "another secret", append(add, "--replace", "--name", "Mail")...); err != nil {
		t.Errorf("replace: %v", err)
	}
	list := as[[]providerJSON](t, on("provider", "list", "--json")...)
	if len(list) != 1 || list[0].Name != "Mail" || list[0].Roles["board"] != "admin" || strings.Join(list[0].TrustEmail, " ") != "example.com example.org" {
		t.Errorf("list: %+v", list)
	}
	if out := mustCommand(t, on("provider", "show", "google")...); !strings.Contains(out, "board=admin staff=member") || !strings.Contains(out, "https://accounts.google.com") {
		t.Errorf("show: %s", out)
	}
	mustCommand(t, on("provider", "remove", "google", "--yes")...)
	for _, args := range [][]string{{"provider", "show", "google"}, {"provider", "remove", "google", "--yes"}, {"provider", "test", "google"}} {
		if _, _, err := command(t, on(args...)...); err == nil || !strings.Contains(err.Error(), "no provider google") {
			t.Errorf("%v of one that was removed: %v", args, err)
		}
	}
	var names []string
	for _, e := range as[[]audit.Event](t, on("audit", "list")...) {
		if e.Provider == "google" {
			names = append(names, e.Name)
		}
	}
	if got := strings.Join(names, " "); got != "provider_set provider_set provider_removed" {
		t.Errorf("events: %s", got)
	}
}

func TestSecretOfAProviderIsSealed(t *testing.T) {
	data := t.TempDir()
	s := start(t, "--data", data)
	if _, err := typed(t, providerSecret, "provider", "add", "idp", "--issuer", "https://idp.example", "--client-id", "x", "--data", data); err != nil {
		t.Fatal(err)
	}
	check(t, s.stop())
	file, err := os.ReadFile(filepath.Join(data, databaseName))
	check(t, err)
	if bytes.Contains(file, []byte(providerSecret)) {
		t.Error("the secret of a provider is in the database as it was typed")
	}
	d, err := folder{Data: data}.openData()
	check(t, err)
	defer d.close()
	record, err := d.store.Provider(t.Context(), "idp")
	check(t, err)
	p, err := record.Provider()
	check(t, err)
	if plain, err := d.sealer.Open(t.Context(), federation.SecretPurpose, p.SealedSecret); err != nil || string(plain) != providerSecret {
		t.Errorf("opened: %v", err)
	}
	if _, err := d.sealer.Open(t.Context(), "SIGNING", p.SealedSecret); err == nil {
		t.Error("the secret of a provider opens for another purpose")
	}
}

func TestBadProviderIsRefused(t *testing.T) {
	data := t.TempDir()
	start(t, "--data", data)
	for says, tc := range map[string]struct {
		secret string
		args   []string
	}{
		"https":                        {providerSecret, []string{"idp", "--issuer", "http://idp.example"}},
		"id \"Idp\"":                   {providerSecret, []string{"Idp", "--issuer", "https://idp.example"}},
		"no client secret":             {"", []string{"idp", "--issuer", "https://idp.example"}},
		"more than 1024 bytes":         {strings.Repeat("x", 1025), []string{"idp", "--issuer", "https://idp.example"}},
		"trust_email \"@example.com\"": {providerSecret, []string{"idp", "--issuer", "https://idp.example", "--trust-email", "@example.com"}},
		"openid among them":            {providerSecret, []string{"idp", "--issuer", "https://idp.example", "--scope", "email"}},
		"which claim lists the groups": {providerSecret, []string{"idp", "--issuer", "https://idp.example", "--role", "a=b"}},
	} {
		if _, err := typed(t, tc.secret, append([]string{"provider", "add", "--client-id", "x", "--data", data}, tc.args...)...); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: %v, want an error that says %q", tc.args, err, says)
		}
	}
	if list := as[[]providerJSON](t, "provider", "list", "--json", "--data", data); len(list) != 0 {
		t.Errorf("providers that were refused are there: %+v", list)
	}
}

func TestProviderIsTestedBeforeAnybodyLogsIn(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	out, _, err := command(t, "provider", "test", server.URL)
	if err == nil || !strings.Contains(out, "fail  metadata  "+server.URL+"/.well-known/openid-configuration: status 404") {
		t.Errorf("nothing there: %v\n%s", err, out)
	}
	// A running Wavepass is a provider.
	s := start(t, "--data", t.TempDir())
	out, _, err = command(t, "provider", "test", s.url)
	if err != nil || strings.Contains(out, "fail  ") || strings.Contains(out, "warn  ") || !strings.Contains(out, "2 for signatures") {
		t.Errorf("a running Wavepass: %v\n%s", err, out)
	}
}
