package browser_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/browser"
)

// FuzzRefreshCookie looks for a cookie that is taken although its name is another, and for one of two that is
// taken although both have the name.
func FuzzRefreshCookie(f *testing.F) {
	f.Add("__Host-wprt-web=t\nother=x", "web", "")
	f.Fuzz(func(t *testing.T, lines, clientID, domain string) {
		if strings.ContainsAny(clientID, "=") || strings.TrimSpace(clientID) != clientID {
			t.Skip("client ids are letters, digits and . _ -")
		}
		name := "__Host-wprt-" + clientID
		if domain != "" {
			name = "__Secure-wprt-" + clientID
		}
		cookies := strings.Split(lines, "\n")
		var values []string
		for _, cookie := range cookies {
			if rest, ok := strings.CutPrefix(strings.TrimSpace(cookie), name); ok && (rest == "" || rest[0] == '=') {
				values = append(values, strings.TrimPrefix(rest, "="))
			}
		}
		got, err := browser.Jar{Domain: domain}.Refresh(cookies, clientID)
		switch {
		case len(values) > 1 && (!errors.Is(err, browser.ErrTwoCookies) || !got.IsZero()):
			t.Errorf("%q: got %q %v, want ErrTwoCookies", cookies, got.Reveal(), err)
		case len(values) == 1 && (err != nil || got.Reveal() != values[0]):
			t.Errorf("%q: got %q %v, want %q", cookies, got.Reveal(), err, values[0])
		case len(values) == 0 && (err != nil || !got.IsZero()):
			t.Errorf("%q: got %q %v, want none", cookies, got.Reveal(), err)
		}
	})
}

// FuzzSource looks for a source that passes without being exactly the service's own origin or a client's.
func FuzzSource(f *testing.F) {
	f.Add("https://app.example.com", "")
	origins := []string{"https://app.example.com", "http://localhost:5173"}
	f.Fuzz(func(t *testing.T, origin, fetchSite string) {
		want := origin == "https://id.example.com" || slices.Contains(origins, origin) || origin == "" && fetchSite == "same-origin"
		if got := (browser.Source{Origin: origin, SecFetchSite: fetchSite}).SameSite("https://id.example.com/tenant", origins); got != want {
			t.Errorf("Origin %q Sec-Fetch-Site %q: %v, want %v", origin, fetchSite, got, want)
		}
	})
}
