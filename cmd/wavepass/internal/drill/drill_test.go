package drill_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/drill"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// deployment answers as Wavepass does, and breaks its promise where a test wants it to.
type deployment struct {
	*httptest.Server
	mu      sync.Mutex
	logins  int
	revoked map[string]time.Time // access token → since when
	dead    map[string]bool      // refresh tokens

	lag      time.Duration // until a revocation bites
	immune   int           // every so-many-th request is let in for ever; 0: none
	requests int
	keepDead bool // dead refresh tokens are accepted
	endOwn   bool // ending the others ends the caller's session too
	closed   bool // the protected route refuses everybody
	busy     int  // requests that are throttled before one is let through
	oldKey   int  // refreshes that still give tokens of the revoked key
	disabled []string
}

func start(t *testing.T) *deployment {
	d := &deployment{revoked: map[string]time.Time{}, dead: map[string]bool{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", d.login)
	mux.HandleFunc("GET /userinfo", d.userinfo)
	mux.HandleFunc("POST /refresh", d.refresh)
	mux.HandleFunc("POST /revoke", d.revoke)
	mux.HandleFunc("POST /logout", func(http.ResponseWriter, *http.Request) { d.endAll("") })
	mux.HandleFunc("DELETE /sessions", func(_ http.ResponseWriter, r *http.Request) {
		keep := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if d.endOwn {
			keep = ""
		}
		d.endAll(keep)
	})
	d.Server = httptest.NewServer(mux)
	t.Cleanup(d.Close)
	return d
}

func access(n int) string {
	return base64.RawURLEncoding.EncodeToString([]byte(`{"kid":"key-1"}`)) + fmt.Sprintf(".%d.s", n)
}

func (d *deployment) login(w http.ResponseWriter, _ *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.busy > 0 {
		d.busy--
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	d.logins++
	fmt.Fprintf(w, `{"access_token":%q,"refresh_token":"r%d"}`, access(d.logins), d.logins)
}

func (d *deployment) userinfo(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.requests++
	since, revoked := d.revoked[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	immune := d.immune > 0 && d.requests%d.immune == 0
	if d.closed || revoked && time.Since(since) >= d.lag && !immune {
		w.WriteHeader(http.StatusForbidden)
	}
}

func (d *deployment) refresh(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead[r.FormValue("refresh_token")] && !d.keepDead {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error":"invalid_grant","error_description":"no"}`)
		return
	}
	d.logins++
	if d.oldKey > 0 {
		d.oldKey--
		d.revoked[access(d.logins)] = time.Now().Add(-time.Hour)
	}
	fmt.Fprintf(w, `{"access_token":%q,"refresh_token":"r%d"}`, access(d.logins), d.logins)
}

func (d *deployment) revoke(_ http.ResponseWriter, r *http.Request) {
	token := r.FormValue("token")
	d.mu.Lock()
	defer d.mu.Unlock()
	if n, isRefresh := strings.CutPrefix(token, "r"); isRefresh {
		d.dead[token] = true
		_, _ = fmt.Sscan(n, &d.logins)
		token = access(d.logins)
	}
	d.revoked[token] = time.Now()
}

func (d *deployment) endAll(keep string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for n := 1; n <= d.logins; n++ {
		if access(n) != keep {
			d.revoked[access(n)] = time.Now()
			d.dead[fmt.Sprintf("r%d", n)] = true
		}
	}
}

// Operator of the deployment.
func (d *deployment) DisableAccount(_ context.Context, username string) error {
	d.endAll("")
	d.mu.Lock()
	defer d.mu.Unlock()
	d.disabled = append(d.disabled, "disabled "+username)
	return nil
}

func (d *deployment) EnableAccount(ctx context.Context, username string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.disabled = append(d.disabled, "enabled "+username)
	return ctx.Err()
}

func (d *deployment) RevokeKey(_ context.Context, keyID string) error {
	if keyID != "key-1" {
		return errors.New("another key: " + keyID)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for n := 1; n <= d.logins; n++ {
		d.revoked[access(n)] = time.Now()
	}
	return nil
}

// A site alone has these rehearsed; TestDrillOfASiteHoldsAtOnce does.
func (d *deployment) GiveRole(context.Context, string, string) error    { return errors.ErrUnsupported }
func (d *deployment) TakeRole(context.Context, string, string) error    { return errors.ErrUnsupported }
func (d *deployment) RequireRole(context.Context, string, string) error { return errors.ErrUnsupported }
func (d *deployment) ReleaseRoute(context.Context) error                { return errors.ErrUnsupported }

func (d *deployment) config() drill.Config {
	return drill.Config{
		URL: d.URL, Route: "/userinfo", ClientID: "app", Username: "ada", Password: oauth.NewSecret("p"),
		Bound: 400 * time.Millisecond, Connections: 4, Pace: 10 * time.Millisecond, After: 200 * time.Millisecond, Operator: d,
	}
}

func run(t *testing.T, c drill.Config, ways ...string) []drill.Result {
	t.Helper()
	c.Ways = ways
	results, err := drill.Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

func TestEveryWayHoldsWhereThePromiseIsKept(t *testing.T) {
	d := start(t)
	d.lag = 100 * time.Millisecond
	var told []string
	c := d.config()
	c.Progress = func(line string) { told = append(told, line) }
	results := run(t, c)
	if len(results) != len(drill.Ways()) || len(told) != len(results) {
		t.Fatalf("%d results, %d lines of progress; want %d", len(results), len(told), len(drill.Ways()))
	}
	refresh := map[string]string{"token": "works", "session": "refused", "others": "refused", "everywhere": "refused", "disable": "refused", "key": "works"}
	for _, r := range results {
		if r.Way == "role" || r.Way == "policy" {
			if r.Skipped != "of a site only: tokens follow later, by design" {
				t.Errorf("%s by tokens: %+v, want it skipped", r.Way, r)
			}
			continue
		}
		if !r.Held() || r.Refresh != refresh[r.Way] {
			t.Errorf("%s: %+v, want it held, refresh %s", r.Way, r, refresh[r.Way])
		}
		// A request that began before the lag was over may be answered after it, not the other way round.
		if r.LastAccepted > d.lag || r.FirstRefused > c.Bound+c.After || r.Requests < c.Connections {
			t.Errorf("%s: first refused after %s, last accepted after %s, %d requests; want none accepted after %s",
				r.Way, r.FirstRefused, r.LastAccepted, r.Requests, d.lag)
		}
	}
	if got := strings.Join(d.disabled, ", "); got != "disabled ada, enabled ada" {
		t.Errorf("%q, want the account enabled again", got)
	}
}

func TestBrokenPromisesAreSeen(t *testing.T) {
	for name, c := range map[string]struct {
		way   string
		spoil func(*deployment)
		says  string
	}{
		"bites after the bound":     {"token", func(d *deployment) { d.lag = 2 * time.Second }, "still accepted"},
		"one in three is let in":    {"session", func(d *deployment) { d.immune = 3 }, "still accepted"},
		"never bites":               {"everywhere", func(d *deployment) { d.lag = time.Hour }, "still accepted"},
		"refresh token lives":       {"session", func(d *deployment) { d.keepDead = true }, "the stolen refresh token works"},
		"ends the caller's as well": {"others", func(d *deployment) { d.endOwn = true }, "has ended too"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := start(t)
			c.spoil(d)
			config := d.config()
			config.Bound, config.After = 200*time.Millisecond, 2500*time.Millisecond // time enough to be let in too long
			r := run(t, config, c.way)[0]
			if r.Held() || !strings.Contains(r.Wrong, c.says) {
				t.Errorf("%+v, want it wrong: %q", r, c.says)
			}
		})
	}
}

func TestWhatCannotBeRehearsedIsSaid(t *testing.T) {
	d := start(t)
	d.closed = true
	c := d.config()
	c.Operator = nil
	for _, r := range run(t, c, "disable", "key") {
		if r.Skipped == "" || !r.Held() {
			t.Errorf("without an operator: %+v, want it skipped", r)
		}
	}
}

// Whoever cannot log in learns it once, before anything is rehearsed.
func TestLoginThatCannotBeIsSaidBeforeAnythingIsRehearsed(t *testing.T) {
	for name, c := range map[string]struct {
		answer, says string
		status       int
	}{
		"no deployment":      {says: "connection refused"},
		"a wrong password":   {`{"error":"invalid_credentials","error_description":"no"}`, "invalid_credentials", http.StatusUnauthorized},
		"a browser client":   {`{"error":"cross_site_request","error_description":"no"}`, "must be a native one", http.StatusForbidden},
		"no refresh token":   {`{"access_token":"a"}`, "must be a native one", http.StatusOK},
		"somebody else's it": {`<html>`, "no tokens", http.StatusOK},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			fmt.Fprint(w, c.answer)
		}))
		if c.status == 0 {
			server.Close()
		}
		config := start(t).config()
		config.URL = server.URL
		results, err := drill.Run(t.Context(), config)
		server.Close()
		if err == nil || !strings.Contains(err.Error(), "log in as ") || !strings.Contains(err.Error(), c.says) || len(results) > 0 {
			t.Errorf("%s: %v, results %+v; want an error that says %q and no results", name, err, results, c.says)
		}
	}
}

func TestAnswersThatSayToWaitAreRepeated(t *testing.T) {
	d := start(t)
	d.busy = 1
	if r := run(t, d.config(), "token")[0]; !r.Held() {
		t.Errorf("%+v, want it held", r)
	}
}

func TestDrillWaitsUntilTheSessionGoesOn(t *testing.T) {
	d := start(t)
	d.oldKey = 3
	r := run(t, d.config(), "key")[0]
	if !r.Held() || r.GoesOn < 3*d.config().Pace || d.oldKey != 0 {
		t.Errorf("%+v, want it to go on after three refreshes", r)
	}
}

func TestInterruptedDrillEnablesTheAccountAgain(t *testing.T) {
	d := start(t)
	d.lag = time.Hour
	c := d.config()
	c.Bound, c.Ways = time.Hour, []string{"disable"}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { _, err := drill.Run(ctx, c); done <- err }()
	for {
		d.mu.Lock()
		n := len(d.disabled)
		d.mu.Unlock()
		if n > 0 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
	if got := strings.Join(d.disabled, ", "); got != "disabled ada, enabled ada" {
		t.Errorf("%q, want the account enabled again", got)
	}
}
