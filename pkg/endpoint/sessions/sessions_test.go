package sessions_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/session"
)

// listing is the body of a list.
type listing struct {
	Sessions []struct {
		ID         string `json:"id"`
		ClientID   string `json:"client_id"`
		Device     string `json:"device"`
		Network    string `json:"network"`
		LastFrom   string `json:"last_network"`
		CreatedAt  int64  `json:"created_at"`
		LastUsedAt int64  `json:"last_used_at"`
		Current    bool   `json:"current"`
	} `json:"sessions"`
	Next string `json:"next"`
}

func (l listing) ids() []string {
	ids := []string{}
	for _, s := range l.Sessions {
		ids = append(ids, s.ID)
	}
	return ids
}

func listRequest(query map[string]string) deployment.Request {
	return deployment.Request{Route: "GET /sessions", Query: query}
}

func endRequest(id string) deployment.Request {
	return deployment.Request{Route: "DELETE /sessions/{id}", Path: map[string]string{"id": id}}
}

func endAllRequest(query map[string]string) deployment.Request {
	return deployment.Request{Route: "DELETE /sessions", Query: query}
}

var othersOnly = map[string]string{"except": "current"}

func list(t *testing.T, d *deployment.Deployment, who deployment.Answer, query map[string]string) listing {
	t.Helper()
	got := d.As(who.AccessToken, listRequest(query))
	d.Want("list", got, 200, "")
	var out listing
	if err := json.Unmarshal([]byte(got.Body), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func refreshed(t *testing.T, d *deployment.Deployment, who deployment.Answer) deployment.Answer {
	t.Helper()
	got := d.Do(refreshRequest(who))
	d.Want("refresh", got, 200, "")
	return got
}

func refreshRequest(who deployment.Answer) deployment.Request {
	return deployment.JSON("POST /refresh", `{"client_id":"app","refresh_token":"`+who.RefreshToken+`"}`)
}

// wantDead expects neither token of a login to be worth anything.
func wantDead(d *deployment.Deployment, what string, who deployment.Answer) {
	d.Want(what+": refresh", d.Do(refreshRequest(who)), 400, "invalid_grant")
	d.Want(what+": access token", d.As(who.AccessToken, listRequest(nil)), 403, "")
}

func TestListShowsWhatAPersonKnowsHisDevicesBy(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	phone := d.Do(deployment.JSON("POST /login", `{"client_id":"app","username":"ada","password":"`+deployment.Password+`","device_name":"Ada's phone"}`))
	d.Clock.Advance(time.Minute)
	web := d.Login("web")
	d.Clock.Advance(time.Minute)
	phone = refreshed(t, d, phone)
	got := d.As(phone.AccessToken, listRequest(nil))
	want := fmt.Sprintf(`{"sessions":[`+
		`{"id":"%s","client_id":"web","network":"203.0.113.0/24","created_at":%d,"last_used_at":%[2]d,"current":false},`+
		`{"id":"%s","client_id":"app","device":"Ada's phone","network":"203.0.113.0/24","last_network":"203.0.113.0/24","created_at":%d,"last_used_at":%d,"current":true}]}`,
		web.SessionID(), deployment.Start.Unix()+60, phone.SessionID(), deployment.Start.Unix(), deployment.Start.Unix()+120)
	if got.StatusCode != 200 || got.Body != want {
		t.Errorf("got %d\n%s, want 200\n%s", got.StatusCode, got.Body, want)
	}
	deployment.CheckShape(t, got)
}

func TestListHasOnlyWhatLives(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	own := d.Login("app")
	for name, change := range map[string]func(*session.Session){
		"revoked":       func(s *session.Session) { s.RevokedAt = deployment.Start },
		"idle":          func(s *session.Session) { s.IdleExpiry = deployment.Start },
		"expired":       func(s *session.Session) { s.Expiry = deployment.Start },
		"older epoch":   func(s *session.Session) { s.Epoch-- },
		"somebody else": func(s *session.Session) { s.AccountID = uuid.New() },
	} {
		dead, _ := d.Store.GetSession(d.Login("app").SessionID())
		change(&dead)
		d.Store.SetSession(dead)
		if got := list(t, d, own, nil); len(got.Sessions) != 1 || got.Sessions[0].ID != own.SessionID().String() {
			t.Errorf("%s: the list has %v, want the caller's alone", name, got.ids())
		}
	}
}

// manySessions logs ada in so often that n sessions live, and returns one and the ids of all, newest first.
func manySessions(d *deployment.Deployment, n int) (own deployment.Answer, ids []string) {
	own = d.Login("app")
	ids = append(ids, own.SessionID().String())
	stored, _ := d.Store.GetSession(own.SessionID())
	for range n - 1 {
		stored.ID = uuid.Must(uuid.NewV7())
		d.Store.SetSession(stored)
		ids = append(ids, stored.ID.String())
	}
	slices.Sort(ids)
	slices.Reverse(ids)
	return own, ids
}

func TestPagesMeet(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	own, want := manySessions(d, 205)
	for limit, pages := range map[string]int{"": 5, "1": 205, "50": 5, "100": 3} {
		got, query, n := []string{}, map[string]string{"limit": limit}, 0
		for query["cursor"] != "" || n == 0 {
			page := list(t, d, own, query)
			got, query["cursor"] = append(got, page.ids()...), page.Next
			n++
		}
		if diff := cmp.Diff(want, got); diff != "" || n != pages {
			t.Errorf("limit %q: %d pages, want %d (-want +got)\n%s", limit, n, pages, diff)
		}
	}
}

// Pages are cut before the dead are left out, so that one costs one query: it may be empty.
func TestPageOfDeadSessionsIsEmptyAndHasANext(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	own, ids := manySessions(d, 3)
	dead, _ := d.Store.GetSession(uuid.MustParse(ids[0]))
	dead.RevokedAt = deployment.Start
	d.Store.SetSession(dead)
	got := d.As(own.AccessToken, listRequest(map[string]string{"limit": "1"}))
	if want := `{"sessions":[],"next":"` + ids[0] + `"}`; got.Body != want {
		t.Errorf("got %s, want %s", got.Body, want)
	}
}

func TestLimitsAndCursorsThatAreNoneAreRefused(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	own := d.Login("app")
	id := own.SessionID().String()
	for _, query := range []map[string]string{
		{"limit": "0"}, {"limit": "-1"}, {"limit": "101"}, {"limit": "1.5"}, {"limit": "1,1"}, {"limit": "x"}, {"limit": strings.Repeat("9", 400)},
		{"cursor": "x"}, {"cursor": id + id}, {"cursor": strings.ToUpper(id)}, {"cursor": "{" + id + "}"}, {"cursor": "urn:uuid:" + id},
		{"cursor": strings.ReplaceAll(id, "-", "")}, {"cursor": id + "\n"}, {"cursor": uuid.Nil.String()}, {"cursor": strings.Repeat("0", 1<<16)},
	} {
		got := d.As(own.AccessToken, listRequest(query))
		d.Want(fmt.Sprintf("%.60v", query), got, 400, "invalid_request")
		deployment.CheckShape(t, got)
	}
}

// stranger is a session of another person.
func stranger(d *deployment.Deployment) session.Session {
	own, _ := d.Store.GetSession(d.Login("app").SessionID())
	own.AccountID, own.ID = uuid.New(), uuid.Must(uuid.NewV7())
	d.Store.SetSession(own)
	return own
}

func TestCursorLeadsNobodyToAnothersSessions(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	other := stranger(d)
	own := d.Login("app")
	for name, cursor := range map[string]string{
		"another's session": other.ID.String(), "another's account": other.AccountID.String(), "forged": uuid.Max.String(), "random": uuid.NewString(),
		"own account": deployment.AccountID.String(),
	} {
		for _, s := range list(t, d, own, map[string]string{"cursor": cursor}).Sessions {
			if s.ID == other.ID.String() {
				t.Errorf("%s as a cursor shows another's session", name)
			}
		}
	}
}

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

// Who mistypes "except" does not mean to log himself out.
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
			r.Caller = map[string]any{"sub": deployment.AccountID.String(), "sid": own.SessionID().String(), "client_id": test.client}
			got := d.Do(r)
			var want []string
			if test.clears {
				want = jar.Clear(test.client)
			}
			if got.StatusCode != 200 && attempt == 0 || got.StatusCode == 200 && !slices.Equal(got.Cookies, want) {
				t.Errorf("%s, attempt %d: %d with cookies %q, want %q", name, attempt, got.StatusCode, got.Cookies, want)
			}
		}
	}
}

