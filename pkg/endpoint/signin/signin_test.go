package signin_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

func TestPersonSignsInAndTheClientGetsTokens(t *testing.T) {
	w := newWorld(t)
	v := w.Visitor()
	page := v.Open("/authorize", request("login_hint", "ada"))
	w.want("first", page, 200, "Sign in")
	w.want("first", page, 200, `value="ada"`)
	answer := w.answer("signed in", v.SignIn(request()), callback)
	tokens := w.Do(deployment.Exchange("app", callback, answer.Get("code")))
	w.Want("exchange", tokens, 200, "")
	if got := w.As(tokens.AccessToken, deployment.Request{Route: "GET /userinfo"}); got.StatusCode != 200 || !strings.Contains(got.Body, deployment.AccountID.String()) {
		t.Errorf("userinfo: %d %s", got.StatusCode, got.Body)
	}
	claims := idClaims(t, tokens.IDToken)
	for name, want := range map[string]any{
		"iss": deployment.Issuer, "aud": "app", "azp": "app", "sub": deployment.AccountID.String(), "nonce": "a nonce", "auth_time": float64(deployment.Start.Unix()),
	} {
		if claims[name] != want {
			t.Errorf("ID token: %s is %v, want %v", name, claims[name], want)
		}
	}
	refreshed := w.Do(deployment.Form("POST /token", "grant_type=refresh_token&client_id=app&refresh_token="+tokens.RefreshToken))
	w.Want("refresh", refreshed, 200, "")
	if again := idClaims(t, refreshed.IDToken); again["nonce"] != nil || again["sub"] != claims["sub"] || again["auth_time"] != claims["auth_time"] || again["sid"] != claims["sid"] {
		t.Errorf("ID token of the refresh: %v, want the same without a nonce (first: %v)", again, claims)
	}
	if w.As(tokens.IDToken, deployment.Request{Route: "GET /userinfo"}).StatusCode != 403 {
		t.Error("an ID token is taken for an access token")
	}
	// Whoever is signed in at the browser is not asked again, by any client of the operator's.
	second := w.answer("second", v.Open("/authorize", request("prompt", "none")), callback)
	if second.Get("code") == "" || second.Get("code") == answer.Get("code") {
		t.Errorf("second: %v, want another code", second)
	}
}

