package protocol_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

// Four thieves of a browser's refresh token. Each is played twice with the same dice: under the rules that rotate every
// token, as before, and under those of today.

// burglary is one victim, one thief and their session.
type burglary struct {
	desk   *desk
	victim *timeline // the victim's dice
	thief  *timeline // the thief's; both have one clock, and victim has the events
	held   oauth.Secret
	copied oauth.Secret
	made   time.Time // when the victim got the token that it holds
}

const patienceOfThieves = 20 * time.Hour // the session lives no longer than a day

// thieves says what each does with the copy that was just made.
var thieves = map[string]func(*burglary){
	// Uses the copy at once, and then whenever the access token has expired.
	"at once": func(b *burglary) {
		b.every(0, func() time.Duration { return quarter + b.thief.within(30*time.Second) })
	},
	// Waits for the night.
	"sleeper": func(b *burglary) { b.every(6*time.Hour, func() time.Duration { return quarter }) },
	// Rotates as fast as the rules allow, to be ahead of the victim.
	"racer": func(b *burglary) { b.every(0, func() time.Duration { return session.DefaultMinAge }) },
	// Sees the victim refresh, and does the same within the window: nobody can tell them from a second tab.
	"follower": nil,
}

// every lets the thief refresh, first after a while and then after pauses.
func (b *burglary) every(first time.Duration, pause func() time.Duration) {
	var use func()
	use = func() {
		if next, status := b.desk.refresh(b.copied); status == 200 {
			b.copied = next
		}
		b.victim.after(pause(), use)
	}
	b.victim.after(first, use)
}

// refresh is the victim's, which comes again when it is told to; a follower sees it.
func (b *burglary) refresh(followed bool) {
	next, status := b.desk.refresh(b.held)
	switch status {
	case 200:
		b.held, b.made = next, b.desk.clock.Now()
		if followed && !b.copied.IsZero() {
			b.victim.after(b.thief.within(50*time.Second), func() {
				if next, status := b.desk.refresh(b.copied); status == 200 {
					b.copied = next
				}
			})
		}
		b.victim.after(quarter+b.victim.within(30*time.Second), func() { b.refresh(followed) })
	case 503:
		b.victim.after(time.Second, func() { b.refresh(followed) })
	}
}

// play returns how long after the theft the thief is caught, patienceOfThieves when that does not happen.
func play(t *testing.T, minAge time.Duration, name string, seed uint64) time.Duration {
	c := client.New("web", client.Browser)
	d := newDesk(t, session.Rules{Grace: session.DefaultGrace, MinAge: minAge}, c)
	b := &burglary{desk: d, victim: newTimeline(d.clock, seed), thief: newTimeline(testclock.New(start), seed+1000)}
	b.held = d.logIn()
	follower := name == "follower"
	b.victim.after(quarter, func() { b.refresh(follower) })
	stolen := start.Add(2*time.Hour + b.thief.within(quarter))
	var steal func()
	steal = func() {
		if young := session.DefaultMinAge - d.clock.Now().Sub(b.made); young > 0 {
			b.victim.after(young, steal) // a copy of a younger token makes a follower
			return
		}
		b.copied, stolen = b.held, d.clock.Now()
		if !follower {
			thieves[name](b)
		}
	}
	b.victim.after(stolen.Sub(start), steal)
	b.victim.run(func() bool {
		_, caught := d.caught()
		return caught || d.clock.Now().Sub(stolen) > patienceOfThieves
	})
	if at, caught := d.caught(); caught {
		return at.Sub(stolen)
	}
	return patienceOfThieves
}

// TestThievesAreCaughtNoLaterThanBefore holds each thief to what the rules did before tokens had to be old enough. The
// racer's victim may be asked to come again for as long as a token may be overtaken.
func TestThievesAreCaughtNoLaterThanBefore(t *testing.T) {
	t.Parallel()
	const seeds = 50
	var table strings.Builder
	fmt.Fprintf(&table, "\n%-10s %22s %22s\n", "thief", "before: median, worst", "today: median, worst")
	for _, name := range []string{"at once", "sleeper", "racer", "follower"} {
		var before, today []time.Duration
		for seed := range uint64(seeds) {
			was, is := play(t, 0, name, seed), play(t, session.DefaultMinAge, name, seed)
			if slack := 15 * time.Second; is > was && (name != "racer" || is > was+slack) {
				t.Errorf("%s, seed %d: caught %s after the theft, %s before", name, seed, is, was)
			}
			before, today = append(before, was), append(today, is)
		}
		fmt.Fprintf(&table, "%-10s %22s %22s\n", name, summary(before), summary(today))
		if never := slices.Min(today) == patienceOfThieves; never != (name == "follower") {
			t.Errorf("%s: never caught: %t", name, never)
		}
	}
	t.Log(table.String())
}

func summary(times []time.Duration) string {
	slices.Sort(times)
	return fmt.Sprint(times[len(times)/2].Round(time.Second), ", ", times[len(times)-1].Round(time.Second))
}
