package login_test

import (
	"encoding/json"
	"testing"

	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

// FuzzLogin looks for a request that lets somebody in without the password, or from another site, or that
// leads to anything but an answer of the table.
func FuzzLogin(f *testing.F) {
	f.Add("application/json", "", "", "", `{"client_id":"app","username":"ada","password":"surf-the-canary-wave"}`, byte(deployment.Plain))
	f.Fuzz(func(t *testing.T, contentType, authorization, origin, fetchSite, body string, travels byte) {
		s := deployment.NewScene(t)
		before := s.State()
		in := deployment.Fuzzed{
			Type: contentType, Authorization: authorization, Origin: origin, FetchSite: fetchSite, Body: body, Travels: travels % 3,
		}
		got := s.Do(s.Request("POST /login", in))
		deployment.CheckShape(t, got)
		s.CheckLog(t)
		if got.StatusCode != 200 {
			if after := s.State(); after != before {
				t.Errorf("%d, but the state changed from\n%s\nto\n%s", got.StatusCode, before, after)
			}
			return
		}
		var said struct {
			ClientID string `json:"client_id"`
			Username string `json:"username"`
			Password string `json:"password"`
		}
		if err := json.Unmarshal([]byte(s.Fill(body)), &said); err != nil && in.Travels != deployment.Marked {
			t.Errorf("let in with a body that is not JSON to encoding/json: %v", err)
		} else if err == nil && said.Password != deployment.Password {
			t.Errorf("let in with the password %q", said.Password)
		}
		if isBrowser := got.RefreshToken == ""; isBrowser != (len(got.Cookies) == 1) || isBrowser && !in.FromHere() {
			t.Errorf("let in from %q %q with %d cookies", origin, fetchSite, len(got.Cookies))
		}
	})
}
