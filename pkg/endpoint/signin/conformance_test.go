package signin_test

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/oauth"
)

const serverCallback = "https://shop.example/cb" // of the client "shop", which the suite plays

// plan is what the conformance suite finds: a client with a secret, and a browser at which ada is signed in.
type plan struct {
	world
	visitor *deployment.Visitor
}

func newPlan(t *testing.T) plan {
	p := plan{world: newWorld(t)}
	for _, id := range []string{"shop", "shop2"} {
		p.register(id, func(c *client.Client) {
			*c = client.New(id, client.Server)
			c.Scopes, c.Redirects = []string{"openid", "profile", "orders:read"}, []string{serverCallback}
			c.SecretHash = client.HashSecret(oauth.NewSecret("shop-secret-shop-secret-shop-secret"))
		})
	}
	p.visitor = p.Visitor()
	p.visitor.SignIn(p.request())
	return p
}

func (plan) request(parameters ...string) string {
	return deployment.Authorization("shop", serverCallback, parameters...)
}

// exchange asks for the tokens of a code as a client with its secret in the body.
func (p plan) exchange(id, code string, parameters ...string) deployment.Answer {
	values := url.Values{
		"grant_type": {"authorization_code"}, "client_id": {id}, "client_secret": {"shop-secret-shop-secret-shop-secret"},
		"redirect_uri": {serverCallback}, "code": {code}, "code_verifier": {deployment.Verifier},
	}
	for i := 0; i < len(parameters); i += 2 {
		values.Set(parameters[i], parameters[i+1])
	}
	return p.Do(deployment.Form("POST /token", values.Encode()))
}

// signedIn goes through a whole sign-in, and returns the claims of the ID token and the tokens.
func (p plan) signedIn(parameters ...string) (map[string]any, deployment.Answer) {
	p.t.Helper()
	page := p.visitor.Open("/authorize", p.request(parameters...))
	tokens := p.exchange("shop", p.answer("the request", page, serverCallback).Get("code"))
	p.Want("exchange", tokens, 200, "")
	return idClaims(p.t, tokens.IDToken), tokens
}

