package deployment_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/endpoint"
	. "github.com/wavepass/wavepass/pkg/internal/deployment"
)

// atOnce is how many events one process may be given at a time by Lambda Managed Instances.
const atOnce = 100

// together does it a hundred times at once.
func together(do func(i int)) {
	var start, all sync.WaitGroup
	start.Add(atOnce)
	for i := range atOnce {
		all.Go(func() {
			start.Done()
			start.Wait()
			do(i)
		})
	}
	all.Wait()
}

// TestHundredEventsAtOnceOfEveryFunction gives each function, which is cold, a hundred events at a time. Each belongs to a session of its own, and
// has to be answered for this one.
func TestHundredEventsAtOnceOfEveryFunction(t *testing.T) {
	d := New(t, browser.Jar{}).Beside(asItIs)
	partner, err := d.Store.Client(t.Context(), "partner")
	check(t, "read client", err)
	partner.Introspects = []string{"app"}
	check(t, "store client", d.Store.PutClient(t.Context(), partner))
	var held [atOnce]Answer
	var trails strings.Builder
	cold := func() {
		trails.WriteString(d.Trail())
		d = d.Beside(asItIs)
	}
	together(func(i int) { held[i] = d.Login("app") }) // also creates the keys, once
	sids := map[uuid.UUID]bool{}
	for _, a := range held {
		sids[a.SessionID()] = true
	}
	if len(sids) != atOnce {
		t.Fatalf("%d sessions, want %d", len(sids), atOnce)
	}
	own := func(what string, i int, sid any) {
		if want := held[i].SessionID().String(); fmt.Sprint(sid) != want {
			t.Errorf("%s of session %s: got that of %v", what, want, sid)
		}
	}
	callers := make([]map[string]any, atOnce)
	for _, use := range []func(i int){
		func(i int) {
			got, err := AskAuthorizer(t.Context(), d.Authorizer, events.APIGatewayV2CustomAuthorizerV2Request{IdentitySource: []string{"Bearer " + held[i].AccessToken}})
			if err != nil || !got.IsAuthorized {
				t.Errorf("authorizer: %v, %+v", err, got)
			}
			own("authorizer", i, got.Context["sid"])
			callers[i] = got.Context
		},
		func(i int) {
			a := d.Do(Form("POST /refresh", "client_id=app&refresh_token="+held[i].RefreshToken))
			own("refresh", i, a.SessionID())
			held[i].RefreshToken = a.RefreshToken
		},
		func(i int) {
			a := d.Do(Form("POST /token", "grant_type=refresh_token&client_id=app&refresh_token="+held[i].RefreshToken))
			own("oauthtoken", i, a.SessionID())
			held[i].RefreshToken = a.RefreshToken
		},
		func(i int) { d.Want("discovery", d.Do(Request{Route: "GET /.well-known/jwks.json"}), 200, "") },
		func(int) { check(t, "rotatekeys", d.RotateKeys(t.Context(), events.EventBridgeEvent{})) },
		func(i int) {
			a := d.Do(Form("POST /introspect", "client_id=partner&client_secret="+Secret+"&token="+held[i].AccessToken))
			var said struct {
				Active bool   `json:"active"`
				ID     string `json:"sid"`
			}
			if err := json.Unmarshal([]byte(a.Body), &said); err != nil || !said.Active {
				t.Errorf("introspect: %d %s", a.StatusCode, a.Body)
			}
			own("introspect", i, said.ID)
		},
		func(i int) { d.Want("userinfo", d.Do(Request{Route: "GET /userinfo", Caller: callers[i]}), 200, "") },
		func(i int) {
			a := d.Do(Request{Route: "GET /sessions", Caller: callers[i]})
			var page struct {
				Sessions []struct {
					ID      string `json:"id"`
					Current bool   `json:"current"`
				} `json:"sessions"`
			}
			if err := json.Unmarshal([]byte(a.Body), &page); err != nil || a.StatusCode != 200 || len(page.Sessions) == 0 {
				t.Errorf("sessions: %d %s", a.StatusCode, a.Body)
			}
			for _, s := range page.Sessions {
				if s.Current {
					own("sessions", i, s.ID)
				}
			}
		},
		func(i int) { // every other one
			if i%2 == 0 {
				d.Want("revoke", d.Do(Form("POST /revoke", "client_id=app&token="+held[i].RefreshToken)), 200, "")
			}
		},
		func(i int) {
			got := d.Do(Form("POST /refresh", "client_id=app&refresh_token="+held[i].RefreshToken))
			d.Want(fmt.Sprintf("refresh %d after the revocations", i), got, []int{400, 200}[i%2], []string{"invalid_grant", ""}[i%2])
		},
	} {
		cold()
		together(use)
	}

	cold()
	var changed, sessions sync.Map
	together(func(i int) {
		a := d.Do(Request{Route: "POST /password", Type: "application/json", Body: `{"current_password":"` + Password + `","new_password":"another-canary-wave"}`, Caller: callers[i]})
		if a.StatusCode == 200 {
			changed.Store(i, true)
			sessions.Store(a.SessionID(), true)
		} else if a.AccessToken != "" || a.RefreshToken != "" || a.StatusCode != 401 && a.StatusCode != 503 {
			t.Errorf("password %d: %d %s, want that it is too late", i, a.StatusCode, a.Body)
		}
	})
	won := 0
	changed.Range(func(any, any) bool { won++; return true })
	if won != 1 {
		t.Errorf("%d have changed the password, want the first alone", won)
	}
	cold()
	if strings.Contains(trails.String(), "reuse_detected") {
		t.Errorf("a session was taken for stolen:\n%s", trails.String())
	}
}

func asItIs(*endpoint.Settings) {}

func check(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
}
