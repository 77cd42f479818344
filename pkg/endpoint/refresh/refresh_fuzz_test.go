package refresh_test

import (
	"testing"

	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

// FuzzRefresh looks for a request that refreshes without the token of its own client in its own place, that
// changes anything although it is refused, or that leads to anything but an answer of the table.
func FuzzRefresh(f *testing.F) {
	f.Add("application/x-www-form-urlencoded", "", "", "", "", "client_id=app&refresh_token=$REFRESH", byte(deployment.Plain))
	f.Fuzz(func(t *testing.T, contentType, authorization, origin, fetchSite, cookies, body string, travels byte) {
		s := deployment.NewScene(t)
		before := s.State()
		in := deployment.Fuzzed{
			Type: contentType, Authorization: authorization, Origin: origin, FetchSite: fetchSite,
			Cookies: cookies, Body: body, Travels: travels % 3,
		}
		got := s.Do(s.Request("POST /refresh", in))
		deployment.CheckShape(t, got)
		s.CheckLog(t)
		if got.StatusCode != 200 {
			if after := s.State(); after != before {
				t.Errorf("%d, but the state changed from\n%s\nto\n%s", got.StatusCode, before, after)
			}
			return
		}
		switch isBrowser := len(got.Cookies) > 0; {
		case isBrowser == (got.RefreshToken != ""):
			t.Errorf("%d cookies, and refresh token %q in the body", len(got.Cookies), got.RefreshToken)
		case isBrowser && (!in.FromHere() || !in.Names("$COOKIE")):
			t.Errorf("refreshed the browser's session from %q %q by %q", origin, fetchSite, cookies)
		case !isBrowser && !in.Names("$REFRESH"):
			t.Errorf("refreshed the native session without its token: %q", body)
		}
	})
}