// conformanceModules are modules of the OpenID Foundation's basic certification plan, by their names there.
func conformanceModules() map[string]func(*testing.T, plan) {
	succeeds := func(parameters ...string) func(*testing.T, plan) {
		return func(_ *testing.T, p plan) { p.signedIn(parameters...) }
	}
	userinfo := func(t *testing.T, p plan, r deployment.Request) {
		claims, tokens := p.signedIn()
		got := p.As(tokens.AccessToken, r)
		p.Want("userinfo", got, 200, "")
		var said map[string]any
		if err := json.Unmarshal([]byte(got.Body), &said); err != nil || said["sub"] != claims["sub"] || said["sub"] == nil {
			t.Errorf("userinfo says %s, %v, and the ID token is about %v", got.Body, err, claims["sub"])
		}
	}
	return map[string]func(*testing.T, plan){
		"oidcc-server": func(t *testing.T, p plan) {
			claims, tokens := p.signedIn()
			if claims["iss"] != deployment.Issuer || claims["aud"] != "shop" || claims["nonce"] != "a nonce" || tokens.RefreshToken == "" {
				t.Errorf("the ID token says %v", claims)
			}
		},
		"oidcc-response-type-missing": func(_ *testing.T, p plan) {
			p.wantError("no response_type", p.visitor.Open("/authorize", p.request("response_type", "")), serverCallback, "invalid_request")
		},
		"oidcc-userinfo-get": func(t *testing.T, p plan) { userinfo(t, p, deployment.Request{Route: "GET /userinfo"}) },
		"oidcc-userinfo-post-header": func(t *testing.T, p plan) {
			userinfo(t, p, deployment.Form("POST /userinfo", ""))
		},
		"oidcc-ensure-request-without-nonce-succeeds-for-code-flow": func(t *testing.T, p plan) {
			if claims, _ := p.signedIn("nonce", ""); claims["nonce"] != nil {
				t.Errorf("the ID token has a nonce that nobody sent: %v", claims)
			}
		},
		"oidcc-scope-profile":                     succeeds("scope", "openid profile"),
		"oidcc-scope-email":                       succeeds("scope", "openid email"),
		"oidcc-scope-address":                     succeeds("scope", "openid address"),
		"oidcc-scope-phone":                       succeeds("scope", "openid phone"),
		"oidcc-scope-all":                         succeeds("scope", "openid profile email address phone"),
		"oidcc-ensure-other-scope-order-succeeds": succeeds("scope", "email openid"),
		"oidcc-display-page":                      succeeds("display", "page"),
		"oidcc-display-popup":                     succeeds("display", "popup"),
		"oidcc-prompt-login": func(t *testing.T, p plan) {
			before, _ := p.signedIn()
			p.Clock.Advance(2 * time.Second)
			page := p.visitor.SignIn(p.request("prompt", "login"))
			after := idClaims(t, p.exchange("shop", p.answer("after the login", page, serverCallback).Get("code")).IDToken)
			if after["auth_time"].(float64) <= before["auth_time"].(float64) || after["sub"] != before["sub"] {
				t.Errorf("auth_time was %v and is %v", before["auth_time"], after["auth_time"])
			}
		},
		"oidcc-prompt-none-not-logged-in": func(_ *testing.T, p plan) {
			p.wantError("nobody", p.Visitor().Open("/authorize", p.request("prompt", "none")), serverCallback, "login_required")
		},
		"oidcc-prompt-none-logged-in": func(t *testing.T, p plan) {
			before, _ := p.signedIn()
			p.Clock.Advance(2 * time.Second)
			if after, _ := p.signedIn("prompt", "none"); after["auth_time"] != before["auth_time"] || after["sub"] != before["sub"] {
				t.Errorf("another login: %v, %v", before, after)
			}
		},
		"oidcc-max-age-1": func(t *testing.T, p plan) {
			p.Clock.Advance(2 * time.Second)
			page := p.visitor.SignIn(p.request("max_age", "1"))
			claims := idClaims(t, p.exchange("shop", p.answer("after the login", page, serverCallback).Get("code")).IDToken)
			if claims["auth_time"] != float64(p.Clock.Now().Unix()) {
				t.Errorf("auth_time is %v, want that of the second login", claims["auth_time"])
			}
		},
		"oidcc-max-age-10000": func(t *testing.T, p plan) {
			p.Clock.Advance(2 * time.Second)
			if claims, _ := p.signedIn("max_age", "10000"); claims["auth_time"] != float64(deployment.Start.Unix()) {
				t.Errorf("auth_time is %v, want that of the first login", claims["auth_time"])
			}
		},
		"oidcc-ensure-request-with-unknown-parameter-succeeds": succeeds("extra", "foobar"),
		"oidcc-id-token-hint": func(t *testing.T, p plan) {
			before, tokens := p.signedIn()
			if after, _ := p.signedIn("id_token_hint", tokens.IDToken, "prompt", "none"); after["sub"] != before["sub"] {
				t.Errorf("another person: %v", after)
			}
		},
		"oidcc-login-hint":                              succeeds("login_hint", deployment.Username),
		"oidcc-ui-locales":                              succeeds("ui_locales", "se"),
		"oidcc-claims-locales":                          succeeds("claims_locales", "se"),
		"oidcc-ensure-request-with-acr-values-succeeds": succeeds("acr_values", "1 2"),
		"oidcc-claims-essential":                        succeeds("claims", `{"userinfo":{"name":{"essential":true}}}`),
		"oidcc-codereuse-30seconds": func(t *testing.T, p plan) {
			code := p.answer("the request", p.visitor.Open("/authorize", p.request()), serverCallback).Get("code")
			tokens := p.exchange("shop", code)
			p.Clock.Advance(30 * time.Second)
			p.Want("the code again", p.exchange("shop", code), 400, "invalid_grant")
			if got := p.As(tokens.AccessToken, deployment.Request{Route: "GET /userinfo"}); got.StatusCode != 403 {
				t.Errorf("its access token: %d, want 403", got.StatusCode)
			}
		},
		"oidcc-ensure-registered-redirect-uri": func(_ *testing.T, p plan) {
			p.want("another redirect", p.visitor.Open("/authorize", p.request("redirect_uri", serverCallback+"/x")), 400, "made a mistake")
		},
		"oidcc-ensure-post-request-succeeds": func(t *testing.T, p plan) {
			if got := p.Raw(deployment.Form("POST /authorize", p.request())); got.StatusCode != 200 || !strings.Contains(got.Body, "<h1>Sign in</h1>") {
				t.Errorf("by POST: %d %s", got.StatusCode, got.Body)
			}
		},
		"oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported": func(_ *testing.T, p plan) {
			p.wantError("request", p.visitor.Open("/authorize", p.request("request", "eyJhbGciOiJub25lIn0.e30.")), serverCallback, "request_not_supported")
		},
		"oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported": func(_ *testing.T, p plan) {
			p.wantError("request_uri", p.visitor.Open("/authorize", p.request("request_uri", "https://evil.example/r")), serverCallback, "request_uri_not_supported")
		},
		"oidcc-ensure-request-object-with-redirect-uri": func(_ *testing.T, p plan) {
			request := p.request("redirect_uri", serverCallback+"/x", "request", "eyJhbGciOiJub25lIn0.e30.")
			p.want("another redirect beside an object", p.visitor.Open("/authorize", request), 400, "made a mistake")
		},
		"oidcc-refresh-token": func(t *testing.T, p plan) {
			before, tokens := p.signedIn()
			refresh := func(id string) deployment.Answer {
				return p.Do(deployment.Form("POST /token", url.Values{
					"grant_type": {"refresh_token"}, "client_id": {id}, "client_secret": {"shop-secret-shop-secret-shop-secret"}, "refresh_token": {tokens.RefreshToken},
				}.Encode()))
			}
			got := refresh("shop")
			p.Want("refresh", got, 200, "")
			after := idClaims(t, got.IDToken)
			for _, name := range []string{"iss", "sub", "aud", "auth_time", "azp"} {
				if after[name] != before[name] {
					t.Errorf("%s was %v and is %v (OpenID Connect Core 1.0 §12.2)", name, before[name], after[name])
				}
			}
			p.Want("another client's refresh token", refresh("shop2"), 400, "invalid_grant")
		},
		"oidcc-ensure-request-with-valid-pkce-succeeds": succeeds("code_challenge", deployment.Challenge, "code_challenge_method", "S256"),
	}
}

