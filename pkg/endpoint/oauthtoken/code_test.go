package oauthtoken_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/schema"
	"github.com/wavepass/wavepass/pkg/session"
)

const (
	callback = "https://client.example/cb" // of every client that gets codes
	api      = "https://api.example"       // an audience of "app"
)

// codes is a deployment in which ada is signed in at a browser, and codes come from the authorization endpoint.
type codes struct {
	servers
	visitor *deployment.Visitor
}

func newCodes(t *testing.T) codes {
	t.Helper()
	w := codes{servers: newServers(t)}
	w.Store.SetAccount(account.Account{ID: deployment.AccountID, Username: deployment.Username, Scopes: []string{"openid", "profile"}, Epoch: deployment.Start.Unix()}, "")
	for _, id := range []string{"app", "web", "shop", "keyed"} {
		change(t, w.Deployment, id, func(c *client.Client) {
			c.Redirects, c.Scopes = []string{callback, callback + "2"}, []string{"openid", "profile"}
		})
	}
	change(t, w.Deployment, "app", func(c *client.Client) { c.Audiences = []string{api, "https://stock.example"} })
	other := client.New("other", client.Native)
	other.Redirects = []string{callback}
	if err := w.Store.PutClient(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	w.visitor = w.Visitor()
	w.visitor.SignIn(deployment.Authorization("app", callback))
	w.Clock.Advance(time.Minute)
	return w
}

// restart makes every function cold.
func (w codes) restart() {
	w.Restart(browser.Jar{}, func(string) keyring.Sealer { return w.Sealer })
}

// code returns a new code for the client.
func (w codes) code(clientID string, parameters ...string) string {
	w.t.Helper()
	page := w.visitor.Open("/authorize", deployment.Authorization(clientID, callback, append([]string{"prompt", "none"}, parameters...)...))
	code := deployment.CodeOf(page.To())
	if code == "" {
		w.t.Fatalf("no code for %s: %d, to %q %s", clientID, page.Status, page.To(), page.HTML)
	}
	return code
}

// exchange is the request of the client "app" for a code, with other parameters in place of the usual ones; an empty value takes one out.
func exchange(code string, parameters ...string) deployment.Request {
	values := url.Values{
		"grant_type": {"authorization_code"}, "client_id": {"app"}, "redirect_uri": {callback}, "code": {code}, "code_verifier": {deployment.Verifier},
	}
	for i := 0; i < len(parameters); i += 2 {
		if values.Set(parameters[i], parameters[i+1]); parameters[i+1] == "" {
			values.Del(parameters[i])
		}
	}
	return deployment.Form("POST /token", values.Encode())
}

// events counts the events of a name in the trail.
func (w codes) events(name string) int { return strings.Count(w.Trail(), `"event":"`+name+`"`) }

func TestCodeThatIsNotAcceptedBurnsNothing(t *testing.T) {
	w := newCodes(t)
	long := strings.Repeat("v", 128)
	code := w.code("app", "resource", api)
	for name, tc := range map[string]struct {
		r      deployment.Request
		status int
		code   string
		says   string
	}{
		"another verifier":              {exchange(code, "code_verifier", long), 400, "invalid_grant", "code_verifier does not belong"},
		"a verifier of 42 characters":   {exchange(code, "code_verifier", long[:42]), 400, "invalid_grant", "43 to 128"},
		"a verifier of 129 characters":  {exchange(code, "code_verifier", long+"v"), 400, "invalid_grant", "43 to 128"},
		"a verifier with a space":       {exchange(code, "code_verifier", long[:42]+" "), 400, "invalid_grant", "43 to 128"},
		"the challenge as verifier":     {exchange(code, "code_verifier", deployment.Challenge), 400, "invalid_grant", "code_verifier does not belong"},
		"no verifier":                   {exchange(code, "code_verifier", ""), 400, "invalid_request", "code_verifier is missing"},
		"another redirect":              {exchange(code, "redirect_uri", callback+"2"), 400, "invalid_grant", "redirect_uri"},
		"a redirect with a slash":       {exchange(code, "redirect_uri", callback+"/"), 400, "invalid_grant", "redirect_uri"},
		"no redirect":                   {exchange(code, "redirect_uri", ""), 400, "invalid_request", "redirect_uri is missing"},
		"another client":                {exchange(code, "client_id", "other"), 400, "invalid_grant", "another client"},
		"an unknown client":             {exchange(code, "client_id", "nobody"), 401, "invalid_client", ""},
		"no client":                     {exchange(code, "client_id", ""), 400, "invalid_request", "client_id is missing"},
		"a secret of a public client":   {exchange(code, "client_secret", "x"), 401, "invalid_client", ""},
		"another audience of the app's": {exchange(code, "resource", "https://stock.example"), 400, "invalid_grant", "resource"},
		"no code":                       {exchange(""), 400, "invalid_request", "code is missing"},
		"half a code":                   {exchange(code[:40]), 400, "invalid_grant", "not an authorization code"},
		"another secret":                {exchange(forged(code)), 400, "invalid_grant", "no such code"},
		"a refresh token as code":       {exchange("wprt_" + code[5:]), 400, "invalid_grant", "not an authorization code"},
		"a handle as code":              {exchange("wpss_" + code[5:]), 400, "invalid_grant", "not an authorization code"},
		"the code as refresh token":     {refreshOf(code, "client_id", "app"), 400, "invalid_grant", ""},
		"a parameter twice":             {twice(exchange(code), "code_verifier"), 400, "invalid_request", ""},
		"a service":                     {exchange(code, "client_id", "partner", "client_secret", deployment.Secret), 400, "unauthorized_client", ""},
		"a site":                        {exchange(code, "client_id", "site").From(deployment.Origin), 400, "unauthorized_client", ""},
		"a server, by its id alone":     {exchange(code, "client_id", "shop"), 401, "invalid_client", ""},
		"another grant type":            {exchange(code, "grant_type", "code"), 400, "unsupported_grant_type", "authorization_code"},
	} {
		got := w.Do(tc.r)
		w.Want(name, got, tc.status, tc.code)
		if !strings.Contains(got.Description, tc.says) || strings.Contains(got.Body, "wpac_") {
			t.Errorf("%s: says %q, want %q", name, got.Description, tc.says)
		}
	}
	if got := w.events("code_refused"); got != 7 {
		t.Errorf("%d events code_refused, want one for each of the seven that had a code and a verifier of the right form", got)
	}
	tokens := w.Do(exchange(code, "resource", api))
	w.Want("the right request afterwards", tokens, 200, "")
	if w.events("code_used") != 1 || w.events("code_replayed") != 0 || strings.Contains(w.Trail()+w.Log(), "wpac_") {
		t.Errorf("the trail does not have one code that was used, or has a code in it:\n%s", w.Trail())
	}
}

// forged is the code with another secret.
func forged(code string) string {
	last := "A"
	if strings.HasSuffix(code[:len(code)-4], "A") {
		last = "B"
	}
	return code[:len(code)-5] + last + code[len(code)-4:]
}

// twice repeats a parameter of a form.
func twice(r deployment.Request, name string) deployment.Request {
	r.Body += "&" + name + "=" + deployment.Verifier
	return r
}

// Somebody who makes codes up chooses the ids in them. No event says that they are of an account.
func TestMadeUpCodeNamesNobodyInTheTrail(t *testing.T) {
	w := newCodes(t)
	code := w.code("app")
	since := len(w.Trail())
	w.Want("another secret", w.Do(exchange(forged(code))), 400, "invalid_grant")
	parsed, err := session.ParseCode(oauth.NewSecret(code))
	if err != nil {
		t.Fatal(err)
	}
	w.Store.DropSession(parsed.SessionID)
	w.Want("an unknown session", w.Do(exchange(code)), 400, "invalid_grant")
	if trail := w.Trail()[since:]; strings.Contains(trail, deployment.AccountID.String()) || w.events("code_refused") != 2 {
		t.Errorf("the trail names an account, or does not have two events:\n%s", trail)
	}
}

func TestEveryKindGetsItsTokensItsWay(t *testing.T) {
	w := newCodes(t)
	key := asserting("POST /token", w.byKey(), "grant_type", "authorization_code", "redirect_uri", callback, "code", w.code("keyed"), "code_verifier", deployment.Verifier)
	for name, tc := range map[string]struct {
		r      deployment.Request
		cookie bool
	}{
		"native, named in the form":             {exchange(w.code("app")), false},
		"native, by Basic with an empty secret": {exchange(w.code("app"), "client_id", "").With("authorization", basic("app", "")), false},
		"server, by Basic":                      {byShop(exchange(w.code("shop"), "client_id", "")), false},
		"server, by its secret in the form":     {exchange(w.code("shop"), "client_id", "shop", "client_secret", "shop-secret"), false},
		"server, by its key":                    {key, false},
		"browser":                               {exchange(w.code("web"), "client_id", "web").From(deployment.Origin), true},
	} {
		got := w.Do(tc.r)
		w.Want(name, got, 200, "")
		if got.AccessToken == "" || got.IDToken == "" || (got.RefreshToken == "") != tc.cookie || (len(got.Cookies) == 1) != tc.cookie {
			t.Errorf("%s: %s, cookies %q", name, got.Body, got.Cookies)
		}
	}
	// Functions of the version before look for their own name of the cookie, until the schema number is raised.
	for number, want := range map[int]string{schema.First: "__Host-wprt-web=wprt_", schema.Current: "__Host-Http-wprt-web=wprt_"} {
		w.Store.SetSchema(number)
		got := w.Do(exchange(w.code("web"), "client_id", "web").From(deployment.Origin))
		if set := got.Cookies[len(got.Cookies)-1]; !strings.HasPrefix(set, want) {
			t.Errorf("schema %d: cookie %.40s, want %s", number, set, want)
		}
	}
	w.Store.SetSchema(schema.Current)
	// A page of another site cannot log people in at the app, with a code of its own choice.
	for name, r := range map[string]deployment.Request{
		"another origin": exchange(w.code("web"), "client_id", "web").From("https://evil.example"), "no browser": exchange(w.code("web"), "client_id", "web"),
	} {
		if got := w.Do(r); got.StatusCode != 403 || len(got.Cookies) > 0 {
			t.Errorf("%s: %d, cookies %q, want 403", name, got.StatusCode, got.Cookies)
		}
		w.Want(name+", then from the app", w.Do(r.From(deployment.Origin)), 200, "")
	}
	code := w.code("shop")
	w.Want("server, a wrong secret", w.Do(exchange(code, "client_id", "shop", "client_secret", "wrong")), 401, "invalid_client")
	w.Want("then the right one", w.Do(byShop(exchange(code, "client_id", ""))), 200, "")
}

func TestResourceIsTheOneAudienceThroughRefreshes(t *testing.T) {
	w := newCodes(t)
	tokens := w.Do(exchange(w.code("app", "resource", api, "scope", "profile")))
	w.Want("exchange", tokens, 200, "")
	refreshed := w.Do(refreshOf(tokens.RefreshToken, "client_id", "app"))
	w.Want("refresh", refreshed, 200, "")
	all := w.Do(exchange(w.code("app", "scope", "profile")))
	for name, tc := range map[string]struct {
		token string
		want  any
	}{"exchange": {tokens.AccessToken, api}, "refresh": {refreshed.AccessToken, api}, "without resource": {all.AccessToken, []any{api, "https://stock.example"}}} {
		if diff := cmp.Diff(tc.want, claimsOf(t, tc.token)["aud"]); diff != "" {
			t.Errorf("%s: audience (-want +got):\n%s", name, diff)
		}
	}
	w.Want("a resource that was not asked for", w.Do(exchange(w.code("app"), "resource", api)), 400, "invalid_grant")
	change(t, w.Deployment, "other", func(c *client.Client) { c.Scopes = []string{"profile"} })
	other := w.Do(exchange(w.code("other"), "client_id", "other"))
	w.Want("a client without audiences", other, 200, "")
	if claims := claimsOf(t, other.AccessToken); claims["aud"] != deployment.Issuer {
		t.Errorf("a client without audiences: audience %v, want the deployment's alone", claims["aud"])
	}
}

// TestRefreshIsForNoOtherResource is RFC 8707 §2: what was granted may be narrowed and never changed, and who asks for something else loses nothing.
func TestRefreshIsForNoOtherResource(t *testing.T) {
	const stock = "https://stock.example"
	w := newCodes(t)
	one, all := w.Do(exchange(w.code("app", "resource", api))), w.Do(exchange(w.code("app", "scope", "profile")))
	w.Clock.Advance(time.Minute)
	for name, tc := range map[string]struct {
		token, resource string
	}{
		"another of the client's":                      {one.RefreshToken, stock},
		"that of nobody":                               {one.RefreshToken, "https://evil.example"},
		"with a slash":                                 {one.RefreshToken, api + "/"},
		"the service itself":                           {one.RefreshToken, deployment.Issuer},
		"that of nobody, of a session without one":     {all.RefreshToken, "https://evil.example"},
		"the service itself, of a session without one": {all.RefreshToken, deployment.Issuer},
	} {
		w.Want(name, w.Do(refreshOf(tc.token, "client_id", "app", "resource", tc.resource)), 400, "invalid_target")
	}
	if w.events("refresh_refused") != 6 || w.events("refresh") != 0 {
		t.Errorf("the trail: want six events refresh_refused and no refresh:\n%s", w.Trail())
	}
	for name, tc := range map[string]struct {
		token, resource string
		want            any
	}{
		"its own":                           {one.RefreshToken, api, api},
		"one of two":                        {all.RefreshToken, stock, stock},
		"the other, with the same token":    {all.RefreshToken, api, api},
		"none, with the same token":         {all.RefreshToken, "", []any{api, stock}},
		"its own, with the same token":      {one.RefreshToken, api, api},
		"none of a session with a resource": {one.RefreshToken, "", api},
	} {
		got := w.Do(refreshOf(tc.token, "client_id", "app", "resource", tc.resource))
		w.Want(name, got, 200, "")
		if diff := cmp.Diff(tc.want, claimsOf(t, got.AccessToken)["aud"]); diff != "" {
			t.Errorf("%s: audience (-want +got):\n%s", name, diff)
		}
	}
}

// Tokens are issued in the middle of a second, and their times are whole seconds.
func TestNothingIsPromisedForLongerThanATokenLives(t *testing.T) {
	w := newCodes(t)
	change(t, w.Deployment, "partner", func(c *client.Client) { c.Scopes = []string{"profile"} })
	for _, part := range []time.Duration{0, time.Millisecond, 400 * time.Millisecond, 999 * time.Millisecond} {
		w.Clock.Set(w.Clock.Now().Truncate(time.Second).Add(time.Minute + part))
		code := w.code("app")
		first := w.Do(exchange(code))
		for name, got := range map[string]deployment.Answer{
			"exchange": first, "refresh": w.Do(refreshOf(first.RefreshToken, "client_id", "app")), "client credentials": w.Do(byBasic()),
		} {
			w.Want(name, got, 200, "")
			exp, _ := claimsOf(t, got.AccessToken)["exp"].(float64)
			promised := w.Clock.Now().Add(time.Duration(got.ExpiresIn) * time.Second)
			if left := time.Unix(int64(exp), 0).Sub(promised); left < 0 || left >= time.Second {
				t.Errorf("%s after %s of a second: the token lives %s longer than promised, want less than a second and never less than nothing", name, part, left)
			}
			if got.IDToken == "" {
				continue
			}
			if id := claimsOf(t, got.IDToken); id["exp"] != exp {
				t.Errorf("%s: the ID token expires at %v, the access token at %v", name, id["exp"], exp)
			}
		}
	}
}

// A session that has not begun is none to anybody.
func TestPendingSessionIsInNoList(t *testing.T) {
	w := newCodes(t)
	tokens := w.Do(exchange(w.code("app", "scope", "openid account")))
	w.Want("exchange", tokens, 200, "")
	list := func() int {
		t.Helper()
		got := w.As(tokens.AccessToken, deployment.Request{Route: "GET /sessions"})
		w.Want("list", got, 200, "")
		return strings.Count(got.Body, `"client_id":"app"`)
	}
	before := list()
	waiting := w.code("app")
	if after := list(); before != 1 || after != 1 {
		t.Errorf("%d sessions of the client are listed, and %d with a code that waits; want 1 and 1", before, after)
	}
	w.Want("its exchange", w.Do(exchange(waiting)), 200, "")
	if after := list(); after != 2 {
		t.Errorf("%d sessions of the client are listed once it was used, want 2", after)
	}
}
