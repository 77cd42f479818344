package main

import (
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// surfer is a browser without scripts. It keeps cookies for each server, and follows redirects and pages that go on by themselves.
type surfer struct {
	t       *testing.T
	cookies map[string]map[string]string // by host and port
	stop    string                       // the beginning of an address that it does not open; empty: none
}

// shown is a page that the surfer stands at, and the address of it.
type shown struct {
	at     *url.URL
	status int
	html   string
}

func (w *surfer) visit(method, address string, form url.Values) shown {
	w.t.Helper()
	for range 20 {
		to, err := url.Parse(address)
		check(w.t, err)
		if to.Path == "/cb" || w.stop != "" && strings.HasPrefix(address, w.stop) {
			return shown{at: to}
		}
		request, err := http.NewRequestWithContext(w.t.Context(), method, address, strings.NewReader(form.Encode()))
		check(w.t, err)
		if method == http.MethodPost {
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			request.Header.Set("Origin", to.Scheme+"://"+to.Host)
		}
		for name, value := range w.cookies[to.Host] {
			request.Header.Add("Cookie", name+"="+value)
		}
		answer, err := http.DefaultTransport.RoundTrip(request)
		check(w.t, err)
		text, err := io.ReadAll(answer.Body)
		check(w.t, err)
		check(w.t, answer.Body.Close())
		for _, cookie := range answer.Cookies() {
			if w.cookies[to.Host] == nil {
				w.cookies[to.Host] = map[string]string{}
			}
			if w.cookies[to.Host][cookie.Name] = cookie.Value; cookie.MaxAge < 0 || !cookie.Expires.IsZero() && cookie.Expires.Before(time.Now()) {
				delete(w.cookies[to.Host], cookie.Name)
			}
		}
		next := answer.Header.Get("Location")
		if refresh, ok := strings.CutPrefix(answer.Header.Get("Refresh"), "0; url="); ok {
			next = refresh
		}
		if next == "" {
			return shown{to, answer.StatusCode, string(text)}
		}
		relative, err := to.Parse(next)
		check(w.t, err)
		method, address, form = http.MethodGet, relative.String(), nil
	}
	w.t.Fatalf("redirected for ever, at last to %s", address)
	return shown{}
}

var field = regexp.MustCompile(`<input type="hidden" name="(\w+)" value="([^"]*)">`)

// send sends the form of a page with this action, with more fields.
func (w *surfer) send(page shown, action string, fields ...string) shown {
	w.t.Helper()
	_, form, found := strings.Cut(page.html, `action="`+action+`"`)
	if !found {
		w.t.Fatalf("no form for %s at %s: %d %s", action, page.at, page.status, page.html)
	}
	form, _, _ = strings.Cut(form, "</form>")
	values := url.Values{}
	for _, hidden := range field.FindAllStringSubmatch(form, -1) {
		values.Set(hidden[1], html.UnescapeString(hidden[2]))
	}
	for i := 0; i < len(fields); i += 2 {
		values.Set(fields[i], fields[i+1])
	}
	to, err := page.at.Parse(action)
	check(w.t, err)
	return w.visit(http.MethodPost, to.String(), values)
}

// federated is a service whose people sign in at another Wavepass, which is their identity provider.
type federated struct {
	signIn
	upstream     *server
	upstreamData string
}

func startFederated(t *testing.T) federated {
	t.Helper()
	f := federated{upstreamData: t.TempDir()}
	f.upstream = start(t, "--data", f.upstreamData)
	f.signIn = startSignIn(t)
	out := mustCommand(t, "client", "add", "below", "--kind", "server", "--scope", "openid", "--scope", "profile", "--redirect", f.url+"/callback/up", "--data", f.upstreamData)
	secret := regexp.MustCompile(`secret\s+(\S+)`).FindStringSubmatch(out)
	if secret == nil {
		t.Fatalf("client add says no secret:\n%s", out)
	}
	mustCommand(t, "account", "set-access", demoUsername, "--scope", "openid", "--scope", "profile", "--data", f.upstreamData)
	if _, err := typed(t, secret[1], "provider", "add", "up", "--name", "Upstream", "--issuer", f.upstream.url, "--client-id", "below", "--scope", "openid", "--data", f.data); err != nil {
		t.Fatal(err)
	}
	return f
}

// signInAtUpstream begins at the button of the provider and ends at the application.
func (f federated) signInAtUpstream(w *surfer) shown {
	f.t.Helper()
	page := w.visit(http.MethodGet, f.request("own", "http://127.0.0.1/cb"), nil)
	if !strings.Contains(page.html, "Sign in with Upstream") {
		f.t.Fatalf("the page has no button for the provider: %d %s", page.status, page.html)
	}
	page = w.send(page, "/signin/provider", "provider", "up")
	if strings.Contains(page.html, `action="/signin"`) {
		page = w.send(page, "/signin", "username", demoUsername, "password", demoPassword)
	}
	return page
}

func (f federated) tokensFor(what string, page shown) answer {
	f.t.Helper()
	return tokensFor(f.signIn, what, page)
}

// tokensFor exchanges the code that the application has come to.
func tokensFor(f signIn, what string, page shown) answer {
	f.t.Helper()
	code := page.at.Query().Get("code")
	if code == "" {
		f.t.Fatalf("%s: at %s, %d %s; want a code", what, page.at, page.status, page.html)
	}
	got := f.form("/token", "grant_type", "authorization_code", "client_id", "own", "redirect_uri", "http://127.0.0.1/cb", "code", code,
		"code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
	f.want(what, got, 200, "")
	return got
}

func newSurfer(t *testing.T) *surfer { return &surfer{t: t, cookies: map[string]map[string]string{}} }

func TestPersonSignsInAtAnotherProvider(t *testing.T) {
	f := startFederated(t)
	w := newSurfer(t)
	first := f.userinfo(f.tokensFor("first", f.signInAtUpstream(w)).AccessToken)
	f.want("userinfo", first, 200, "")
	// A person who is signed in is not asked again; another browser leads to the same account.
	again := f.userinfo(f.tokensFor("again", w.visit(http.MethodGet, f.request("own", "http://127.0.0.1/cb"), nil)).AccessToken)
	other := f.userinfo(f.tokensFor("another browser", f.signInAtUpstream(newSurfer(t))).AccessToken)
	if first.Sub == "" || again.Sub != first.Sub || other.Sub != first.Sub {
		t.Errorf("accounts %q, %q and %q, want one", first.Sub, again.Sub, other.Sub)
	}
	// It is an account of its own, though the local account has the same username.
	if demo := f.userinfo(f.login().AccessToken); demo.Sub == first.Sub {
		t.Error("the identity leads into the account that has its name")
	}
	mustCommand(t, "provider", "remove", "up", "--yes", "--data", f.data)
}

// An answer of a provider is good in the browser that has asked for it, once, and where it belongs.
func TestAnswerOfAProviderIsGoodOnceInItsBrowser(t *testing.T) {
	f := startFederated(t)
	w := newSurfer(t)
	w.stop = f.url + "/callback/up?"
	page := w.visit(http.MethodGet, f.request("own", "http://127.0.0.1/cb")+"&provider=up", nil)
	callback := w.send(page, "/signin", "username", demoUsername, "password", demoPassword).at.String()
	w.stop = ""

	stranger := newSurfer(t)
	if got := stranger.visit(http.MethodGet, callback, nil); got.status != 400 || !strings.Contains(got.html, "does not belong to a sign-in that began in this browser") {
		t.Errorf("in another browser: %d %s", got.status, got.html)
	}
	for what, address := range map[string]string{
		"another provider": strings.Replace(callback, "/callback/up", "/callback/other", 1),
		"another issuer":   callback + "&iss=https%3A%2F%2Fevil.example",
		"another state":    strings.Replace(callback, "state=", "state=A", 1),
	} {
		if got := w.copyOf().visit(http.MethodGet, address, nil); got.status != 400 {
			t.Errorf("%s: %d at %s %s", what, got.status, got.at, got.html)
		}
	}
	f.tokensFor("the right browser", w.visit(http.MethodGet, callback, nil))
	if got := w.visit(http.MethodGet, callback, nil); got.status != 400 {
		t.Errorf("again: %d at %s, want it refused: the attempt ended with its answer", got.status, got.at)
	}
}