func TestClientThatIsGoneKeepsNobodyFromEnding(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	own := d.Login("app")
	r := endAllRequest(nil)
	r.Caller = map[string]any{"sub": deployment.AccountID.String(), "sid": own.SessionID().String(), "client_id": "gone"}
	d.Want("end all", d.Do(r), 200, "")
	wantDead(d, "the caller", own)
}

// requests are one of each kind, by somebody who means to end other's session.
func requests(other string) map[string]deployment.Request {
	return map[string]deployment.Request{
		"list": listRequest(nil), "one": endRequest(other), "others": endAllRequest(othersOnly), "all": endAllRequest(nil),
	}
}

// An authorizer lets an ended session through for as long as its denylist may be old.
func TestEndedSessionSeesAndEndsNothing(t *testing.T) {
	for how, end := range map[string]func(d *deployment.Deployment, s session.Session){
		"revoked": func(d *deployment.Deployment, s session.Session) {
			s.RevokedAt = deployment.Start
			d.Store.SetSession(s)
		},
		"idle": func(d *deployment.Deployment, s session.Session) {
			s.IdleExpiry = deployment.Start
			d.Store.SetSession(s)
		},
		"expired":  func(d *deployment.Deployment, s session.Session) { s.Expiry = deployment.Start; d.Store.SetSession(s) },
		"epoch":    func(d *deployment.Deployment, s session.Session) { s.Epoch--; d.Store.SetSession(s) },
		"deleted":  func(d *deployment.Deployment, s session.Session) { d.Store.DropSession(s.ID) },
		"gone":     func(d *deployment.Deployment, _ session.Session) { d.Store.DropAccount(deployment.AccountID) },
		"disabled": disable,
	} {
		d := deployment.New(t, browser.Jar{})
		own, other := d.Login("app"), d.Login("app")
		stored, _ := d.Store.GetSession(own.SessionID())
		end(d, stored)
		before := d.Store.Sessions()
		for name, r := range requests(other.SessionID().String()) {
			got := d.As(own.AccessToken, r)
			d.Want(how+", "+name, got, 401, "invalid_token")
			deployment.CheckShape(t, got)
		}
		if diff := cmp.Diff(before, d.Store.Sessions()); diff != "" || len(d.Store.Log()) > 0 {
			t.Errorf("%s: something was ended: log %v (-before +after)\n%s", how, d.Store.Log(), diff)
		}
		d.Want(how+", its own", d.As(own.AccessToken, endRequest(own.SessionID().String())), 200, "")
	}
}