func idClaims(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("no ID token: %q", token)
	}
	header, _ := base64.RawURLEncoding.DecodeString(parts[0])
	if !strings.Contains(string(header), `"typ":"JWT"`) {
		t.Errorf("header %s, want typ JWT", header)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	claims := map[string]any{}
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

func TestWhoIsAskedToLogIn(t *testing.T) {
	w := newWorld(t)
	w.wantError("nobody is signed in", w.Visitor().Open("/authorize", request("prompt", "none")), callback, "login_required")
	v := w.Visitor()
	v.SignIn(request())
	w.Clock.Advance(10 * time.Minute)
	w.want("prompt=login", v.Open("/authorize", request("prompt", "login")), 200, "Sign in")
	w.want("max_age that is over", v.Open("/authorize", request("max_age", "599")), 200, "Sign in")
	w.wantError("the same without a page", v.Open("/authorize", request("max_age", "599", "prompt", "none")), callback, "login_required")
	w.answer("max_age that is not", v.Open("/authorize", request("max_age", "600")), callback)
	// After the login that they asked for, neither asks again.
	for _, parameters := range [][]string{{"prompt", "login"}, {"max_age", "0"}} {
		if w.answer(parameters[0], v.SignIn(request(parameters...)), callback).Get("code") == "" {
			t.Errorf("%v: no code", parameters)
		}
	}
	w.want("without the cookie", v.Without(handleCookie).Open("/authorize", request()), 200, "Sign in")

	ended := v.Without("none")
	w.Store.SetAccount(account.Account{ID: deployment.AccountID, Username: deployment.Username, Disabled: true, Epoch: deployment.Start.Unix()}, "")
	w.want("disabled", ended.Open("/authorize", request()), 200, "Sign in")
}

func TestWrongPasswordAsksAgain(t *testing.T) {
	w := newWorld(t)
	v := w.Visitor()
	form := v.Open("/authorize", request()).Form()
	form.Set("username", deployment.Username)
	form.Set("password", "wrong")
	page := v.Post("/signin", form)
	w.want("wrong password", page, 400, "The username or the password is wrong")
	w.want("wrong password", page, 400, `value="ada"`)
	if strings.Contains(page.HTML, `value="wrong"`) || v.Cookie(handleCookie) != "" {
		t.Errorf("the page has the password in it, or somebody is signed in:\n%s", page.HTML)
	}
	form.Set("username", "nobody")
	w.want("unknown name", v.Post("/signin", form), 400, "The username or the password is wrong")
	for range 20 {
		page = v.Post("/signin", form)
	}
	if w.want("too many", page, 429, "There were too many attempts"); page.Headers["Retry-After"] == "" {
		t.Errorf("too many: no Retry-After in %v", page.Headers)
	}
}

func TestFormsOfOtherSitesSignNobodyIn(t *testing.T) {
	w := newWorld(t)
	v := w.Visitor()
	form := v.Open("/authorize", request()).Form()
	form.Set("username", deployment.Username)
	form.Set("password", deployment.Password)

	wanted := map[string]string{"origin": "https://evil.example"}
	for name, value := range wanted {
		got := w.Raw(deployment.Form("POST /signin", form.Encode()).With(name, value).Cookie("__Host-Http-wpsi=" + v.Cookie("__Host-Http-wpsi")))
		if got.StatusCode != 403 || len(got.Cookies) != 0 || !strings.Contains(got.Body, "<html") {
			t.Errorf("%s %s: %d %s, want a page with 403 and no cookie", name, value, got.StatusCode, got.Body)
		}
	}
	page := w.Visitor().Post("/signin", form)
	w.want("no cookie", page, 400, "Your browser sends no cookies")
	other := w.Visitor()
	other.Open("/authorize", request())
	w.want("the form of another browser", other.Post("/signin", form), 400, "This page was open for too long")
	form.Set("token", "")
	w.want("no token", v.Post("/signin", form), 400, "This page was open for too long")
	if w.Store.SessionCount() != 0 {
		t.Errorf("%d sessions began, want none", w.Store.SessionCount())
	}
}

func TestTwoTabsSignInSideBySide(t *testing.T) {
	w := newWorld(t)
	v := w.Visitor()
	first, second := v.Open("/authorize", request("state", "1")).Form(), v.Open("/authorize", request("state", "2")).Form()
	for state, form := range map[string]map[string][]string{"1": first, "2": second} {
		form["username"], form["password"] = []string{deployment.Username}, []string{deployment.Password}
		for range 2 { // a double click
			page := v.Follow(v.Post("/signin", form))
			if !strings.Contains(page.To(), "state="+state) || deployment.CodeOf(page.To()) == "" {
				t.Errorf("tab %s: %d, to %q, want a code", state, page.Status, page.To())
			}
		}
	}
}

func TestThirdPartyAsksForConsent(t *testing.T) {
	w := newWorld(t)
	v := w.Visitor()
	w.wantError("nobody is signed in", v.Open("/authorize", thirdParty("prompt", "none")), partnerCallback, "login_required")
	page := v.SignIn(thirdParty())
	w.want("first", page, 200, "third asks for access")
	w.want("first", page, 200, "partner.example")
	w.wantError("without a page", v.Open("/authorize", thirdParty("prompt", "none")), partnerCallback, "consent_required")

	form := page.Form()
	form.Set("decision", "deny")
	w.wantError("denied", v.Post("/consent", form), partnerCallback, "access_denied")
	form.Set("decision", "maybe")
	w.want("neither", v.Post("/consent", form), 400, "made a mistake")
	form.Set("decision", "allow")
	tokens := w.Do(deployment.Exchange("third", partnerCallback, w.answer("allowed", v.Post("/consent", form), partnerCallback).Get("code")))
	w.Want("exchange", tokens, 200, "")
	w.answer("asked once", v.Open("/authorize", thirdParty("prompt", "none")), partnerCallback)
	w.want("more than before", v.Open("/authorize", thirdParty("scope", "openid orders:read")), 200, "orders:read")
	w.want("prompt=consent", v.Open("/authorize", thirdParty("prompt", "consent")), 200, "third asks for access")
	if got := w.As(tokens.AccessToken, deployment.Request{Route: "GET /sessions"}); got.StatusCode != 403 {
		t.Errorf("a third party manages the account: %d", got.StatusCode)
	}
}

// The form that gives consent is good in the session that it was shown in.
func TestConsentIsOfOneSession(t *testing.T) {
	w := newWorld(t)
	v := w.Visitor()
	form := v.SignIn(thirdParty()).Form()
	form.Set("decision", "allow")

	other := w.Visitor()
	other.SignIn(request())
	if page := other.Post("/consent", form); !strings.HasPrefix(page.To(), "/authorize?") {
		t.Errorf("in another session: %d, to %q, want that the request begins anew", page.Status, page.To())
	}
	if page := w.Visitor().Post("/consent", form); !strings.HasPrefix(page.To(), "/authorize?") {
		t.Errorf("signed in nowhere: %d, to %q, want that the request begins anew", page.Status, page.To())
	}
	got := w.Raw(deployment.Form("POST /consent", form.Encode()).From("https://evil.example").Cookie(handleCookie + "=" + v.Cookie(handleCookie)))
	if got.StatusCode != 403 || got.Headers["Location"] != "" {
		t.Errorf("from another site: %d %v", got.StatusCode, got.Headers)
	}
	if strings.Contains(w.Trail(), `"event":"consent_given"`) {
		t.Error("somebody has consented")
	}
}

func TestRequestThatIsWrong(t *testing.T) {
	w := newWorld(t)
	for what, query := range map[string]string{
		"no client": request("client_id", ""), "unknown client": request("client_id", "nobody"), "the client of these pages": request("client_id", "wavepass"),
		"another redirect": request("redirect_uri", "https://evil.example/"), "nothing": "",
	} {
		page := w.Visitor().Open("/authorize", query)
		if w.want(what, page, 400, "made a mistake"); page.To() != "" {
			t.Errorf("%s: leads to %q", what, page.To())
		}
	}
	w.wantError("no PKCE", w.Visitor().Open("/authorize", request("code_challenge", "")), callback, "invalid_request")
	w.wantError("a token", w.Visitor().Open("/authorize", request("response_type", "token")), callback, "unsupported_response_type")
	if got := w.Raw(deployment.Form("POST /authorize", request())); got.StatusCode != 200 || !strings.Contains(got.Body, "<h1>Sign in</h1>") {
		t.Errorf("by POST: %d %s", got.StatusCode, got.Body)
	}
}

func TestTenCodesOfAPersonMayWait(t *testing.T) {
	w := newWorld(t)
	v := w.Visitor()
	v.SignIn(request())
	codes := 1
	for range 30 {
		if w.answer("prompt=none", v.Open("/authorize", request("prompt", "none")), callback).Get("code") != "" {
			codes++
		}
	}
	if codes != 10 {
		t.Errorf("%d codes, want 10", codes)
	}
	w.Clock.Advance(time.Minute)
	if w.answer("a minute later", v.Open("/authorize", request("prompt", "none")), callback).Get("code") == "" {
		t.Error("a minute later there is no code")
	}
}

func TestSigningInAgainEndsTheEarlierSession(t *testing.T) {
	w := newWorld(t)
	v := w.Visitor()
	v.SignIn(request())
	const name = "__Host-Http-wpss-wavepass"
	copied := w.Visitor()
	copied.SetCookie(name, v.Cookie(name))
	w.answer("a copy before", copied.Open("/authorize", request("prompt", "none")), callback)
	v.SignIn(request("prompt", "login"))
	w.answer("the browser", v.Open("/authorize", request("prompt", "none")), callback)
	w.wantError("a copy of the cookie before", copied.Open("/authorize", request("prompt", "none")), callback, "login_required")
	if n := strings.Count(w.Trail(), `"reason":"replaced"`); n != 1 {
		t.Errorf("%d events of its end, want 1\n%s", n, w.Trail())
	}
}

// A neighbour has used up the attempts of the network, also for the person's name.
func TestKnownBrowserSignsInWhereItsNetworkIsLimited(t *testing.T) {
	w := newWorld(t)
	v := w.Visitor()
	w.answer("first", v.SignIn(request()), callback)
	known := v.Without(handleCookie)
	if known.Cookie("__Host-Http-wpdv-wavepass") == "" {
		t.Fatal("no cookie makes the browser known")
	}
	for range account.DefaultLimits.Account.Count + 1 {
		w.Do(deployment.JSON("POST /login", `{"client_id":"app","username":"ada","password":"canary-wrong"}`))
	}
	stranger := w.Visitor()
	form := stranger.Open("/authorize", request()).Form()
	form.Set("username", deployment.Username)
	form.Set("password", deployment.Password)
	w.want("unknown", stranger.Post("/signin", form), 429, "There were too many attempts")
	w.answer("known", known.SignIn(request()), callback)
}
