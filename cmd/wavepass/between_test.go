package main

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
)

// disturbance is asked after the service has answered. It may send something else in place of the answer, and then returns true.
type disturbance func(r *http.Request, w http.ResponseWriter, answer *httptest.ResponseRecorder) (done bool)

// network is what is between a program and the service: it counts requests, and a test can disturb it.
type network struct {
	address string

	mu      sync.Mutex
	counts  map[string]int // by path
	disturb disturbance
}

func newNetwork(t *testing.T, service string) *network {
	t.Helper()
	to, err := url.Parse(service)
	check(t, err)
	proxy, n := httputil.NewSingleHostReverseProxy(to), &network{counts: map[string]int{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		proxy.ServeHTTP(answer, r)
		n.mu.Lock()
		n.counts[r.URL.Path]++
		disturb := n.disturb
		n.mu.Unlock()
		if disturb != nil && disturb(r, w, answer) {
			return
		}
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	}))
	t.Cleanup(server.Close)
	n.address = server.URL
	return n
}

// meddle sets what happens to answers from now on, and counts requests anew.
func (n *network) meddle(with disturbance) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.disturb, n.counts = with, map[string]int{}
}

// count returns how many requests of a path there were.
func (n *network) count(path string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.counts[path]
}

// lose ends the connection in place of the next answers of a path. The service has carried the requests out.
func lose(path string, times int32) disturbance {
	var lost atomic.Int32
	return func(r *http.Request, _ http.ResponseWriter, _ *httptest.ResponseRecorder) bool {
		if r.URL.Path != path || lost.Add(1) > times {
			return false
		}
		panic(http.ErrAbortHandler)
	}
}

// hold keeps the first answer of a path back, and closes held when the service has given it.
func (n *network) hold(path string) (held chan struct{}, release func()) {
	held, stop := make(chan struct{}), make(chan struct{})
	var first atomic.Bool
	n.meddle(func(r *http.Request, _ http.ResponseWriter, _ *httptest.ResponseRecorder) bool {
		if r.URL.Path == path && first.CompareAndSwap(false, true) {
			close(held)
			<-stop
		}
		return false
	})
	return held, sync.OnceFunc(func() { close(stop) })
}
