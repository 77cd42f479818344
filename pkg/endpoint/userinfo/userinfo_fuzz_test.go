package userinfo_test

import (
	"encoding/json"
	"testing"

	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

// FuzzUserinfo looks for something that an authorizer might hand on, or a caller might send, that is answered
// without a subject, or with a 5xx.
func FuzzUserinfo(f *testing.F) {
	f.Add(`{"sub":"a","scope":"profile","roles":["member"]}`, "Bearer x", "")
	f.Fuzz(func(t *testing.T, handedOn, authorization, body string) {
		var caller map[string]any
		if json.Unmarshal([]byte(handedOn), &caller) != nil {
			t.Skip("an authorizer's context is a JSON object")
		}
		d := deployment.New(t, browser.Jar{})
		got := d.Do(deployment.Request{Route: "GET /userinfo", Caller: caller, Body: body}.With("authorization", authorization))
		deployment.CheckShape(t, got)
		var said struct {
			Subject string `json:"sub"`
		}
		if got.StatusCode == 200 && (json.Unmarshal([]byte(got.Body), &said) != nil || said.Subject == "" || said.Subject != caller["sub"]) {
			t.Errorf("%q was answered with %s", handedOn, got.Body)
		}
	})
}
