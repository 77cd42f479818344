package deployment_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/endpoint"
	. "github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/session"
)

// hourly keys change while a session lives.
var hourly = keyring.Times{Period: time.Hour}

// twoVersions are the functions before and after a change of parameters, which a canary runs side by side.
func twoVersions(t *testing.T) (old, updated *Deployment) {
	t.Helper()
	old = New(t, browser.Jar{}).Beside(func(s *endpoint.Settings) { s.Staleness, s.KeyTimes = 5*time.Second, hourly })
	updated = old.Beside(func(s *endpoint.Settings) {
		s.Algorithm, s.Rules.Grace, s.Staleness, s.KeyTimes = keyring.EdDSA, 10*time.Second, 0, hourly
	})
	return old, updated
}

func wantAuthorized(t *testing.T, d *Deployment, what string, a Answer, want bool) {
	t.Helper()
	got, err := AskAuthorizer(t.Context(), d.Authorizer, events.APIGatewayV2CustomAuthorizerV2Request{IdentitySource: []string{"Bearer " + a.AccessToken}})
	if err != nil || got.IsAuthorized != want {
		t.Errorf("%s: authorized %t, %v; want %t\n%s", what, got.IsAuthorized, err, want, d.Log())
	}
}

func TestSessionMovesBetweenTwoVersions(t *testing.T) {
	old, updated := twoVersions(t)
	a := old.Login("app")
	for i := range 6 {
		d, other := old, updated
		if i%2 == 0 {
			d, other = updated, old
		}
		held := a.RefreshToken
		a = d.Do(Form("POST /refresh", "client_id=app&refresh_token="+held))
		d.Want("refresh", a, 200, "")
		// A lost answer is asked for again, and the repetition comes to the other version.
		if again := other.Do(Form("POST /refresh", "client_id=app&refresh_token="+held)); again.RefreshToken != a.RefreshToken {
			t.Errorf("round %d: the other version answers %d %s, want the same successor", i, again.StatusCode, again.Body)
		}
		old.Clock.Advance(9 * time.Second)
	}
	if trail := old.Trail() + updated.Trail(); strings.Contains(trail, "reuse_detected") {
		t.Errorf("the session was taken for stolen:\n%s", trail)
	}
	wantAuthorized(t, old, "old", a, true)
	wantAuthorized(t, updated, "updated", a, true)
	updated.Want("revoke", updated.Do(Form("POST /revoke", "client_id=app&token="+a.RefreshToken)), 200, "")
	old.Clock.Advance(5 * time.Second) // the longer staleness of the two
	for name, d := range map[string]*Deployment{"old": old, "updated": updated} {
		wantAuthorized(t, d, name+" after the revocation", a, false)
		d.Want(name+" after the revocation", d.Do(Form("POST /refresh", "client_id=app&refresh_token="+a.RefreshToken)), 400, "invalid_grant")
	}
}

func TestShorterGraceCountsInTheVersionThatHasIt(t *testing.T) {
	old, updated := twoVersions(t)
	for name, test := range map[string]struct {
		d      *Deployment
		status int
		code   string
	}{"old": {old, 200, ""}, "updated": {updated, 400, "invalid_grant"}} {
		a := old.Login("web")
		first := old.Do(JSON("POST /refresh", `{"client_id":"web"}`).From(Origin).Cookie(a.CookiePair()))
		old.Want("refresh", first, 200, "")
		old.Clock.Advance(10*time.Second + session.DefaultGrace/4)
		got := test.d.Do(JSON("POST /refresh", `{"client_id":"web"}`).From(Origin).Cookie(a.CookiePair()))
		test.d.Want(name, got, test.status, test.code)
	}
}

// TestOtherAlgorithmIsAcceptedByBothVersions follows a change of SIGNING_ALG: the new version publishes a key, and signs with it a period later.
func TestOtherAlgorithmIsAcceptedByBothVersions(t *testing.T) {
	old, updated := twoVersions(t)
	algorithm := func(a Answer) string {
		head, _, _ := strings.Cut(a.AccessToken, ".")
		text, _ := base64.RawURLEncoding.DecodeString(head)
		_, rest, _ := strings.Cut(string(text), `"alg":"`)
		name, _, _ := strings.Cut(rest, `"`)
		return name
	}
	tokenOf := func(d *Deployment, want string) Answer {
		t.Helper()
		a := d.Login("app")
		if algorithm(a) != want {
			t.Errorf("signed by %s, want %s", algorithm(a), want)
		}
		return a
	}
	first := []Answer{tokenOf(old, "ES256"), tokenOf(updated, "ES256")}
	for _, a := range first { // from here on both hold the keys of now
		wantAuthorized(t, old, "old", a, true)
		wantAuthorized(t, updated, "updated", a, true)
	}
	for range 2 {
		check(t, "rotate", updated.RotateKeys(t.Context(), events.EventBridgeEvent{}))
		old.Clock.Advance(hourly.Period + time.Minute)
	}
	check(t, "rotate", updated.RotateKeys(t.Context(), events.EventBridgeEvent{}))
	old.Clock.Advance(keyring.DefaultCacheAge)
	for _, a := range []Answer{tokenOf(old, "EdDSA"), tokenOf(updated, "EdDSA")} {
		wantAuthorized(t, old, "old", a, true)
		wantAuthorized(t, updated, "updated", a, true)
	}
	for _, a := range first { // sessions of before go on at either
		again := old.Do(Form("POST /refresh", "client_id=app&refresh_token="+a.RefreshToken))
		old.Want("refresh", again, 200, "")
		updated.Want("refresh", updated.Do(Form("POST /refresh", "client_id=app&refresh_token="+again.RefreshToken)), 200, "")
	}
}

// TestCookieOfTheOtherVersionIsNotTakenAndNotDeleted follows a change of COOKIE_DOMAIN, whose cookies have another name: a browser that meets the other
// version is logged out there, and comes back where it was.
func TestCookieOfTheOtherVersionIsNotTakenAndNotDeleted(t *testing.T) {
	old := New(t, browser.Jar{}).Beside(func(*endpoint.Settings) {})
	updated := old.Beside(func(s *endpoint.Settings) { s.Cookies = browser.Jar{Domain: "example.com"} })
	for name, pair := range map[string][2]*Deployment{"logged in by the old one": {old, updated}, "logged in by the new one": {updated, old}} {
		cookie := pair[0].Login("web").CookiePair()
		refresh := JSON("POST /refresh", `{"client_id":"web"}`).From(Origin).Cookie(cookie)
		got := pair[1].Do(refresh)
		pair[1].Want(name, got, 400, "invalid_grant")
		if len(got.Cookies) > 0 {
			t.Errorf("%s: the other one sets %v, want nothing", name, got.Cookies)
		}
		pair[0].Want(name+", back", pair[0].Do(refresh), 200, "")
	}
}
