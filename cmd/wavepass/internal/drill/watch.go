package drill

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// watch is the thief: connections that go on using a stolen access token or session handle.
type watch struct {
	config Config
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu   sync.Mutex
	seen [][]sighting // by connection
}

type sighting struct {
	began  time.Time
	status int // 0: no answer
}

func (s sighting) accepted() bool { return s.status == http.StatusOK }

func (s sighting) refused() bool {
	return s.status == http.StatusUnauthorized || s.status == http.StatusForbidden
}

func startWatch(ctx context.Context, c Config, stolen tokens) *watch {
	ctx, cancel := context.WithCancel(ctx)
	w := &watch{config: c, cancel: cancel, seen: make([][]sighting, c.Connections)}
	for i := range c.Connections {
		// The connections begin one after the other, so that together they measure more finely than one.
		delay := c.Pace * time.Duration(i) / time.Duration(c.Connections)
		w.wg.Go(func() { w.use(ctx, i, delay, stolen) })
	}
	return w
}

func (w *watch) use(ctx context.Context, connection int, delay time.Duration, stolen tokens) {
	client := newClient()
	defer client.CloseIdleConnections()
	if sleep(ctx, delay) != nil {
		return
	}
	ticker := time.NewTicker(w.config.Pace)
	defer ticker.Stop()
	for {
		s := sighting{began: time.Now()}
		s.status = w.ask(ctx, client, stolen)
		if ctx.Err() != nil {
			return // stop has cut it off; that is not a missing answer
		}
		w.mu.Lock()
		w.seen[connection] = append(w.seen[connection], s)
		w.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (w *watch) ask(ctx context.Context, client *http.Client, stolen tokens) int {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.config.URL+w.config.Route, nil)
	if err != nil {
		return 0
	}
	stolen.identify(request, w.config.URL)
	response, err := client.Do(request)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxAnswer)) // so that the connection is used again
	return response.StatusCode
}

func (w *watch) stop() {
	w.cancel()
	w.wg.Wait()
}

// untilAccepted waits until every connection was accepted once. Refusals of a connection that was never accepted would prove
// nothing.
func (w *watch) untilAccepted(ctx context.Context) error {
	deadline := time.Now().Add(requestTime)
	for {
		waiting, last := w.neverAccepted()
		switch {
		case waiting == 0:
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("%s: %d of %d connections were never let in with a fresh token (last status %d)",
				w.config.Route, waiting, w.config.Connections, last)
		}
		if err := sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
}

// untilAnswered waits until every connection has an answer to a request that began at that time or later, so that a slow
// connection is judged too.
func (w *watch) untilAnswered(ctx context.Context, began time.Time) error {
	deadline := time.Now().Add(requestTime)
	for {
		if w.answeredSince(began) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: not every connection got an answer in %s", w.config.Route, requestTime)
		}
		if err := sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
}

func (w *watch) answeredSince(began time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, seen := range w.seen {
		if len(seen) == 0 || seen[len(seen)-1].began.Before(began) {
			return false
		}
	}
	return true
}

func (w *watch) neverAccepted() (connections, lastStatus int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, seen := range w.seen {
		if !slices.ContainsFunc(seen, sighting.accepted) {
			connections++
			if len(seen) > 0 {
				lastStatus = seen[len(seen)-1].status
			}
		}
	}
	return connections, lastStatus
}

// judge fills in what was seen of the revocation that was confirmed at that time. A request counts by the time at which it
// began: one that began within the bound may be accepted.
func (w *watch) judge(r *Result, confirmed time.Time, bound time.Duration) {
	var first []time.Duration // the first refusal of each connection
	unrefused := 0
	for _, seen := range w.seen {
		for _, s := range seen {
			r.Requests++
			switch {
			case s.accepted():
				r.LastAccepted = max(r.LastAccepted, s.began.Sub(confirmed))
			case !s.refused():
				r.Others++
			}
		}
		i := slices.IndexFunc(seen, sighting.refused)
		if i < 0 {
			unrefused++
			continue
		}
		first = append(first, max(0, seen[i].began.Sub(confirmed)))
	}
	if len(first) > 0 {
		slices.Sort(first)
		r.FirstRefused = first[len(first)/2]
	}
	switch {
	case r.LastAccepted > bound:
		r.wrong(fmt.Sprintf("still accepted %s after the revocation was confirmed", r.LastAccepted.Round(time.Millisecond)))
	case unrefused > 0:
		r.wrong(fmt.Sprintf("%d of %d connections never saw a refusal", unrefused, len(w.seen)))
	}
}