func TestConformanceModules(t *testing.T) {
	for name, play := range conformanceModules() {
		t.Run(name, func(t *testing.T) { play(t, newPlan(t)) })
	}
}

// A token counts in its header alone (RFC 6750 §2.1): the authorizer sees no body.
func TestTokenInABodyIsNone(t *testing.T) {
	p := newPlan(t)
	_, tokens := p.signedIn()
	if got := p.Do(deployment.Form("POST /userinfo", "access_token="+tokens.AccessToken)); got.StatusCode != 401 {
		t.Errorf("%d %s, want 401", got.StatusCode, got.Body)
	}
}

// TestPageOfConformanceNamesTestsThatThereAre holds docs/conformance.md to the tests: each module has one that exists, and each that is
// played here has its line.
func TestPageOfConformanceNamesTestsThatThereAre(t *testing.T) {
	const root = "../../../"
	page, err := os.ReadFile(root + "docs/conformance.md")
	if err != nil {
		t.Fatal(err)
	}
	played := conformanceModules()
	rows := regexp.MustCompile("(?m)^\\| `(oidcc-[a-z0-9-]+)` \\| `(Test\\w+)` in `([\\w/]+)`").FindAllStringSubmatch(string(page), -1)
	if lines := strings.Count(string(page), "\n| `oidcc-"); lines != len(rows) || lines != 39 {
		t.Errorf("%d lines of modules, of which %d name a test, want the 39 of both plans and all of them", lines, len(rows))
	}
	for _, row := range rows {
		module, test, folder := row[1], row[2], row[3]
		if _, here := played[module]; here != (test == "TestConformanceModules") {
			t.Errorf("%s: the page says %s; is it one of TestConformanceModules: %v", module, test, here)
		}
		delete(played, module)
		files, err := filepath.Glob(root + folder + "/*_test.go")
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(files, func(file string) bool {
			text, err := os.ReadFile(file)
			return err == nil && strings.Contains(string(text), "\nfunc "+test+"(t *testing.T)")
		}) {
			t.Errorf("%s: there is no %s in %s", module, test, folder)
		}
	}
	for module := range played {
		t.Errorf("the page has no line for %s", module)
	}
}
