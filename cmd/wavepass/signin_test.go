package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// signIn is a service with the client "own", which is native and the operator's, the client "third" of a third party, and the SPA
// "spa" at an origin of its own. The demo account may have the scope openid.
type signIn struct {
	*server
	data, spa string
	document  string // an authorization request of an application that nobody has registered
}

func startSignIn(t *testing.T, flags ...string) signIn {
	t.Helper()
	t.Setenv("ROTATION_MIN_AGE", "0s")
	spa := freeAddress(t)
	s := signIn{data: t.TempDir(), spa: "http://localhost:" + spa}
	s.server = start(t, append(flags, "--data", s.data, "--web-origins", s.spa)...)
	command := func(args ...string) { mustCommand(t, append(args, "--data", s.data)...) }
	command("account", "set-access", demoUsername, "--scope", "openid", "--scope", "profile")
	command("client", "add", "own", "--kind", "native", "--scope", "openid", "--scope", "profile", "--redirect", "http://127.0.0.1/cb")
	command("client", "add", "third", "--kind", "native", "--third-party", "--scope", "openid", "--scope", "profile", "--redirect", "com.example.app:/cb")
	command("client", "add", "spa", "--kind", "browser", "--origin", s.spa, "--scope", "openid", "--scope", "profile", "--redirect", s.spa+"/cb", "--post-logout-redirect", s.spa+"/bye")
	return s
}

// freeAddress is the port of an address that nothing listens on, for a redirect that has to be registered before its server starts.
func freeAddress(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.NotFoundHandler())
	u, err := url.Parse(server.URL)
	check(t, err)
	server.Close()
	return u.Port()
}

// request is the address of an authorization request.
func (s signIn) request(client, redirect string) string {
	return s.url + "/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {client}, "redirect_uri": {redirect}, "state": {"a state"}, "scope": {"openid profile"},
		"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"},
	}.Encode()
}

func (s signIn) drive(t *testing.T, name, client, start string) {
	t.Helper()
	needChromium(t)
	_, port, _ := strings.Cut(strings.TrimPrefix(s.spa, "http://"), ":")
	drive(t, "signin.mjs", name, map[string]string{
		"api": s.url, "client": client, "port": port, "start": start, "screenshots": os.Getenv("WAVEPASS_SCREENSHOTS"), "document": s.document,
	})
}

func TestChromiumSignsInForLibraries(t *testing.T) {
	needChromium(t)
	for name, client := range map[string]string{"openidClient": "own", "oidcClientTS": "spa", "appAuth": "own"} {
		t.Run(name, func(t *testing.T) { startSignIn(t).drive(t, name, client, "") })
	}
}

func TestChromiumSignInPages(t *testing.T) {
	needChromium(t)
	const document, resource = mcpDocument, "https://mcp.example/mcp"
	file := filepath.Join(t.TempDir(), "client.json")
	check(t, os.WriteFile(file, []byte(`{"client_id":"`+document+`","client_name":"Harbour Assistant","redirect_uris":["http://127.0.0.1/callback"]}`), 0o600))
	s := startSignIn(t, "--client-document", document+"="+file)
	mustCommand(t, "resource", "add", resource, "--scope", "notes:read", "--open", "--data", s.data)
	mustCommand(t, "account", "set-access", demoUsername, "--scope", "openid", "--scope", "profile", "--scope", "notes:read", "--data", s.data)
	s.document = strings.Replace(s.request(document, "http://127.0.0.1:8765/callback"), "openid+profile", "notes:read", 1) + "&resource=" + url.QueryEscape(resource)
	s.drive(t, "pages", "third", s.request("third", "com.example.app:/cb")+"&prompt=consent")
}

func TestChromiumSignInMishaps(t *testing.T) {
	needChromium(t)
	s := startSignIn(t, "--demo-provider")
	s.drive(t, "mishaps", "own", s.request("own", "http://127.0.0.1/cb"))
	s.drive(t, "provider", "own", s.request("own", "http://127.0.0.1/cb"))
	s.drive(t, "elsewhere", "third", s.request("third", "com.example.app:/cb"))
}

// relyingParty is a site that signs people in with golang.org/x/oauth2 and go-oidc as their own documentation shows. Its page says how it went.
func relyingParty(t *testing.T, issuer, clientID string) (address string) {
	t.Helper()
	provider, err := oidc.NewProvider(t.Context(), issuer)
	check(t, err)
	config := oauth2.Config{ClientID: clientID, Endpoint: provider.Endpoint(), Scopes: []string{oidc.ScopeOpenID, "profile"}}
	verifier := oauth2.GenerateVerifier()
	finish := func(ctx context.Context, answer url.Values) error {
		if answer.Get("state") != "a state" {
			return fmt.Errorf("state %q", answer.Get("state"))
		}
		token, err := config.Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(verifier))
		if err != nil {
			return err
		}
		text, _ := token.Extra("id_token").(string)
		id, err := provider.Verifier(&oidc.Config{ClientID: clientID}).Verify(ctx, text)
		if err != nil {
			return err
		}
		if err := id.VerifyAccessToken(token.AccessToken); err != nil || id.Nonce != "a nonce" {
			return fmt.Errorf("nonce %q, at_hash: %v", id.Nonce, err)
		}
		info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
		if err != nil || info.Subject != id.Subject {
			return fmt.Errorf("userinfo: %v %v", info, err)
		}
		fresh, err := config.TokenSource(ctx, &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
		if err != nil || fresh.AccessToken == "" {
			return fmt.Errorf("refresh: %w", err)
		}
		return nil
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/cb", func(w http.ResponseWriter, r *http.Request) {
		said := "signed in"
		if err := finish(r.Context(), r.URL.Query()); err != nil {
			said = err.Error()
		}
		_, _ = fmt.Fprintf(w, "<!doctype html><title>app</title><link rel=icon href=data:,><p id=said>%s</p>", said)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, config.AuthCodeURL("a state", oidc.Nonce("a nonce"), oauth2.S256ChallengeOption(verifier)), http.StatusFound)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	config.RedirectURL = server.URL + "/cb"
	return server.URL + "/"
}

func TestChromiumSignsInForGoOIDC(t *testing.T) {
	needChromium(t)
	s := startSignIn(t)
	s.drive(t, "visit", "own", relyingParty(t, s.url, "own"))
}
