package introspect_test

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/token"
)

const inactive = `{"active":false}`

// world is a deployment in which the service "partner" may ask about refresh tokens of "app".
type world struct {
	*deployment.Deployment
	t *testing.T
}

func newWorld(t *testing.T) world {
	t.Helper()
	w := world{deployment.New(t, browser.Jar{}), t}
	w.change("partner", func(c *client.Client) { c.Introspects = []string{"app"} })
	return w
}

func (w world) change(id string, to func(*client.Client)) {
	w.t.Helper()
	c, err := w.Store.Client(w.t.Context(), id)
	if err != nil {
		c = client.New(id, client.Service)
		c.SecretHash = client.HashSecret(oauth.NewSecret(deployment.Secret))
	}
	to(&c)
	if err := w.Store.PutClient(w.t.Context(), c); err != nil {
		w.t.Fatal(err)
	}
}

// form is a request to a route by the service, which names itself in the body; parameters are name, value, name, value.
func form(route, service string, parameters ...string) deployment.Request {
	values := url.Values{"client_id": {service}, "client_secret": {deployment.Secret}}
	for i := 0; i < len(parameters); i += 2 {
		values.Set(parameters[i], parameters[i+1])
	}
	return deployment.Form(route, values.Encode())
}

// ask asks about a token as a service.
func (w world) ask(service, text string) deployment.Answer {
	w.t.Helper()
	got := w.Do(form("POST /introspect", service, "token", text))
	w.Want("introspect", got, 200, "")
	return got
}

// wantInactive asks as the partner.
func (w world) wantInactive(what, text string) {
	w.t.Helper()
	if got := w.ask("partner", text); got.Body != inactive {
		w.t.Errorf("%s: %s, want exactly %s", what, got.Body, inactive)
	}
}

func (w world) ownToken(service string) string {
	w.t.Helper()
	got := w.Do(form("POST /token", service, "grant_type", "client_credentials"))
	w.Want("client credentials", got, 200, "")
	return got.AccessToken
}

// signed is a token of this deployment that says what change makes of a good one of ada's.
func (w world) signed(change func(*token.Claims)) string {
	w.t.Helper()
	ring := keyring.New(keyring.Config{Store: w.Store, Sealer: w.Sealer, Algorithm: keyring.ES256, Now: w.Clock.Now})
	key, err := ring.SigningKeys().Current(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	now := w.Clock.Now()
	claims := token.Claims{
		Issuer: deployment.Issuer, Audience: []string{deployment.Issuer}, Subject: deployment.AccountID.String(), ClientID: "app", ID: uuid.NewString(),
		IssuedAt: now, Expiry: now.Add(15 * time.Minute), Scope: "profile",
		Login: &token.Login{SessionID: uuid.New(), Epoch: now.Unix(), AuthTime: now, AMR: []string{"pwd"}},
	}
	change(&claims)
	text, _ := token.Sign(key, claims)
	return text.Reveal()
}

func decode(t *testing.T, text string) (members map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &members); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return members
}

