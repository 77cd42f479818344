package oauthtoken_test

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/oauth"
)

func newDeployment(t *testing.T) *deployment.Deployment {
	t.Helper()
	return deployment.New(t, browser.Jar{})
}

// form is a request to the token endpoint; its parameters are name, value, name, value.
func form(parameters ...string) deployment.Request {
	values := url.Values{}
	for i := 0; i < len(parameters); i += 2 {
		values.Set(parameters[i], parameters[i+1])
	}
	return deployment.Form("POST /token", values.Encode())
}

// basic is the value of Authorization that RFC 6749 §2.3.1 describes.
func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))
}

func ownToken(parameters ...string) deployment.Request {
	return form(append([]string{"grant_type", "client_credentials"}, parameters...)...)
}

// byBasic is a request of the service for a token of its own.
func byBasic(parameters ...string) deployment.Request {
	return ownToken(parameters...).With("authorization", basic("partner", deployment.Secret))
}

// claimsOf are the claims of an access token, read without checking it.
func claimsOf(t *testing.T, text string) map[string]any {
	t.Helper()
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		t.Fatalf("no access token: %d parts", len(parts))
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

func TestServiceGetsATokenOfItsOwn(t *testing.T) {
	d := newDeployment(t)
	for name, r := range map[string]deployment.Request{
		"client_secret_basic":                        byBasic(),
		"client_secret_basic, named in the body too": byBasic("client_id", "partner"),
		"client_secret_post":                         ownToken("client_id", "partner", "client_secret", deployment.Secret),
	} {
		got := d.Do(r)
		d.Want(name, got, 200, "")
		if got.RefreshToken != "" || len(got.Cookies) > 0 || got.TokenType != "Bearer" || got.ExpiresIn != 900 ||
			got.Headers["Cache-Control"] != "no-store" || got.Headers["Pragma"] != "no-cache" {
			t.Errorf("%s: %+v, want an access token alone, that no cache keeps", name, got.APIGatewayV2HTTPResponse)
		}
		claims := claimsOf(t, got.AccessToken)
		delete(claims, "jti")
		// Exactly these: no session, epoch, auth_time or amr, and no roles or claims of an account.
		want := map[string]any{
			"iss": deployment.Issuer, "sub": "partner", "client_id": "partner", "aud": deployment.Issuer, "scope": "profile",
			"iat": float64(deployment.Start.Unix()), "exp": float64(deployment.Start.Add(15 * time.Minute).Unix()),
		}
		if diff := cmp.Diff(want, claims); diff != "" {
			t.Errorf("%s: claims (-want +got)\n%s", name, diff)
		}
	}
	if trail := d.Trail(); strings.Count(trail, `"event":"token_issued"`) != 3 || !strings.Contains(trail, `"actor":"client:partner"`) {
		t.Errorf("the trail does not say that the service got three tokens:\n%s", trail)
	}
	if both := d.Log() + d.Trail(); strings.Contains(both, deployment.Secret) || strings.Contains(both, "eyJ") {
		t.Errorf("a log has a secret or a token:\n%s", both)
	}
}

func TestScopesAreNeverWidened(t *testing.T) {
	d := newDeployment(t)
	change(t, d, "partner", func(c *client.Client) {
		c.Scopes, c.Audiences = []string{"orders:read", "orders:write", "account"}, []string{"https://orders.example", "https://stock.example"}
	})
	for asked, want := range map[string]string{
		"":                         "orders:read orders:write", // account is for people
		"orders:write":             "orders:write",
		"orders:write orders:read": "orders:read orders:write",
		"orders:read orders:read":  "orders:read",
	} {
		got := d.Do(byBasic("scope", asked))
		d.Want(asked, got, 200, "")
		claims := claimsOf(t, got.AccessToken)
		if claims["scope"] != want || !strings.Contains(got.Body, `"scope":"`+want+`"`) {
			t.Errorf("scope %q: granted %v, answered %s; want %q", asked, claims["scope"], got.Body, want)
		}
		if diff := cmp.Diff([]any{"https://orders.example", "https://stock.example"}, claims["aud"]); diff != "" {
			t.Errorf("scope %q: audience (-want +got)\n%s", asked, diff)
		}
	}
	for _, asked := range []string{
		"account", "profile", "orders:read profile", "orders", "ORDERS:READ", " orders:read", "orders:read ", "orders:read  orders:write", " ", "orders:read\torders:write", "\"",
	} {
		d.Want(asked, d.Do(byBasic("scope", asked)), 400, "invalid_scope")
	}
}

func change(t *testing.T, d *deployment.Deployment, id string, to func(*client.Client)) {
	t.Helper()
	c, err := d.Store.Client(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	to(&c)
	if err := d.Store.PutClient(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

func TestClientsAreAuthenticated(t *testing.T) {
	d := newDeployment(t)
	const own = "client_credentials"
	for name, tc := range map[string]struct {
		r      deployment.Request
		status int
		code   string
	}{
		"a wrong secret by Basic":        {ownToken().With("authorization", basic("partner", "wrong")), 401, "invalid_client"},
		"an empty secret by Basic":       {ownToken().With("authorization", basic("partner", "")), 401, "invalid_client"},
		"an unknown client by Basic":     {ownToken().With("authorization", basic("nobody", deployment.Secret)), 401, "invalid_client"},
		"a wrong secret in the body":     {ownToken("client_id", "partner", "client_secret", "wrong"), 401, "invalid_client"},
		"no secret":                      {ownToken("client_id", "partner"), 401, "invalid_client"},
		"an unknown client":              {ownToken("client_id", "nobody"), 401, "invalid_client"},
		"no client":                      {ownToken(), 400, "invalid_request"},
		"a public client":                {ownToken("client_id", "app"), 400, "unauthorized_client"},
		"a public client with a secret":  {ownToken("client_id", "app", "client_secret", "x"), 401, "invalid_client"},
		"two methods":                    {byBasic("client_secret", deployment.Secret), 400, "invalid_request"},
		"two clients":                    {byBasic("client_id", "app"), 400, "invalid_request"},
		"two headers":                    {ownToken().With("authorization", basic("partner", deployment.Secret)+", "+basic("partner", "x")), 400, "invalid_request"},
		"Basic that is no base64":        {ownToken().With("authorization", "Basic §"), 400, "invalid_request"},
		"Basic without a colon":          {ownToken().With("authorization", "Basic cGFydG5lcg=="), 400, "invalid_request"},
		"a scheme in another case":       {ownToken().With("authorization", strings.Replace(basic("partner", deployment.Secret), "Basic", "bAsIc", 1)), 200, ""},
		"a password grant":               {form("grant_type", "password", "client_id", "app", "username", "ada", "password", deployment.Password), 400, "unsupported_grant_type"},
		"half a code":                    {form("grant_type", "authorization_code", "client_id", "app", "code", "x"), 400, "invalid_request"},
		"another case":                   {form("grant_type", "CLIENT_CREDENTIALS", "client_id", "partner", "client_secret", deployment.Secret), 400, "unsupported_grant_type"},
		"no grant type":                  {form("client_id", "app"), 400, "invalid_request"},
		"a parameter twice":              {deployment.Form("POST /token", "grant_type="+own+"&client_id=partner&client_id=partner&client_secret="+deployment.Secret), 400, "invalid_request"},
		"JSON":                           {deployment.JSON("POST /token", `{"grant_type":"client_credentials","client_id":"partner","client_secret":"`+deployment.Secret+`"}`), 415, "invalid_request"},
		"parameters that nobody knows":   {byBasic("resource", "https://api.example", "x", "y"), 200, ""},
		"a service's refresh":            {form("grant_type", "refresh_token", "refresh_token", "wprt_x").With("authorization", basic("partner", deployment.Secret)), 400, "unauthorized_client"},
		"a browser's refresh in a body":  {form("grant_type", "refresh_token", "client_id", "web", "refresh_token", "wprt_x"), 400, "unauthorized_client"},
		"a browser's refresh, no token":  {form("grant_type", "refresh_token", "client_id", "web").From(deployment.Origin), 400, "unauthorized_client"},
		"a refresh without its token":    {form("grant_type", "refresh_token", "client_id", "app"), 400, "invalid_request"},
		"a refresh with nobody's token":  {form("grant_type", "refresh_token", "client_id", "app", "refresh_token", "wprt_x"), 400, "invalid_grant"},
		"a refresh of an unknown client": {form("grant_type", "refresh_token", "client_id", "nobody", "refresh_token", "wprt_x"), 401, "invalid_client"},
	} {
		got := d.Do(tc.r)
		d.Want(name, got, tc.status, tc.code)
		if tried := tc.r.Headers["authorization"] != ""; (got.Headers["Www-Authenticate"] == `Basic realm="wavepass"`) != (tried && tc.status == 401) {
			t.Errorf("%s: WWW-Authenticate %q, want Basic exactly where it was tried and refused", name, got.Headers["Www-Authenticate"])
		}
		if got.Headers["Cache-Control"] != "no-store" {
			t.Errorf("%s: Cache-Control %q, want no-store", name, got.Headers["Cache-Control"])
		}
	}
}

// Id and secret are form-encoded before they are joined (RFC 6749 §2.3.1).
func TestBasicIsPercentDecoded(t *testing.T) {
	const odd = "a:b+c d%20e&é"
	d := newDeployment(t)
	change(t, d, "partner", func(c *client.Client) { c.SecretHash = client.HashSecret(secret(odd)) })
	d.Want("encoded", d.Do(ownToken().With("authorization", basic("partner", odd))), 200, "")
	raw := "Basic " + base64.StdEncoding.EncodeToString([]byte("partner:"+odd))
	d.Want("not encoded", d.Do(ownToken().With("authorization", raw)), 401, "invalid_client")
	d.Want("malformed escapes", d.Do(ownToken().With("authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("partner:%zz")))), 400, "invalid_request")
}

func TestRefreshIsThatOfTheRefreshRoute(t *testing.T) {
	d := newDeployment(t)
	first := d.Login("app")
	refresh := func(text string) deployment.Request {
		return form("grant_type", "refresh_token", "client_id", "app", "refresh_token", text, "scope", "admin")
	}
	second := d.Do(refresh(first.RefreshToken))
	d.Want("refresh", second, 200, "")
	if second.RefreshToken == first.RefreshToken || second.RefreshToken == "" || claimsOf(t, second.AccessToken)["scope"] != "profile account" {
		t.Errorf("answered %s, want the successor, and the scopes of the login", second.Body)
	}
	atRefresh := d.Do(deployment.Form("POST /refresh", "client_id=app&refresh_token="+first.RefreshToken))
	if again := d.Do(refresh(first.RefreshToken)); again.RefreshToken != second.RefreshToken || atRefresh.RefreshToken != second.RefreshToken {
		t.Error("the same token at once gives another successor, want the same at both routes")
	}
	d.Want("another client's", d.Do(form("grant_type", "refresh_token", "client_id", "app2", "refresh_token", second.RefreshToken)), 401, "invalid_client")
	third := d.Do(refresh(second.RefreshToken))
	d.Want("the next", third, 200, "")
	d.Want("two generations old", d.Do(refresh(first.RefreshToken)), 400, "invalid_grant")
	if ended := d.Do(refresh(third.RefreshToken)); ended.Error != "invalid_grant" || !strings.Contains(ended.Body, `"reason":"reuse"`) {
		t.Errorf("after the reuse: %s, want the session ended for it", ended.Body)
	}
}

// golang.org/x/oauth2 finds out how a client says who it is: it tries Basic with an empty secret, and after any error the body, with
// the same refresh token.
func TestBasicWithAnEmptySecretLogsNobodyOut(t *testing.T) {
	d := newDeployment(t)
	text := d.Login("app").RefreshToken
	r := form("grant_type", "refresh_token", "refresh_token", text).With("authorization", basic("app", ""))
	first := d.Do(r)
	d.Want("Basic with an empty secret", first, 200, "")
	second := d.Do(form("grant_type", "refresh_token", "refresh_token", text, "client_id", "app"))
	d.Want("the same token in the body", second, 200, "")
	if first.RefreshToken != second.RefreshToken {
		t.Error("two successors of one token, want one")
	}
	d.Want("Basic with a secret", d.Do(r.With("authorization", basic("app", "x"))), 401, "invalid_client")
	d.Want("the session afterwards", d.Do(form("grant_type", "refresh_token", "refresh_token", second.RefreshToken, "client_id", "app")), 200, "")
	if slices.ContainsFunc(strings.Split(d.Trail(), "\n"), func(line string) bool { return strings.Contains(line, "reuse_detected") }) {
		t.Errorf("somebody was taken for a thief:\n%s", d.Trail())
	}
}

func secret(text string) oauth.Secret { return oauth.NewSecret(text) }
