package sessions_test

import (
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
	"github.com/wavepass/wavepass/pkg/session"
)

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
		got, cursor, n := []string{}, "", 0
		for cursor != "" || n == 0 {
			given := query("limit", limit, "cursor", cursor)
			maps.DeleteFunc(given, func(_, value string) bool { return value == "" })
			page := list(t, d, own, given)
			got, cursor = append(got, page.ids()...), page.Next
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
		{"limit": ""}, {"cursor": ""}, {"limit": "0"}, {"limit": "-1"}, {"limit": "101"}, {"limit": "1.5"}, {"limit": "1,1"}, {"limit": "x"}, {"limit": strings.Repeat("9", 400)},
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
