package subjects_test

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// world is a deployment with two back ends that have users of their own: "shop" and "bank", each with a directory of its name.
type world struct {
	*deployment.Deployment
	t *testing.T
}

func newWorld(t *testing.T) world {
	t.Helper()
	w := world{deployment.New(t, browser.Jar{}), t}
	for _, id := range []string{"shop", "bank"} {
		c := client.New(id, client.Service)
		c.Directory, c.Scopes, c.SecretHash = id, []string{oauth.ScopeSessions, "stock"}, client.HashSecret(oauth.NewSecret(deployment.Secret))
		c.MayBegin, c.AMR = []string{"app", "web", "site", "partner", "thirdparty", "gone", client.Reserved}, []string{"pwd", "otp"}
		c.MayGrant = []string{"role:editor", "scope:profile", "claim:plan", "claim:seats"}
		w.register(c)
	}
	w.register(client.New(client.Reserved, client.Browser))
	w.register(client.New("unregistered", client.Native))
	third := client.New("thirdparty", client.Native)
	third.FirstParty = false
	w.register(third)
	w.change("web", func(c *client.Client) { c.Origins = []string{deployment.Issuer, deployment.Origin} })
	return w
}

func (w world) register(c client.Client) {
	w.t.Helper()
	if err := w.Store.PutClient(w.t.Context(), c); err != nil {
		w.t.Fatal(err)
	}
}

// change registers a client anew; functions know when they have read it again.
func (w world) change(id string, to func(*client.Client)) {
	w.t.Helper()
	c, err := w.Store.Client(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	to(&c)
	w.register(c)
}

// token is a service's own.
func (w world) token(id string) string {
	w.t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {deployment.Secret}}
	got := w.Do(deployment.Form("POST /token", form.Encode()))
	w.Want("token of "+id, got, 200, "")
	return got.AccessToken
}

// at is a request about a subject, with a body if there is one.
func at(route, subject, body string) deployment.Request {
	r := deployment.Request{Route: route, Path: map[string]string{"subject": subject}, Body: body}
	if body != "" {
		r.Type = "application/json"
	}
	return r
}

const (
	beginRoute  = "POST /subjects/{subject}/sessions"
	listRoute   = "GET /subjects/{subject}/sessions"
	endRoute    = "DELETE /subjects/{subject}/sessions"
	endOneRoute = "DELETE /subjects/{subject}/sessions/{sid}"
	changeRoute = "PATCH /subjects/{subject}"
)

const plain = `{"client_id":"app","amr":["pwd"]}`

// by sends a request of a service.
func (w world) by(service string, r deployment.Request) deployment.Answer {
	w.t.Helper()
	return w.As(w.token(service), r)
}

func (w world) begin(subject, body string) deployment.Answer {
	w.t.Helper()
	got := w.by("shop", at(beginRoute, subject, body))
	w.Want("begin for "+subject, got, 200, "")
	return got
}

func (w world) patch(subject, body string) {
	w.t.Helper()
	w.Want("change "+subject+" to "+body, w.by("shop", at(changeRoute, subject, body)), 200, "")
}

// claims are those of an access token, read without checking it.
func (w world) claims(text string) map[string]any {
	w.t.Helper()
	parts := strings.Split(text, ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[min(1, len(parts)-1)])
	var claims map[string]any
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		w.t.Fatalf("no access token: %v", err)
	}
	return claims
}

// refresh refreshes at the client app.
func (w world) refresh(token string) deployment.Answer {
	w.t.Helper()
	return w.Do(deployment.JSON("POST /refresh", `{"client_id":"app","refresh_token":"`+token+`"}`))
}

// account is the one of a subject as it is stored; nil when there is none.
func (w world) account(directory, subject string) *account.Account {
	w.t.Helper()
	for a, err := range w.Store.Accounts(w.t.Context()) {
		if err != nil {
			w.t.Fatal(err)
		}
		if a.Subject == (account.Subject{Directory: directory, ID: subject}) {
			return &a
		}
	}
	return nil
}

// listed are the ids of a subject's sessions.
func (w world) listed(service, subject string) (ids []string) {
	w.t.Helper()
	got := w.by(service, at(listRoute, subject, ""))
	w.Want("list", got, 200, "")
	var page struct{ Sessions []struct{ ID string } }
	if err := json.Unmarshal([]byte(got.Body), &page); err != nil {
		w.t.Fatal(err)
	}
	for _, s := range page.Sessions {
		ids = append(ids, s.ID)
	}
	return ids
}
