package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/assertion"
)

// readJWT is what a JWT says. Encoded, its header begins like that of an access token of the same key.
func readJWT(t *testing.T, text string) (said string) {
	t.Helper()
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		t.Fatalf("no JWT: %s", text)
	}
	for _, part := range parts[:2] {
		decoded, err := base64.RawURLEncoding.DecodeString(part)
		check(t, err)
		said += string(decoded)
	}
	return said
}

func basicAuthorization(id, secret string) string {
	r := httptest.NewRequest("GET", "/", nil)
	r.SetBasicAuth(id, secret)
	return r.Header.Get("Authorization")
}

// canaryKey is the key of the client "keyed", that of RFC 8037, appendix A, whose public half is aPublicKey.
func canaryKey(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	seed, err := base64.RawURLEncoding.DecodeString("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
	check(t, err)
	return ed25519.NewKeyFromSeed(seed)
}

// asserted is a new assertion of the client "keyed", which nobody else may see.
func (w *walker) asserted() string {
	w.t.Helper()
	now := time.Now().Unix()
	input := segment(map[string]any{"alg": "EdDSA", "kid": "k1"}) + "." + segment(map[string]any{
		"iss": "keyed", "sub": "keyed", "aud": canaryIssuer, "iat": now, "exp": now + 60, "jti": "canary-jti-" + rand.Text(),
	})
	text := input + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(canaryKey(w.t), []byte(input)))
	w.secrets.text(w.t, "assertion", text)
	return text
}

// services is what back ends send: to the token endpoint, in each way of authentication and with what is wrong about each.
func (w *walker) services() {
	w.t.Helper()
	own := url.Values{"grant_type": {"client_credentials"}}
	w.form("own token by Basic", 200, "/token", own, "Authorization", basicAuthorization("canary", clientSecret))
	w.form("wrong secret by Basic", 401, "/token", own, "Authorization", basicAuthorization("canary", wrongSecret))
	w.form("secret of nobody", 401, "/token", own, "Authorization", basicAuthorization("nobody", clientSecret))
	w.form("secret for a name", 401, "/token", own, "Authorization", basicAuthorization(clientSecret, ""))
	w.form("Basic without base64", 400, "/token", own, "Authorization", "Basic "+clientSecret+"!")
	posted := func(more ...string) url.Values {
		values := url.Values{"grant_type": {"client_credentials"}, "client_id": {"canary"}, "client_secret": {clientSecret}}
		for i := 0; i < len(more); i += 2 {
			values.Set(more[i], more[i+1])
		}
		return values
	}
	w.form("own token by the body", 200, "/token", posted())
	w.form("wrong secret in the body", 401, "/token", posted("client_secret", wrongSecret))
	w.form("two methods", 400, "/token", posted(), "Authorization", basicAuthorization("canary", clientSecret))
	w.form("secret for a scope", 400, "/token", posted("scope", clientSecret))
	w.form("secret for a grant", 400, "/token", posted("grant_type", clientSecret))
	w.form("password grant", 400, "/token", posted("grant_type", "password", "username", "ada", "password", canaryPassword))
	refresh := url.Values{"grant_type": {"refresh_token"}, "client_id": {"app"}, "refresh_token": {w.ready["left"].refresh}}
	w.form("refresh of another client", 400, "/token", refresh, "Authorization", basicAuthorization("canary", clientSecret))
	w.form("refresh of a service", 400, "/token", posted("grant_type", "refresh_token", "refresh_token", w.ready["left"].refresh))
	w.form("refresh with nonsense", 400, "/token", url.Values{"grant_type": {"refresh_token"}, "client_id": {"app"}, "refresh_token": {w.ready["left"].refresh + "A"}})
	w.form("refresh", 200, "/token", url.Values{"grant_type": {"refresh_token"}, "client_id": {"app"}, "refresh_token": {w.ready["token"].refresh}})
	ask := func(token string) url.Values { return url.Values{"token": {token}} }
	own = ask(w.ready["left"].access)
	w.form("introspect", 200, "/introspect", own, "Authorization", basicAuthorization("canary", clientSecret))
	w.form("introspect, signed", 200, "/introspect", own, "Authorization", basicAuthorization("canary", clientSecret), "Accept", "application/token-introspection+jwt")
	w.form("introspect, wrong secret", 401, "/introspect", own, "Authorization", basicAuthorization("canary", wrongSecret))
	w.form("introspect, public client", 401, "/introspect", url.Values{"client_id": {"app"}, "token": {w.ready["left"].access}})
	for what, token := range map[string]string{
		"refresh token": w.ready["left"].refresh, "padded": w.ready["left"].access + "=", "not ours": w.ready["left"].refresh + "A", "secret for a token": clientSecret,
	} {
		w.form("introspect, "+what, 200, "/introspect", ask(token), "Authorization", basicAuthorization("canary", clientSecret))
	}
	text := w.asserted()
	keyed := url.Values{"grant_type": {"client_credentials"}, "client_assertion_type": {assertion.Type}, "client_assertion": {text}}
	w.form("own token by a key", 200, "/token", keyed)
	w.form("assertion again", 401, "/token", keyed)
	keyed.Set("client_secret", clientSecret)
	w.form("assertion and secret", 400, "/token", keyed)
	keyed.Del("client_secret")
	keyed.Set("client_assertion", text[:len(text)-4]+"AAAA")
	w.form("assertion by another key", 401, "/token", keyed)
	keyed.Set("client_assertion_type", text)
	w.form("assertion for a type", 400, "/token", keyed)
	w.send("wrong media type", 415, "POST", "/token", jsonType, `{"client_secret":"`+clientSecret+`"}`)
	w.send("malformed form", 400, "POST", "/token", formType, "client_secret="+clientSecret+"%zz")
}
