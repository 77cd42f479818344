package doctor

import (
	"strings"
	"testing"
)

// TestSealingKeyItselfIsNotPrinted: functions that disagree may have a key in their settings, though none starts with it in Lambda.
func TestSealingKeyItselfIsNotPrinted(t *testing.T) {
	const key = "bm90LWEta2V5LW5vdC1hLWtleS1ub3QtYS1rZXktLS0="
	p := &patient{functions: []Function{
		{Name: "login", Settings: map[string]string{"SEALING_KEY": "local:" + key}},
		{Name: "refresh", Settings: map[string]string{"SEALING_KEY": "kms:arn:aws:kms:eu-central-1:1:key/1"}},
	}}
	o := p.agreement(t.Context())
	if said := o.Detail; strings.Contains(said, key) || !strings.Contains(said, `"local:…" in login`) || !strings.Contains(said, "kms:arn") {
		t.Errorf("%q, want both named and the key left out", said)
	}
}
