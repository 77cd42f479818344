package oauthtoken_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/assertion"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

// ownKey is a key of a service, and its public half as a JWK.
type ownKey struct {
	alg, kid string
	private  crypto.Signer
}

var encode = base64.RawURLEncoding.EncodeToString

func newKey(t *testing.T, alg, kid string) ownKey {
	t.Helper()
	var private crypto.Signer
	var err error
	switch alg {
	case "ES256":
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "EdDSA":
		_, private, err = ed25519.GenerateKey(rand.Reader)
	case "RS256":
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		t.Fatal(err)
	}
	return ownKey{alg, kid, private}
}

func (k ownKey) jwk(t *testing.T) map[string]any {
	t.Helper()
	members := map[string]any{"alg": k.alg, "kid": k.kid, "use": "sig"}
	switch public := k.private.Public().(type) {
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		members["kty"], members["crv"], members["x"], members["y"] = "EC", "P-256", encode(point[1:33]), encode(point[33:])
	case ed25519.PublicKey:
		members["kty"], members["crv"], members["x"] = "OKP", "Ed25519", encode(public)
	case *rsa.PublicKey:
		members["kty"], members["n"], members["e"] = "RSA", encode(public.N.Bytes()), encode(big.NewInt(int64(public.E)).Bytes())
	}
	return members
}

// sign is a JWS by this key with any header and claims.
func (k ownKey) sign(t *testing.T, header, claims map[string]any) string {
	t.Helper()
	input := segment(t, header) + "." + segment(t, claims)
	digest := sha256.Sum256([]byte(input))
	var signature []byte
	switch private := k.private.(type) {
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, private, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		signature = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	case ed25519.PrivateKey:
		signature = ed25519.Sign(private, []byte(input))
	case *rsa.PrivateKey:
		var err error
		if signature, err = rsa.SignPKCS1v15(nil, private, crypto.SHA256, digest[:]); err != nil {
			t.Fatal(err)
		}
	}
	return input + "." + encode(signature)
}

func segment(t *testing.T, members map[string]any) string {
	t.Helper()
	text, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return encode(text)
}

func (k ownKey) header() map[string]any {
	return map[string]any{"alg": k.alg, "kid": k.kid, "typ": "JWT"}
}

func with(members map[string]any, changes ...any) map[string]any {
	changed := maps.Clone(members)
	for i := 0; i < len(changes); i += 2 {
		if name := changes[i].(string); changes[i+1] == nil {
			delete(changed, name)
		} else {
			changed[name] = changes[i+1]
		}
	}
	return changed
}

func goodClaims(d *deployment.Deployment) map[string]any {
	now := d.Clock.Now().Unix()
	return map[string]any{"iss": "keyed", "sub": "keyed", "aud": deployment.Issuer, "iat": now, "exp": now + 60, "jti": uuid.NewString()}
}

