package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// What the pages say.
const (
	saysNotOurs   = "does not belong to a sign-in that began in this browser"
	saysFailed    = "The sign-in at the other service did not work. Please try again, or sign in another way."
	saysCancelled = "The sign-in was cancelled."
)

// foreign is a service whose people sign in at oidc-provider.
type foreign struct {
	signIn
	idp *foreignIDP
}

func startForeign(t *testing.T) foreign {
	t.Helper()
	home := libraries(t)
	f := foreign{signIn: startSignIn(t)}
	f.idp = startForeignIDP(t, home, f.url+"/callback/up", f.url+"/callback/trusted", f.url+"/callback/evil")
	f.register("up", f.idp.url)
	f.register("trusted", f.idp.url, "--trust-email", "example.com")
	return f
}

func (f foreign) register(id, issuer string, more ...string) {
	f.t.Helper()
	_, err := typed(f.t, secretAtIDP, append([]string{"provider", "add", id, "--issuer", issuer, "--client-id", clientAtIDP, "--data", f.data}, more...)...)
	check(f.t, err)
}

// as goes to the provider, says there who they are, and comes back.
func (f foreign) as(w *surfer, who string) shown {
	f.t.Helper()
	return f.asAt(w, "up", who)
}

func (f foreign) asAt(w *surfer, provider, who string) shown {
	f.t.Helper()
	page := w.visit(http.MethodGet, f.request("own", "http://127.0.0.1/cb")+"&provider="+provider, nil)
	if strings.Contains(page.html, `name="who"`) {
		page = w.send(page, "", "who", who)
	}
	return page
}

// accountOf is whose account the application at the end is given.
func (f foreign) accountOf(what string, page shown) string {
	f.t.Helper()
	return f.userinfo(tokensFor(f.signIn, what, page).AccessToken).Sub
}

func (f foreign) accounts() (all []accountJSON) {
	f.t.Helper()
	check(f.t, json.Unmarshal([]byte(mustCommand(f.t, "account", "list", "--json", "--data", f.data)), &all))
	return all
}

// wantNobody reports a page that does not say what it should, somebody who is signed in at the browser after it, or an account that was made.
func (f foreign) wantNobody(what string, w *surfer, page shown, status int, says string) {
	f.t.Helper()
	if page.status != status || !strings.Contains(page.html, says) {
		f.t.Errorf("%s: %d at %s, want %d and %q\n%s", what, page.status, page.at, status, says, page.html)
	}
	for name := range w.cookies[page.at.Host] {
		if state := page.at.Query().Get("state"); len(state) > 10 && name == "__Host-Http-wpfa-"+state[:10] {
			f.t.Errorf("%s: the attempt is still in the browser", what)
		}
	}
	silent := w.visit(http.MethodGet, f.request("own", "http://127.0.0.1/cb")+"&prompt=none", nil)
	if got := silent.at.Query().Get("error"); got != "login_required" {
		f.t.Errorf("%s: somebody is signed in: at %s", what, silent.at)
	}
	for _, a := range f.accounts() {
		if a.Directory != "" && a.Subject != "ada" {
			f.t.Errorf("%s: an account was made: %+v", what, a)
		}
	}
}

func TestInteropForeignProviderRotatesItsKeys(t *testing.T) {
	f := startForeign(t)
	first := f.accountOf("first", f.as(newSurfer(t), "ada"))
	f.idp.rotate()
	if again := f.accountOf("with a new key", f.as(newSurfer(t), "ada")); again != first {
		t.Errorf("account %s after %s", again, first)
	}
}

// When a person signs in at a provider, the earlier session of their browser ends: a copy of its cookie is good for nothing.
func TestInteropForeignSignInEndsTheEarlierSession(t *testing.T) {
	f := startForeign(t)
	w := newSurfer(t)
	f.accountOf("ada", f.as(w, "ada"))
	copied := w.copyOf()
	page := w.visit(http.MethodGet, f.request("own", "http://127.0.0.1/cb")+"&prompt=login&provider=up", nil) // who is still signed in there
	f.accountOf("ada again", page)
	for what, tc := range map[string]struct {
		browser *surfer
		want    string
	}{"the copy": {copied, "login_required"}, "the browser": {w, ""}} {
		if at := tc.browser.visit(http.MethodGet, f.request("own", "http://127.0.0.1/cb")+"&prompt=none", nil).at; at.Query().Get("error") != tc.want {
			t.Errorf("%s: at %s, want the error %q", what, at, tc.want)
		}
	}
}

// In Chromium, whose cookies come along only as SameSite lets them (docs/adr/0083-pages-keep-nothing-between-them.md).
func TestInteropForeignSignInInABrowser(t *testing.T) {
	needChromium(t)
	f := startForeign(t)
	f.drive(t, "provider", "own", f.request("own", "http://127.0.0.1/cb"))
}

