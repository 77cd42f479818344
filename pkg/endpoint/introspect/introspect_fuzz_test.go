package introspect_test

import (
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

// FuzzIntrospect looks for a question that changes anything, that is answered to somebody without the secret, that tells of a token that
// was not shown whole, or that leads to anything but an answer of the table.
func FuzzIntrospect(f *testing.F) {
	f.Add("application/x-www-form-urlencoded", "", "client_id=partner&client_secret=partner-secret&token=$ACCESS", byte(deployment.Plain))
	f.Fuzz(func(t *testing.T, contentType, authorization, body string, travels byte) {
		s := deployment.NewScene(t)
		before, trail := s.State(), s.Trail()
		in := deployment.Fuzzed{Type: contentType, Authorization: authorization, Body: body, Travels: travels % 3}
		got := s.Do(s.Request("POST /introspect", in))
		deployment.CheckShape(t, got)
		s.CheckLog(t)
		added := strings.TrimPrefix(s.Trail(), trail)
		refusal := got.StatusCode == 401 && strings.HasPrefix(added, `{"event":"client_refused"`) && strings.Count(added, "\n") == 1
		if s.State() != before || added != "" && !refusal {
			t.Errorf("asking changed something:\n%s\n%s", s.State(), s.Trail())
		}
		switch active := strings.HasPrefix(got.Body, `{"active":true,`); {
		case got.StatusCode != 200:
		case !active && got.Body != inactive:
			t.Errorf("answered %s, want %s or what an active token says", got.Body, inactive)
		case active && !in.Names("$ACCESS"):
			t.Errorf("%q is active: %s", body, got.Body)
		case travels%3 == deployment.Plain && !strings.Contains(authorization, "asic") && !strings.Contains(body, "secret"):
			t.Errorf("answered without a secret: %q %q", authorization, body)
		}
	})
}
