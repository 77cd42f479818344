package main

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestGuardSaysWhatHasBecomeSlower(t *testing.T) {
	r := result{comparison: comparison{name: "verify"}, rows: []row{{"ours", []cell{{median: 41}}}, {"theirs", []cell{{median: 20}}}}}
	for _, tc := range []struct {
		b    bound
		want string
	}{
		{bound{"verify", "verify", "ours", "theirs", 2}, "ours is 2.05 × theirs, and may be 2.00 ×"},
		{bound{"verify", "verify", "ours", "theirs", 2.1}, ""},
		{bound{"verify", "verify", "gone", "theirs", 2}, `no row "gone"`},
		{bound{"verify", "another", "gone", "theirs", 2}, ""},
	} {
		err := errors.Join(r.over([]bound{tc.b})...)
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v: %v, want %q", tc.b, err, tc.want)
		}
	}
}

// What is slow once, because the machine was busy, is no regression; what is slow each time is one.
func TestGuardMeasuresAgainWhatIsOver(t *testing.T) {
	for _, tc := range []struct {
		slow int // measurements, of which each attempt takes guardRounds and one
		want int // errors
	}{{0, 0}, {2 * (guardRounds + 1), 0}, {3 * (guardRounds + 1), 1}} {
		measured := 0
		c := comparison{name: "verify-es256", metrics: []metric{{}}, contenders: []contender{
			{"Wavepass", func(context.Context) ([]float64, error) {
				if measured++; measured <= tc.slow {
					return []float64{30}, nil
				}
				return []float64{11}, nil
			}},
			{"the signature alone, standard library", func(context.Context) ([]float64, error) { return []float64{10}, nil }},
		}}
		over, err := new(lab).guardPart(t.Context(), part{prepare: func(*lab, context.Context) ([]comparison, error) { return []comparison{c}, nil }})
		if err != nil || len(over) != tc.want {
			t.Errorf("slow %d times: %v, %v, want %d errors", tc.slow, over, err, tc.want)
		}
	}
}
