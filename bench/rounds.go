package main

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"time"
)

// comparison is what one run measures of several contenders. In each round every contender is measured once, one after the other, so that whatever else the
// machine does meets all of them alike.
type comparison struct {
	name       string // of its chart, and for --only
	title      string
	text       string // what is done, in a sentence or two
	metrics    []metric
	contenders []contender // ratios are over the first
	steps      []int       // the contenders are steps of one quantity, these ones: the chart is a curve
	notes      []string    // what was found out while it was measured, below the table
}

// metric is one column: what a contender's numbers mean.
type metric struct {
	title, unit string
	more        bool // more is better
}

type contender struct {
	name    string
	measure func(context.Context) ([]float64, error) // one number for each metric
}

// steadyTimes is how often steady measures.
const steadyTimes = 5

// steady measures several times in place of once, and takes the median of each number. It is for what takes so little time that whatever else the machine does just then would show.
func steady(measure func(context.Context) ([]float64, error)) func(context.Context) ([]float64, error) {
	return func(ctx context.Context) ([]float64, error) {
		var all [][]float64 // by metric
		for range steadyTimes {
			got, err := measure(ctx)
			if err != nil {
				return nil, err
			}
			all = append(all, make([][]float64, len(got)-len(all))...)
			for m := range got {
				all[m] = append(all[m], got[m])
			}
		}
		medians := make([]float64, len(all))
		for m, numbers := range all {
			slices.Sort(numbers)
			medians[m] = numbers[steadyTimes/2]
		}
		return medians, nil
	}
}

// result is what came of a comparison.
type result struct {
	comparison
	rows  []row
	table [][]string // in place of rows, where nothing is measured in rounds; its first line is the heading
}

type row struct {
	name  string
	cells []cell
}

// cell has a median of all rounds, and the quartiles of the ratios to the first contender's number in the same round.
type cell struct{ median, low, ratio, high float64 }

// run measures so many rounds, after one that does not count.
func (c comparison) run(ctx context.Context, rounds int) (result, error) {
	numbers := make([][][]float64, len(c.contenders)) // by contender, metric, round
	for i := range numbers {
		numbers[i] = make([][]float64, len(c.metrics))
	}
	for round := range rounds + 1 {
		for i, who := range c.contenders {
			if err := ctx.Err(); err != nil {
				return result{}, err
			}
			got, err := who.measure(ctx)
			if err != nil {
				return result{}, fmt.Errorf("%s: %s: %w", c.name, who.name, err)
			}
			if len(got) != len(c.metrics) {
				return result{}, fmt.Errorf("%s: %s: %d numbers for %d columns", c.name, who.name, len(got), len(c.metrics))
			}
			for m := range got {
				if round > 0 {
					numbers[i][m] = append(numbers[i][m], got[m])
				}
			}
		}
	}
	r := result{comparison: c}
	for i, who := range c.contenders {
		line := row{name: who.name}
		for m := range c.metrics {
			ratios := make([]float64, rounds)
			for round := range ratios {
				ratios[round] = numbers[i][m][round] / numbers[0][m][round]
			}
			line.cells = append(line.cells, cell{
				median: quantile(numbers[i][m], 0.5), low: quantile(ratios, 0.25), ratio: quantile(ratios, 0.5), high: quantile(ratios, 0.75),
			})
		}
		r.rows = append(r.rows, line)
	}
	return r, nil
}

// quantile is the number below which the part q of all of them is; between two, the mean weighted by distance.
func quantile(numbers []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(numbers))
	at := q * float64(len(sorted)-1)
	below := int(at)
	if below+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[below] + (at-float64(below))*(sorted[below+1]-sorted[below])
}

// batchTime is how much of a processor one measurement of something short gets.
const batchTime = 25 * time.Millisecond

// perCall measures the microseconds of processor time that a call takes, over as many calls as fill the time of a batch. Unlike time on the clock, it doesn't count
// what other processes do meanwhile. What the garbage collector does in other threads is counted.
func perCall(call func() error) func(context.Context) ([]float64, error) {
	n := 0
	return func(context.Context) ([]float64, error) {
		for count := max(n, 1); ; count *= 2 {
			begin := processorTime()
			for range count {
				if err := call(); err != nil {
					return nil, err
				}
			}
			took := processorTime() - begin
			if n > 0 || took >= batchTime {
				n = count
				return []float64{took.Seconds() * 1e6 / float64(count)}, nil
			}
		}
	}
}

// processorTime is what this process has used so far.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic("getrusage: " + err.Error()) // it fails for wrong arguments only
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
