package oauthtoken_test

import (
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

// FuzzToken looks for a request that is given a token without a secret or a refresh token, that changes anything although it is
// refused, or that leads to anything but an answer of the table.
func FuzzToken(f *testing.F) {
	f.Add("application/x-www-form-urlencoded", "", "grant_type=client_credentials&client_id=partner&client_secret=partner-secret", byte(deployment.Plain))
	f.Fuzz(func(t *testing.T, contentType, authorization, body string, travels byte) {
		s := deployment.NewScene(t)
		before := s.State()
		in := deployment.Fuzzed{Type: contentType, Authorization: authorization, Body: body, Travels: travels % 3}
		got := s.Do(s.Request("POST /token", in))
		deployment.CheckShape(t, got)
		s.CheckLog(t)
		if len(got.Cookies) > 0 {
			t.Errorf("cookies %q, want none here", got.Cookies)
		}
		if got.StatusCode != 200 {
			if after := s.State(); after != before {
				t.Errorf("%d, but the state changed from\n%s\nto\n%s", got.StatusCode, before, after)
			}
			return
		}
		switch subject := claimsOf(t, got.AccessToken)["sub"]; {
		case got.RefreshToken != "" && (subject != deployment.AccountID.String() || !in.Names("$REFRESH")):
			t.Errorf("a session of %v by %q", subject, body)
		case got.RefreshToken == "" && (subject != "partner" || s.State() != before):
			t.Errorf("a token of %v by %q, want one of the service's own, and nothing changed", subject, body)
		case got.RefreshToken == "" && !strings.Contains(authorization, "Basic") && !strings.Contains(body, "secret") && travels%3 == deployment.Plain:
			t.Errorf("a token without a secret by %q %q", authorization, body)
		}
	})
}
