package protocol_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/session"
)

// A browser restores its tabs at once: each refreshes with the cookie that the jar holds when its request leaves, and
// the jar takes cookies in the order in which the answers arrive. Requests and answers overtake each other.

const (
	restoredIn = 500 * time.Millisecond // all tabs are restored within it
	coldStart  = 2 * time.Second        // at most; every fourth request meets one
	quarter    = 15 * time.Minute       // the life of an access token
)

// jar is a browser's one cookie.
type jar struct {
	mu   sync.Mutex
	pair string
}

func (j *jar) set(pair string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if pair != "" {
		j.pair = pair
	}
}

func (j *jar) get() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.pair
}

func byCookie(pair string) deployment.Request {
	return deployment.JSON("POST /refresh", `{"client_id":"web"}`).From(deployment.Origin).Cookie(pair)
}

// newTabsDeployment has the endpoints of a deployment that rotates no token younger than minAge.
func newTabsDeployment(t *testing.T, minAge time.Duration) *deployment.Deployment {
	d := deployment.New(t, browser.Jar{})
	d.MinAge = minAge
	d.Restart(browser.Jar{}, func(string) keyring.Sealer { return d.Sealer })
	return d
}

// outcomes counts what became of rounds, of any number of tabs each.
type outcomes struct{ loggedOut, later, lost int }

// round restores the tabs of a session of that age, and refreshes once more a quarter of an hour later.
func (o *outcomes) round(d *deployment.Deployment, line *timeline, age time.Duration, tabs int, mean time.Duration) {
	jar := &jar{pair: d.Login("web").CookiePair()}
	d.Clock.Advance(age)
	refused := false
	var send func(cold bool)
	send = func(cold bool) {
		pair, way := jar.get(), line.way(mean)
		if cold {
			way += line.within(coldStart)
		}
		line.after(way, func() {
			answer := d.Do(byCookie(pair))
			line.after(line.way(mean), func() {
				jar.set(answer.CookiePair())
				switch answer.StatusCode {
				case 200:
				case 503:
					o.later++
					line.after(time.Second, func() { send(false) })
				default:
					refused = true
				}
			})
		})
	}
	for i := range tabs {
		line.after(line.within(restoredIn), func() { send(i%4 == 3) })
	}
	line.run(func() bool { return false })
	if refused {
		o.loggedOut++
	}
	d.Clock.Advance(quarter)
	if d.Do(byCookie(jar.get())).StatusCode != 200 && !refused {
		o.lost++
	}
}

// TestTabsThatAreRestoredAtOnceStayLoggedIn: in no round is a tab logged out, or the session lost a quarter of an
// hour later, or a tab asked to come again.
func TestTabsThatAreRestoredAtOnceStayLoggedIn(t *testing.T) {
	t.Parallel()
	const rounds = 200
	for _, tabs := range []int{6, 10, 30} {
		for i, mean := range []time.Duration{10, 40, 150, 400} {
			mean *= time.Millisecond
			t.Run(fmt.Sprintf("%d tabs, ways of %s", tabs, mean), func(t *testing.T) {
				t.Parallel()
				d := newTabsDeployment(t, session.DefaultMinAge)
				line := newTimeline(d.Clock, uint64(100*tabs+i))
				var got outcomes
				for range rounds {
					got.round(d, line, quarter, tabs, mean)
				}
				if got != (outcomes{}) {
					t.Errorf("%d of %d rounds logged out, %d lost a quarter later, %d answers of 503; want none",
						got.loggedOut, rounds, got.lost, got.later)
				}
			})
		}
	}
}

// TestTabsStayLoggedInWhenTheTokenIsJustOldEnough restores the tabs around the moment from which on the token rotates: one
// is answered with the token that it has, the next with a successor, and either answer may be the last.
func TestTabsStayLoggedInWhenTheTokenIsJustOldEnough(t *testing.T) {
	t.Parallel()
	const rounds = 50
	for i, mean := range []time.Duration{40 * time.Millisecond, 400 * time.Millisecond} {
		d := newTabsDeployment(t, session.DefaultMinAge)
		line := newTimeline(d.Clock, uint64(i))
		var got outcomes
		for range rounds {
			got.round(d, line, session.DefaultMinAge-restoredIn/2-mean, 6, mean)
		}
		if got != (outcomes{}) {
			t.Errorf("ways of %s: %d of %d rounds logged out, %d lost a quarter later, %d answers of 503; want none",
				mean, got.loggedOut, rounds, got.lost, got.later)
		}
	}
}

// TestTabsAreLoggedOutWhereYoungTokensRotate shows that these rounds would find it.
func TestTabsAreLoggedOutWhereYoungTokensRotate(t *testing.T) {
	t.Parallel()
	const rounds = 40
	for i, mean := range []time.Duration{40 * time.Millisecond, 400 * time.Millisecond} {
		d := newTabsDeployment(t, 0)
		line := newTimeline(d.Clock, uint64(i))
		var got outcomes
		for range rounds {
			got.round(d, line, quarter, 6, mean)
		}
		if got.loggedOut == 0 {
			t.Errorf("ways of %s: nobody was logged out in %d rounds; then the other test proves nothing", mean, rounds)
		}
	}
}

// TestTabsOverHTTP sends the same over loopback, with as many connections as tabs.
func TestTabsOverHTTP(t *testing.T) {
	t.Parallel()
	d := newTabsDeployment(t, session.DefaultMinAge)
	server := httptest.NewServer(overHTTP(d))
	defer server.Close()
	for _, tabs := range []int{6, 10, 30} {
		for range 3 {
			jar := &jar{pair: d.Login("web").CookiePair()}
			d.Clock.Advance(quarter)
			began, opened := d.Clock.Now(), time.Now()
			var wg sync.WaitGroup
			for range tabs {
				wg.Go(func() {
					time.Sleep(rand.N(20 * time.Millisecond))
					pair := jar.get()
					time.Sleep(rand.N(20 * time.Millisecond))
					d.Clock.Set(began.Add(time.Since(opened)))
					status, cookie := refreshOverHTTP(t, server.URL, pair)
					time.Sleep(rand.N(20 * time.Millisecond))
					jar.set(cookie)
					if status != 200 {
						t.Errorf("%d tabs: status %d, want 200", tabs, status)
					}
				})
			}
			wg.Wait()
			d.Clock.Advance(quarter)
			if status, _ := refreshOverHTTP(t, server.URL, jar.get()); status != 200 {
				t.Errorf("%d tabs, a quarter of an hour later: status %d, want 200", tabs, status)
			}
		}
	}
}

// overHTTP serves POST /refresh of a deployment, as the gateway in front of its functions.
func overHTTP(d *deployment.Deployment) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		request := deployment.JSON(r.Method+" "+r.URL.Path, string(body)).From(r.Header.Get("Origin"))
		answer := d.Do(request.Cookie(strings.Split(r.Header.Get("Cookie"), "; ")...))
		for name, value := range answer.Headers {
			w.Header().Set(name, value)
		}
		for _, cookie := range answer.Cookies {
			w.Header().Add("Set-Cookie", cookie)
		}
		w.WriteHeader(answer.StatusCode)
		_, _ = io.WriteString(w, answer.Body)
	})
}

func refreshOverHTTP(t *testing.T, url, pair string) (status int, cookie string) {
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/refresh", strings.NewReader(`{"client_id":"web"}`))
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Origin", deployment.Origin)
	request.Header.Set("Cookie", pair)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, response.Body)
	cookie, _, _ = strings.Cut(response.Header.Get("Set-Cookie"), ";")
	return response.StatusCode, cookie
}
