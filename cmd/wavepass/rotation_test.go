package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// traffic is people who log in, refresh and call a protected route, and a resource server elsewhere that keeps
// the published keys for as long as it may.
type traffic struct {
	s        *server
	end      chan struct{}
	requests atomic.Int64

	mu        sync.Mutex
	good      []string             // access tokens that live
	published map[string]time.Time // key id → when it was first seen in the JWKS
	wrong     []string
}

func (tr *traffic) complain(format string, args ...any) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if len(tr.wrong) < 20 {
		tr.wrong = append(tr.wrong, fmt.Sprintf(format, args...))
	}
}

// each does work at a steady pace until the end.
func (tr *traffic) each(wg *sync.WaitGroup, pace time.Duration, work func()) {
	wg.Go(func() {
		ticker := time.NewTicker(pace)
		defer ticker.Stop()
		for {
			select {
			case <-tr.end:
				return
			case <-ticker.C:
				work()
				tr.requests.Add(1)
			}
		}
	})
}

func (tr *traffic) keep(what string, a answer) {
	if a.Status != 200 {
		tr.complain("%s: %d %s", what, a.Status, a.Body)
		return
	}
	id := kid(tr.s.t, a.AccessToken)
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.good = append(tr.good, a.AccessToken)
	if tr.published[id].IsZero() {
		tr.wrong = append(tr.wrong, fmt.Sprintf("%s: signed by %s, which was never seen in the JWKS", what, id))
	}
}

// readJWKS is what a resource server does when its copy is too old.
func (tr *traffic) readJWKS() {
	a := tr.s.do("GET", "/.well-known/jwks.json", "", "")
	var set struct {
		Keys []struct {
			KID string `json:"kid"`
		} `json:"keys"`
	}
	if err := json.Unmarshal([]byte(a.Body), &set); err != nil || a.Status != 200 {
		tr.complain("JWKS: %d %s", a.Status, a.Body)
		return
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for _, key := range set.Keys {
		if tr.published[key.KID].IsZero() {
			tr.published[key.KID] = time.Now()
		}
	}
	for _, token := range tr.good {
		id := kid(tr.s.t, token)
		if !slices.ContainsFunc(set.Keys, func(k struct {
			KID string `json:"kid"`
		}) bool {
			return k.KID == id
		}) {
			tr.wrong = append(tr.wrong, "the JWKS lacks "+id+", whose tokens live")
		}
	}
}

func (tr *traffic) token(i int) string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.good[i%len(tr.good)]
}

// promotions counts the signing keys that have been promoted since the start.
func (tr *traffic) promotions() int {
	log := tr.s.log.String()
	return strings.Count(log, `"event":"key_promoted"`) - len(regexp.MustCompile(`"event":"key_promoted".*"kid":"mac:`).FindAllString(log, -1))
}

// TestThreeRotationsUnderTraffic runs for half a minute: three periods of ten seconds, 50 requests a second.
func TestThreeRotationsUnderTraffic(t *testing.T) {
	if os.Getenv("WAVEPASS_LONG") == "" {
		t.Skip("WAVEPASS_LONG is not set: this test takes half a minute")
	}
	t.Setenv("KEY_PERIOD", "10s")
	t.Setenv("KEY_CACHE_AGE", "5s")
	tr := &traffic{s: start(t, "--data", t.TempDir()), end: make(chan struct{}), published: map[string]time.Time{}}
	tr.readJWKS()
	login := tr.s.login()
	tr.keep("first login", login)
	created := tr.promotions() // the first key's, and no rotation

	var wg sync.WaitGroup
	tr.each(&wg, time.Second, func() { tr.keep("login", tr.s.login()) })
	tr.each(&wg, 200*time.Millisecond, tr.readJWKS)
	for person := range 4 {
		refreshToken := tr.s.login().RefreshToken
		tr.each(&wg, 400*time.Millisecond, func() {
			a := tr.s.refresh(refreshToken)
			tr.keep(fmt.Sprintf("refresh of person %d", person), a)
			if a.Status == 200 {
				refreshToken = a.RefreshToken
			}
		})
	}
	next := 0
	tr.each(&wg, 30*time.Millisecond, func() {
		next += 7 // old tokens and new ones
		if a := tr.s.userinfo(tr.token(next)); a.Status != 200 {
			tr.complain("userinfo with a good token: %d", a.Status)
		}
	})
	began := time.Now()
	for tr.promotions()-created < 3 && time.Since(began) < 2*time.Minute {
		time.Sleep(100 * time.Millisecond)
	}
	time.Sleep(2 * time.Second) // the third key signs, and is verified
	close(tr.end)
	wg.Wait()

	if n := tr.promotions() - created; n < 3 {
		t.Errorf("%d rotations in %s, want 3", n, time.Since(began))
	}
	for _, wrong := range tr.wrong {
		t.Error(wrong)
	}
	signed := map[string]bool{}
	for _, token := range tr.good {
		signed[kid(t, token)] = true
	}
	if len(signed) < 4 {
		t.Errorf("tokens were signed by %d keys, want 4", len(signed))
	}
	t.Logf("%.0f requests a second for %s, %d tokens signed by %d keys, none refused",
		float64(tr.requests.Load())/time.Since(began).Seconds(), time.Since(began).Round(time.Second), len(tr.good), len(signed))
}
