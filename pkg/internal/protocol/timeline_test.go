package protocol_test

import (
	"container/heap"
	"math/rand/v2"
	"time"

	"github.com/wavepass/wavepass/pkg/internal/testclock"
)

// timeline is a simulation in which things happen in the order of their times, while a clock jumps from one to the
// next. It is as fast as the code under test, and the same seed gives the same history.
type timeline struct {
	clock  *testclock.Clock
	random *rand.Rand
	queue  happenings
	count  int
}

type happening struct {
	at    time.Time
	order int // of those at the same time
	do    func()
}

func newTimeline(clock *testclock.Clock, seed uint64) *timeline {
	return &timeline{clock: clock, random: rand.New(rand.NewPCG(seed, 1))}
}

// after lets something happen that long after the present.
func (t *timeline) after(d time.Duration, do func()) {
	t.count++
	heap.Push(&t.queue, happening{t.clock.Now().Add(d), t.count, do})
}

// run goes on until nothing is left to happen, or done says so.
func (t *timeline) run(done func() bool) {
	for len(t.queue) > 0 && !done() {
		next := heap.Pop(&t.queue).(happening)
		t.clock.Set(next.at)
		next.do()
	}
	t.queue = nil
}

// way is how long a message is on its way: exponentially distributed.
func (t *timeline) way(mean time.Duration) time.Duration {
	return time.Duration(t.random.ExpFloat64() * float64(mean))
}

// within is uniformly distributed from 0 to most.
func (t *timeline) within(most time.Duration) time.Duration {
	return time.Duration(t.random.Int64N(int64(most)))
}

// happenings is a container/heap.
type happenings []happening

func (h happenings) Len() int      { return len(h) }
func (h happenings) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *happenings) Push(x any)   { *h = append(*h, x.(happening)) }

func (h happenings) Less(i, j int) bool {
	if !h[i].at.Equal(h[j].at) {
		return h[i].at.Before(h[j].at)
	}
	return h[i].order < h[j].order
}

func (h *happenings) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}
