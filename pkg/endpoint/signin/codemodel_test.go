package signin_test

import (
	"net/url"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/session"
)

// offered is a code, and what must be true of it.
type offered struct {
	client, redirect, text string
	until                  time.Time // it may be used before
	dead                   bool      // its session has been ended, or will be as soon as somebody comes with the code
	tokens                 deployment.Answer
	endOfAccess            time.Time
}

func (o *offered) used() bool { return o.tokens.AccessToken != "" }

// codeModel is ada at one browser, with an application of the operator's and one of a third party's.
type codeModel struct {
	world
	*rapid.T
	visitor *deployment.Visitor
	allowed bool // ada allows the third party what it asks for
	codes   []*offered
}

func (m *codeModel) now() time.Time { return m.Clock.Now() }

// offer asks for a code of the client without a page.
func (m *codeModel) offer(client, redirect string, allowed bool) {
	waiting := 0
	for _, o := range m.codes {
		if m.now().Before(o.until) {
			waiting++
		}
	}
	if waiting >= session.MaxPending {
		m.Skip("more would be refused")
	}
	page := m.visitor.Open("/authorize", deployment.Authorization(client, redirect, "prompt", "none"))
	if m.note(page, client, redirect) != allowed {
		m.Fatalf("%s is sent to %s; ada allows it: %v", client, page.To(), allowed)
	}
}

// note keeps the code that a page leads to, if it does.
func (m *codeModel) note(page deployment.Page, client, redirect string) bool {
	answer, err := url.Parse(page.To())
	if err != nil {
		m.Fatal(err)
	}
	code := answer.Query().Get("code")
	if code != "" {
		m.codes = append(m.codes, &offered{client: client, redirect: redirect, text: code, until: m.now().Add(session.CodeLife)})
	}
	return code != ""
}

// signIn has ada sign in, which leads to a code of the operator's application.
func (m *codeModel) signIn() {
	m.visitor = m.Visitor()
	m.note(m.visitor.SignIn(request()), "app", callback)
}

func (m *codeModel) OfferOwn(*rapid.T)   { m.offer("app", callback, true) }
func (m *codeModel) OfferThird(*rapid.T) { m.offer("third", partnerCallback, m.allowed) }

func (m *codeModel) Allow(*rapid.T) {
	form := m.visitor.Open("/authorize", thirdParty("prompt", "consent")).Form()
	form.Set("decision", "allow")
	m.note(m.visitor.Post("/consent", form), "third", partnerCallback)
	m.allowed = true
}

func (m *codeModel) TakeBack(*rapid.T) {
	got := m.As(m.Login("app").AccessToken, takeBack("third"))
	if got.StatusCode != 200 {
		m.Fatalf("take back: %d %s", got.StatusCode, got.Body)
	}
	m.allowed = false
	for _, o := range m.codes {
		o.dead = o.dead || o.client == "third"
	}
}

// EndAll ends all sessions of ada, also those that wait, and she signs in again.
func (m *codeModel) EndAll(*rapid.T) {
	m.Clock.Advance(2 * time.Second) // epochs count in seconds
	got := m.As(m.Login("app").AccessToken, deployment.Request{Route: "DELETE /sessions"})
	if got.StatusCode != 200 {
		m.Fatalf("end all: %d %s", got.StatusCode, got.Body)
	}
	for _, o := range m.codes {
		o.dead = true
	}
	m.Clock.Advance(2 * time.Second)
	m.signIn()
}

func (m *codeModel) Wait(t *rapid.T) {
	m.Clock.Advance(time.Duration(rapid.IntRange(1, 40).Draw(t, "seconds")) * time.Second)
}

// exchange presents a code with what the client has, or with one thing that is another.
func (m *codeModel) exchange(o *offered, wrong string) deployment.Answer {
	values := url.Values{
		"grant_type": {"authorization_code"}, "client_id": {o.client}, "redirect_uri": {o.redirect}, "code": {o.text}, "code_verifier": {deployment.Verifier},
	}
	switch wrong {
	case "client":
		values.Set("client_id", map[string]string{"app": "third", "third": "app"}[o.client])
	case "redirect":
		values.Set("redirect_uri", o.redirect+"/x")
	case "verifier":
		values.Set("code_verifier", deployment.Verifier[1:]+"x")
	case "code":
		values.Set("code", o.text[:len(o.text)-5]+"AAAAA")
	}
	return m.Do(deployment.Form("POST /token", values.Encode()))
}

func (m *codeModel) Exchange(t *rapid.T) {
	if len(m.codes) == 0 {
		t.Skip("no codes")
	}
	o := rapid.SampledFrom(m.codes).Draw(t, "code")
	wrong := rapid.SampledFrom([]string{"", "", "", "client", "redirect", "verifier", "code"}).Draw(t, "wrong")
	got := m.exchange(o, wrong)
	good := wrong == "" && !o.used() && !o.dead && m.now().Before(o.until)
	switch {
	case good && got.StatusCode == 200:
		o.tokens, o.endOfAccess = got, m.now().Add(15*time.Minute)
	case good:
		t.Fatalf("the code is refused: %d %s", got.StatusCode, got.Body)
	case got.StatusCode != 400 || got.Error != "invalid_grant":
		t.Fatalf("wrong %q, used %v, dead %v, until %v at %v: %d %s", wrong, o.used(), o.dead, o.until, m.now(), got.StatusCode, got.Body)
	case wrong == "" && o.used(): // right in everything, and used before (RFC 6749 §4.1.2)
		o.dead = true
	}
}

// Check compares what the tokens of all codes are good for.
func (m *codeModel) Check(t *rapid.T) {
	for _, o := range m.codes {
		if !o.used() || !m.now().Before(o.endOfAccess) {
			continue
		}
		want := 200
		if o.dead {
			want = 403
		}
		if got := m.As(o.tokens.AccessToken, deployment.Request{Route: "GET /userinfo"}); got.StatusCode != want {
			t.Fatalf("the access token of %s: %d, want %d; its session was ended: %v", o.client, got.StatusCode, want, o.dead)
		}
	}
}

// TestCodesFollowTheModel plays random histories of codes: a code is good once, in its minute, for its client, redirect and verifier, as long as the
// person allows it; whatever is wrong with a request burns nothing, and a right one that comes again ends the session.
func TestCodesFollowTheModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &codeModel{world: newWorld(t), T: rt}
		m.signIn()
		rt.Repeat(rapid.StateMachineActions(m))
	})
}
