package introspect_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

func TestHandleIsToldToTheServicesThatIntrospectItsClient(t *testing.T) {
	w := newWorld(t)
	w.change("partner", func(c *client.Client) { c.Introspects = []string{"app", "site"} })
	w.change("other", func(c *client.Client) { c.Introspects = []string{"app"} })
	_, handle, _ := strings.Cut(w.LoginSite("site").CookiePair(), "=")
	ask := func(service, token string) string {
		t.Helper()
		return w.Do(form("POST /introspect", service, "token", token)).Body
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(ask("partner", handle)), &got); err != nil || got["active"] != true || got["client_id"] != "site" ||
		got["sub"] != deployment.AccountID.String() || got["scope"] != "profile account" || got["token_type"] != nil ||
		got["exp"] != float64(deployment.Start.Add(24*time.Hour).Unix()) {
		t.Errorf("the service is told %v (%v)", got, err)
	}
	for what, answer := range map[string]string{
		"another service":   ask("other", handle),
		"a made-up secret":  ask("partner", handle[:len(handle)-8]+strings.Repeat("A", 8)),
		"no handle":         ask("partner", "wpss_x"),
		"a longer one":      ask("partner", handle+"A"),
		"a cookie for it":   ask("partner", "__Host-Http-wpss-site="+handle),
		"with white space":  ask("partner", handle+" "),
		"a refresh token's": ask("partner", "wprt_"+strings.TrimPrefix(handle, "wpss_")),
	} {
		if answer != inactive {
			t.Errorf("%s: %s", what, answer)
		}
	}
	w.Want("logout", w.Do(deployment.JSON("POST /logout", `{"client_id":"site"}`).From(deployment.Origin).Cookie("__Host-Http-wpss-site="+handle)), 200, "")
	if answer := ask("partner", handle); answer != inactive {
		t.Errorf("after the logout: %s", answer)
	}
}

// Every refusal reads as much as a good handle, so that the time tells nothing.
func TestRefusedHandlesCostTheSameCalls(t *testing.T) {
	w := newWorld(t)
	w.change("partner", func(c *client.Client) { c.Introspects = []string{"site"} })
	_, handle, _ := strings.Cut(w.LoginSite("site").CookiePair(), "=")
	calls := func(token string) []string {
		w.Do(form("POST /introspect", "partner", "token", token)) // warm
		w.Store.ForgetCalls()
		w.Do(form("POST /introspect", "partner", "token", token))
		return w.Store.Calls()
	}
	want := strings.Join(calls(handle), " ")
	for _, token := range []string{"wpss_x", handle[:len(handle)-1] + "A", handle + "A"} {
		if got := strings.Join(calls(token), " "); got != want || want != "Account Session" {
			t.Errorf("%.10s…: calls %s, want %s", token, got, want)
		}
	}
}