func disable(d *deployment.Deployment, _ session.Session) {
	a, _ := d.Store.Account(d.Context(), deployment.AccountID)
	a.Disabled = true
	d.Store.SetAccount(a, "")
}

func TestTokenWithoutASessionIsRefused(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	own := d.Login("app")
	for name, r := range requests(own.SessionID().String()) {
		r.Caller = map[string]any{"sub": "partner", "client_id": "partner", "scope": "", "roles": []string{}}
		got := d.Do(r)
		d.Want(name+" by a client", got, 403, "access_denied")
		deployment.CheckShape(t, got)
		r.Caller = nil
		d.Want(name+" without an authorizer", d.Do(r), 401, "invalid_token")
	}
	refreshed(t, d, own)
}

func TestUnconfirmedIsUnavailableAndMayBeRepeated(t *testing.T) {
	for what, methods := range map[string][]string{
		"list": {"Session", "Account", "SessionsOf"}, "one": {"Session", "Account", "Revoke"},
		"others": {"Session", "Account", "ChangeAccount"}, "all": {"Session", "Account", "ChangeAccount", "Client"},
	} {
		for _, method := range methods {
			for _, when := range []string{"before", "after"} {
				d := deployment.New(t, browser.Jar{})
				own, other := d.Login("app"), d.Login("app")
				if when == "before" {
					d.Store.Before = fakestore.Fail(method)
				} else {
					d.Store.After = fakestore.Fail(method)
				}
				r := requests(other.SessionID().String())[what]
				r.Caller = map[string]any{"sub": deployment.AccountID.String(), "sid": own.SessionID().String(), "client_id": "app"}
				name := fmt.Sprintf("%s, fault %s %s", what, when, method)
				got := d.Do(r)
				d.Want(name, got, 503, "temporarily_unavailable")
				if got.Headers["Retry-After"] == "" || len(got.Cookies) > 0 {
					t.Errorf("%s: headers %v, cookies %v", name, got.Headers, got.Cookies)
				}
				d.Store.Before, d.Store.After = nil, nil
				again := d.Do(r)
				if what == "all" && when == "after" && method == "ChangeAccount" {
					d.Want(name+", again", again, 401, "invalid_token") // it was done
				} else {
					d.Want(name+", again", again, 200, "")
				}
				if what == "list" {
					continue
				}
				d.Want(name+": the other", d.Do(refreshRequest(other)), 400, "invalid_grant")
				if what != "all" {
					refreshed(t, d, own)
				}
			}
		}
	}
}

