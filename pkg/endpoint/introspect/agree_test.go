package introspect_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/operate"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/token"
)

// TestIntrospectionAgreesWithTheAuthorizer compares their answers to 10,000 random tokens, handles and tickets, between random events.
// The authorizer is asked by an event of every kind of API.
func TestIntrospectionAgreesWithTheAuthorizer(t *testing.T) {
	seed := rand.Uint64()
	w := &walk{world: newWorld(t), rand: rand.New(rand.NewPCG(seed, 0)), events: goldenEvents(t)}
	w.change("partner", func(c *client.Client) { c.Introspects = []string{"app", "site"} })
	w.change("orders", func(c *client.Client) { c.Audiences = []string{"https://orders.example"} })
	w.change("both", func(c *client.Client) { c.Audiences = []string{"https://orders.example", deployment.Issuer} })
	seen := map[string]int{}
	for i := range 10_000 {
		if i%10 == 0 {
			w.event()
		}
		how, text, let := w.ask()
		active := w.world.ask("partner", text).Body != inactive
		if active != let {
			t.Fatalf("seed %d, token %d by %s after %v: the authorizer lets it in: %v, introspection says active: %v\n%s", seed, i, how, w.history, let, active, w.Log()[max(0, len(w.Log())-1000):])
		}
		seen[fmt.Sprint(how, " ", active)]++
	}
	for _, how := range append(kinds, "ticket", "handle") {
		if seen[how+" true"] < 30 || seen[how+" false"] < 30 {
			t.Errorf("by %s: %d active, %d inactive: one side was hardly tried", how, seen[how+" true"], seen[how+" false"])
		}
	}
	for _, what := range happenings {
		if !slices.Contains(w.history, what) {
			t.Errorf("%s never happened", what)
		}
	}
}

// kinds are the events of an authorizer, by the names of their files.
var kinds = []string{"http-2.0", "http-1.0", "rest", "rest-token", "websocket", "appsync"}

func goldenEvents(t *testing.T) map[string]string {
	t.Helper()
	events := map[string]string{}
	for _, kind := range kinds {
		text, err := os.ReadFile(filepath.Join("..", "authorizer", "testdata", "events", kind+".json"))
		if err != nil {
			t.Fatal(err)
		}
		events[kind] = string(text)
	}
	return events
}

// ask shows the authorizer one of the things that were given out, in one of the ways to do that, and returns what introspection is to be
// asked about.
func (w *walk) ask() (how, text string, let bool) {
	w.t.Helper()
	switch n := w.rand.IntN(16); {
	case n == 0 && len(w.handles) > 0:
		text = pick(w, w.handles)
		return "handle", text, w.AtSite(deployment.Request{Route: "GET /site/userinfo"}.Cookie("__Host-Http-wpss-site="+text)).StatusCode != 403
	case n <= 4:
		text = pick(w, w.held).AccessToken
		if ticket := w.ticket(text); ticket != "" {
			if w.rand.IntN(2) == 0 { // before it is used; no time passes, because a ticket does not live as long as its token
				w.happens(pick(w, []string{"everywhere", "operator ends all", "disable", "client", "no key", "restart"}))
			}
			return "ticket", text, w.opens(ticket)
		}
	}
	how, text = pick(w, kinds), w.token()
	return how, text, w.lets(strings.ReplaceAll(w.events[how], "$ACCESS", inJSON(text)))
}

// inJSON is text as it stands in a string of a JSON text.
func inJSON(text string) string {
	encoded, _ := json.Marshal(text)
	return string(encoded[1 : len(encoded)-1])
}

func (w *walk) lets(event string) bool {
	w.t.Helper()
	answer, err := w.Authorizer(w.t.Context(), []byte(event))
	if err != nil && err.Error() != "Unauthorized" {
		w.t.Fatalf("%v: %s", err, event)
	}
	return strings.Contains(string(answer), `"isAuthorized":true`) || strings.Contains(string(answer), `"Allow"`)
}

// ticket is one for the access token; "" when the token is refused.
func (w *walk) ticket(access string) string {
	w.t.Helper()
	got := w.As(access, deployment.JSON("POST /ticket", `{"api":"abc123"}`))
	if got.StatusCode != 200 {
		return ""
	}
	return decode(w.t, got.Body)["ticket"].(string)
}

// opens reports whether a ticket opens a WebSocket.
func (w *walk) opens(ticket string) bool {
	w.t.Helper()
	event := strings.ReplaceAll(w.events["websocket"], `"Authorization": "Bearer $ACCESS",`, "")
	event = strings.ReplaceAll(event, `"Authorization": ["Bearer $ACCESS"],`, "")
	event = strings.ReplaceAll(event, `"queryStringParameters": {}`, `"queryStringParameters": {"ticket": "`+ticket+`"}`)
	return w.lets(strings.ReplaceAll(event, `"multiValueQueryStringParameters": {}`, `"multiValueQueryStringParameters": {"ticket": ["`+ticket+`"]}`))
}

// walk is a deployment to which things happen.
type walk struct {
	world
	rand    *rand.Rand
	events  map[string]string
	held    []deployment.Answer // given out, and perhaps ended since
	handles []string            // of sites, the same
	history []string
}

func pick[T any](w *walk, of []T) T { return of[w.rand.IntN(len(of))] }

// happenings are what may end tokens, or begins a session.
var happenings = []string{
	"login", "own", "at a site", "revoke", "end", "everywhere", "others", "operator ends all", "disable", "enable", "pass", "pass long", "client", "key", "no key", "restart",
}

