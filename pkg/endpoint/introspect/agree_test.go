package introspect_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/token"
)

// TestIntrospectionAgreesWithTheAuthorizer compares their answers to 10,000 random tokens, between random events.
func TestIntrospectionAgreesWithTheAuthorizer(t *testing.T) {
	seed := rand.Uint64()
	w := &walk{world: newWorld(t), rand: rand.New(rand.NewPCG(seed, 0))}
	w.change("orders", func(c *client.Client) { c.Audiences = []string{"https://orders.example"} })
	w.change("both", func(c *client.Client) { c.Audiences = []string{"https://orders.example", deployment.Issuer} })
	seen := map[bool]int{}
	for i := range 10_000 {
		if i%25 == 0 {
			w.event()
		}
		text := w.token()
		answer, err := deployment.AskAuthorizer(t.Context(), w.Authorizer, events.APIGatewayV2CustomAuthorizerV2Request{IdentitySource: []string{"Bearer " + text}})
		if err != nil {
			t.Fatal(err)
		}
		active := w.ask("partner", text).Body != inactive
		if active != answer.IsAuthorized {
			t.Fatalf("seed %d, token %d after %v: the authorizer lets it in: %v, introspection says active: %v", seed, i, w.history, answer.IsAuthorized, active)
		}
		seen[active]++
	}
	if seen[true] < 1000 || seen[false] < 1000 {
		t.Errorf("%d active, %d inactive: one side was hardly tried", seen[true], seen[false])
	}
}

// walk is a deployment to which things happen.
type walk struct {
	world
	rand    *rand.Rand
	held    []deployment.Answer // given out, and perhaps ended since
	history []string
}

func pick[T any](w *walk, of []T) T { return of[w.rand.IntN(len(of))] }

// event lets something happen that may end tokens, or begins a session.
func (w *walk) event() {
	w.t.Helper()
	what := pick(w, []string{"login", "login", "login", "own", "own", "revoke", "end", "everywhere", "others", "pass", "pass long", "client", "key", "restart"})
	if len(w.held) == 0 {
		what = "login"
	}
	w.history = append(w.history, what)
	now := w.Clock.Now()
	switch what {
	case "login":
		w.held = append(w.held, w.Login(pick(w, []string{"app", "web", "web2"})))
	case "own":
		w.held = append(w.held, w.Do(form("POST /token", pick(w, []string{"partner", "orders", "both"}), "grant_type", "client_credentials")))
	case "revoke":
		w.Do(deployment.Form("POST /revoke", "client_id=app&token="+pick(w, w.held).AccessToken))
	case "end":
		w.Do(deployment.Form("POST /revoke", "client_id=app&token="+pick(w, w.held).RefreshToken))
	case "everywhere":
		w.Do(deployment.JSON("POST /logout", `{"client_id":"app","everywhere":true,"refresh_token":"`+pick(w, w.held).RefreshToken+`"}`))
	case "others":
		w.As(pick(w, w.held).AccessToken, deployment.Request{Route: "DELETE /sessions", Query: map[string]string{"except": "current"}})
	case "pass":
		w.Clock.Advance(time.Duration(w.rand.IntN(120)) * time.Second)
	case "pass long":
		w.Clock.Advance(time.Duration(w.rand.IntN(16)) * time.Minute)
	case "client":
		id := pick(w, []string{"app", "web2", "orders", "both"})
		w.must(revocation.DenyClient(w.t.Context(), w.Store, w.Clock.Now, id, now.Truncate(time.Second)))
	case "key":
		w.must(revocation.Deny(w.t.Context(), w.Store, w.Clock.Now, revocation.Key, "no-key-of-ours"))
	case "restart":
		w.Restart(browser.Jar{}, func(string) keyring.Sealer { return w.Sealer })
	}
	if len(w.held) > 12 {
		w.held = w.held[1:]
	}
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
