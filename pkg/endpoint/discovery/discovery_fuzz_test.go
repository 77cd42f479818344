package discovery_test

import (
	"encoding/json"
	"testing"

	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

// FuzzKeySet looks for a request that gets anything but the public keys, or for a private member among them.
func FuzzKeySet(f *testing.F) {
	f.Add("", "", "", "")
	f.Fuzz(func(t *testing.T, contentType, authorization, cookie, body string) {
		d := deployment.New(t, browser.Jar{})
		d.Login("app") // the first login creates the keys
		got := d.Do(deployment.Request{Route: "GET /.well-known/jwks.json", Type: contentType, Body: body}.
			With("authorization", authorization).Cookie(cookie))
		deployment.CheckShape(t, got)
		if got.StatusCode != 200 {
			if len(body) <= 16<<10 {
				t.Errorf("%d for a body of %d bytes", got.StatusCode, len(body))
			}
			return
		}
		var set struct {
			Keys []map[string]any `json:"keys"`
		}
		if err := json.Unmarshal([]byte(got.Body), &set); err != nil || len(set.Keys) != 2 {
			t.Fatalf("%d keys, want 2 (%v): %s", len(set.Keys), err, got.Body)
		}
		for _, key := range set.Keys {
			for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} { // RFC 7518 §6
				if _, there := key[private]; there {
					t.Errorf("the private member %q is published: %s", private, got.Body)
				}
			}
		}
	})
}
