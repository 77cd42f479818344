package dynamo_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/internal/faultproxy"
	"github.com/wavepass/wavepass/pkg/client"
)

// TestOperationsUnderStaleReads has every read that does not ask for consistency see the past for ever, before,
// during and after each operation. The second time there is more of a past.
func TestOperationsUnderStaleReads(t *testing.T) {
	eachOperation(t, func(t *testing.T, w *world, op userOperation) {
		w.proxy.Inject(faultproxy.Rule{Fault: faultproxy.Stale})
		for range 2 {
			sent, done := op.prepare(w)
			w.events()
			if err := errors.Join(op.check(w.send(t.Context(), sent), done), w.checkTrail(op)); err != nil {
				t.Error(err)
			}
		}
	})
}

// staleStory is what somebody would notice if reads of one kind of item saw the past. It is told on a new table. Login
// names are not among them: a login reads its name again, in a transaction, and begins anew when it differs.
type staleStory struct {
	key  string // beginning of the leading key
	tell func(w *world) error
}

var staleStories = []staleStory{
	{"KEYRING#", func(w *world) error {
		return w.expect("the login that creates the keyring", w.loginRequest(), 200)
	}},
	{"CLIENT", func(w *world) error {
		id := "later-" + strings.ToLower(rand.Text())
		sent := w.loginRequest()
		sent.body = fmt.Sprintf(`{"client_id":%q,"username":%q,"password":%q}`, id, w.person.Username, w.password)
		before := w.expect("a login at a client that is not registered yet", sent, 401)
		return errors.Join(before, w.store.PutClient(w.t.Context(), client.New(id, client.Native)),
			w.expect("a login at the client after that", sent, 200))
	}},
	{"ACCOUNT#", func(w *world) error {
		tokens := w.send(w.t.Context(), w.loginRequest())
		ended := w.expect("a logout everywhere", logoutRequest(tokens.RefreshToken, true), 200)
		return errors.Join(ended, w.expect("a session that it ended", refreshRequest(tokens.RefreshToken), 400))
	}},
	{"SESSIONS#", func(w *world) error {
		first := w.send(w.t.Context(), w.loginRequest())
		second := w.send(w.t.Context(), refreshRequest(first.RefreshToken))
		third := w.send(w.t.Context(), refreshRequest(second.RefreshToken))
		old := w.expect("a logout everywhere with an old token", logoutRequest(first.RefreshToken, true), 400)
		fourth := w.send(w.t.Context(), refreshRequest(third.RefreshToken))
		return errors.Join(old, w.expect("the same with the newest", logoutRequest(fourth.RefreshToken, true), 200))
	}},
	{"REVOCATION#", func(w *world) error {
		tokens := w.send(w.t.Context(), w.loginRequest())
		good := w.expect("an access token", authorizeRequest(tokens.AccessToken), 200)
		ended := w.expect("its revocation", revokeRequest(tokens.AccessToken), 200)
		return errors.Join(good, ended, w.expect("the access token after that", authorizeRequest(tokens.AccessToken), 403))
	}},
}

// TestStaleReadsWouldBeNoticed is what the test before is worth: nothing happens as the store is, and something
// does for each kind of item that it would read without asking for consistency.
func TestStaleReadsWouldBeNoticed(t *testing.T) {
	endpoint := engine(t)
	careless := func(e *faultproxy.Exchange) {
		e.Call.Consistent = false
		faultproxy.Stale(e)
	}
	for _, story := range staleStories {
		w := newWorld(t, endpoint, newTable(t, endpoint))
		w.proxy.Inject(faultproxy.Rule{Fault: faultproxy.Stale})
		if err := story.tell(w); err != nil {
			t.Errorf("reads of %s as the store makes them: %v", story.key, err)
		}
		w = newWorld(t, endpoint, newTable(t, endpoint))
		w.proxy.Inject(faultproxy.Rule{Key: story.key, Fault: careless})
		if err := story.tell(w); err == nil {
			t.Errorf("reads of %s without consistency were not noticed", story.key)
		}
	}
}
