package revoke_test

import (
	"testing"

	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

// fuzzEnding looks for a request that ends what its sender does not hold, that changes anything although it
// is refused, or that leads to anything but an answer of the table.
func fuzzEnding(f *testing.F, route string, mayEnd func(deployment.Fuzzed) bool) {
	f.Fuzz(func(t *testing.T, contentType, authorization, origin, fetchSite, cookies, body string, travels byte) {
		s := deployment.NewScene(t)
		before := s.State()
		in := deployment.Fuzzed{
			Type: contentType, Authorization: authorization, Origin: origin, FetchSite: fetchSite,
			Cookies: cookies, Body: body, Travels: travels % 3,
		}
		got := s.Do(s.Request(route, in))
		deployment.CheckShape(t, got)
		s.CheckLog(t)
		if after := s.State(); after != before && (got.StatusCode != 200 || !mayEnd(in)) {
			t.Errorf("%d, but the state changed from\n%s\nto\n%s", got.StatusCode, before, after)
		}
		if want := map[string]string{"POST /revoke": "{}"}[route]; got.Body != want && got.StatusCode == 200 {
			t.Errorf("a success has the body %q, want %q", got.Body, want)
		}
	})
}

func FuzzRevoke(f *testing.F) {
	f.Add("application/x-www-form-urlencoded", "", "", "", "", "client_id=app&token=$REFRESH", byte(deployment.Plain))
	fuzzEnding(f, "POST /revoke", func(in deployment.Fuzzed) bool {
		return in.Names("$REFRESH") || in.Names("$ACCESS") || in.Names("$COOKIE")
	})
}

func FuzzLogout(f *testing.F) {
	f.Add("application/json", "", deployment.Origin, "", "__Host-Http-wprt-web=$COOKIE", `{"client_id":"web"}`, byte(deployment.Plain))
	fuzzEnding(f, "POST /logout", func(in deployment.Fuzzed) bool {
		return in.Names("$REFRESH") || in.Names("$COOKIE") && in.FromHere()
	})
}
