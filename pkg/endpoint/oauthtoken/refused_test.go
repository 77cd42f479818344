package oauthtoken_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

// refusals are the events client_refused since the trail had this length.
func refusals(t *testing.T, d *deployment.Deployment, since int) (list []string) {
	t.Helper()
	for line := range strings.Lines(d.Trail()[since:]) {
		var event map[string]any
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			t.Fatal(err)
		}
		if event["event"] == "client_refused" {
			list = append(list, event["client_id"].(string)+": "+event["reason"].(string))
		}
	}
	return list
}

func TestFailedAuthenticationOfAServiceIsAudited(t *testing.T) {
	key := newKey(t, "ES256", "k1")
	d := newKeyed(t, key)
	once := key.sign(t, key.header(), goodClaims(d))
	d.Want("the first use", d.Do(asserting("POST /token", once)), 200, "")
	for name, tc := range map[string]struct {
		r    deployment.Request
		want []string
	}{
		"a wrong secret at /token":      {deployment.Form("POST /token", "client_id=partner&client_secret=canary&grant_type=client_credentials"), []string{"partner: a wrong secret"}},
		"a wrong secret at /introspect": {deployment.Form("POST /introspect", "client_id=partner&client_secret=canary&token=x"), []string{"partner: a wrong secret"}},
		"a wrong secret at /revoke":     {deployment.Form("POST /revoke", "client_id=partner&client_secret=canary&token=x"), []string{"partner: a wrong secret"}},
		"no secret":                     {deployment.Form("POST /revoke", "client_id=partner&token=x"), []string{"partner: a wrong secret"}},
		"an assertion again":            {asserting("POST /token", once), []string{"keyed: assertion: jti: used before (RFC 7523 §3)"}},
		"a secret of one with keys":     {deployment.Form("POST /token", "client_id=keyed&client_secret=canary&grant_type=client_credentials"), []string{"keyed: a wrong secret"}},
		"a client that nobody has":      {deployment.Form("POST /token", "client_id=canary&client_secret=canary&grant_type=client_credentials"), nil},
		"a secret of a public client":   {deployment.Form("POST /revoke", "client_id=app&client_secret=canary&token=x"), nil},
	} {
		since := len(d.Trail())
		got := d.Do(tc.r)
		d.Want(name, got, 401, "invalid_client")
		if diff := cmp.Diff(tc.want, refusals(t, d, since)); diff != "" {
			t.Errorf("%s: events client_refused (-want +got):\n%s", name, diff)
		}
		if strings.Contains(d.Trail()[since:], "canary") {
			t.Errorf("%s: the trail has what was sent: %s", name, d.Trail()[since:])
		}
	}
}
