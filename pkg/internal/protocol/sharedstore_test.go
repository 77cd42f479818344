package protocol_test

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/session"
	"github.com/wavepass/wavepass/pkg/store/bolt"
	"github.com/wavepass/wavepass/pkg/store/storetest"
)

// Processes that share a credential store, at the whole service: requests to its functions, over the embedded store.

const (
	restless    = 1                // processes that never sleep
	lostAnswers = 0.02             // of those to processes
	timeOut     = 10 * time.Second // after which a process takes an answer for lost, and asks again
	betweenUses = 10 * time.Minute // on average, while a process is awake
)

// counter is where refresh tokens are exchanged. Its client has a shared store.
type counter struct {
	*deployment.Deployment
	line  *timeline
	store *bolt.Store
	t     *testing.T

	refused bool // somebody was answered invalid_grant
}

func newCounter(t *testing.T, seed uint64) *counter {
	t.Helper()
	clock := testclock.New(start)
	store, err := bolt.Open(filepath.Join(storetest.Dir(t), "wavepass.db"), clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	c := client.New("agent", client.Native)
	c.SharedStore, c.Scopes = true, []string{"profile"}
	return &counter{Deployment: deployment.Over(t, clock, store, c, session.DefaultMinAge), line: newTimeline(clock, seed), store: store, t: t}
}

// given is what a process holds after an answer of the service.
type given struct {
	refresh, access string
	until           time.Time // by its own clock
}

func (c *counter) held(a deployment.Answer) given {
	return given{a.RefreshToken, a.AccessToken, c.Clock.Now().Add(time.Duration(a.ExpiresIn) * time.Second)}
}

func (c *counter) logIn() given { return c.held(c.Login("agent")) }

func (c *counter) refresh(token string) deployment.Answer {
	answer := c.Do(deployment.Form("POST /token", url.Values{"grant_type": {"refresh_token"}, "client_id": {"agent"}, "refresh_token": {token}}.Encode()))
	c.refused = c.refused || answer.StatusCode == 400
	return answer
}

// way is what a process does before a refresh and at a refusal.
type way int

const (
	readsBefore    way = iota // reads the store before it refreshes, and at a refusal
	readsAtRefusal            // keeps what it has read in memory, and reads the store at a refusal
	startsOver                // keeps what it has read in memory, and has the person log in at any refusal
)

// household is a store, the processes that share it, and what became of them.
type household struct {
	*counter
	way    way
	file   given
	logins int       // after the first
	later  int       // answers of 503
	lost   int       // answers that did not arrive
	asleep int       // times that a process fell asleep for a day or more
	quiet  time.Time // until then everything sleeps
	seen   func()    // is called when somebody has refreshed; nil: nobody looks
}

func newHousehold(c *counter, way way) *household {
	return &household{counter: c, way: way, file: c.logIn()}
}

// process is one program.
type process struct {
	*household
	mine  given
	awake time.Time // until when
	naps  bool      // it falls asleep
}

// run starts a process, which uses its access token now and then.
func (h *household) run(naps bool, until time.Time) {
	p := &process{household: h, mine: h.file, naps: naps}
	p.wake()
	var use func()
	use = func() {
		now := p.Clock.Now()
		switch {
		case !now.Before(until):
			return
		case p.naps && now.After(p.awake):
			p.line.after(p.sleep(), func() { p.wake(); use() })
			return
		case now.Before(p.quiet):
			p.line.after(p.quiet.Sub(now)+p.line.within(quarter), use)
			return
		case !now.Before(p.mine.until):
			p.renew(0, false)
		}
		p.line.after(p.line.way(betweenUses), use)
	}
	h.line.after(h.line.within(quarter), use)
}

func (p *process) wake() { p.awake = p.Clock.Now().Add(p.line.way(3 * time.Hour)) }

// sleep is for a night, and one time in five for days.
func (p *process) sleep() time.Duration {
	if p.line.random.IntN(5) > 0 {
		return p.line.way(10 * time.Hour)
	}
	p.asleep++
	return 24*time.Hour + p.line.within(5*24*time.Hour)
}

// renew gets a new access token. It is tried again after a lost answer, and once with what another process has written meanwhile.
func (p *process) renew(tries int, again bool) {
	if p.way == readsBefore && p.takes() {
		return
	}
	presented := p.mine.refresh
	p.line.after(p.line.way(onTheWay), func() {
		answer := p.refresh(presented)
		if p.line.random.Float64() < lostAnswers {
			p.lost++
			if p.naps && p.line.random.IntN(10) == 0 {
				p.awake = p.Clock.Now() // the lid is closed; it asks again when it wakes up
			} else if tries < 3 {
				p.line.after(timeOut, func() { p.renew(tries+1, again) })
			}
			return
		}
		p.line.after(p.line.way(onTheWay), func() { p.answered(presented, answer, again) })
	})
}

// takes takes what the store has, and reports whether its access token is still good.
func (p *process) takes() bool {
	p.mine = p.file
	return p.Clock.Now().Before(p.mine.until)
}

func (p *process) answered(presented string, answer deployment.Answer, again bool) {
	if answer.StatusCode == 503 {
		p.later++
	}
	switch {
	case answer.StatusCode == 200:
		p.mine = p.held(answer)
		p.file = p.mine
		if p.seen != nil {
			p.seen()
		}
	case p.way != startsOver && p.file.refresh != presented:
		if !p.takes() && !again {
			p.renew(0, true)
		}
	case p.way == startsOver || answer.StatusCode == 400:
		p.logins++
		p.mine = p.logIn()
		p.file = p.mine
	}
}

// aMonth has ten processes share a store for 30 days (under the race detector for 5). Some run all the time, the others sleep, also for days.
func aMonth(t *testing.T, way way, seed uint64) *household {
	t.Helper()
	h := newHousehold(newCounter(t, seed), way)
	for i := range processes {
		h.run(i >= restless, start.Add(simulated-time.Hour))
	}
	h.line.run(func() bool { return false })
	t.Logf("seed %d: %d rotations, %d new logins; %d answers of 503, %d lost; asleep for days %d times", seed, h.session().Generation, h.logins, h.later, h.lost, h.asleep)
	if simulated == month && (h.lost < 30 || h.asleep < 20) {
		t.Errorf("%d answers lost and %d sleeps of days: too few to mean anything", h.lost, h.asleep)
	}
	return h
}

// session is the first one of the person.
func (h *household) session() session.Session {
	h.t.Helper()
	page, err := h.store.SessionsOf(h.t.Context(), deployment.AccountID, uuid.Nil, 100)
	if err != nil || len(page.Sessions) == 0 {
		h.t.Fatal(len(page.Sessions), "sessions", err)
	}
	return page.Sessions[len(page.Sessions)-1] // newest first
}

// TestTenProcessesShareAStoreForAMonth: nobody logs in anew where processes read the store again, before a refresh or at a refusal. The third way is measured
// to say in docs/mcp.md that it does not hold.
func TestTenProcessesShareAStoreForAMonth(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		way    way
		logins bool // there are new ones
	}{
		"reads before a refresh": {readsBefore, false},
		"reads at a refusal":     {readsAtRefusal, false},
		"starts over":            {startsOver, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range seeds(1) {
				if h := aMonth(t, tc.way, seed); h.logins > 0 != tc.logins && !(tc.logins && simulated < month) || tc.way == readsAtRefusal && h.later == 0 {
					t.Errorf("seed %d: %d new logins and %d answers of 503 in a month; want new logins: %t", seed, h.logins, h.later, tc.logins)
				}
			}
		})
	}
}

