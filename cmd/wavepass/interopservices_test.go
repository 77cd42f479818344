package main

import (
	"context"
	"crypto/ecdsa"
	"encoding/base64"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/wavepass/wavepass/pkg/client"
)

func TestInteropNodeServices(t *testing.T) {
	home := libraries(t)
	t.Setenv("REVOCATION_STALENESS", "0s") // a revocation is seen at once
	s := startSecure(t, algorithms[0])
	private, jwk := s.stranger()
	jwk["kid"], jwk["alg"], jwk["use"] = "k1", "ES256", "sig"
	public, err := json.Marshal(map[string]any{"keys": []any{jwk}})
	check(t, err)
	number, err := private.(*ecdsa.PrivateKey).Bytes()
	check(t, err)
	delete(jwk, "use") // which Node takes for what the private half may do
	jwk["d"] = base64.RawURLEncoding.EncodeToString(number)
	whole, err := json.Marshal(jwk)
	check(t, err)
	keyed := client.New("keyed", client.Service)
	keyed.Scopes, keyed.JWKS = []string{"profile"}, string(public)
	check(t, keyed.Check())
	check(t, s.clients.PutClient(t.Context(), keyed))
	script, err := os.ReadFile("testdata/interop/services.mjs")
	check(t, err)
	folder := t.TempDir()
	check(t, os.Symlink(filepath.Join(home, "node_modules"), filepath.Join(folder, "node_modules")))
	module := filepath.Join(folder, "services.mjs")
	check(t, os.WriteFile(module, script, 0o600))
	var got map[string]any
	check(t, json.Unmarshal([]byte(s.run(exec.Command("node", module, s.url, pageAudience, demoSecret, string(whole)))), &got))
	want := map[string]any{}
	for name, id := range map[string]string{"basic": "partner", "post": "partner", "key": "keyed"} {
		want["oauth4webapi "+name] = []any{id, id, true, true, false}
		want["openid-client "+name] = []any{id, true, false}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// golang.org/x/oauth2 finds out by itself whether a secret goes into the header or the body.
func TestGoServiceGetsItsOwnToken(t *testing.T) {
	s := startSecure(t, algorithms[0])
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, s.client)
	for name, style := range map[string]oauth2.AuthStyle{
		"found out": oauth2.AuthStyleAutoDetect, "Basic": oauth2.AuthStyleInHeader, "in the body": oauth2.AuthStyleInParams,
	} {
		cfg := clientcredentials.Config{ClientID: "partner", ClientSecret: demoSecret, TokenURL: s.url + "/token", Scopes: []string{"profile"}, AuthStyle: style}
		got, err := cfg.Token(ctx)
		check(t, err)
		if !got.Valid() || got.RefreshToken != "" {
			t.Errorf("%s: valid %v, refresh token %v", name, got.Valid(), got.RefreshToken != "")
		}
	}
	var refusal *oauth2.RetrieveError
	_, err := (&clientcredentials.Config{ClientID: "partner", ClientSecret: "wrong", TokenURL: s.url + "/token"}).Token(ctx)
	if !errors.As(err, &refusal) || refusal.ErrorCode != "invalid_client" || refusal.Response.StatusCode != http.StatusUnauthorized {
		t.Errorf("a wrong secret: %v, want invalid_client", err)
	}
	// One refresh token sent twice, by Basic with an empty secret and in the body, logs nobody out.
	login := s.login()
	refresh := oauth2.Config{ClientID: "app", Endpoint: oauth2.Endpoint{TokenURL: s.url + "/token"}}
	fresh, err := refresh.TokenSource(ctx, &oauth2.Token{RefreshToken: login.RefreshToken}).Token()
	check(t, err)
	if _, err := refresh.TokenSource(ctx, &oauth2.Token{RefreshToken: fresh.RefreshToken}).Token(); err != nil {
		t.Errorf("the next refresh: %v", err)
	}
}
