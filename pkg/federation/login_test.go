package federation_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/federation"
	"github.com/wavepass/wavepass/pkg/oauth"
)

const (
	callback       = "https://id.example.com/callback/idp"
	clientOfOurs   = "wavepass-at-idp"
	secretAtIDP    = "secret-at-idp"
	codeOfIDP      = "the-code"
	subjectAtIDP   = "ada-at-idp"
	accessAtIDP    = "access-token-of-the-provider"
	otherIssuer    = "https://other.example"
	signatureBytes = 64
)

// idp is an identity provider whose answers a test can change. It checks what it is asked, as a strict one does.
type idp struct {
	t         *testing.T
	url       string
	key       *ecdsa.PrivateKey
	metadata  map[string]any
	claims    map[string]any // of the ID token, beside iss, aud, exp, iat and nonce
	userinfo  map[string]any
	header    map[string]any
	idToken   func(signed string) string
	tokenCode int // status of the token endpoint; 0: 200
	userCode  int // status of userinfo; 0: 200
	keysCode  int // status of the key set; 0: 200
	keysAsked int
	challenge string
	nonce     string
}

func newIDP(t *testing.T) *idp {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i := &idp{
		t: t, key: key, header: map[string]any{"alg": "ES256", "kid": "k1"},
		claims:   map[string]any{"sub": subjectAtIDP, "email": "ada@example.com", "email_verified": true, "name": "Ada", "groups": []string{"board", "staff", "unknown"}},
		userinfo: map[string]any{"sub": subjectAtIDP, "email": "ada@example.org", "email_verified": "true"},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, 200, i.metadata) })
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		point := func(n *big.Int) string { return base64.RawURLEncoding.EncodeToString(n.FillBytes(make([]byte, 32))) }
		i.keysAsked++
		writeJSON(w, max(200, i.keysCode), map[string]any{"keys": []any{map[string]string{
			"kty": "EC", "crv": "P-256", "kid": "k1", "use": "sig", "alg": "ES256", "x": point(i.key.X), "y": point(i.key.Y),
		}}})
	})
	mux.HandleFunc("POST /token", i.token)
	mux.HandleFunc("GET /me", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+accessAtIDP {
			t.Errorf("userinfo with %q", r.Header.Get("Authorization"))
		}
		writeJSON(w, max(200, i.userCode), i.userinfo)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	i.url = server.URL
	i.metadata = map[string]any{
		"issuer": i.url, "authorization_endpoint": i.url + "/authorize?tenant=1", "token_endpoint": i.url + "/token", "userinfo_endpoint": i.url + "/me",
		"jwks_uri": i.url + "/keys", "response_types_supported": []string{"code"}, "id_token_signing_alg_values_supported": []string{"ES256"},
		"authorization_response_iss_parameter_supported": true,
	}
	return i
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}

func (i *idp) token(w http.ResponseWriter, r *http.Request) {
	if i.tokenCode != 0 {
		writeJSON(w, i.tokenCode, map[string]string{"error": "invalid_client"})
		return
	}
	user, password, _ := r.BasicAuth()
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	for what, ok := range map[string]bool{
		"client":       user == clientOfOurs && password == secretAtIDP || r.FormValue("client_id") == clientOfOurs && r.FormValue("client_secret") == secretAtIDP,
		"code":         r.FormValue("code") == codeOfIDP && r.FormValue("grant_type") == "authorization_code",
		"redirect_uri": r.FormValue("redirect_uri") == callback,
		"PKCE":         base64.RawURLEncoding.EncodeToString(sum[:]) == i.challenge,
	} {
		if !ok {
			i.t.Errorf("the token endpoint is asked with a wrong %s", what)
		}
	}
	claims := map[string]any{"iss": i.url, "aud": clientOfOurs, "exp": time.Now().Add(time.Minute).Unix(), "iat": time.Now().Unix(), "nonce": i.nonce}
	maps.Copy(claims, i.claims)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	answer := map[string]any{"access_token": accessAtIDP, "token_type": "Bearer", "expires_in": 60, "id_token": i.sign(claims)}
	if i.idToken != nil {
		answer["id_token"] = i.idToken(answer["id_token"].(string))
	}
	writeJSON(w, 200, answer)
}