// seeds are few, or with WAVEPASS_LONG ten times as many.
func seeds(few uint64) uint64 {
	if os.Getenv("WAVEPASS_LONG") != "" {
		return 10 * few
	}
	return few
}

// copyist is a thief with a copy of the store.
type copyist struct {
	*household
	mine   given
	tokens int // that it was given
}

func (t *copyist) use() deployment.Answer {
	answer := t.refresh(t.mine.refresh)
	if answer.StatusCode == 200 {
		t.mine = t.held(answer)
		t.tokens++
	}
	return answer
}

// keepsAt has the thief refresh in pauses, and a minute later when it is refused.
func (t *copyist) keepsAt(pause time.Duration) {
	next := pause
	if t.use().StatusCode != 200 {
		next = time.Minute
	}
	t.line.after(next, func() { t.keepsAt(pause) })
}

// copyists are the thieves of a store. Each is let in at the moment of the theft, and returns when the processes could first meet it.
var copyists = map[string]struct {
	begins func(*copyist) time.Duration
	within map[way]time.Duration // how long after that the session has ended
	given  bool                  // it is given access tokens until then
}{
	// Goes on with the copy as if it were one process more.
	"in step": {
		begins: func(c *copyist) time.Duration { c.keepsAt(quarter); return 0 },
		within: map[way]time.Duration{readsBefore: 3 * time.Hour, readsAtRefusal: 90 * time.Minute}, given: true,
	},
	// Refreshes as fast as tokens rotate, so that everybody else comes too late.
	"racer": {
		begins: func(c *copyist) time.Duration { c.keepsAt(session.DefaultMinAge); return 0 },
		within: map[way]time.Duration{readsBefore: time.Hour, readsAtRefusal: time.Hour}, given: true,
	},
	// Waits until the person's machine sleeps, and has the session to itself for a night.
	"by night": {
		begins: func(c *copyist) time.Duration {
			const night = 10 * time.Hour
			c.quiet = c.Clock.Now().Add(night)
			c.line.after(time.Hour, func() { c.keepsAt(quarter) })
			return night
		},
		within: map[way]time.Duration{readsBefore: time.Hour, readsAtRefusal: time.Hour}, given: true,
	},
	// Has the copy from a backup, and uses it when the store has gone on for 8 hours. It is refused, and its tries may end the session.
	"sleeper": {
		begins: func(c *copyist) time.Duration {
			c.line.after(8*time.Hour, func() { c.keepsAt(quarter) })
			return 8 * time.Hour
		},
	},
	// Sees each refresh, and comes with its copy within the window in which a lost answer is repeated: like one process more. Nothing is promised about it.
	"follower": {
		begins: func(c *copyist) time.Duration {
			c.seen = func() { c.line.after(c.line.within(50*time.Second), func() { c.use() }) }
			return 0
		},
		given: true,
	},
}

