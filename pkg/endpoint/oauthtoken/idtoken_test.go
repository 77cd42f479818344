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

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/account"
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

// With the scope email, and with no other, the ID token and /userinfo say the address of the account, if it has one.
func TestScopeEmailTellsTheAddress(t *testing.T) {
	w := newCodes(t)
	change(t, w.Deployment, "app", func(c *client.Client) {
		c.Scopes, c.Audiences = []string{"openid", "profile", "email"}, client.New("app", client.Native).Audiences
	})
	for what, tc := range map[string]struct {
		scope string
		email account.Email
		want  map[string]any
	}{
		"verified":        {"openid email", account.Email{Address: "ada@example.com", VerifiedAt: deployment.Start}, map[string]any{"email": "ada@example.com", "email_verified": true}},
		"not verified":    {"openid email", account.Email{Address: "ada@example.com"}, map[string]any{"email": "ada@example.com", "email_verified": false}},
		"none":            {"openid email", account.Email{}, map[string]any{}},
		"another scope":   {"openid profile", account.Email{Address: "ada@example.com", VerifiedAt: deployment.Start}, map[string]any{}},
		"without profile": {"openid", account.Email{Address: "ada@example.com", VerifiedAt: deployment.Start}, map[string]any{}},
	} {
		a, err := w.Store.Account(t.Context(), deployment.AccountID)
		if err != nil {
			t.Fatal(err)
		}
		a.Scopes, a.Email = []string{"openid", "profile", "email"}, tc.email
		w.Store.SetAccount(a, "")
		w.Clock.Advance(time.Minute) // functions read the client again
		tokens := w.Do(exchange(w.code("app", "scope", tc.scope)))
		w.Want(what, tokens, 200, "")
		refreshed := w.Do(refreshOf(tokens.RefreshToken, "client_id", "app"))
		w.Want(what+": refresh", refreshed, 200, "")
		info := w.As(refreshed.AccessToken, deployment.Request{Route: "GET /userinfo"})
		w.Want(what+": userinfo", info, 200, "")
		var said map[string]any
		if err := json.Unmarshal([]byte(info.Body), &said); err != nil {
			t.Fatal(err)
		}
		if access := claimsOf(t, refreshed.AccessToken); access["email"] != nil {
			t.Errorf("%s: the access token says %v", what, access)
		}
		for where, claims := range map[string]map[string]any{
			"ID token": claimsOf(t, tokens.IDToken), "refreshed ID token": claimsOf(t, refreshed.IDToken), "userinfo": said,
		} {
			got := map[string]any{}
			for _, name := range []string{"email", "email_verified"} {
				if value, ok := claims[name]; ok {
					got[name] = value
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: the %s (-want +got):\n%s", what, where, diff)
			}
		}
	}
	w.Store.Before = hooks.Fail("Account")
	unavailable := w.Do(deployment.Request{Route: "GET /userinfo", Caller: map[string]any{"sub": deployment.AccountID.String(), "sid": "s", "scope": "openid email"}})
	w.Want("userinfo without the table", unavailable, 503, "temporarily_unavailable")
	w.Want("the same without the scope", w.Do(deployment.Request{Route: "GET /userinfo", Caller: map[string]any{"sub": deployment.AccountID.String(), "sid": "s", "scope": "openid"}}), 200, "")
	w.Store.Before = nil
	w.Store.DropAccount(deployment.AccountID)
	w.Want("userinfo of an account that is gone", w.Do(deployment.Request{Route: "GET /userinfo", Caller: map[string]any{"sub": deployment.AccountID.String(), "sid": "s", "scope": "openid email"}}), 200, "")
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
