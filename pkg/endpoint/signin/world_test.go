package signin_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/keyring"
)

const (
	callback        = "http://127.0.0.1/cb" // of the client "app"
	partnerCallback = "https://partner.example/cb"
	handleCookie    = "__Host-Http-wpss-wavepass"
)

// world is a deployment with the clients "app" (native, the operator's own) and "third" (native, a third party's).
type world struct {
	*deployment.Deployment
	t *testing.T
}

func newWorld(t *testing.T) world {
	t.Helper()
	w := world{deployment.New(t, browser.Jar{}), t}
	w.Store.SetAccount(account.Account{ID: deployment.AccountID, Username: deployment.Username, Scopes: []string{"openid", "profile", "orders:read"}, Epoch: deployment.Start.Unix()}, "")
	w.register("app", func(c *client.Client) { c.Redirects = []string{callback} })
	w.register("third", func(c *client.Client) { c.Redirects, c.FirstParty, c.Consent = []string{partnerCallback}, false, true })
	return w
}

func (w world) register(id string, change func(*client.Client)) {
	w.t.Helper()
	c := client.New(id, client.Native)
	c.Scopes = []string{"openid", "profile", "orders:read"}
	change(&c)
	if err := c.Check(); err != nil {
		w.t.Fatal(err)
	}
	if err := w.Store.PutClient(w.t.Context(), c); err != nil {
		w.t.Fatal(err)
	}
}

// want reports a page with another status, or without a text.
func (w world) want(what string, got deployment.Page, status int, text string) {
	w.t.Helper()
	if got.Status != status || !strings.Contains(got.HTML, text) {
		w.t.Errorf("%s: %d, to %q, want %d and %q\n%s", what, got.Status, got.To(), status, text, got.HTML)
	}
}

// answer returns the query of an answer that leads to a redirect of a client.
func (w world) answer(what string, got deployment.Page, redirect string) url.Values {
	w.t.Helper()
	query, ok := strings.CutPrefix(got.To(), redirect+"?")
	values, err := url.ParseQuery(query)
	if !ok || err != nil || values.Get("iss") != deployment.Issuer || values.Get("state") != "a state" {
		w.t.Fatalf("%s: %d, to %q, want an answer at %s with iss and state\n%s", what, got.Status, got.To(), redirect, got.HTML)
	}
	return values
}

// wantError reports an answer at the client that is not this error.
func (w world) wantError(what string, got deployment.Page, redirect, code string) {
	w.t.Helper()
	if values := w.answer(what, got, redirect); values.Get("error") != code || values.Get("code") != "" {
		w.t.Errorf("%s: %v, want the error %s", what, values, code)
	}
}

func request(parameters ...string) string {
	return deployment.Authorization("app", callback, parameters...)
}

func thirdParty(parameters ...string) string {
	return deployment.Authorization("third", partnerCallback, parameters...)
}

// addPerson adds an account with ada's password.
func (w world) addPerson(name string) {
	w.t.Helper()
	login, err := w.Store.LoginName(w.t.Context(), deployment.Username)
	if err != nil {
		w.t.Fatal(err)
	}
	w.Store.SetAccount(account.Account{ID: uuid.New(), Username: name, Scopes: []string{"openid", "profile"}, Epoch: deployment.Start.Unix()}, login.Hash)
}

// restart makes every function cold.
func (w world) restart() {
	w.Restart(browser.Jar{}, func(string) keyring.Sealer { return w.Sealer })
}
