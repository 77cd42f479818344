package authorizer_test

import (
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

// A request that is let through logs nothing, whatever is measured.
func TestRefusalsAreMetricsWhereThereIsANamespace(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	for namespace, want := range map[string]string{
		"":         `"msg":"refused"`,
		"wavepass": `"refusals":1,"_aws":{"Timestamp":1772366400000,"CloudWatchMetrics":[{"Namespace":"wavepass","Dimensions":[["level"]],"Metrics":[{"Name":"refusals","Unit":"Count"}]}]}}`,
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
