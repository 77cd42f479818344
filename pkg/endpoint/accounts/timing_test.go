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

// TestTimesTellNothingAboutAnAddress measures answers in this process over a store without a network, where nothing hides a difference of a microsecond. The
// classes take turns, so that whatever else the machine does meets both alike. With n samples a class and no difference the separation is within
// 0.5 ± 0.41/√n in two of three runs; the bound is five and a half times that, and a reading or a MAC more is ten times beyond it. WAVEPASS_LONG takes five times
// as many samples.
func TestTimesTellNothingAboutAnAddress(t *testing.T) {
	n := 2000
	if os.Getenv("WAVEPASS_LONG") != "" {
		n *= 5
	}
	bound := 5.5 * 0.41 / math.Sqrt(float64(n))
	w := newWorld(t)
	addresses := map[bool]string{true: mailbox, false: "ada@example.com"} // as long as each other
	for route, members := range map[string]map[string]string{
		"/signup":         {},
		"/recover":        {},
		"/recover/finish": {"code": "BCDFG-BCDFG", "password": next},
	} {
		samples := make([]sample, 0, 2*n)
		for i := range n {
			w.Clock.Advance(25 * time.Hour) // mails and codes are counted anew
			w.json("/recover", map[string]string{"email": "warm@example.com"})
			w.json("/recover/finish", map[string]string{"email": "warm@example.com", "code": "BCDFG-BCDFG", "password": next}) // reads the key again
			for turn := range 2 {
				known := (i+turn)%2 == 0
				members["email"] = addresses[known]
				body, err := json.Marshal(members)
				if err != nil {
					t.Fatal(err)
				}
				request := deployment.JSON("POST "+route, string(body))
				began := time.Now()
				w.Raw(request)
				samples = append(samples, sample{time.Since(began), known})
			}
		}
		if got := separation(samples); math.Abs(got-0.5) > bound {
			t.Errorf("%s: an answer for a known address takes longer than one for an unknown in %.1f %% of all pairs, want 50 ± %.1f", route, 100*got, 100*bound)
		} else {
			t.Logf("%s: %.1f %%", route, 100*got)
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
