package oauth_test

import (
	"testing"

	"github.com/wavepass/wavepass/pkg/oauth"
)

func TestNamesOfScopesAndClaims(t *testing.T) {
	for name, want := range map[string]struct{ scope, claim bool }{
		"plan": {true, true}, "a": {true, true}, "plan_2": {true, true}, "a__": {true, true},
		"orders:read": {true, false}, "Plan": {true, false}, "_plan": {true, false}, "2plan": {true, false}, "pl-an": {true, false}, "pl.an": {true, false}, "~": {true, false}, "!": {true, false},
		"": {}, " ": {}, "a b": {}, `a"`: {}, `a\`: {}, "a\n": {}, "plan\x00": {}, "\x7f": {}, "plän": {}, "\xff": {},
	} {
		if got := oauth.ValidScope(name); got != want.scope {
			t.Errorf("%q as a scope: %v, want %v", name, got, want.scope)
		}
		if got := oauth.ValidClaimName(name); got != want.claim {
			t.Errorf("%q as a claim: %v, want %v", name, got, want.claim)
		}
	}
}
