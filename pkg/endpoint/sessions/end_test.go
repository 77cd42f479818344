package sessions_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/session"
)

func TestEndingOneLeavesTheOthers(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	own, lost, third := d.Login("app"), d.Login("app"), d.Login("app")
	for range 2 { // it may be repeated
		d.Want("end", d.As(own.AccessToken, endRequest(lost.SessionID().String())), 200, "")
		d.Clock.Advance(time.Second)
	}
	wantDead(d, "the ended one", lost)
	stored, _ := d.Store.GetSession(lost.SessionID())
	if stored.Reason != session.ReasonEnded {
		t.Errorf("ended because of %q, want %q", stored.Reason, session.ReasonEnded)
	}
	refreshed(t, d, own)
	refreshed(t, d, third)
	event := fmt.Sprintf(`"sub":"%s","sid":"%s","client_id":"app"`, deployment.AccountID, lost.SessionID())
	if n := strings.Count(d.Trail(), `"event":"session_ended"`); n != 1 || !strings.Contains(d.Trail(), event) ||
		!strings.Contains(d.Trail(), `"by_sid":"`+own.SessionID().String()+`"`) {
		t.Errorf("%d events session_ended, want 1 that says %s and who did it:\n%s", n, event, d.Trail())
	}
}

func TestWhatIsNotTheCallersIsNotFound(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	own, other := d.Login("app"), stranger(d)
	id := own.SessionID().String()
	var bodies []string
	before := d.Store.Sessions()
	for name, asked := range map[string]string{
		"another's": other.ID.String(), "unknown": uuid.NewString(), "another's account": other.AccountID.String(), "own account": deployment.AccountID.String(),
		"zero": uuid.Nil.String(), "last": uuid.Max.String(), "empty": "", "malformed": id[1:], "upper case": strings.ToUpper(id),
		"in braces": "{" + id + "}", "with its table's key": "SESSIONS#" + id, "two": id + "," + id, "huge": strings.Repeat(id, 1000),
		"a path": "../" + id, "a NUL": id + "\x00", "not UTF-8": "\xff\xfe",
	} {
		got := d.As(own.AccessToken, endRequest(asked))
		d.Want(name, got, 404, "not_found")
		deployment.CheckShape(t, got)
		bodies = append(bodies, got.Body)
	}
	slices.Sort(bodies)
	if different := slices.Compact(bodies); len(different) != 1 {
		t.Errorf("answers differ: %q", different)
	}
	if diff := cmp.Diff(before, d.Store.Sessions()); diff != "" || len(d.Store.Log()) > 0 {
		t.Errorf("something was ended: log %v (-before +after)\n%s", d.Store.Log(), diff)
	}
}

func TestEndingTheOthersKeepsTheCaller(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	own, web, phone := d.Login("app"), d.Login("web"), d.Login("app")
	got := d.As(own.AccessToken, endAllRequest(othersOnly))
	d.Want("end others", got, 200, "")
	if len(got.Cookies) > 0 {
		t.Errorf("cookies %q are cleared, and nothing of the caller's has ended", got.Cookies)
	}
	wantDead(d, "another", phone)
	d.Want("the access token of the caller", d.As(own.AccessToken, listRequest(nil)), 403, "")
	d.Want("a browser", d.Do(deployment.JSON("POST /refresh", `{"client_id":"web"}`).From(deployment.Origin).Cookie(web.CookiePair())), 400, "invalid_grant")
	own = refreshed(t, d, own)
	if left := list(t, d, own, nil); len(left.Sessions) != 1 || !left.Sessions[0].Current {
		t.Errorf("%+v is left, want the caller's session alone", left.Sessions)
	}
	d.Want("again", d.As(own.AccessToken, endAllRequest(othersOnly)), 200, "")
	refreshed(t, d, own)
	if n := strings.Count(d.Trail(), `"event":"other_sessions_ended"`); n != 2 {
		t.Errorf("%d events other_sessions_ended, want 2", n)
	}
}

func TestEndingAllEndsTheCallerToo(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	own, phone := d.Login("app"), d.Login("app")
	d.Want("end all", d.As(own.AccessToken, endAllRequest(nil)), 200, "")
	wantDead(d, "the caller", own)
	wantDead(d, "another", phone)
	refreshed(t, d, d.Login("app"))
	if n := strings.Count(d.Trail(), `"event":"logged_out_everywhere"`); n != 1 {
		t.Errorf("%d events logged_out_everywhere, want 1", n)
	}
}

// People who mistype "except" do not mean to log themselves out.
func TestEndingManyRefusesAnyOtherQuery(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	own := d.Login("app")
	for _, query := range []map[string]string{
		{"except": ""}, {"except": "Current"}, {"except": "current,current"}, {"except": own.SessionID().String()}, {"exept": "current"},
		{"except": "current", "x": ""}, {"Except": "current"}, {"limit": "1"}, {"": ""}, {"except": strings.Repeat("current", 1000)},
	} {
		d.Want(fmt.Sprintf("%.60v", query), d.As(own.AccessToken, endAllRequest(query)), 400, "invalid_request")
	}
	refreshed(t, d, own)
	if len(d.Store.Log()) > 0 {
		t.Errorf("something was ended: %v", d.Store.Log())
	}
}

