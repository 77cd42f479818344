package subjects_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/session"
)

const atSite = `{"client_id":"site","amr":["pwd"]}`

// beginAtSite begins a session of the site and returns its cookie, "name=value".
func (w world) beginAtSite(r deployment.Request) (cookie string, got deployment.Answer) {
	w.t.Helper()
	got = w.by("shop", r)
	var body struct{ Cookies []string }
	if err := json.Unmarshal([]byte(got.Body), &body); got.StatusCode != 200 {
		return "", got
	} else if err != nil || len(body.Cookies) != 1 || len(got.Cookies) != 0 || got.AccessToken != "" || got.RefreshToken != "" || got.CSRFToken == "" {
		w.t.Fatalf("begin: %s", got.Body)
	}
	cookie, _, _ = strings.Cut(body.Cookies[0], ";")
	return cookie, got
}

func TestServiceBeginsASessionOfASite(t *testing.T) {
	w := newWorld(t)
	w.change("site", func(c *client.Client) { c.Origins = []string{deployment.Issuer} })
	cookie, _ := w.beginAtSite(at(beginRoute, "u", atSite))
	visit := deployment.Request{Route: "GET /site/userinfo"}.Cookie(cookie)
	if got := w.AtSite(visit); got.StatusCode != 403 || got.Error != "insufficient_scope" {
		t.Errorf("a new account has no scopes: %d %s", got.StatusCode, got.Body)
	}
	w.change("shop", func(c *client.Client) { c.MayGrant = append(c.MayGrant, "scope:account") })
	w.Clock.Advance(time.Minute)
	cookie, _ = w.beginAtSite(at(beginRoute, "u", `{"client_id":"site","amr":["pwd"],"scopes":["profile"]}`))
	if got := w.AtSite(deployment.Request{Route: "GET /site/userinfo"}.Cookie(cookie)); !strings.Contains(got.Body, `"external_id":"shop/u"`) {
		t.Errorf("by the cookie: %d %s", got.StatusCode, got.Body)
	}
	if got := w.AtSite(deployment.Request{Route: "GET /site/sessions"}.Cookie(cookie)); got.StatusCode != 200 {
		t.Errorf("their sessions: %d %s", got.StatusCode, got.Body)
	}
	w.Want("the back end ends all", w.by("shop", at(endRoute, "u", "")), 200, "")
	if got := w.AtSite(visit); got.StatusCode != 403 {
		t.Errorf("afterwards: %d", got.StatusCode)
	}
}

// A lost answer is asked for again: the handle is computed again, until it was used or cannot be.
func TestIdempotencyKeyGivesTheSameHandle(t *testing.T) {
	w := newWorld(t)
	w.change("site", func(c *client.Client) { c.Origins = []string{deployment.Issuer} })
	begin := at(beginRoute, "u", atSite).With("idempotency-key", "k1")
	first, answer := w.beginAtSite(begin)
	w.Clock.Advance(time.Minute)
	again, repeated := w.beginAtSite(begin)
	other, _ := w.beginAtSite(at(beginRoute, "u", atSite).With("idempotency-key", "k2"))
	if first != again || answer.CSRFToken != repeated.CSRFToken || other == first || w.Store.SessionCount() != 2 {
		t.Errorf("first %.30q, again %.30q, other %.30q, %d sessions", first, again, other, w.Store.SessionCount())
	}
	w.Clock.Advance(session.UseInterval)
	w.AtSite(deployment.Request{Route: "GET /site/sessions"}.Cookie(first)) // used, which is recorded
	if _, got := w.beginAtSite(begin); got.StatusCode != 409 || got.Error != "already_used" {
		t.Errorf("after its use: %d %s", got.StatusCode, got.Body)
	}
}
