package history_test

import (
	"math/rand/v2"
	"sync"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// actor is one client at work.
type actor struct {
	*world
	id       int
	who      *person
	client   client.Client
	function *function
	random   *rand.Rand

	mine holding  // of an honest one; zero: not logged in
	lost []uint32 // generations of mine whose answer was lost for longer than a moment
}

// enough tries make it certain that one of them meets no fault.
const enough = 25

func (a *actor) run() {
	for a.left.Load() > 0 {
		if a.random.Float64() < 0.02 {
			a.passTime(a.random)
		}
		a.gate.enter()
		if a.who.honest {
			a.beHonest()
		} else {
			a.beWild()
		}
		a.gate.leave()
	}
}

// beHonest takes one step of a client that presents its newest token only, from several tabs at once, and
// tries again at once when no answer comes. Only what its person ends himself may end it.
func (a *actor) beHonest() {
	if a.mine.refresh.IsZero() {
		a.lost = nil
		a.mine, _ = a.login()
		return
	}
	switch p := a.random.Float64(); {
	case p < 0.5:
		a.renewInTabs(1 + a.random.IntN(3))
	case p < 0.55:
		a.loseAnswer()
	case p < 0.72:
		a.use(a.mine, 0)
	case p < 0.90:
		a.use(a.mine, bound)
	case p < 0.92:
		a.endAccess(a.mine)
	case p < 0.93:
		a.endSurely(func() outcome { return a.endSession(a.mine, p < 0.925) })
	case p < 0.936:
		a.endSurely(func() outcome { return a.endEverything(a.mine) })
	}
}

func (a *actor) endSurely(try func() outcome) {
	for tries := 0; tries < enough && try() == unknown; tries++ {
	}
	a.mine = holding{}
}

// renewInTabs refreshes with one token from several tabs. Now and then a tab gives up waiting and asks again
// while its first request is still under way, but never goes on to the next generation before that arrives.
func (a *actor) renewInTabs(tabs int) {
	before, results := a.mine, make([]holding, tabs)
	var wg sync.WaitGroup
	for i := range tabs {
		if a.random.Float64() < 0.1 {
			wg.Go(func() { a.renew(before, a.client) })
		}
		wg.Go(func() {
			for range enough {
				if h, out := a.renew(before, a.client); out != unknown {
					results[i] = h
					if out == refused {
						results[i] = holding{}
					}
					return
				}
			}
		})
	}
	wg.Wait()
	a.mine = results[0]
}

// loseAnswer refreshes without learning the answer. The next attempt may come long after; a native client
// may afford two of these in five generations.
func (a *actor) loseAnswer() {
	generation := generationOf(a.mine.refresh)
	recent := 0
	for _, g := range a.lost {
		if generation < g+lateSpan {
			recent++
		}
	}
	if recent >= a.client.LateRetries {
		return
	}
	a.lost = append(a.lost, generation)
	a.renew(a.mine, a.client)
}

// background runs f as a request whose client has given up. It is still inside the gate: no gateway lets a
// request live for as long as a window.
func (a *actor) background(f func()) {
	a.gate.share()
	go func() {
		defer a.gate.leave()
		f()
	}()
}

// pool is sessions that the clients of one person share: several devices with one token, thieves included.
type pool struct {
	mu       sync.Mutex
	sessions []*shared
}

// shared is a session with every refresh token that was ever issued for it.
type shared struct {
	mu     sync.Mutex
	newest holding
	tokens map[uint32]oauth.Secret
}

const poolSize = 3

func (p *pool) add(h holding) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sessions = append(p.sessions, &shared{newest: h, tokens: map[uint32]oauth.Secret{0: h.refresh}})
	if len(p.sessions) > poolSize {
		p.sessions = p.sessions[1:]
	}
}

func (p *pool) pick(random *rand.Rand) *shared {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.sessions) == 0 {
		return nil
	}
	return p.sessions[random.IntN(len(p.sessions))]
}

func (s *shared) learn(h holding) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := generationOf(h.refresh)
	s.tokens[g] = h.refresh
	if g >= generationOf(s.newest.refresh) {
		s.newest = h
	}
}

// holding returns the session with its newest token, the one before or an older one.
func (s *shared) holding(random *rand.Rand) holding {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, g := s.newest, generationOf(s.newest.refresh)
	switch p := random.Float64(); {
	case p < 0.5 || g == 0:
		return h
	case p < 0.95:
		g--
	default:
		g = uint32(random.IntN(int(g)))
	}
	if older, known := s.tokens[g]; known {
		h.refresh = older
	}
	return h
}

// beWild takes one step of a client that may do anything.
func (a *actor) beWild() {
	s := a.who.pool.pick(a.random)
	p := a.random.Float64()
	if s == nil || p < 0.06 {
		if h, out := a.login(); out == ok {
			a.who.pool.add(h)
		}
		return
	}
	h := s.holding(a.random)
	switch {
	case p < 0.58:
		a.renewWildly(s, h)
	case p < 0.60:
		a.renew(h, map[string]client.Client{native.ID: browser, browser.ID: native}[h.client.ID])
	case p < 0.75:
		a.use(h, 0)
	case p < 0.90:
		a.use(h, bound)
	case p < 0.93:
		a.endAccess(h)
	case p < 0.955:
		a.endSession(h, true)
	case p < 0.98:
		a.endSession(h, false)
	case p < 0.99:
		a.endEverything(h)
	}
}

func (a *actor) renewWildly(s *shared, h holding) {
	renew := func(learn bool) {
		if got, out := a.renew(h, h.client); out == ok && learn {
			s.learn(got)
		}
	}
	if p := a.random.Float64(); p < 0.1 {
		a.background(func() { renew(true) })
	} else {
		renew(p < 0.9)
	}
}
