package oauthtoken_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

// parts are header and claims of a JWT, read without checking it.
func parts(t *testing.T, text string) (header, claims map[string]any) {
	t.Helper()
	encoded, _, _ := strings.Cut(text, ".")
	raw, err := base64.RawURLEncoding.DecodeString(encoded)
	if err == nil {
		err = json.Unmarshal(raw, &header)
	}
	if err != nil {
		t.Fatalf("no JWT: %v", err)
	}
	return header, claimsOf(t, text)
}

func TestIDTokenSaysWhoHasLoggedIn(t *testing.T) {
	w := newCodes(t)
	w.Clock.Advance(time.Hour)
	tokens := w.Do(exchange(w.code("app")))
	w.Want("exchange", tokens, 200, "")
	if tokens.Headers["Cache-Control"] != "no-store" || tokens.TokenType != "Bearer" || tokens.RefreshToken == "" {
		t.Errorf("answered %s with %v, want both tokens that no cache keeps", tokens.Body, tokens.Headers)
	}
	half := sha256.Sum256([]byte(tokens.AccessToken))
	now := w.Clock.Now()
	want := map[string]any{
		"iss": deployment.Issuer, "sub": deployment.AccountID.String(), "aud": "app", "azp": "app", "nonce": "a nonce", "amr": []any{"pwd"},
		"auth_time": float64(deployment.Start.Unix()), "iat": float64(now.Unix()), "exp": float64(now.Add(15 * time.Minute).Unix()),
		"sid": claimsOf(t, tokens.AccessToken)["sid"], "at_hash": base64.RawURLEncoding.EncodeToString(half[:16]),
	}
	header, claims := parts(t, tokens.IDToken)
	accessHeader, access := parts(t, tokens.AccessToken)
	if diff := cmp.Diff(want, claims); diff != "" {
		t.Errorf("claims of the ID token (-want +got):\n%s", diff)
	}
	wantHeader := maps.Clone(accessHeader)
	wantHeader["typ"] = "JWT"
	if diff := cmp.Diff(wantHeader, header); diff != "" || accessHeader["typ"] != "at+jwt" {
		t.Errorf("header of the ID token, and that of the access token %v (-want +got):\n%s", accessHeader, diff)
	}
	if access["auth_time"] != want["auth_time"] {
		t.Errorf("auth_time of the access token is %v, want when the person logged in at the issuer", access["auth_time"])
	}

	w.Clock.Advance(time.Hour)
	refreshed := w.Do(refreshOf(tokens.RefreshToken, "client_id", "app"))
	w.Want("refresh", refreshed, 200, "")
	delete(want, "nonce") // OpenID Connect Core §12.2
	half, now = sha256.Sum256([]byte(refreshed.AccessToken)), w.Clock.Now()
	want["at_hash"], want["iat"], want["exp"] = base64.RawURLEncoding.EncodeToString(half[:16]), float64(now.Unix()), float64(now.Add(15*time.Minute).Unix())
	if diff := cmp.Diff(want, claimsOf(t, refreshed.IDToken)); diff != "" {
		t.Errorf("claims of the refreshed ID token (-want +got):\n%s", diff)
	}

	plain := w.Do(exchange(w.code("app", "scope", "profile")))
	w.Want("without openid", plain, 200, "")
	again := w.Do(refreshOf(plain.RefreshToken, "client_id", "app"))
	if strings.Contains(plain.Body+again.Body, "id_token") || claimsOf(t, plain.AccessToken)["scope"] != "profile" {
		t.Errorf("without openid: %s, then %s", plain.Body, again.Body)
	}
}

// Both kinds of token have one issuer and one key. The type in the header tells them apart (pkg/token tests that it decides), and an ID token has
// no id, scope or client that an access token must have.
func TestIDTokenIsNoAccessToken(t *testing.T) {
	w := newCodes(t)
	change(t, w.Deployment, "app", func(c *client.Client) { c.Audiences = []string{"app"} })
	w.Clock.Advance(time.Minute) // functions read the client again
	tokens := w.Do(exchange(w.code("app")))
	w.Want("exchange", tokens, 200, "")
	for _, route := range []string{"GET /userinfo", "GET /sessions", "DELETE /sessions", "POST /password"} {
		if got := w.As(tokens.IDToken, deployment.Request{Route: route}); got.StatusCode != 403 {
			t.Errorf("%s with an ID token: %d %s, want 403", route, got.StatusCode, got.Body)
		}
	}
	got := w.Do(deployment.Form("POST /introspect", "token="+tokens.IDToken).With("authorization", basic("partner", deployment.Secret)))
	if got.Body != `{"active":false}` {
		t.Errorf("introspection of an ID token: %s", got.Body)
	}
	w.Want("revocation of an ID token", w.Do(deployment.Form("POST /revoke", "client_id=app&token="+tokens.IDToken)), 200, "")
	if log := w.Store.Log(); len(log) > 0 {
		t.Errorf("it has revoked %v", log)
	}
}
