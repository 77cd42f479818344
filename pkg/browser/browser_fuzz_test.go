package browser_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// FuzzRefreshCookie looks for a cookie that is taken although its name is another, and for one of two that is
// taken although both have the name.
func FuzzRefreshCookie(f *testing.F) {
	f.Add("__Host-Http-wprt-web=t\nother=x", "web", false)
	f.Fuzz(func(t *testing.T, lines, clientID string, old bool) {
		if strings.ContainsAny(clientID, "=") || strings.Trim(clientID, " \t") != clientID {
			t.Skip("client ids are letters, digits and . _ -")
		}
		name := "__Host-Http-wprt-" + clientID
		if old {
			name = "__Host-wprt-" + clientID
		}
		v := visit()
		v.Client.ID = clientID
		var values []string
		for cookie := range strings.SplitSeq(lines, "\n") {
			if !old || !strings.Contains(cookie, "__Host-Http-") { // the old name is looked at only without the new one
				v.Cookies = append(v.Cookies, cookie)
			}
		}
		for _, cookie := range v.Cookies {
			given, value, _ := strings.Cut(cookie, "=")
			if strings.Trim(given, " \t") == name {
				values = append(values, strings.Trim(value, " \t"))
			}
		}
		got, err := browser.Jar{}.Presented(v, oauth.Secret{})
		switch {
		case len(values) > 1 && (!errors.Is(err, browser.ErrTwoCookies) || !got.IsZero()):
			t.Errorf("%q: got %q %v, want ErrTwoCookies", v.Cookies, got.Reveal(), err)
		case len(values) == 1 && (err != nil || got.Reveal() != values[0]):
			t.Errorf("%q: got %q %v, want %q", v.Cookies, got.Reveal(), err, values[0])
		case len(values) == 0 && old && (err != nil || !got.IsZero()):
			t.Errorf("%q: got %q %v, want none", v.Cookies, got.Reveal(), err)
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
