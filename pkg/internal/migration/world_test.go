package migration_test

import (
	"encoding/json"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/endpoint/all"
	"github.com/wavepass/wavepass/pkg/endpoint/authorizer"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/seal"
)

// left is what left.json says.
type left struct {
	Made     time.Time
	Issuer   string
	Origin   string
	Accounts []struct {
		Username, Password string
		Disabled           bool
	}
	Sessions []leftSession
}

type leftSession struct {
	Name, Client, Access, Refresh, Before string
	Ended, Denied                         bool
}

// world is the functions of this version over what is left, by a clock that stands at the time when it was made.
type world struct {
	t     *testing.T
	left  left
	clock *testclock.Clock

	routes    map[string]apigw.Function
	authorize authorizer.Function
}

// readLeft reads left.json of a folder of testdata.
func readLeft(t *testing.T, folder string) (l left) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", folder, "left.json"))
	if err == nil {
		err = json.Unmarshal(data, &l)
	}
	if err != nil || len(l.Sessions) < 15 || len(l.Accounts) < 8 {
		t.Fatalf("left.json: %v, %d sessions, %d accounts", err, len(l.Sessions), len(l.Accounts))
	}
	return l
}

func newWorld(t *testing.T, folder string, open func(now func() time.Time) all.Store) *world {
	t.Helper()
	w := &world{t: t, left: readLeft(t, folder)}
	w.clock = testclock.New(w.left.Made)
	now := w.clock.Now
	key := filepath.Join(t.TempDir(), "sealing.key")
	copyFile(t, filepath.Join("testdata", folder, "sealing.key"), key)
	sealer, err := seal.OpenKeyFile(key)
	if err != nil {
		t.Fatal(err)
	}
	settings := deployment.Settings(io.Discard, now)
	settings.Issuer, settings.Limits = w.left.Issuer, account.DefaultLimits
	functions := all.New(settings, open(now), func(string) keyring.Sealer { return sealer })
	w.routes, w.authorize = deployment.Routes(functions), functions.Authorizer
	return w
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// do sends a request of the web client's origin, and returns the status, the body and the newest refresh token.
func (w *world) do(route, contentType, body, cookie string) (status int, answer map[string]any, token string) {
	w.t.Helper()
	e := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: route, Body: body, Headers: map[string]string{"content-type": contentType, "origin": w.left.Origin},
	}
	e.RequestContext.HTTP.SourceIP = "203.0.113.9"
	if cookie != "" {
		e.Cookies = []string{"__Host-wprt-web=" + cookie}
	}
	response, err := w.routes[route](w.t.Context(), e)
	if err != nil {
		w.t.Fatalf("%s: %v", route, err)
	}
	_ = json.Unmarshal([]byte(response.Body), &answer)
	token, _ = answer["refresh_token"].(string)
	for _, c := range response.Cookies {
		pair, _, _ := strings.Cut(c, ";")
		if name, value, _ := strings.Cut(pair, "="); strings.Contains(name, "wprt") && value != "" {
			token = value
		}
	}
	return response.StatusCode, answer, token
}

func (w *world) login(client, username, password string) (status int, token string) {
	w.t.Helper()
	body, _ := json.Marshal(map[string]string{"client_id": client, "username": username, "password": password})
	status, _, token = w.do("POST /login", apigw.JSON, string(body), "")
	return status, token
}

func (w *world) refresh(client, token string) (status int, next string) {
	w.t.Helper()
	form, cookie := url.Values{"grant_type": {"refresh_token"}, "client_id": {client}}, token
	if client == "app" {
		form.Set("refresh_token", token)
		cookie = ""
	}
	status, _, next = w.do("POST /refresh", apigw.Form, form.Encode(), cookie)
	return status, next
}

func (w *world) accepts(access string) bool {
	w.t.Helper()
	answer, err := deployment.AskAuthorizer(w.t.Context(), w.authorize, events.APIGatewayV2CustomAuthorizerV2Request{IdentitySource: []string{"Bearer " + access}})
	if err != nil {
		w.t.Fatal(err)
	}
	return answer.IsAuthorized
}

// wantNobodyLoggedOut compares every session and account with what it was when it was left, and returns the newest refresh
// token of each session.
func (w *world) wantNobodyLoggedOut(what string) map[string]string {
	w.t.Helper()
	newest := map[string]string{}
	for _, s := range w.left.Sessions {
		if got := w.accepts(s.Access); got == s.Denied {
			w.t.Errorf("%s: %s: its access token is accepted: %t", what, s.Name, got)
		}
		want := 200
		if s.Ended {
			want = 400
		} else if s.Before != "" && s.Name != "late retry" {
			if status, again := w.refresh(s.Client, s.Before); status != 200 || again != s.Refresh {
				w.t.Errorf("%s: %s: the token before: %d, and the same successor: %t", what, s.Name, status, again == s.Refresh)
			}
		}
		status, next := w.refresh(s.Client, s.Refresh)
		if status != want {
			w.t.Errorf("%s: %s: its refresh: %d, want %d", what, s.Name, status, want)
		}
		newest[s.Name] = next
	}
	for _, a := range w.left.Accounts {
		want := 200
		if a.Disabled {
			want = 401
		}
		if status, _ := w.login("app", a.Username, a.Password); status != want {
			w.t.Errorf("%s: login of %s: %d, want %d", what, a.Username, status, want)
		}
	}
	return newest
}

// wantAllRefresh refreshes every session that lives, and returns the newest tokens.
func (w *world) wantAllRefresh(what string, tokens map[string]string) map[string]string {
	w.t.Helper()
	next := map[string]string{}
	for _, s := range w.left.Sessions {
		if s.Ended {
			continue
		}
		status, token := w.refresh(s.Client, tokens[s.Name])
		if status != 200 {
			w.t.Errorf("%s: %s: its refresh: %d, want 200", what, s.Name, status)
		}
		next[s.Name] = token
	}
	return next
}
