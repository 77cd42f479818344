package main

import (
	"encoding/json"
	"testing"

	checks "github.com/wavepass/wavepass/cmd/wavepass/internal/check"
)

// oidc-provider is nobody's mistake. What is said of it must be true: by http there is no TLS, and its page that is not found has no nosniff.
func TestInteropCheckRaisesNoFalseAlarmOnOIDCProvider(t *testing.T) {
	p := startForeignIDP(t, libraries(t))
	var report checks.Report
	check(t, json.Unmarshal([]byte(mustCommand(t, "check", p.url, "--json", "--pause", "0s")), &report))
	warned := map[string]bool{"tls.https": true, "header.nosniff": true}
	for _, f := range report.Findings {
		if f.Verdict == checks.Fail || f.Verdict == checks.Warn && !warned[f.ID] {
			t.Errorf("%s: %s: %s", f.ID, f.Verdict, f.Detail)
		}
	}
	if passed := report.Count(checks.Pass); passed < 8 {
		t.Errorf("only %d checks passed: its metadata and keys were not seen", passed)
	}
}
