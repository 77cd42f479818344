// Package testclock is the clock of tests: it stands still until a test moves it.
package testclock

import (
	"sync"
	"time"
	"unsafe"
)

// Clock is driven by a test. Safe for concurrent use.
type Clock struct {
	mu    sync.Mutex
	at    time.Time
	tick  time.Duration
	looks int
	seen  *sync.Cond
}

// New returns a clock that stands at the given time.
func New(at time.Time) *Clock {
	c := &Clock{at: at}
	c.seen = sync.NewCond(&c.mu)
	return c
}

// Now returns the time that the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(c.tick)
	c.looks++
	c.seen.Broadcast()
	return c.at
}

// Advance moves the clock by d, back when d is negative.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// Set moves the clock to the given time.
func (c *Clock) Set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

// Tick has the clock move by d whenever Now is called, so that no two calls return the same.
func (c *Clock) Tick(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tick = d
}

// WaitForLooks returns when Now has been called n times.
func (c *Clock) WaitForLooks(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.looks < n {
		c.seen.Wait()
	}
}

// WallOnly returns a time whose wall clock is d after from while its monotonic clock stood still, as after a function was frozen. The
// public interface of package time cannot make one.
func WallOnly(tb TB, from time.Time, d time.Duration) time.Time {
	tb.Helper()
	type layout struct {
		wall uint64
		ext  int64
		loc  *time.Location
	}
	later := from.Add(d)
	(*layout)(unsafe.Pointer(&later)).ext = (*layout)(unsafe.Pointer(&from)).ext
	if later.Sub(from) != 0 || later.Round(0).Sub(from.Round(0)) != d {
		tb.Fatalf("made a time %s later by monotonic and %s by wall clock, want 0 and %s",
			later.Sub(from), later.Round(0).Sub(from.Round(0)), d)
	}
	return later
}

// TB is what WallOnly asks of a *testing.T or a *rapid.T.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
}
