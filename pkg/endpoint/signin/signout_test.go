package signin_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

const afterwards = "https://app.example/bye?from=signout"

// signedIn is a world where ada is signed in at a browser, and the client "app" has tokens of hers.
func signedIn(t *testing.T) (world, *deployment.Visitor, deployment.Answer) {
	t.Helper()
	w := newWorld(t)
	w.register("app", func(c *client.Client) { c.Redirects, c.PostLogoutRedirects = []string{callback}, []string{afterwards} })
	v := w.Visitor()
	tokens := w.Do(deployment.Exchange("app", callback, w.answer("sign in", v.SignIn(request()), callback).Get("code")))
	w.Want("exchange", tokens, 200, "")
	return w, v, tokens
}

func leaving(parameters ...string) string {
	values := url.Values{}
	for i := 0; i < len(parameters); i += 2 {
		values.Set(parameters[i], parameters[i+1])
	}
	return values.Encode()
}

func (w world) wantSignedIn(what string, v *deployment.Visitor, tokens deployment.Answer, want bool) {
	w.t.Helper()
	values := w.answer(what, v.Open("/authorize", request("prompt", "none")), callback)
	if (values.Get("code") != "") != want {
		w.t.Errorf("%s: %v, want signed in: %t", what, values, want)
	}
	refreshed := w.Do(deployment.Form("POST /token", "grant_type=refresh_token&client_id=app&refresh_token="+tokens.RefreshToken))
	if (refreshed.StatusCode == 200) != want {
		w.t.Errorf("%s: refresh: %d %s, want that it works: %t", what, refreshed.StatusCode, refreshed.Error, want)
	}
}

func TestClientSignsItsPersonOut(t *testing.T) {
	w, v, tokens := signedIn(t)
	page := v.Open("/signout", leaving("id_token_hint", tokens.IDToken, "post_logout_redirect_uri", afterwards, "state", "s &", "client_id", "app"))
	if page.Status != 303 || page.To() != afterwards+"&state=s+%26" || v.Cookie(handleCookie) != "" {
		t.Errorf("%d, to %q, cookie %q; want a redirect to the client and no cookie\n%s", page.Status, page.To(), v.Cookie(handleCookie), page.HTML)
	}
	w.wantSignedIn("afterwards", v, tokens, false)
	if n := strings.Count(w.Trail(), `"event":"logged_out"`); n != 2 {
		t.Errorf("%d events, want one for each session", n)
	}
	again := v.Open("/signout", leaving("id_token_hint", tokens.IDToken))
	w.want("again", again, 200, "You are signed out")
}

// An ID token that has expired still says whom it is about.
func TestOldIDTokenSignsOut(t *testing.T) {
	w, v, tokens := signedIn(t)
	w.Clock.Advance(client.DefaultAccessLife + time.Minute)
	w.want("later", v.Open("/signout", leaving("id_token_hint", tokens.IDToken)), 200, "You are signed out")
}

func TestPersonIsAskedBeforeTheySignOut(t *testing.T) {
	w, v, tokens := signedIn(t)
	page := v.Open("/signout", leaving("client_id", "app", "post_logout_redirect_uri", afterwards))
	w.want("without an ID token", page, 200, "You are signed in as ada")
	w.wantSignedIn("asked", v, tokens, true)

	form := page.Form()
	form.Set("decision", "signout")
	other := w.Visitor()
	other.SignIn(request())
	w.want("the form of another session", other.Post("/signout", form), 200, "You are signed in as ada")
	foreign := w.Raw(deployment.Form("POST /signout", form.Encode()).From("https://evil.example").Cookie(handleCookie + "=" + v.Cookie(handleCookie)))
	if foreign.StatusCode != 200 || !strings.Contains(foreign.Body, "You are signed in as ada") {
		t.Errorf("the form from another site: %d %s, want that it asks", foreign.StatusCode, foreign.Body)
	}
	if page := v.Post("/signout", form); page.To() != afterwards || page.Headers["Refresh"] == "" {
		t.Errorf("confirmed: %d, to %q, want a page that goes on to the client", page.Status, page.To())
	}
	if w.answer("afterwards", v.Open("/authorize", request("prompt", "none")), callback).Get("error") != "login_required" {
		t.Error("still signed in")
	}
}

func TestSignOutThatIsNotUnderstoodEndsNothing(t *testing.T) {
	w, v, tokens := signedIn(t)
	w.register("other", func(c *client.Client) { c.PostLogoutRedirects = []string{"https://other.example/bye"} })
	for what, query := range map[string]string{
		"an access token":             leaving("id_token_hint", tokens.AccessToken),
		"a changed ID token":          leaving("id_token_hint", tokens.IDToken[:len(tokens.IDToken)-4]+"AAAA"),
		"garbage":                     leaving("id_token_hint", "x.y.z"),
		"another client":              leaving("id_token_hint", tokens.IDToken, "client_id", "other"),
		"another client's address":    leaving("id_token_hint", tokens.IDToken, "post_logout_redirect_uri", "https://other.example/bye"),
		"an address of nobody":        leaving("post_logout_redirect_uri", afterwards),
		"an address not registered":   leaving("id_token_hint", tokens.IDToken, "post_logout_redirect_uri", "https://evil.example/"),
		"an address that looks alike": leaving("id_token_hint", tokens.IDToken, "post_logout_redirect_uri", afterwards+"x"),
		"a hint twice":                leaving("id_token_hint", tokens.IDToken) + "&id_token_hint=" + tokens.IDToken,
		"a long state":                leaving("id_token_hint", tokens.IDToken, "post_logout_redirect_uri", afterwards, "state", strings.Repeat("s", 2049)),
		"a malformed query":           "id_token_hint=%zz",
	} {
		if page := v.Open("/signout", query); page.Status != 400 || page.To() != "" {
			t.Errorf("%s: %d, to %q\n%s", what, page.Status, page.To(), page.HTML)
		}
	}
	w.wantSignedIn("afterwards", v, tokens, true)
}

func TestHintOfAnotherPerson(t *testing.T) {
	w, v, tokens := signedIn(t)
	for _, prompt := range []string{"none", ""} {
		if values := w.answer("the same person", v.Open("/authorize", request("id_token_hint", tokens.IDToken, "prompt", prompt)), callback); values.Get("code") == "" {
			t.Errorf("the same person: %v", values)
		}
	}
	w.wantError("an access token", v.Open("/authorize", request("id_token_hint", tokens.AccessToken)), callback, "invalid_request")
	w.addPerson("grace")
	other := w.Visitor()
	page := other.Open("/authorize", request())
	form := page.Form()
	form.Set("username", "grace")
	form.Set("password", deployment.Password)
	other.Follow(other.Post("/signin", form))
	w.wantError("grace, where ada is expected", other.Open("/authorize", request("id_token_hint", tokens.IDToken)), callback, "login_required")
	// Nor does the hint end her session.
	w.want("grace is asked", other.Open("/signout", leaving("id_token_hint", tokens.IDToken)), 200, "You are signed in as grace")
}
