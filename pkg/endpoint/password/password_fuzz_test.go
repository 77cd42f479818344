package password_test

import (
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

// FuzzPassword looks for a body that changes the password without the current one, or that leads to anything
// but an answer of the table.
func FuzzPassword(f *testing.F) {
	f.Add("application/json", "", `{"current_password":"surf-the-canary-wave","new_password":"another-canary-wave"}`, byte(deployment.Plain))
	f.Fuzz(func(t *testing.T, contentType, authorization, body string, travels byte) {
		s := deployment.NewScene(t)
		before := s.State()
		r := s.Request("POST /password", deployment.Fuzzed{Type: contentType, Authorization: authorization, Body: body, Travels: travels % 3})
		r.Caller = caller(s.App)
		got := s.Do(r)
		deployment.CheckShape(t, got)
		s.CheckLog(t)
		changed := s.State() != before
		if changed && (got.StatusCode != 200 || travels%3 == deployment.Plain && !strings.Contains(unescaped(body), deployment.Password)) {
			t.Errorf("%d, and the state changed: body %q", got.StatusCode, body)
		}
		if got.StatusCode == 200 && (got.AccessToken == "" || got.RefreshToken == "" || got.SessionID() == s.App.SessionID()) {
			t.Errorf("a success has the body %s, want the tokens of a new session", got.Body)
		}
	})
}

// unescaped is a body as far as a password in it is concerned: one with escapes may hold any.
func unescaped(body string) string {
	if strings.Contains(body, `\`) {
		return deployment.Password
	}
	return body
}