// TestThievesOfASharedStoreAreCaught is the table of docs/mcp.md.
func TestThievesOfASharedStoreAreCaught(t *testing.T) {
	t.Parallel()
	for name, thief := range copyists {
		for _, way := range []way{readsBefore, readsAtRefusal} {
			t.Run(fmt.Sprintf("%s, way %d", name, way), func(t *testing.T) {
				t.Parallel()
				var worst time.Duration
				most := 0
				for seed := range seeds(2) {
					h := newHousehold(newCounter(t, seed), way)
					for range processes {
						h.run(false, start.Add(48*time.Hour))
					}
					thiefs := &copyist{household: h}
					var from time.Time
					stolen := 2*time.Hour + h.line.within(time.Hour)
					h.line.after(stolen, func() {
						thiefs.mine = h.file
						from = h.Clock.Now().Add(thief.begins(thiefs))
					})
					patience := max(2*time.Hour, 2*thief.within[way])
					h.line.run(func() bool { return !from.IsZero() && (h.ended() || h.Clock.Now().After(from.Add(patience))) })
					after := patience
					if h.ended() {
						after = h.session().RevokedAt.Sub(from)
					}
					if bound := thief.within[way]; bound > 0 && (after < 0 || after > bound) {
						t.Errorf("seed %d: caught after %s, want within %s", seed, after, bound)
					}
					if thief.given != (thiefs.tokens > 0) {
						t.Errorf("seed %d: it was given %d access tokens; want some: %t", seed, thiefs.tokens, thief.given)
					}
					worst, most = max(worst, after), max(most, thiefs.tokens)
					h.Clock.Advance(10 * time.Second) // past the staleness of the denylist
					if h.ended() && (h.refresh(thiefs.mine.refresh).StatusCode != 400 || h.As(thiefs.mine.access, deployment.Request{Route: "GET /userinfo"}).StatusCode != 403) {
						t.Errorf("seed %d: what the thief holds is good after the session has ended", seed)
					}
				}
				t.Logf("ended after %s at the latest; at most %d access tokens", worst, most)
			})
		}
	}
}

// ended says whether the first session of the person was ended because of reuse.
func (h *household) ended() bool { return h.refused && h.session().Reason == session.ReasonReuse }
