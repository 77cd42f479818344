package deployment_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/browser"
	. "github.com/wavepass/wavepass/pkg/internal/deployment"
)

func TestClaimsAreSeenAfterTheNextRefresh(t *testing.T) {
	d := New(t, browser.Jar{})
	wantClaims := func(what string, a Answer, want map[string]any) {
		t.Helper()
		got := d.As(a.AccessToken, Request{Route: "GET /userinfo"})
		var said struct {
			Claims map[string]any `json:"claims"`
		}
		if err := json.Unmarshal([]byte(got.Body), &said); err != nil || got.StatusCode != 200 || !reflect.DeepEqual(said.Claims, want) {
			t.Errorf("%s: /userinfo is %d %s, want the claims %v", what, got.StatusCode, got.Body, want)
		}
	}
	before := d.Login("app")
	wantClaims("before", before, nil)
	plain := account.Access{Scopes: []string{"profile"}}
	pro := plain
	pro.Claims = `{"beta":true,"plan":"<pro>","seats":5}`
	if err := d.Store.SetAccess(t.Context(), AccountID, plain, pro); err != nil {
		t.Fatal(err)
	}
	wantClaims("set, token of before", before, nil)
	want := map[string]any{"beta": true, "plan": "<pro>", "seats": 5.0}
	after := d.Do(Form("POST /refresh", "client_id=app&refresh_token="+before.RefreshToken))
	wantClaims("refreshed", after, want)
	wantClaims("new login", d.Login("app"), want)
	if err := d.Store.SetAccess(t.Context(), AccountID, pro, plain); err != nil {
		t.Fatal(err)
	}
	wantClaims("taken away, refreshed", d.Do(Form("POST /refresh", "client_id=app&refresh_token="+after.RefreshToken)), nil)
}