// TestRoundTrips: those of a warm function. The account is read for its epoch, the session that is ended for
// its client.
func TestRoundTrips(t *testing.T) {
	for what, want := range map[string][]string{
		"list": {"Account", "Session", "SessionsOf"}, "one": {"Account", "Revoke", "Session", "Session"},
		"others": {"Account", "ChangeAccount", "Session"}, "all": {"Account", "ChangeAccount", "Session"},
	} {
		d := deployment.New(t, browser.Jar{})
		d.Want("warm", d.As(d.Login("app").AccessToken, endAllRequest(nil)), 200, "") // it knows the client
		own, other := d.Login("app"), d.Login("app")
		d.Store.ForgetCalls()
		if what == "list" {
			d.Store.Before = fakestore.Meet(10*time.Second, want...)
		} else {
			d.Store.Before = fakestore.Meet(10*time.Second, slices.DeleteFunc(slices.Clone(want), func(m string) bool { return m == "Revoke" || m == "ChangeAccount" })...)
		}
		r := requests(other.SessionID().String())[what]
		r.Caller = map[string]any{"sub": deployment.AccountID.String(), "sid": own.SessionID().String(), "client_id": "app"}
		d.Want(what, d.Do(r), 200, "")
		if got := d.Store.Calls(); !slices.Equal(got, want) {
			t.Errorf("%s: calls %q, want %q", what, got, want)
		}
	}
}

func TestTenThousandSessionsEndAsCheaplyAsOne(t *testing.T) {
	calls := map[int][]string{}
	for _, n := range []int{1, 10_000} {
		d := deployment.New(t, browser.Jar{})
		own, _ := manySessions(d, n)
		d.Store.ForgetCalls()
		d.Want("end others", d.As(own.AccessToken, endAllRequest(othersOnly)), 200, "")
		own = refreshed(t, d, own)
		d.Want("end all", d.As(own.AccessToken, endAllRequest(nil)), 200, "")
		calls[n] = d.Store.Calls()
		for id, s := range maps.All(d.Store.Sessions()) {
			if a, _ := d.Store.Account(d.Context(), deployment.AccountID); s.Epoch >= a.Epoch {
				t.Fatalf("%d sessions: %s lives on", n, id)
			}
		}
	}
	if diff := cmp.Diff(calls[1], calls[10_000]); diff != "" {
		t.Errorf("calls (-1 +10,000)\n%s", diff)
	}
}
