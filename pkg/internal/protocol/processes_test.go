package protocol_test

import (
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

// Ten processes, one credential store: each keeps in memory what it has read, refreshes once in a quarter of an hour,
// and reads the store again only when it is refused.

const (
	processes = 10
	onTheWay  = 150 * time.Millisecond
	month     = 30 * 24 * time.Hour
)

// credentials is a file that processes share, and what became of them.
type credentials struct {
	desk   *desk
	line   *timeline
	token  oauth.Secret // in the file
	logins int          // after the first
	later  int          // answers of 503
}

func sharedStore(shared bool) client.Client {
	c := client.New("app", client.Native)
	c.SharedStore = shared
	return c
}

func newCredentials(t *testing.T, shared bool, seed uint64) *credentials {
	d := newDesk(t, session.Rules{Grace: session.DefaultGrace, MinAge: session.DefaultMinAge}, sharedStore(shared))
	return &credentials{desk: d, line: newTimeline(d.clock, seed), token: d.logIn()}
}

// start runs a process until the end.
func (c *credentials) start(until time.Time) {
	held := c.token
	var window func()
	window = func() {
		if c.desk.clock.Now().Before(until) {
			begun := c.line.within(quarter)
			c.line.after(begun, func() { c.refresh(&held, false) })
			c.line.after(quarter, window)
		}
	}
	window()
}

// refresh exchanges what a process holds. When that is refused the process reads the file, and tries once more if there
// is something new in it. It logs in anew only when the token of the file is refused for good.
func (c *credentials) refresh(held *oauth.Secret, again bool) {
	presented := *held
	c.line.after(c.line.way(onTheWay), func() {
		next, status := c.desk.refresh(presented)
		c.line.after(c.line.way(onTheWay), func() {
			switch {
			case status == 200:
				*held, c.token = next, next
				return
			case status == 503:
				c.later++
			}
			if !sameToken(c.token, presented) {
				*held = c.token
				if !again {
					c.refresh(held, true)
				}
			} else if status == 400 {
				c.logins++
				c.token = c.desk.logIn()
				*held = c.token
			}
		})
	})
}

// TestProcessesOfOneStoreStayLoggedInForAMonth: none of them logs in anew before the session is as old as it may be.
func TestProcessesOfOneStoreStayLoggedInForAMonth(t *testing.T) {
	t.Parallel()
	c := newCredentials(t, true, 1)
	until := start.Add(month - quarter)
	for range processes {
		c.start(until)
	}
	c.line.run(func() bool { return false })
	s, _ := c.desk.store.GetSession(c.desk.id)
	if c.logins != 0 || !s.RevokedAt.IsZero() {
		t.Errorf("%d new logins, session revoked at %s for %q; want none", c.logins, s.RevokedAt, s.Reason)
	}
	if s.Generation < 10_000 || c.later < 1000 {
		t.Errorf("%d rotations and %d answers of 503 in a month; the processes did not get in each other's way", s.Generation, c.later)
	}
}

// TestProcessesOfOneStoreAreLoggedOutWithoutTheSetting shows that the test above would find it.
func TestProcessesOfOneStoreAreLoggedOutWithoutTheSetting(t *testing.T) {
	t.Parallel()
	c := newCredentials(t, false, 1)
	for range processes {
		c.start(start.Add(24 * time.Hour))
	}
	c.line.run(func() bool { return false })
	if c.logins == 0 {
		t.Error("nobody had to log in anew in a day")
	}
}

// TestCopyOfASharedStoreIsCaught: a thief copies the file and goes on with the copy, once in a quarter of an hour or as
// fast as tokens rotate. They come again after a minute when they are told to come later.
func TestCopyOfASharedStoreIsCaught(t *testing.T) {
	t.Parallel()
	const bound = 62 * time.Minute
	for name, pause := range map[string]time.Duration{"in step": quarter, "racing": session.DefaultMinAge} {
		worst := time.Duration(0)
		for seed := range uint64(15) {
			c := newCredentials(t, true, seed)
			for range processes {
				c.start(start.Add(24 * time.Hour))
			}
			stolen := start.Add(4*time.Hour + c.line.within(time.Hour))
			c.line.after(stolen.Sub(start), func() { c.steal(pause) })
			c.line.run(func() bool {
				_, caught := c.desk.caught()
				return caught || c.desk.clock.Now().Sub(stolen) > 2*bound
			})
			at, caught := c.desk.caught()
			if after := at.Sub(stolen); !caught || after > bound || after < 0 {
				t.Errorf("%s, seed %d: caught %t, %s after the theft; want at most %s", name, seed, caught, after, bound)
			} else {
				worst = max(worst, after)
			}
		}
		t.Logf("%s: the last of 15 copies was caught after %s", name, worst)
	}
}

// steal copies the file and refreshes with the copy for ever.
func (c *credentials) steal(pause time.Duration) {
	held := c.token
	var use func()
	use = func() {
		next, status := c.desk.refresh(held)
		if status != 200 {
			c.line.after(time.Minute, use)
			return
		}
		held = next
		c.line.after(pause, use)
	}
	use()
}
