package deployment

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/browser"
)

// Scene is a deployment in which ada is logged in twice, for fuzz targets. Keys differ from run to run, so
// seeds name what she holds instead of spelling it: $REFRESH and $ACCESS of the client "app", $COOKIE of
// "web", a value without its name.
type Scene struct {
	*Deployment
	App, Web Answer

	fill *strings.Replacer
}

// NewScene logs in.
func NewScene(tb testing.TB) *Scene {
	tb.Helper()
	d := New(tb, browser.Jar{})
	s := &Scene{Deployment: d, App: d.Login("app"), Web: d.Login("web")}
	_, cookie, _ := strings.Cut(s.Web.CookiePair(), "=")
	s.fill = strings.NewReplacer("$REFRESH", s.App.RefreshToken, "$ACCESS", s.App.AccessToken, "$COOKIE", cookie)
	return s
}

// Fill puts what ada holds in the place of its names.
func (s *Scene) Fill(text string) string { return s.fill.Replace(text) }

// How the body of a Fuzzed request travels.
const (
	Plain    = 0 // as text
	InBase64 = 1 // encoded, and marked so
	Marked   = 2 // marked as base64, whatever it is
)

// Fuzzed is a request as a fuzzer makes it up, before Fill.
type Fuzzed struct {
	Type, Authorization, Origin, FetchSite string
	Cookies                                string // joined by "; "
	Body                                   string
	Travels                                byte
}

// Request is the filled request for a route. Headers without a value are left out.
func (s *Scene) Request(route string, f Fuzzed) Request {
	r := Request{Route: route, Type: s.Fill(f.Type), Body: s.Fill(f.Body), Encoded: f.Travels != Plain}
	if f.Travels == InBase64 {
		r.Body = base64.StdEncoding.EncodeToString([]byte(r.Body))
	}
	for name, value := range map[string]string{
		"authorization": f.Authorization, "origin": f.Origin, "sec-fetch-site": f.FetchSite,
	} {
		if value != "" {
			r = r.With(name, s.Fill(value))
		}
	}
	if f.Cookies != "" {
		r = r.Cookie(strings.Split(s.Fill(f.Cookies), "; ")...)
	}
	return r
}

// Names reports whether the request names what ada holds.
func (f Fuzzed) Names(what string) bool {
	return strings.Contains(f.Type+"\n"+f.Authorization+"\n"+f.Origin+"\n"+f.FetchSite+"\n"+f.Cookies+"\n"+f.Body, what)
}

// FromHere reports whether a browser that sends the request says that it is not from another site.
func (f Fuzzed) FromHere() bool {
	return f.Origin == Origin || f.Origin == Issuer || f.Origin == "" && f.FetchSite == "same-origin"
}

// State is everything that a request might change: both sessions, the account, the revocation log. It is
// made to be compared.
func (s *Scene) State() string {
	s.tb.Helper()
	a, err := s.Store.Account(s.tb.Context(), AccountID)
	if err != nil {
		s.tb.Fatal(err)
	}
	state := fmt.Sprintf("%d sessions; account %+v; log %+v", s.Store.SessionCount(), a, s.Store.Log())
	for _, held := range []Answer{s.App, s.Web} {
		stored, ok := s.Store.GetSession(held.SessionID())
		state += fmt.Sprintf("; session %v %+v", ok, stored)
	}
	return state
}

// SessionID is the `sid` of the answer's access token, zero when it has none.
func (a Answer) SessionID() uuid.UUID {
	parts := strings.Split(a.AccessToken, ".")
	if len(parts) != 3 {
		return uuid.Nil
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return uuid.Nil
	}
	var claims struct {
		SessionID uuid.UUID `json:"sid"`
	}
	if json.Unmarshal(payload, &claims) != nil {
		return uuid.Nil
	}
	return claims.SessionID
}

// CheckLog fails the test when a function logged what only a fault may lead to, or a secret.
func (s *Scene) CheckLog(t *testing.T) {
	t.Helper()
	both := s.Log() + s.Trail()
	for _, never := range []string{"internal error", "unavailable", Password, s.App.RefreshToken, s.App.AccessToken, s.Web.AccessToken} {
		if strings.Contains(both, never) {
			t.Errorf("the log contains %q:\n%s", never, both)
		}
	}
}
