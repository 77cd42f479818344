package accounts_test

import (
	"cmp"
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/mail"
)

// sample is how long one answer took, and which class of addresses it was for.
type sample struct {
	took  time.Duration
	known bool
}

// separation is how well two classes can be told apart by their times: the probability that a time of a known address is longer than one of an
// unknown address (the statistic of Mann and Whitney over the number of pairs). 0.5 is not at all.
func separation(samples []sample) float64 {
	slices.SortFunc(samples, func(a, b sample) int { return cmp.Compare(a.took, b.took) })
	var unknown, pairs, longer float64
	for i := 0; i < len(samples); { // times that are equal count half
		var ties [2]float64
		for j := i; i < len(samples) && samples[i].took == samples[j].took; i++ {
			if samples[i].known {
				ties[1]++
			} else {
				ties[0]++
			}
		}
		longer += ties[1] * (unknown + ties[0]/2)
		unknown += ties[0]
	}
	pairs = unknown * (float64(len(samples)) - unknown)
	return longer / pairs
}

// classes sends a request of each class n times, known and unknown in turns, so that whatever else the machine does meets both alike, and fails
// where their times can be told apart. With n samples a class and no difference the separation is within 0.5 ± 0.41/√n in two of three runs; the
// bound is five and a half times that.
func classes(t *testing.T, what string, n int, before func(), send func(known bool)) {
	t.Helper()
	bound := 5.5 * 0.41 / math.Sqrt(float64(n))
	samples := make([]sample, 0, 2*n)
	for i := range n {
		before()
		for turn := range 2 {
			known := (i+turn)%2 == 0
			began := time.Now()
			send(known)
			samples = append(samples, sample{time.Since(began), known})
		}
	}
	if got := separation(samples); math.Abs(got-0.5) > bound {
		t.Errorf("%s: an answer for a known address takes longer than one for an unknown in %.1f %% of all pairs, want 50 ± %.1f", what, 100*got, 100*bound)
	} else {
		t.Logf("%s: %.1f %%", what, 100*got)
	}
}

// TestTimesTellNothingAboutAnAddress measures answers in this process over a store without a network, where nothing hides a difference of a microsecond: a
// reading or a MAC more is ten times beyond the bound. WAVEPASS_LONG takes five times as many samples, and 200 a class with the hash of deployments.
func TestTimesTellNothingAboutAnAddress(t *testing.T) {
	n := 2000
	if os.Getenv("WAVEPASS_LONG") != "" {
		n *= 5
		timesWithTheHashOfDeployments(t)
	}
	w := newWorld(t)
	addresses := map[bool]string{true: mailbox, false: "ada@example.com"} // as long as each other
	for route, members := range map[string]map[string]string{
		"/signup":         {},
		"/recover":        {},
		"/recover/finish": {"code": "BCDFG-BCDFG", "password": next},
	} {
		requests := map[bool]deployment.Request{}
		for known, address := range addresses {
			members["email"] = address
			body, err := json.Marshal(members)
			if err != nil {
				t.Fatal(err)
			}
			requests[known] = deployment.JSON("POST "+route, string(body)).From(deployment.Issuer)
		}
		classes(t, route, n, func() {
			w.Clock.Advance(25 * time.Hour) // mails and codes are counted anew
			w.json("/recover", map[string]string{"email": "warm@example.com"})
			w.json("/recover/finish", map[string]string{"email": "warm@example.com", "code": "BCDFG-BCDFG", "password": next}) // reads the key again
		}, func(known bool) { w.Raw(requests[known]) })
	}
}

// timesWithTheHashOfDeployments is about the answers that compute a hash of the password, which is as dear here as in the cloud: at the
// login, and at the page for a new address, by an address that is somebody's login name or nobody's. They take a minute.
func timesWithTheHashOfDeployments(t *testing.T) {
	t.Helper()
	w := newWorld(t)
	w.place(mail.Order{Purpose: mail.SignUp, Address: "eve@example.com"})
	_, link := w.mailed()
	w.Want("sign up", w.json("/signup/verify", map[string]string{"link": link, "password": next}), 201, "")
	addresses := map[bool]string{true: "eve@example.com", false: "ada@example.com"}
	for route, request := range map[string]func(address string) deployment.Request{
		"/login": func(address string) deployment.Request {
			return deployment.JSON("POST /login", `{"client_id":"app","username":"`+address+`","password":"wrong-canary-wave"}`)
		},
		"/email/change": func(address string) deployment.Request {
			return deployment.Form("POST /email/change", "username="+address+"&password=wrong-canary-wave&email=new%40example.com").From(deployment.Issuer)
		},
	} {
		answers := map[bool]int{}
		classes(t, route, 200, func() { w.Clock.Advance(25 * time.Hour) }, func(known bool) {
			answers[known] = w.Raw(request(addresses[known])).StatusCode
		})
		if answers[true] != answers[false] || answers[true] == 429 {
			t.Errorf("%s: answers %v, want the same, with the password looked at", route, answers)
		}
	}
}

func TestSeparationIsSeen(t *testing.T) {
	var samples []sample
	for i := range 100 {
		samples = append(samples, sample{time.Duration(i), true}, sample{time.Duration(i), false})
	}
	if got := separation(slices.Clone(samples)); got != 0.5 {
		t.Errorf("%v for equal times, want 0.5", got)
	}
	for i := range samples {
		if samples[i].known {
			samples[i].took += 50
		}
	}
	if got := separation(samples); got < 0.85 || got > 0.9 {
		t.Errorf("%v for times that are half the range longer, want 0.87", got)
	}
}