// newKeyed is a deployment with the service "keyed", which has these keys.
func newKeyed(t *testing.T, keys ...ownKey) *deployment.Deployment {
	t.Helper()
	d := newDeployment(t)
	var set []any
	for _, k := range keys {
		set = append(set, k.jwk(t))
	}
	text, err := json.Marshal(map[string]any{"keys": set})
	if err != nil {
		t.Fatal(err)
	}
	c := client.New("keyed", client.Service)
	c.JWKS, c.Scopes = string(text), []string{"profile"}
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	if err := d.Store.PutClient(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return d
}

func asserting(route, text string, more ...string) deployment.Request {
	values := url.Values{"client_assertion_type": {assertion.Type}, "client_assertion": {text}, "grant_type": {"client_credentials"}}
	for i := 0; i < len(more); i += 2 {
		values.Set(more[i], more[i+1])
	}
	return deployment.Form(route, values.Encode())
}

func TestServiceAuthenticatesWithItsKey(t *testing.T) {
	for _, alg := range []string{"ES256", "EdDSA", "RS256"} {
		k := newKey(t, alg, "k1")
		d := newKeyed(t, k, newKey(t, "ES256", "k2"))
		for name, change := range map[string][]any{
			"the issuer": {}, "the token endpoint": {"aud", deployment.Issuer + "/token"}, "both": {"aud", []string{deployment.Issuer, deployment.Issuer + "/token"}},
			"without iat": {"iat", nil}, "five minutes": {"exp", d.Clock.Now().Unix() + 300}, "a clock that is ahead": {"iat", d.Clock.Now().Unix() + 20, "exp", d.Clock.Now().Unix() + 320},
			"with nbf": {"nbf", d.Clock.Now().Unix()}, "a fraction": {"exp", float64(d.Clock.Now().Unix()) + 60.5},
		} {
			got := d.Do(asserting("POST /token", k.sign(t, k.header(), with(goodClaims(d), change...))))
			d.Want(alg+", "+name, got, 200, "")
		}
		named := d.Do(asserting("POST /token", k.sign(t, k.header(), goodClaims(d)), "client_id", "keyed"))
		d.Want(alg+", named beside it", named, 200, "")
		if claims := claimsOf(t, named.AccessToken); claims["sub"] != "keyed" || claims["sid"] != nil {
			t.Errorf("%s: claims %v", alg, claims)
		}
		own := named.AccessToken
		introspected := d.Do(asserting("POST /introspect", k.sign(t, k.header(), goodClaims(d)), "token", own))
		d.Want(alg+", introspection", introspected, 200, "")
		if !strings.HasPrefix(introspected.Body, `{"active":true,`) {
			t.Errorf("%s: introspection of its own token: %s", alg, introspected.Body)
		}
		d.Want(alg+", revocation", d.Do(asserting("POST /revoke", k.sign(t, k.header(), goodClaims(d)), "token", own)), 200, "")
		if got := d.Do(asserting("POST /introspect", k.sign(t, k.header(), goodClaims(d)), "token", own)); got.Body != `{"active":false}` {
			t.Errorf("%s: after the revocation: %s", alg, got.Body)
		}
	}
	k := newKey(t, "ES256", "k1")
	d := newKeyed(t, k)
	d.Want("without kid, one key", d.Do(asserting("POST /token", k.sign(t, with(k.header(), "kid", nil), goodClaims(d)))), 200, "")
}

func TestAssertionIsGoodOnce(t *testing.T) {
	k := newKey(t, "ES256", "k1")
	d := newKeyed(t, k)
	text := k.sign(t, k.header(), goodClaims(d))
	var wg sync.WaitGroup
	statuses := make([]int, 20)
	for i := range statuses {
		wg.Go(func() { statuses[i] = d.Do(asserting("POST /token", text)).StatusCode })
	}
	wg.Wait()
	good := 0
	for _, status := range statuses {
		if status == 200 {
			good++
		}
	}
	if good != 1 {
		t.Errorf("of %v, %d were 200, want one", statuses, good)
	}
	for _, route := range []string{"POST /introspect", "POST /revoke"} {
		d.Want("again at "+route, d.Do(asserting(route, text, "token", "x")), 401, "invalid_client")
	}
	claims := goodClaims(d)
	d.Want("first", d.Do(asserting("POST /token", k.sign(t, k.header(), claims))), 200, "")
	d.Want("signed anew with its jti", d.Do(asserting("POST /token", k.sign(t, k.header(), with(claims, "exp", d.Clock.Now().Unix()+200)))), 401, "invalid_client")
	d.Clock.Advance(59 * time.Second)
	d.Want("a second before it expires", d.Do(asserting("POST /token", k.sign(t, k.header(), claims))), 401, "invalid_client")
}

// A use that the store does not confirm lets nobody in, and another assertion does.
func TestUnconfirmedUseIsUnavailable(t *testing.T) {
	k := newKey(t, "ES256", "k1")
	d := newKeyed(t, k)
	d.Store.Before = hooks.Fail("UseAssertion")
	d.Want("the store fails", d.Do(asserting("POST /token", k.sign(t, k.header(), goodClaims(d)))), 503, "temporarily_unavailable")
	d.Store.Before = nil
	d.Want("afterwards", d.Do(asserting("POST /token", k.sign(t, k.header(), goodClaims(d)))), 200, "")
}

func TestForgedAssertionsAreRefused(t *testing.T) {
	k, other := newKey(t, "ES256", "k1"), newKey(t, "RS256", "k2")
	d := newKeyed(t, k, other)
	stranger := newKey(t, "ES256", "k1")
	now := d.Clock.Now().Unix()
	claims := func(changes ...any) map[string]any { return with(goodClaims(d), changes...) }
	signed := func(changes ...any) string { return k.sign(t, k.header(), claims(changes...)) }
	headed := func(changes ...any) string { return k.sign(t, with(k.header(), changes...), claims()) }
	good := signed()
	head, rest, _ := strings.Cut(good, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	publicJWK, err := json.Marshal(k.jwk(t))
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, publicJWK)
	input := segment(t, with(k.header(), "alg", "HS256")) + "." + payload
	mac.Write([]byte(input))
	for name, text := range map[string]string{
		"alg none":                   segment(t, with(k.header(), "alg", "none")) + "." + payload + ".",
		"alg none, signed":           segment(t, with(k.header(), "alg", "none")) + "." + payload + "." + signature,
		"HS256 with the public key":  input + "." + encode(mac.Sum(nil)),
		"another key under the kid":  stranger.sign(t, k.header(), claims()),
		"another key in the header":  stranger.sign(t, with(k.header(), "jwk", stranger.jwk(t)), claims()),
		"another key by an address":  stranger.sign(t, with(k.header(), "jku", "https://evil.example/keys"), claims()),
		"an unknown kid":             headed("kid", "k9"),
		"another key's kid":          headed("kid", "k2"),
		"another algorithm":          headed("alg", "RS256"),
		"crit":                       headed("crit", []string{"b64"}, "b64", false),
		"crit that is empty":         headed("crit", []string{}),
		"a changed payload":          head + "." + segment(t, claims("sub", "partner")) + "." + signature,
		"a changed signature":        head + "." + payload + "." + encode(make([]byte, 64)),
		"no signature":               head + "." + payload + ".",
		"JSON serialization":         fmt.Sprintf(`{"payload":%q,"protected":%q,"signature":%q}`, payload, head, signature),
		"padded":                     good + "=",
		"a line break":               good + "\n",
		"too long":                   good + strings.Repeat("a", 5000),
		"another iss":                signed("iss", "partner"),
		"another sub":                signed("sub", "partner"),
		"no iss":                     signed("iss", nil),
		"no sub":                     signed("sub", nil),
		"of an unknown client":       signed("sub", "nobody", "iss", "nobody"),
		"of a public client":         signed("sub", "app", "iss", "app"),
		"of a client with a secret":  signed("sub", "partner", "iss", "partner"),
		"no aud":                     signed("aud", nil),
		"no aud in a list":           signed("aud", []string{}),
		"another aud":                signed("aud", "https://evil.example"),
		"another aud beside":         signed("aud", []string{deployment.Issuer, "https://evil.example"}),
		"aud of another route":       signed("aud", deployment.Issuer+"/introspect"),
		"aud with a slash":           signed("aud", deployment.Issuer+"/"),
		"no exp":                     signed("exp", nil),
		"expired":                    signed("exp", now),
		"exp as text":                signed("exp", "9999999999"),
		"exp without end":            signed("exp", 1e300),
		"exp below zero":             signed("exp", -1),
		"an hour":                    signed("exp", now+3600, "iat", nil),
		"more than five minutes":     signed("exp", now+331, "iat", now+30),
		"five minutes since iat":     signed("exp", now+301, "iat", now),
		"iat in the future":          signed("iat", now+31, "exp", now+60),
		"nbf in the future":          signed("nbf", now+31),
		"no jti":                     signed("jti", nil),
		"an empty jti":               signed("jti", ""),
		"a jti that is too long":     signed("jti", strings.Repeat("j", 257)),
		"a claim twice":              k.signRaw(t, k.header(), `{"iss":"keyed","iss":"keyed","sub":"keyed","aud":"`+deployment.Issuer+`","exp":`+fmt.Sprint(now+60)+`,"jti":"j"}`),
		"claims that are no object":  k.signRaw(t, k.header(), `["keyed"]`),
		"garbage":                    "x.y.z",
		"an access token of its own": d.Do(asserting("POST /token", signed())).AccessToken,
	} {
		got := d.Do(asserting("POST /token", text))
		d.Want(name, got, 401, "invalid_client")
		if got.Headers["Www-Authenticate"] != "" {
			t.Errorf("%s: WWW-Authenticate %q, want none: Basic was not tried", name, got.Headers["Www-Authenticate"])
		}
		if both := d.Log() + d.Trail(); len(text) > 100 && strings.Contains(both, text) {
			t.Errorf("%s: a log has the assertion", name)
		}
	}
	if used := d.Store.Count("UseAssertion"); used != 1 {
		t.Errorf("%d uses were written, want that of the one good assertion alone", used)
	}
	d.Want("the good one afterwards", d.Do(asserting("POST /token", good)), 200, "")
}

// signRaw signs claims as they are written.
func (k ownKey) signRaw(t *testing.T, header map[string]any, claims string) string {
	t.Helper()
	input := segment(t, header) + "." + encode([]byte(claims))
	digest := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, k.private.(*ecdsa.PrivateKey), digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + encode(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

func TestClientAuthenticatesInOneWay(t *testing.T) {
	k := newKey(t, "ES256", "k1")
	d := newKeyed(t, k)
	fresh := func() string { return k.sign(t, k.header(), goodClaims(d)) }
	for name, tc := range map[string]struct {
		r      deployment.Request
		status int
		code   string
	}{
		"beside Basic":          {asserting("POST /token", fresh()).With("authorization", basic("keyed", "x")), 400, "invalid_request"},
		"beside a secret":       {asserting("POST /token", fresh(), "client_secret", "x"), 400, "invalid_request"},
		"another client_id":     {asserting("POST /token", fresh(), "client_id", "partner"), 401, "invalid_client"},
		"another type":          {asserting("POST /token", fresh(), "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"), 400, "invalid_request"},
		"no type":               {asserting("POST /token", fresh(), "client_assertion_type", ""), 400, "invalid_request"},
		"no assertion":          {asserting("POST /token", "", "client_id", "keyed"), 400, "invalid_request"},
		"its id alone":          {ownToken("client_id", "keyed"), 401, "invalid_client"},
		"an empty secret":       {ownToken().With("authorization", basic("keyed", "")), 401, "invalid_client"},
		"a secret":              {ownToken("client_id", "keyed", "client_secret", deployment.Secret), 401, "invalid_client"},
		"the password grant":    {asserting("POST /token", fresh(), "grant_type", "password"), 400, "unsupported_grant_type"},
		"a refresh of a native": {asserting("POST /token", fresh(), "grant_type", "refresh_token", "refresh_token", d.Login("app").RefreshToken), 400, "unauthorized_client"},
	} {
		d.Want(name, d.Do(tc.r), tc.status, tc.code)
	}
}
