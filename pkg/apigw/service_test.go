package apigw_test

import (
	"testing"

	"github.com/wavepass/wavepass/pkg/apigw"
)

func TestServiceIsTheHolderOfATokenOfItsOwn(t *testing.T) {
	own := func(change func(map[string]any)) map[string]any {
		caller := map[string]any{"sub": "shop", "client_id": "shop", "scope": "stock sessions:manage"}
		change(caller)
		return caller
	}
	for name, test := range map[string]struct {
		caller map[string]any
		good   bool
	}{
		"its own":                 {own(func(map[string]any) {}), true},
		"nobody's":                {nil, false},
		"without a client":        {own(func(c map[string]any) { delete(c, "client_id") }), false},
		"without a subject":       {own(func(c map[string]any) { delete(c, "sub") }), false},
		"with a session":          {own(func(c map[string]any) { c["sid"] = "0190b0e4-7e00-7000-8000-000000000001" }), false},
		"of somebody else":        {own(func(c map[string]any) { c["sub"] = "0190b0e4-7e00-7000-8000-000000000001" }), false},
		"without the scope":       {own(func(c map[string]any) { c["scope"] = "stock" }), false},
		"with a scope like it":    {own(func(c map[string]any) { c["scope"] = "sessions:managed" }), false},
		"a subject of wrong type": {own(func(c map[string]any) { c["sub"] = 1 }), false},
	} {
		r := apigw.Request{Authorizer: test.caller}
		if id, err := r.Service("sessions:manage"); (err == nil) != test.good || (id == "shop") != test.good {
			t.Errorf("%s: %q, %v; want it accepted: %t", name, id, err, test.good)
		}
	}
}
