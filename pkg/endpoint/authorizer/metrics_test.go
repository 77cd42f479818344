package authorizer_test

import (
	"github.com/wavepass/wavepass/internal/hooks"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

// A request that is let through logs nothing, whatever is measured.
func TestRefusalsAreMetricsWhereThereIsANamespace(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	for namespace, want := range map[string]string{
		"":         `"msg":"refused"`,
		"wavepass": `"refusals":1,"_aws":{"Timestamp":1772366400000,"CloudWatchMetrics":[{"Namespace":"wavepass","Dimensions":[["level"],["why"]],"Metrics":[{"Name":"refusals","Unit":"Count"}]}]}}`,
	} {
		measured := d.Beside(func(s *endpoint.Settings) {
			if namespace != "" {
				s.Trail.Metrics = "wavepass"
			}
		})
		if _, err := measured.Authorizer.Invoke(t.Context(), []byte(`{"version":"2.0","type":"REQUEST"}`)); err != nil {
			t.Fatal(err)
		}
		if log := measured.Log(); !strings.Contains(log, want) || strings.Contains(log, "_aws") != (namespace != "") || strings.Count(log, "\n") != 1 {
			t.Errorf("namespace %q: %s, want %s", namespace, log, want)
		}
	}
}

func TestRefusalsSayWhyInOneOfAFewWords(t *testing.T) {
	for want, refuse := range map[string]func(d *deployment.Deployment, token string) string{
		"token":   func(_ *deployment.Deployment, token string) string { return token + "x" },
		"expired": func(d *deployment.Deployment, token string) string { d.Clock.Advance(20 * time.Minute); return token },
		"outage": func(d *deployment.Deployment, token string) string {
			d.Store.Before = hooks.Fail("Since")
			return token
		},
		"revoked": func(d *deployment.Deployment, token string) string {
			d.Want("revoke", d.Do(deployment.Form("POST /revoke", "client_id=app&token="+token)), 200, "")
			return token
		},
	} {
		d := deployment.New(t, browser.Jar{})
		d.As(refuse(d, d.Login("app").AccessToken), deployment.Request{Route: "GET /sessions"})
		if log := d.Log(); !strings.Contains(log, `"why":"`+want+`"`) {
			t.Errorf("%s: logged %s", want, log)
		}
	}
}
