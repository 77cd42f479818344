package introspect_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/oauth"
)

// withKeyVersion is a refresh token that names another MAC key, see the format in docs/design.md.
func withKeyVersion(t *testing.T, text string, version byte) string {
	t.Helper()
	encoded, _ := strings.CutPrefix(text, "wprt_")
	raw, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	raw[1] = version
	return "wprt_" + base64.RawURLEncoding.EncodeToString(raw)
}

// A version that a function does not hold may be a key that has just been made. It says so, and never that the token is dead, until it
// may read the keys again.
func TestUnknownKeyVersionIsUnavailableUntilTheKeysAreReadAgain(t *testing.T) {
	w := newWorld(t)
	good := w.Login("app").RefreshToken
	unknown := withKeyVersion(t, good, 200)
	w.ask("partner", good) // the keys are read
	for _, wait := range []time.Duration{0, 10 * time.Second, 19 * time.Second} {
		w.Clock.Advance(wait)
		w.Store.ForgetCalls()
		got := w.Do(form("POST /introspect", "partner", "token", unknown))
		w.Want("right after the keys were read", got, 503, oauth.CodeUnavailable)
		if got.Headers["Retry-After"] == "" || strings.Contains(got.Body, "active") {
			t.Errorf("after %s: %v %s", wait, got.Headers, got.Body)
		}
		if calls := w.Store.Calls(); len(calls) > 0 {
			t.Errorf("a made-up version makes the function ask %v", calls)
		}
	}
	w.Clock.Advance(time.Second)
	w.wantInactive("30 seconds after the keys were read", unknown)
	if got := w.ask("partner", good); !strings.HasPrefix(got.Body, `{"active":true,`) {
		t.Errorf("a good token afterwards: %s", got.Body)
	}
	w.Want("again, a moment later", w.Do(form("POST /introspect", "partner", "token", withKeyVersion(t, good, 201))), 503, oauth.CodeUnavailable)
}
