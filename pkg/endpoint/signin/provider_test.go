package signin_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/federation"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// withProvider registers the provider "up", which publishes its metadata and nothing else, unless it is down.
func withProvider(t *testing.T) (w world, issuer string, down *bool) {
	t.Helper()
	w = newWorld(t)
	down = new(bool)
	server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		if *down || r.URL.Path != "/.well-known/openid-configuration" {
			answer.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		answer.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(answer).Encode(map[string]any{
			"issuer": issuer, "authorization_endpoint": issuer + "/authorize", "token_endpoint": issuer + "/token", "jwks_uri": issuer + "/keys",
			"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"ES256"},
			"authorization_response_iss_parameter_supported": true,
		})
	}))
	t.Cleanup(server.Close)
	issuer = server.URL
	sealed, err := w.Sealer.Seal(t.Context(), federation.SecretPurpose, []byte("secret at the provider"))
	if err != nil {
		t.Fatal(err)
	}
	document, err := json.Marshal(federation.Provider{ID: "up", Name: "Upstream", Issuer: issuer, ClientID: "us", SealedSecret: sealed, Scopes: []string{"openid"}})
	if err == nil {
		err = w.Store.PutProvider(t.Context(), "up", federation.Record{Version: 1, Document: document})
	}
	if err != nil {
		t.Fatal(err)
	}
	return w, issuer, down
}

// leave presses the button of the provider, and returns the state that goes there.
func (w world) leave(v *deployment.Visitor, query string) (state string, page deployment.Page) {
	w.t.Helper()
	form := v.Open("/authorize", query).Form()
	form.Set("provider", "up")
	page = v.Post("/signin/provider", form)
	to, err := url.Parse(page.To())
	if err != nil {
		w.t.Fatal(err)
	}
	return to.Query().Get("state"), page
}

// back is the answer of the provider.
func (w world) back(v *deployment.Visitor, values url.Values) deployment.Page {
	w.t.Helper()
	return v.OpenAt("GET /callback/{provider}", map[string]string{"provider": "up"}, values.Encode())
}

