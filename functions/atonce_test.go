//go:build unix

package functions_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wavepass/wavepass/internal/lambdaruntime"
)

// TestHundredEventsAtOnce has one process process a hundred events at a time, as Lambda Managed Instances do, and looks whether each is given
// its own answer. They are of functions that seldom ask the table: DynamoDB Local does not keep up with a hundred.
func TestHundredEventsAtOnce(t *testing.T) {
	const events = 100
	w := newWorld(t, map[string]string{"ATTEMPT_LIMITS": "1000/15m,1000/15m"})
	login := w.start("login")
	var logins [events]answer
	for i := range logins {
		logins[i] = login.login()
	}
	atOnce := func(name string, event func(i int) []byte) (answers [events]answer) {
		t.Helper()
		f := lambdaruntime.Start(t, lambdaruntime.Config{Program: filepath.Join(programs, name), Environment: w.functions[name].environment, Concurrency: events})
		if !f.Ready() {
			t.Fatal(f.Log())
		}
		var all sync.WaitGroup
		for i := range events {
			all.Go(func() {
				got := f.Invoke(event(i), time.Minute)
				if err := json.Unmarshal(got.Payload, &answers[i]); err != nil || got.Failed || got.Ended {
					t.Errorf("%s: %s %+v", name, got.Payload, got)
				}
			})
		}
		all.Wait()
		return answers
	}
	callers := atOnce("authorizer", func(i int) []byte { return authorizerEvent(logins[i].AccessToken) })
	sessions := map[any]bool{}
	for i, got := range callers {
		if !got.IsAuthorized {
			t.Errorf("token %d of %s is refused", i, logins[i].Body)
		}
		sessions[got.Context["sid"]] = true
	}
	if len(sessions) != events {
		t.Errorf("%d sessions, want %d", len(sessions), events)
	}
	person := func(i int) string { return fmt.Sprintf("00000000-0000-7000-8000-%012d", i) }
	infos := atOnce("userinfo", func(i int) []byte {
		return httpEvent("GET /userinfo", nil, "", map[string]any{"sub": person(i), "sid": person(i), "client_id": "app", "scope": "profile"})
	})
	for i, got := range infos {
		if got.StatusCode != 200 || !strings.Contains(got.Body, person(i)) {
			t.Errorf("userinfo of %s: %d %s", person(i), got.StatusCode, got.Body)
		}
	}
}
