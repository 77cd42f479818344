package subjects_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

// fuzzed are the routes of the function, as seeds number them.
var fuzzed = []string{beginRoute, listRoute, endRoute, endOneRoute, changeRoute}

// state is everything of a directory that a request might change, or of all directories for "".
func (w world) state(directory string) string {
	w.t.Helper()
	var ids, state []string
	for a, err := range w.Store.Accounts(w.t.Context()) {
		if err != nil {
			w.t.Fatal(err)
		}
		if directory == "" || a.Subject.Directory == directory {
			ids, state = append(ids, a.ID.String()), append(state, fmt.Sprintf("account %+v", a))
		}
	}
	for _, s := range w.Store.Sessions() {
		if slices.Contains(ids, s.AccountID.String()) {
			ids, state = append(ids, s.ID.String()), append(state, fmt.Sprintf("session %+v", s))
		}
	}
	for _, entry := range w.Store.Log() {
		if slices.Contains(ids, entry.ID) {
			state = append(state, fmt.Sprintf("revocation %+v", entry))
		}
	}
	slices.Sort(state)
	return strings.Join(state, "\n")
}

// FuzzSubjects looks for a request of the shop that reaches the bank's users or ada, that changes something though it is refused, that
// is about an id which is none, or that leads to anything but an answer of the table. Keys and ids differ from run to run, so seeds name
// them: $OWN is a session of the shop's user "u", $BANK one of the bank's.
func FuzzSubjects(f *testing.F) {
	f.Add(byte(0), "u", "", "", plain)
	f.Fuzz(func(t *testing.T, route byte, subject, sid, key, body string) {
		w := newWorld(t)
		own, theirs := w.begin("u", plain), w.by("bank", at(beginRoute, "u", plain))
		w.by("bank", at(beginRoute, subject, plain))
		fill := strings.NewReplacer("$OWN", own.SessionID().String(), "$BANK", theirs.SessionID().String()).Replace
		bank, everything := w.state("bank"), w.state("")

		r := at(fuzzed[int(route)%len(fuzzed)], fill(subject), fill(body))
		if r.Route == endOneRoute {
			r.Path["sid"] = fill(sid)
		}
		if key != "" {
			r = r.With("idempotency-key", key)
		}
		got := w.by("shop", r)
		deployment.CheckShape(t, got)
		if after := w.state("bank"); after != bank {
			t.Errorf("%s of %q changed the bank's users from\n%s\nto\n%s", r.Route, subject, bank, after)
		}
		if after := w.state(""); got.StatusCode != 200 && after != everything {
			t.Errorf("%s of %q was refused and changed\n%s\nto\n%s", r.Route, subject, everything, after)
		}
		if both := w.Log() + w.Trail(); strings.Contains(both, "internal error") || strings.Contains(both, "unavailable") {
			t.Errorf("a request alone led to a fault:\n%s", both)
		}
		w.wantOwn(r, got)
	})
}

// wantOwn expects an answer that is about the subject of the request in the shop's own directory, or a refusal.
func (w world) wantOwn(r deployment.Request, got deployment.Answer) {
	w.t.Helper()
	subject := r.Path["subject"]
	_, invalid := account.NewSubject("shop", subject)
	switch a := w.account("shop", subject); {
	case got.StatusCode != 200:
	case invalid != nil || a == nil:
		w.t.Errorf("%s of %q, which is nobody: 200 %s", r.Route, subject, got.Body)
	case r.Route == beginRoute && w.claims(got.AccessToken)["sub"] != a.ID.String():
		w.t.Errorf("the session that was begun for %q is not theirs", subject)
	case r.Route == listRoute:
		var page struct{ Sessions []struct{ ID string } }
		if err := json.Unmarshal([]byte(got.Body), &page); err != nil {
			w.t.Errorf("list: %s", got.Body)
		}
		for _, one := range page.Sessions {
			if !strings.Contains(w.state("shop"), one.ID) {
				w.t.Errorf("the list of %q has the session %s, which is not the shop's", subject, one.ID)
			}
		}
	}
}