func TestButtonLeadsToTheProvider(t *testing.T) {
	w, issuer, _ := withProvider(t)
	v := w.Visitor()
	w.want("the page", v.Open("/authorize", request()), 200, "Sign in with Upstream")
	_, page := w.leave(v, request())
	to, err := url.Parse(page.To())
	if err != nil || page.Status != 200 || !strings.HasPrefix(page.To(), issuer+"/authorize?") {
		t.Fatalf("%d, to %q", page.Status, page.To())
	}
	for name, want := range map[string]string{
		"client_id": "us", "redirect_uri": deployment.Issuer + "/callback/up", "response_type": "code", "scope": "openid", "code_challenge_method": "S256",
	} {
		if got := to.Query().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if len(to.Query().Get("nonce")) < 20 || len(to.Query().Get("state")) < 20 {
		t.Errorf("state or nonce is short: %s", page.To())
	}
	if at := v.Open("/authorize", request("provider", "up")); at.Status != 303 || !strings.HasPrefix(at.To(), issuer+"/authorize?") {
		t.Errorf("at once: %d, to %q", at.Status, at.To())
	}
	w.want("a provider that is not registered", v.Open("/authorize", request("provider", "nobody")), 200, "Sign in with Upstream")
}

func TestPersonWhoSaysNoAtTheProvider(t *testing.T) {
	w, issuer, _ := withProvider(t)
	v := w.Visitor()
	state, _ := w.leave(v, request())
	w.want("denied", w.back(v, url.Values{"state": {state}, "iss": {issuer}, "error": {"access_denied"}}), 400, "The sign-in was cancelled")
	w.want("again", w.back(v, url.Values{"state": {state}, "iss": {issuer}, "error": {"access_denied"}}), 400, "does not belong to a sign-in that began in this browser")
}

func TestAnswerThatBelongsToNoAttempt(t *testing.T) {
	w, issuer, _ := withProvider(t)
	const notOurs = "does not belong to a sign-in that began in this browser"
	for what, change := range map[string]func(v *deployment.Visitor, answer url.Values){
		"no state":          func(_ *deployment.Visitor, answer url.Values) { answer.Del("state") },
		"a short state":     func(_ *deployment.Visitor, answer url.Values) { answer.Set("state", "A") },
		"another state":     func(_ *deployment.Visitor, answer url.Values) { answer.Set("state", answer.Get("state")[:20]+"AAAAAA") },
		"another issuer":    func(_ *deployment.Visitor, answer url.Values) { answer.Set("iss", "https://evil.example") },
		"no issuer":         func(_ *deployment.Visitor, answer url.Values) { answer.Del("iss") },
		"ten minutes later": func(*deployment.Visitor, url.Values) { w.Clock.Advance(10 * time.Minute) },
		"a changed cookie": func(v *deployment.Visitor, answer url.Values) {
			v.SetCookie("__Host-Http-wpfa-"+answer.Get("state")[:10], "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
		},
		"a cookie of no form": func(v *deployment.Visitor, answer url.Values) {
			v.SetCookie("__Host-Http-wpfa-"+answer.Get("state")[:10], "%%")
		},
	} {
		v := w.Visitor()
		state, _ := w.leave(v, request())
		answer := url.Values{"state": {state}, "iss": {issuer}, "error": {"access_denied"}}
		change(v, answer)
		w.want(what, w.back(v, answer), 400, notOurs)
	}
	v := w.Visitor()
	state, _ := w.leave(v, request())
	w.want("another browser", w.back(w.Visitor(), url.Values{"state": {state}, "iss": {issuer}, "error": {"access_denied"}}), 400, notOurs)
	if w.Store.SessionCount() != 0 {
		t.Errorf("%d sessions began", w.Store.SessionCount())
	}
}

// Who begins sign-ins at providers over and over fills no browser with cookies.
func TestFiveAttemptsOfABrowserAreKept(t *testing.T) {
	w, issuer, _ := withProvider(t)
	v := w.Visitor()
	var states []string
	for range 6 {
		state, _ := w.leave(v, request())
		states = append(states, state)
	}
	w.want("the first of six", w.back(v, url.Values{"state": states[:1], "iss": {issuer}, "error": {"access_denied"}}), 400, "does not belong")
	w.want("the last", w.back(v, url.Values{"state": states[5:], "iss": {issuer}, "error": {"access_denied"}}), 400, "was cancelled")
}

func TestRequestThatFitsIntoNoCookie(t *testing.T) {
	w, _, _ := withProvider(t)
	long := request("state", strings.Repeat("s", 2048), "nonce", strings.Repeat("n", 512), "login_hint", strings.Repeat("h", 256), "ui_locales", strings.Repeat("en ", 300))
	page := w.Visitor().Open("/authorize", long+"&provider=up")
	if !strings.Contains(page.To(), "error=invalid_request") || !strings.Contains(page.To(), "too+long") {
		t.Errorf("%d, to %.300q, want that the client is told", page.Status, page.To())
	}
}

func TestProviderThatIsDown(t *testing.T) {
	w, _, down := withProvider(t)
	*down = true
	v := w.Visitor()
	_, page := w.leave(v, request())
	w.want("down", page, 503, "The sign-in at the other service did not work")
	*down = false
	if state, page := w.leave(v, request()); state == "" {
		t.Errorf("up again: %d, to %q", page.Status, page.To())
	}
}

// While a person is at the provider the table may fail, and the application may lose what it asks for.
func TestWhatChangesDuringASignInAtAProvider(t *testing.T) {
	w, issuer, _ := withProvider(t)
	v := w.Visitor()
	w.register("app", func(c *client.Client) {
		c.Redirects, c.Audiences = []string{callback}, []string{"https://api.example.com"}
	})
	state, _ := w.leave(v, request("resource", "https://api.example.com"))
	answer := url.Values{"state": {state}, "iss": {issuer}, "error": {"access_denied"}}
	w.restart()
	w.Store.Before = func(context.Context, string) error { return oauth.ErrUnavailable }
	w.want("without a table", w.back(v, answer), 503, "did not work")
	w.Store.Before = nil
	w.register("app", func(c *client.Client) { c.Redirects = []string{callback} })
	w.wantError("without the audience", w.back(v, answer), callback, "invalid_target")
}

func TestButtonOfAnotherSite(t *testing.T) {
	w, _, _ := withProvider(t)
	v := w.Visitor()
	form := v.Open("/authorize", request()).Form()
	form.Set("provider", "up")
	got := w.Raw(deployment.Form("POST /signin/provider", form.Encode()).From("https://evil.example").Cookie("__Host-Http-wpsi=" + v.Cookie("__Host-Http-wpsi")))
	if got.StatusCode != 403 || got.Headers["Refresh"] != "" {
		t.Errorf("another site: %d %v", got.StatusCode, got.Headers)
	}
	w.want("another browser", w.Visitor().Post("/signin/provider", form), 400, "sends no cookies")
	form.Set("token", "x")
	w.want("another token", v.Post("/signin/provider", form), 400, "open for too long")
	form = v.Open("/authorize", request()).Form()
	form.Set("provider", "nobody")
	w.want("no such provider", v.Post("/signin/provider", form), 400, "did not work")
}