// A pair that a parser drops, or reads in another way than the next one, must not turn "all others" into "all".
func TestQueryThatIsNotWhollyUnderstoodEndsNothing(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	own := d.Login("app")
	for _, tc := range []struct {
		raw    string
		asRead map[string]string // by API Gateway
	}{
		{"except=current;x", nil},
		{"except=current;x", map[string]string{"except": "current"}},
		{"except=current;x", map[string]string{"except": "current", "x": ""}},
		{"except=current;x", map[string]string{"except": "current;x"}},
		{"except=current%3Bx", map[string]string{"except": "current;x"}},
		{"%zz", nil}, {"%zz", map[string]string{"%zz": ""}}, {"%", nil}, {"except=%", nil}, {"except=%ff", map[string]string{"except": "\xff"}},
		{"except=current%", nil}, {"except=current%", map[string]string{"except": "current"}}, {"except=current%", map[string]string{"except": "current%"}},
		{"except=current&except=current", map[string]string{"except": "current,current"}},
		{"except=current&except=current", map[string]string{"except": "current"}},
		{"except=current&", map[string]string{"except": "current"}}, {"&except=current", map[string]string{"except": "current"}},
		{"except=current&&", map[string]string{"except": "current"}}, {"&", nil}, {"=", map[string]string{"": ""}},
		{"except", map[string]string{"except": ""}}, {"except=", map[string]string{"except": ""}},
		{"x=1", nil}, {"x=1", map[string]string{"x": "1"}}, {"except=current&x=1", map[string]string{"except": "current"}},
		{"except=current", nil}, {"except=others", map[string]string{"except": "current"}},
	} {
		r := endAllRequest(tc.asRead)
		r.Raw = tc.raw
		got := d.As(own.AccessToken, r)
		d.Want(fmt.Sprintf("%q, read as %v", tc.raw, tc.asRead), got, 400, "invalid_request")
		deployment.CheckShape(t, got)
	}
	if len(d.Store.Log()) > 0 {
		t.Errorf("something was ended: %v", d.Store.Log())
	}
	r := endAllRequest(othersOnly)
	r.Raw = "%65xcept=curren%74"
	d.Want("escapes that mean what they say", d.As(own.AccessToken, r), 200, "")
	refreshed(t, d, own)
}

func TestCookiesAreClearedWithTheirSession(t *testing.T) {
	for name, test := range map[string]struct {
		client string
		end    func(own deployment.Answer) deployment.Request
		clears bool
	}{
		"all, browser":    {"web", func(deployment.Answer) deployment.Request { return endAllRequest(nil) }, true},
		"all, native":     {"app", func(deployment.Answer) deployment.Request { return endAllRequest(nil) }, false},
		"own, browser":    {"web", func(own deployment.Answer) deployment.Request { return endRequest(own.SessionID().String()) }, true},
		"own, native":     {"app", func(own deployment.Answer) deployment.Request { return endRequest(own.SessionID().String()) }, false},
		"others, browser": {"web", func(deployment.Answer) deployment.Request { return endAllRequest(othersOnly) }, false},
	} {
		jar := browser.Jar{Domain: "example.com"}
		d := deployment.New(t, jar)
		own := d.Login(test.client)
		for attempt := range 2 { // the second finds the session ended, for as long as the authorizer lets it through
			r := test.end(own)
			r.Caller = map[string]any{"sub": deployment.AccountID.String(), "sid": own.SessionID().String(), "client_id": test.client, "scope": "account"}
			got := d.Do(r)
			var want []string
			if test.clears {
				want = jar.Clear(browser.Visit{Client: client.New("web", client.Browser), Issuer: deployment.Issuer, Path: r.Route[len("DELETE "):]})
			}
			if got.StatusCode != 200 && attempt == 0 || got.StatusCode == 200 && !slices.Equal(got.Cookies, want) {
				t.Errorf("%s, attempt %d: %d with cookies %q, want %q", name, attempt, got.StatusCode, got.Cookies, want)
			}
		}
	}
}

// TestSessionOfAClientThatIsGoneHasEnded has the authorizer let a token through for as long as its denylist may be old.
func TestSessionOfAClientThatIsGoneHasEnded(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	own := d.Login("app")
	caller := map[string]any{"sub": deployment.AccountID.String(), "sid": own.SessionID().String(), "client_id": "gone", "scope": "account"}
	for what, test := range map[string]struct {
		request deployment.Request
		status  int
		code    string
	}{
		"list":        {listRequest(nil), 401, "invalid_token"},
		"end all":     {endAllRequest(nil), 401, "invalid_token"},
		"end its own": {endRequest(own.SessionID().String()), 200, ""},
	} {
		test.request.Caller = caller
		d.Want(what, d.Do(test.request), test.status, test.code)
	}
}