// event lets one of the happenings happen, those oftener that give something out.
func (w *walk) event() {
	w.t.Helper()
	what := pick(w, append(slices.Repeat([]string{"login", "login", "login", "at a site", "at a site", "own", "pass"}, 3), happenings...))
	if len(w.held) == 0 {
		what = "login"
	}
	a, err := w.Store.Account(w.t.Context(), deployment.AccountID)
	w.must(err)
	if a.Disabled && (what == "login" || what == "at a site") {
		w.happens("enable")
	}
	w.happens(what)
	w.held, w.handles = w.held[max(0, len(w.held)-12):], w.handles[max(0, len(w.handles)-4):]
}

func (w *walk) happens(what string) {
	w.t.Helper()
	w.history = append(w.history, what)
	ctx, now, editor := w.t.Context(), w.Clock.Now(), account.NewEditor(w.Store, w.Clock.Now)
	switch what {
	case "login":
		w.held = append(w.held, w.Login(pick(w, []string{"app", "web", "web2"})))
	case "own":
		w.held = append(w.held, w.Do(form("POST /token", pick(w, []string{"partner", "orders", "both"}), "grant_type", "client_credentials")))
	case "at a site":
		_, handle, _ := strings.Cut(w.LoginSite("site").CookiePair(), "=")
		w.handles = append(w.handles, handle)
	case "revoke":
		w.Do(deployment.Form("POST /revoke", "client_id=app&token="+pick(w, w.held).AccessToken))
	case "end":
		w.Do(deployment.Form("POST /revoke", "client_id=app&token="+pick(w, w.held).RefreshToken))
	case "everywhere":
		w.Do(deployment.JSON("POST /logout", `{"client_id":"app","everywhere":true,"refresh_token":"`+pick(w, w.held).RefreshToken+`"}`))
	case "others":
		w.As(pick(w, w.held).AccessToken, deployment.Request{Route: "DELETE /sessions", Query: map[string]string{"except": "current"}})
	case "operator ends all":
		a, err := w.Store.Account(ctx, deployment.AccountID)
		w.must(errors.Join(err, editor.EndSessions(ctx, a)))
	case "disable":
		_, err := editor.Disable(ctx, deployment.AccountID)
		w.must(err)
	case "enable":
		_, err := editor.Enable(ctx, deployment.AccountID)
		w.must(err)
	case "pass":
		w.Clock.Advance(time.Duration(w.rand.IntN(120)) * time.Second)
	case "pass long":
		w.Clock.Advance(time.Duration(w.rand.IntN(16)) * time.Minute)
	case "client":
		id := pick(w, []string{"app", "web2", "site", "orders", "both"})
		w.must(revocation.DenyClient(ctx, w.Store, w.Clock.Now, id, now.Truncate(time.Second)))
	case "key":
		w.revokeKey()
	case "no key":
		w.must(revocation.Deny(ctx, w.Store, w.Clock.Now, revocation.Key, "no-key-of-ours"))
	case "restart":
		w.Restart(browser.Jar{}, func(string) keyring.Sealer { return w.Sealer })
	}
}

// revokeKey replaces the key that signs. A function looks for a key that it does not know once in 30 seconds, so within those the two may
// know different ones.
func (w *walk) revokeKey() {
	w.t.Helper()
	ring := keyring.New(keyring.Config{Store: w.Store, Sealer: w.Sealer, Algorithm: keyring.ES256, Now: w.Clock.Now})
	key, err := ring.SigningKeys().Current(w.t.Context())
	w.must(err)
	defer w.Clock.Advance(30 * time.Second)
	_, err = operate.NewKeys(operate.KeysParts{Ring: ring, Log: w.Store, Trail: audit.NewTrail(io.Discard, w.Clock.Now), Now: w.Clock.Now}).Revoke(w.t.Context(), key.ID)
	w.must(err)
}

func (w *walk) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// token is one that was given out, or a text made from it, or one that our key signed and we never would.
func (w *walk) token() string {
	text := pick(w, w.held).AccessToken
	switch w.rand.IntN(10) {
	case 0:
		at := w.rand.IntN(len(text))
		return text[:at] + string(pick(w, []byte("A.-_=\n é"))) + text[at+1:]
	case 1:
		return text[:1+w.rand.IntN(len(text)-1)]
	case 2, 3:
		return w.signed(w.odd)
	}
	return text
}

// odd changes one claim, or none.
func (w *walk) odd(c *token.Claims) {
	now := w.Clock.Now()
	switch w.rand.IntN(10) {
	case 0:
		c.Issuer = pick(w, []string{"", "https://evil.example", deployment.Issuer + "/"})
	case 1:
		c.Audience = pick(w, [][]string{{}, {""}, {"https://orders.example"}, {"https://orders.example", deployment.Issuer}, {deployment.Issuer, deployment.Issuer}})
	case 2:
		c.Expiry = now.Add(time.Duration(w.rand.IntN(3)-1) * time.Second)
	case 3:
		c.IssuedAt = now.Add(time.Duration(w.rand.IntN(60)) * time.Second)
	case 4:
		c.Subject = pick(w, []string{"", "app", uuid.NewString(), "partner"})
	case 5:
		c.ClientID = pick(w, []string{"", "web", c.Subject, "nobody"})
	case 6:
		c.Login = nil
	case 7:
		c.Login.Epoch = pick(w, []int64{0, -1, now.Unix() - 1000, now.Unix() + 1000})
	case 8:
		c.Login.AuthTime = now.Add(-time.Duration(w.rand.IntN(3600)) * time.Second)
	}
}
