package history_test

import "sync"

// gate keeps the clock still while operations run: whoever moves it waits for them and keeps new ones out.
// So an operation has one time, and the model needs no guess about which side of a window it fell on.
type gate struct {
	mu     sync.Mutex
	moved  *sync.Cond
	inside int
	closed bool
}

func newGate() *gate {
	g := &gate{}
	g.moved = sync.NewCond(&g.mu)
	return g
}

func (g *gate) enter() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.closed {
		g.moved.Wait()
	}
	g.inside++
}

// share enters for somebody else on behalf of one who is inside: it never waits.
func (g *gate) share() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside++
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	g.moved.Broadcast()
}

// alone runs f when nobody is inside.
func (g *gate) alone(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.closed {
		g.moved.Wait()
	}
	g.closed = true
	for g.inside > 0 {
		g.moved.Wait()
	}
	f()
	g.closed = false
	g.moved.Broadcast()
}