func (i *idp) sign(claims map[string]any) string {
	encode := func(value any) string {
		text, _ := json.Marshal(value)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	input := encode(i.header) + "." + encode(claims)
	sum := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, i.key, sum[:])
	if err != nil {
		i.t.Fatal(err)
	}
	signature := make([]byte, signatureBytes)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func (i *idp) provider() federation.Provider {
	return federation.Provider{
		ID: "idp", Name: "IdP", Issuer: i.url, ClientID: clientOfOurs, Scopes: federation.DefaultScopes,
		RolesClaim: "groups", Roles: map[string]string{"staff": "member", "board": "admin", "owners": "admin"},
	}
}

// login goes to the provider and comes back with what change makes of the answer.
func (i *idp) login(rp *federation.RelyingParty, p federation.Provider, change func(*federation.Attempt, url.Values)) (federation.Identity, error) {
	address, a, err := rp.Begin(i.t.Context(), p, callback)
	if err != nil {
		return federation.Identity{}, err
	}
	u, err := url.Parse(address)
	if err != nil {
		i.t.Fatal(err)
	}
	q := u.Query()
	for name, want := range map[string]string{
		"client_id": clientOfOurs, "redirect_uri": callback, "response_type": "code", "scope": "openid email profile", "code_challenge_method": "S256", "tenant": "1",
		"state": a.State, "nonce": a.Nonce,
	} {
		if q.Get(name) != want || want == "" {
			i.t.Errorf("the person is sent off with %s=%q, want %q", name, q.Get(name), want)
		}
	}
	i.challenge, i.nonce = q.Get("code_challenge"), q.Get("nonce")
	answer := url.Values{"code": {codeOfIDP}, "state": {a.State}, "iss": {i.url}}
	if change != nil {
		change(&a, answer)
	}
	return rp.Finish(i.t.Context(), p, oauth.NewSecret(secretAtIDP), callback, a, answer)
}

func newRelyingParty() *federation.RelyingParty {
	return federation.NewRelyingParty(federation.NewClient(), time.Now)
}

func TestLoginWithAProvider(t *testing.T) {
	i := newIDP(t)
	rp := newRelyingParty()
	want := federation.Identity{Provider: "idp", Subject: subjectAtIDP, Email: "ada@example.com", EmailVerified: true, Name: "Ada", Roles: []string{"admin", "member"}}
	for range 2 { // the second time with metadata that are held
		got, err := i.login(rp, i.provider(), nil)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
	}
	if i.keysAsked != 1 {
		t.Errorf("the keys were asked for %d times in two logins, want once", i.keysAsked)
	}
	i.metadata["token_endpoint_auth_methods_supported"] = []string{"client_secret_post"}
	if got, err := i.login(newRelyingParty(), i.provider(), nil); err != nil || got.Subject != subjectAtIDP {
		t.Errorf("with the secret in the form: %+v, %v", got, err)
	}
}

func TestWhatTheIDTokenLacksIsAskedAtUserinfo(t *testing.T) {
	i := newIDP(t)
	i.claims["email"], i.claims["email_verified"], i.claims["groups"] = nil, true, nil
	i.userinfo["groups"], i.userinfo["email_verified"] = "staff", "false"
	got, err := i.login(newRelyingParty(), i.provider(), nil)
	if err != nil || got.Email != "ada@example.org" || got.EmailVerified || !slices.Equal(got.Roles, []string{"member"}) || got.Name != "Ada" {
		t.Errorf("got %+v, %v; want the address and its standing from userinfo", got, err)
	}
	delete(i.metadata, "userinfo_endpoint")
	if got, err = i.login(newRelyingParty(), i.provider(), nil); err != nil || got.Email != "" || got.EmailVerified {
		t.Errorf("without userinfo: %+v, %v; want no address, and none that is verified", got, err)
	}
}

func TestAnswersThatLogNobodyIn(t *testing.T) {
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	claim := func(name string, value any) func(*idp) { return func(i *idp) { i.claims[name] = value } }
	answer := func(name, value string) func(*federation.Attempt, url.Values) {
		return func(_ *federation.Attempt, v url.Values) {
			if v.Del(name); value != "" {
				v.Set(name, value)
			}
		}
	}
	for name, tc := range map[string]struct {
		provider func(*idp)
		answer   func(*federation.Attempt, url.Values)
		want     error
	}{
		"another state":                 {nil, answer("state", "x"), federation.ErrNotOurs},
		"no state":                      {nil, answer("state", ""), federation.ErrNotOurs},
		"no state on either side":       {nil, func(a *federation.Attempt, v url.Values) { a.State = ""; v.Del("state") }, federation.ErrNotOurs},
		"an attempt at another":         {nil, func(a *federation.Attempt, _ url.Values) { a.Provider = "google" }, federation.ErrNotOurs},
		"another issuer":                {nil, answer("iss", otherIssuer), federation.ErrNotOurs},
		"no issuer though announced":    {nil, answer("iss", ""), federation.ErrNotOurs},
		"two codes":                     {nil, func(_ *federation.Attempt, v url.Values) { v.Add("code", "x") }, federation.ErrNotOurs},
		"denied":                        {nil, func(_ *federation.Attempt, v url.Values) { v.Del("code"); v.Set("error", "access_denied") }, federation.ErrDenied},
		"an error":                      {nil, answer("error", "server_error"), federation.ErrProvider},
		"no code":                       {nil, answer("code", ""), federation.ErrProvider},
		"a refused code":                {func(i *idp) { i.tokenCode = 401 }, nil, federation.ErrProvider},
		"a token endpoint that is down": {func(i *idp) { i.tokenCode = 502 }, nil, oauth.ErrUnavailable},
		"too many logins":               {func(i *idp) { i.tokenCode = 429 }, nil, oauth.ErrUnavailable},
		"no ID token":                   {func(i *idp) { i.idToken = func(string) string { return "" } }, nil, federation.ErrProvider},
		"a long ID token":               {claim("padding", strings.Repeat("x", 20<<10)), nil, federation.ErrProvider},
		"another nonce":                 {claim("nonce", "x"), nil, federation.ErrNotOurs},
		"no nonce":                      {claim("nonce", nil), nil, federation.ErrNotOurs},
		"a token of another issuer":     {claim("iss", otherIssuer), nil, federation.ErrProvider},
		"a token for another client":    {claim("aud", "another"), nil, federation.ErrProvider},
		"two audiences, nobody's":       {claim("aud", []string{clientOfOurs, "another"}), nil, federation.ErrProvider},
		"issued to another client":      {claim("azp", "another"), nil, federation.ErrProvider},
		"expired":                       {claim("exp", time.Now().Add(-time.Minute).Unix()), nil, federation.ErrProvider},
		"no expiry":                     {claim("exp", nil), nil, federation.ErrProvider},
		"another access token":          {claim("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"), nil, federation.ErrProvider},
		"no subject":                    {claim("sub", nil), nil, federation.ErrProvider},
		"a long subject":                {claim("sub", strings.Repeat("x", 256)), nil, federation.ErrProvider},
		"a subject of two lines":        {claim("sub", "a\nb"), nil, federation.ErrProvider},
		"groups that are numbers":       {claim("groups", []int{1}), nil, federation.ErrProvider},
		"signed by another key": {func(i *idp) {
			signing := *i
			signing.key = other
			i.idToken = func(text string) string { return resign(&signing, text) }
		}, nil, federation.ErrProvider},
		"not signed": {func(i *idp) {
			i.idToken = func(text string) string { return text[:strings.LastIndexByte(text, '.')+1] }
		}, nil, federation.ErrProvider},
		"userinfo about another": {func(i *idp) { i.claims["email"] = nil; i.userinfo["sub"] = "eve" }, nil, federation.ErrNotOurs},
		"keys that are down":     {func(i *idp) { i.keysCode = 503 }, nil, oauth.ErrUnavailable},
		"userinfo that is down":  {func(i *idp) { i.claims["email"] = nil; i.userCode = 503 }, nil, oauth.ErrUnavailable},
	} {
		i := newIDP(t)
		if tc.provider != nil {
			tc.provider(i)
		}
		got, err := i.login(newRelyingParty(), i.provider(), tc.answer)
		if !errors.Is(err, tc.want) || got.Subject != "" {
			t.Errorf("%s: %+v, %v; want %v", name, got, err, tc.want)
		}
		if err != nil && (strings.Contains(err.Error(), codeOfIDP) || strings.Contains(err.Error(), accessAtIDP) || strings.Contains(err.Error(), secretAtIDP)) {
			t.Errorf("%s: the error %q says a secret", name, err)
		}
	}
}

// resign signs the claims of a token with the key of i.
func resign(i *idp, text string) string {
	var claims map[string]any
	payload, _ := base64.RawURLEncoding.DecodeString(strings.Split(text, ".")[1])
	_ = json.Unmarshal(payload, &claims)
	return i.sign(claims)
}

func TestProviderThatIsDownIsNoRefusal(t *testing.T) {
	i := newIDP(t)
	i.metadata["issuer"] = otherIssuer
	if _, err := i.login(newRelyingParty(), i.provider(), nil); !errors.Is(err, oauth.ErrUnavailable) {
		t.Errorf("metadata of another issuer: %v, want ErrUnavailable", err)
	}
	i = newIDP(t)
	i.metadata["padding"] = strings.Repeat("x", 512<<10) // right, and too long
	if _, err := i.login(newRelyingParty(), i.provider(), nil); !errors.Is(err, oauth.ErrUnavailable) {
		t.Errorf("metadata of more than 512 KB: %v, want ErrUnavailable", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := newRelyingParty().Begin(ctx, i.provider(), callback); !errors.Is(err, oauth.ErrUnavailable) {
		t.Errorf("a cancelled login: %v, want ErrUnavailable", err)
	}
}

func TestMetadataAreFetchedOnceAnHour(t *testing.T) {
	i := newIDP(t)
	began := time.Now()
	now := began
	rp := federation.NewRelyingParty(federation.NewClient(), func() time.Time { return now })
	if _, _, err := rp.Begin(t.Context(), i.provider(), callback); err != nil {
		t.Fatal(err)
	}
	i.metadata["authorization_endpoint"] = i.url + "/elsewhere"
	for _, want := range []string{"/authorize?", "/elsewhere?"} {
		now = now.Add(31 * time.Minute)
		address, _, err := rp.Begin(t.Context(), i.provider(), callback)
		if err != nil || !strings.Contains(address, want) {
			t.Errorf("%s later: %s, %v; want %s", now.Sub(began), address, err, want)
		}
	}
}