func TestAccessTokenIsToldToServicesOfItsAudience(t *testing.T) {
	w := newWorld(t)
	got := w.ask("partner", w.signed(func(c *token.Claims) {
		c.Roles, c.Custom = []string{"admin"}, `{"plan":"pro"}`
		c.Login.SessionID, c.ID = deployment.AccountID, deployment.AccountID.String()
	}))
	at := float64(deployment.Start.Unix())
	want := map[string]any{
		"active": true, "token_type": "Bearer", "iss": deployment.Issuer, "sub": deployment.AccountID.String(), "client_id": "app",
		"aud": []any{deployment.Issuer}, "exp": at + 900, "iat": at, "auth_time": at, "jti": deployment.AccountID.String(),
		"sid": deployment.AccountID.String(), "scope": "profile", "amr": []any{"pwd"}, "roles": []any{"admin"}, "claims": map[string]any{"plan": "pro"},
	}
	if diff := cmp.Diff(want, decode(t, got.Body)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got.Headers["Cache-Control"] != "no-store" || got.Headers["Content-Type"] != "application/json" {
		t.Errorf("headers %v", got.Headers)
	}
	subject := w.signed(func(c *token.Claims) { c.ExternalID = "shop/4711" })
	if got := decode(t, w.ask("partner", subject).Body); got["external_id"] != "shop/4711" {
		t.Errorf("of a back end's own user: %v", got)
	}
	w.change("mail", func(c *client.Client) { c.Audiences = []string{"https://mail.example"} })
	if got := w.ask("mail", subject); got.Body != inactive {
		t.Errorf("a service of another audience learns %s", got.Body)
	}
	own := decode(t, w.ask("partner", w.ownToken("partner")).Body)
	if own["active"] != true || own["sub"] != "partner" || own["sid"] != nil || own["auth_time"] != nil || own["amr"] != nil {
		t.Errorf("the service's own token: %v, want it without anything of a login", own)
	}
}

func TestTokenOfAnotherAudienceIsInactive(t *testing.T) {
	w := newWorld(t)
	w.change("orders", func(c *client.Client) { c.Audiences = []string{"https://orders.example", "https://stock.example"} })
	w.change("mail", func(c *client.Client) { c.Audiences = []string{"https://mail.example"} })
	orders, both := w.ownToken("orders"), w.signed(func(c *token.Claims) { c.Audience = []string{"https://stock.example", "https://mail.example"} })
	for _, tc := range []struct {
		asker, what, text string
		active            bool
	}{
		{"orders", "its own", orders, true}, {"mail", "orders'", orders, false}, {"partner", "orders'", orders, false},
		{"orders", "for stock and mail", both, true}, {"mail", "for stock and mail", both, true}, {"partner", "for stock and mail", both, false},
		{"orders", "for this issuer", w.Login("app").AccessToken, false},
	} {
		if got := w.ask(tc.asker, tc.text); (got.Body != inactive) != tc.active {
			t.Errorf("%s asks about a token %s: %s, want it active: %v", tc.asker, tc.what, got.Body, tc.active)
		}
	}
}

func TestRefreshTokenIsToldToServicesOfItsClient(t *testing.T) {
	w := newWorld(t)
	first := w.Login("app")
	at := float64(deployment.Start.Unix())
	want := map[string]any{
		"active": true, "iss": deployment.Issuer, "sub": deployment.AccountID.String(), "client_id": "app", "scope": "profile account",
		"exp": at + (14 * 24 * time.Hour).Seconds(), "iat": at, "auth_time": at, "sid": first.SessionID().String(), "amr": []any{"pwd"},
	}
	before := w.Trail()
	if diff := cmp.Diff(want, decode(t, w.ask("partner", first.RefreshToken).Body)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if s, _ := w.Store.GetSession(first.SessionID()); s.Generation != 0 || s.UsedFrom != "" || w.Trail() != before {
		t.Errorf("asking counted as use: %+v", s)
	}
	w.change("other", func(c *client.Client) { c.Introspects = []string{"web"} })
	if got := w.ask("other", first.RefreshToken); got.Body != inactive {
		t.Errorf("a service that introspects another client: %s", got.Body)
	}
	second := w.Do(deployment.Form("POST /refresh", "client_id=app&refresh_token="+first.RefreshToken))
	third := w.Do(deployment.Form("POST /refresh", "client_id=app&refresh_token="+second.RefreshToken))
	w.wantInactive("two generations old", first.RefreshToken)
	for what, text := range map[string]string{"the one before": second.RefreshToken, "the newest": third.RefreshToken} {
		if got := w.ask("partner", text); got.Body == inactive {
			t.Errorf("%s: inactive, want it active, as a refresh would be", what)
		}
	}
	if strings.Contains(w.Trail(), "reuse_detected") {
		t.Error("asking about an old token ended the session")
	}
}

// dead are tokens of every kind that nobody may learn anything of, made just now.
func (w world) dead() map[string]string {
	w.t.Helper()
	rotated, left := w.Login("app"), w.Login("app")
	revoked, ended, foreign := w.Login("app"), w.Login("app"), w.Login("web2")
	w.Want("revoke", w.Do(deployment.Form("POST /revoke", "client_id=app&token="+revoked.AccessToken)), 200, "")
	w.Want("revoke", w.Do(deployment.Form("POST /revoke", "client_id=app&token="+ended.RefreshToken)), 200, "")
	_, cookie, _ := strings.Cut(foreign.CookiePair(), "=")
	return map[string]string{
		"garbage": "x", "a space": " ", "two dots": "a.b.c", "another issuer": w.signed(func(c *token.Claims) { c.Issuer = "https://evil.example" }),
		"expired":     w.signed(func(c *token.Claims) { c.Expiry = w.Clock.Now() }),
		"foreign":     w.signed(func(c *token.Claims) { c.Audience = []string{"https://orders.example"} }),
		"revoked":     revoked.AccessToken,
		"of an ended": ended.AccessToken,
		"not ours":    left.AccessToken[:len(left.AccessToken)-4] + "AAAA",
		"cut off":     left.AccessToken[:len(left.AccessToken)-1],
		"padded":      left.AccessToken + "=",
		"too long":    strings.Repeat("a", 5000),

		"refresh: ended":    ended.RefreshToken,
		"refresh: foreign":  cookie,
		"refresh: garbage":  "wprt_x",
		"refresh: prefix":   "wprt_",
		"refresh: not ours": rotated.RefreshToken[:len(rotated.RefreshToken)-4] + "AAAA",
		"refresh: padded":   rotated.RefreshToken + "=",
	}
}

func TestDeadTokensAreAllAlike(t *testing.T) {
	w := newWorld(t)
	for what, text := range w.dead() {
		got := w.ask("partner", text)
		if got.Body != inactive || len(got.Cookies) > 0 {
			t.Errorf("%s: %s, want exactly %s", what, got.Body, inactive)
		}
		if both := w.Log() + w.Trail(); len(text) > 20 && strings.Contains(both, text) {
			t.Errorf("%s: a log has the token", what)
		}
	}
	ended := w.Login("app")
	w.Clock.Advance(20 * 24 * time.Hour)
	w.wantInactive("idle", ended.RefreshToken)
	w.wantInactive("expired", ended.AccessToken)
}

// The time tells nothing when each token of a form costs the same calls. A signature check is some 60 µs beside them.
func TestDeadTokensCostWhatGoodOnesDo(t *testing.T) {
	w := newWorld(t)
	good := w.Login("app")
	w.ask("partner", good.AccessToken)
	w.ask("partner", good.RefreshToken) // warm
	calls := func(text string) []string {
		w.Store.ForgetCalls()
		w.ask("partner", text)
		return slices.Sorted(slices.Values(w.Store.Calls()))
	}
	dead := w.dead()
	wantAccess, wantRefresh := calls(good.AccessToken), calls(good.RefreshToken)
	if len(wantAccess) != 1 || len(wantRefresh) != 2 {
		t.Errorf("calls %v and %v; want the denylist, and session and account", wantAccess, wantRefresh)
	}
	for what, text := range dead {
		want := wantAccess
		if strings.HasPrefix(text, "wprt_") {
			want = wantRefresh
		}
		if diff := cmp.Diff(want, calls(text)); diff != "" {
			t.Errorf("%s: calls (-good +dead)\n%s", what, diff)
		}
	}
}

func TestWhatEndsASessionEndsItsTokensHere(t *testing.T) {
	everywhere := func(w world, a deployment.Answer) {
		w.Want("logout", w.Do(deployment.JSON("POST /logout", `{"client_id":"app","everywhere":true,"refresh_token":"`+a.RefreshToken+`"}`)), 200, "")
	}
	for name, end := range map[string]func(w world, a deployment.Answer){
		"everywhere": everywhere,
		"disabled": func(w world, a deployment.Answer) {
			everywhere(w, a)
			who, err := w.Store.Account(w.t.Context(), deployment.AccountID)
			if err != nil {
				w.t.Fatal(err)
			}
			who.Disabled = true
			w.Store.SetAccount(who, "")
		},
		"end all": func(w world, a deployment.Answer) {
			w.Want("end all", w.As(a.AccessToken, deployment.Request{Route: "DELETE /sessions"}), 200, "")
		},
		"logout": func(w world, a deployment.Answer) {
			w.Want("logout", w.Do(deployment.JSON("POST /logout", `{"client_id":"app","refresh_token":"`+a.RefreshToken+`"}`)), 200, "")
		},
	} {
		w := newWorld(t)
		tokens := w.Login("app")
		end(w, tokens)
		w.wantInactive(name+": access token", tokens.AccessToken)
		w.wantInactive(name+": refresh token", tokens.RefreshToken)
	}
}

func TestOnlyServicesMayAsk(t *testing.T) {
	w := newWorld(t)
	text := w.Login("app").AccessToken
	basic := func(pair string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair)) }
	asks := func(body string, header ...string) deployment.Request {
		return deployment.Form("POST /introspect", body).With(header...)
	}
	for name, tc := range map[string]struct {
		r      deployment.Request
		status int
		code   string
	}{
		"by Basic":               {asks("token="+text, "authorization", basic("partner:"+deployment.Secret)), 200, ""},
		"a hint":                 {asks("token_type_hint=refresh_token&token="+text, "authorization", basic("partner:"+deployment.Secret)), 200, ""},
		"nobody":                 {asks("token=" + text), 400, "invalid_request"},
		"a wrong secret":         {asks("token="+text, "authorization", basic("partner:x")), 401, "invalid_client"},
		"a public client":        {asks("client_id=app&token=" + text), 401, "invalid_client"},
		"a public one, by Basic": {asks("token="+text, "authorization", basic("app:")), 401, "invalid_client"},
		"a browser client":       {asks("client_id=web&token=" + text).From(deployment.Origin), 401, "invalid_client"},
		"by the token itself":    {asks("token="+text, "authorization", "Bearer "+text), 400, "invalid_request"},
		"no token":               {asks("", "authorization", basic("partner:"+deployment.Secret)), 400, "invalid_request"},
		"two tokens":             {asks("token=x&token="+text, "authorization", basic("partner:"+deployment.Secret)), 400, "invalid_request"},
		"JSON":                   {deployment.JSON("POST /introspect", `{"token":"`+text+`"}`), 415, "invalid_request"},
	} {
		got := w.Do(tc.r)
		w.Want(name, got, tc.status, tc.code)
		if tc.status == 401 && (got.Headers["Www-Authenticate"] != "") != (tc.r.Headers["authorization"] != "") {
			t.Errorf("%s: WWW-Authenticate %q", name, got.Headers["Www-Authenticate"])
		}
	}
}

func TestDoubtIsUnavailable(t *testing.T) {
	for method, refresh := range map[string]bool{"Since": false, "Session": true, "Account": true, "ReadPart": true, "Client": true} {
		w := newWorld(t)
		tokens := w.Login("app")
		text := tokens.AccessToken
		if refresh {
			text = tokens.RefreshToken
		}
		w.Restart(browser.Jar{}, func(string) keyring.Sealer { return w.Sealer })
		w.Store.Before = hooks.Fail(method)
		got := w.Do(form("POST /introspect", "partner", "token", text))
		w.Want(method+" fails", got, 503, "temporarily_unavailable")
		if got.Headers["Retry-After"] == "" || strings.Contains(got.Body, "active") {
			t.Errorf("%s fails: %v %s", method, got.Headers, got.Body)
		}
	}
}
