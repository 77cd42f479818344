package main

import (
	"context"
	"testing"
)

// A machine that is twice as slow in one round changes the times of that round, and no ratio.
func TestRatiosAreTakenWithinARound(t *testing.T) {
	round := -1.0 // the first does not count
	speeds := []float64{9, 1, 2, 4}
	next := func(base float64) func(context.Context) ([]float64, error) {
		return func(context.Context) ([]float64, error) { return []float64{base * speeds[int(round)]}, nil }
	}
	c := comparison{metrics: []metric{{}}, contenders: []contender{
		{"a", func(ctx context.Context) ([]float64, error) { round++; return next(10)(ctx) }},
		{"b", next(30)},
	}}
	r, err := c.run(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := r.rows[1].cells[0], (cell{median: 60, low: 3, ratio: 3, high: 3}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