// slowly answers after a while, as the provider would.
func slowly(_ http.ResponseWriter, r *http.Request) bool {
	if r.URL.Path == "/token" || r.URL.Path == "/me" || r.URL.Path == "/jwks" {
		select {
		case <-r.Context().Done():
		case <-time.After(3 * time.Second):
		}
	}
	return false
}

// never answers until the caller gives up.
func never(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // only then does a server learn that its caller has gone
	<-r.Context().Done()
}

// endless is an answer of 10 MB that says nothing wrong.
func endless(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"padding":"%s"}`, strings.Repeat("x", 10<<20))
}

func down(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }

// sentWith is a lie about a parameter of the request that the person brings to the provider.
func sentWith(name, value string) lie {
	return lie{asked: func(_ http.ResponseWriter, r *http.Request) bool {
		if query := r.URL.Query(); query.Has(name) {
			query.Set(name, value)
			r.URL.RawQuery = query.Encode()
		}
		return false
	}}
}

func TestInteropForeignProviderThatLiesOrFails(t *testing.T) {
	f := startForeign(t)
	ada := f.accountOf("the truth", f.as(newSurfer(t), "ada"))
	for name, tc := range map[string]struct {
		lie    lie
		rotate bool // the keys are asked for
		status int
		says   string
	}{
		"another nonce":              {lie: sentWith("nonce", "another"), status: 400, says: saysNotOurs},
		"no nonce":                   {lie: claim("nonce", nil), status: 400, says: saysNotOurs},
		"another state":              {lie: sentWith("state", strings.Repeat("A", 26)), status: 400, says: saysNotOurs},
		"another challenge":          {lie: sentWith("code_challenge", strings.Repeat("A", 43)), status: 400, says: saysFailed},
		"a token of another issuer":  {lie: claim("iss", "https://other.example"), status: 400, says: saysFailed},
		"a token for another client": {lie: claim("aud", "another"), status: 400, says: saysFailed},
		"issued to another client":   {lie: claim("azp", "another"), status: 400, says: saysFailed},
		"two audiences":              {lie: claim("aud", []string{clientAtIDP, "another"}), status: 400, says: saysFailed},
		"an old token":               {lie: claim("exp", 1), status: 400, says: saysFailed},
		"no subject":                 {lie: claim("sub", nil), status: 400, says: saysNotOurs}, // which userinfo has
		"another subject":            {lie: claim("sub", "bob"), status: 400, says: saysNotOurs},
		"userinfo about another":     {lie: lie{userinfo: func(claims map[string]any) { claims["sub"] = "bob" }}, status: 400, says: saysNotOurs},
		"tokens are down":            {lie: at("/token", down), status: 503, says: saysFailed},
		"keys are down":              {lie: at("/jwks", down), rotate: true, status: 503, says: saysFailed},
		"userinfo is down":           {lie: at("/me", down), status: 503, says: saysFailed},
		"10 MB of tokens":            {lie: at("/token", endless), status: 503, says: saysFailed},
		"10 MB of keys":              {lie: at("/jwks", endless), rotate: true, status: 503, says: saysFailed},
		"10 MB of userinfo":          {lie: at("/me", endless), status: 503, says: saysFailed},
		"tokens never come":          {lie: at("/token", never), status: 503, says: saysFailed},
		"each answer is slow":        {lie: lie{asked: slowly}, rotate: true, status: 503, says: saysFailed},
	} {
		t.Run(name, func(t *testing.T) {
			f := f
			f.server = &server{t: t, url: f.url, log: f.log}
			w := newSurfer(t)
			if tc.rotate {
				f.idp.rotate()
			}
			f.idp.tell(tc.lie)
			page := f.as(w, "ada")
			f.idp.tell(lie{})
			f.wantNobody(name, w, page, tc.status, tc.says)
			if got := f.accountOf("the truth again", f.as(w, "ada")); got != ada {
				t.Errorf("the same browser comes to the account %s afterwards, want %s", got, ada)
			}
		})
	}
	w := newSurfer(t)
	f.wantNobody("a person who says no", w, f.as(w, ""), 400, saysCancelled)
}

func TestInteropForeignProviderThatIsNotThere(t *testing.T) {
	f := startForeign(t)
	const metadata = "/.well-known/openid-configuration"
	for what, lie := range map[string]lie{"down": at(metadata, down), "10 MB": at(metadata, endless), "never answers": at(metadata, never)} {
		w := newSurfer(t)
		f.idp.tell(lie)
		f.wantNobody(what, w, f.as(w, "ada"), 503, saysFailed)
	}
	f.idp.tell(lie{})
	f.accountOf("there again", f.as(newSurfer(t), "ada"))
}

func TestInteropForeignAddressLeadsIntoNobodysAccount(t *testing.T) {
	f := startForeign(t)
	owner := map[string]string{f.userinfo(f.login().AccessToken).Sub: "the demo account"}
	for _, who := range []string{"unverified", "verified", "ada", "new-ada", "bob"} {
		got := f.accountOf(who, f.as(newSurfer(t), who))
		if other, taken := owner[got]; taken || got == "" {
			t.Errorf("%s comes into the account %s, of %s", who, got, other)
		}
		owner[got] = who
	}
	if got := len(f.accounts()); got != len(owner) {
		t.Errorf("%d accounts, want %d", got, len(owner))
	}
}

// A provider that may speak for a domain leads into the account with an address of that domain, when both sides have verified it.
func TestInteropForeignAddressThatIsTrusted(t *testing.T) {
	f := startForeign(t)
	demo := f.userinfo(f.login().AccessToken).Sub
	mustCommand(t, "account", "set-email", demoUsername, demoAddress, "--data", f.data) // counts as verified
	before := f.login().RefreshToken
	for what, page := range map[string]shown{
		"not verified there": f.asAt(newSurfer(t), "trusted", "not-demo"),
		"not trusted":        f.as(newSurfer(t), "demo"),
		"another address":    f.asAt(newSurfer(t), "trusted", "new-ada"),
	} {
		if f.accountOf(what, page) == demo {
			t.Errorf("%s: comes into the demo account", what)
		}
	}
	answer := f.refresh(before)
	if before = answer.RefreshToken; answer.Status != 200 {
		t.Fatalf("the session of the demo account: %d %s, want that nothing has ended", answer.Status, answer.Body)
	}
	for _, what := range []string{"both have verified it", "again"} {
		if got := f.accountOf(what, f.asAt(newSurfer(t), "trusted", "demo")); got != demo {
			t.Fatalf("%s: account %s, want the demo account %s", what, got, demo)
		}
	}
	if answer := f.refresh(before); answer.Status != 400 || answer.Error != "invalid_grant" {
		t.Errorf("an earlier session: %d %s, want that it has ended", answer.Status, answer.Body)
	}
	if answer := f.loginAs(demoUsername, demoPassword); answer.Status != 401 {
		t.Errorf("the password from before: %d %s, want that it is refused", answer.Status, answer.Body)
	}
	if got := f.accountOf("the next owner of the address", f.asAt(newSurfer(t), "trusted", "next-demo")); got == demo {
		t.Error("to whom the provider gave the address later comes into the demo account")
	}
	for _, a := range f.accounts() {
		if a.ID == demo && (len(a.Linked) != 1 || a.Linked[0] != "idp:trusted/demo") {
			t.Errorf("the identities of the demo account are %v", a.Linked)
		}
	}
}

// A provider that sends people on to another one is given neither their codes nor their sessions there (RFC 9700 §4.4).
func TestInteropForeignProvidersAreNotMixedUp(t *testing.T) {
	f := startForeign(t)
	var codes atomic.Int32
	back := "up" // whose callback the person is brought to
	evil := httptest.NewUnstartedServer(nil)
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		check(t, json.MarshalWrite(w, map[string]any{
			"issuer": evil.URL, "authorization_endpoint": evil.URL + "/auth", "token_endpoint": evil.URL + "/token", "jwks_uri": evil.URL + "/jwks",
			"response_types_supported": []string{"code"}, "id_token_signing_alg_values_supported": []string{"RS256"},
		}))
	})
	mux.HandleFunc("/auth", func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		query.Set("redirect_uri", f.url+"/callback/"+back)
		http.Redirect(w, r, f.idp.url+"/auth?"+query.Encode(), http.StatusFound)
	})
	mux.HandleFunc("/token", func(http.ResponseWriter, *http.Request) { codes.Add(1) })
	evil.Config.Handler = mux
	evil.Start()
	t.Cleanup(evil.Close)
	f.register("evil", evil.URL)

	for _, back = range []string{"up", "evil"} {
		w := newSurfer(t)
		page := w.visit(http.MethodGet, f.request("own", "http://127.0.0.1/cb")+"&"+url.Values{"provider": {"evil"}}.Encode(), nil)
		page = w.send(page, "", "who", "ada")
		if page.at.Path != "/callback/"+back {
			t.Fatalf("the person is at %s, want the callback of %s", page.at, back)
		}
		f.wantNobody("at the callback of "+back, w, page, 400, saysNotOurs)
	}
	if n := codes.Load(); n != 0 {
		t.Errorf("the other provider was given %d codes", n)
	}
}
