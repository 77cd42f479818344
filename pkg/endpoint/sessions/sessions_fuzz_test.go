package sessions_test

import (
	"encoding/json"
	"testing"

	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

// caller is ada in the app, as an authorizer hands her on.
func caller(s *deployment.Scene) map[string]any {
	return map[string]any{"sub": deployment.AccountID.String(), "sid": s.App.SessionID().String(), "client_id": "app", "scope": "account"}
}

// query is what an address may say: nil for no parameters at all.
func query(pairs ...string) map[string]string {
	var out map[string]string
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i] != "" {
			if out == nil {
				out = map[string]string{}
			}
			out[pairs[i]] = pairs[i+1]
		}
	}
	return out
}

// FuzzList looks for a cursor or limit that shows what is not the caller's, too much, or anything but an answer
// of the table.
func FuzzList(f *testing.F) {
	f.Add("limit", "10", "cursor", "")
	f.Fuzz(func(t *testing.T, name, value, otherName, otherValue string) {
		s := deployment.NewScene(t)
		other := stranger(s.Deployment)
		before := s.State()
		r := listRequest(query(name, s.Fill(value), otherName, s.Fill(otherValue)))
		r.Caller = caller(s)
		got := s.Do(r)
		deployment.CheckShape(t, got)
		s.CheckLog(t)
		if after := s.State(); after != before {
			t.Errorf("a list has changed the state from\n%s\nto\n%s", before, after)
		}
		var out listing
		if got.StatusCode == 200 && (json.Unmarshal([]byte(got.Body), &out) != nil || out.Sessions == nil || len(out.Sessions) > 100) {
			t.Errorf("answered with %s", got.Body)
		}
		for _, one := range out.Sessions {
			if one.ID == other.ID.String() {
				t.Error("another person's session is shown")
			}
		}
	})
}

// FuzzEndOne looks for an id that ends a session other than the one that it names in full.
func FuzzEndOne(f *testing.F) {
	f.Add("$WEB")
	f.Fuzz(func(t *testing.T, id string) {
		s := deployment.NewScene(t)
		web := s.Web.SessionID().String()
		if id == "$WEB" {
			id = web
		}
		before := s.State()
		r := endRequest(id)
		r.Caller = caller(s)
		got := s.Do(r)
		s.CheckLog(t)
		if got.StatusCode == 200 {
			got.Cookies = nil
		}
		deployment.CheckShape(t, got)
		if named := id == web || id == s.App.SessionID().String(); (got.StatusCode == 200) != named || (s.State() != before) != named {
			t.Errorf("id %q: %d, changed %v; want that only of an id of hers", id, got.StatusCode, s.State() != before)
		}
	})
}

// FuzzEndMany looks for a query that ends anything, apart from the two that do.
func FuzzEndMany(f *testing.F) {
	f.Add("except", "current", "", "")
	f.Fuzz(func(t *testing.T, name, value, otherName, otherValue string) {
		s := deployment.NewScene(t)
		before := s.State()
		given := query(name, value, otherName, otherValue)
		r := endAllRequest(given)
		r.Caller = caller(s)
		got := s.Do(r)
		s.CheckLog(t)
		deployment.CheckShape(t, got)
		may := len(given) == 0 || len(given) == 1 && given["except"] == "current"
		if changed := s.State() != before; (got.StatusCode == 200) != may || changed != may {
			t.Errorf("query %q: %d, changed %v; want %v", given, got.StatusCode, changed, may)
		}
		if kept, _ := s.Store.GetSession(s.App.SessionID()); len(given) == 1 && may && kept.Epoch <= deployment.Start.Unix() {
			t.Errorf("the caller's session was not kept: %+v", kept)
		}
	})
}
