package metric

import (
	"context"
	"log/slog"
	"math"
	"sync"
	"time"
)

const (
	// mostValues is what CloudWatch reads of one metric in a line.
	mostValues = 100

	// linesApart is how long values wait for others, unless they are as many as a line takes.
	linesApart = time.Minute
)

// Samples collects values of one metric, and logs many in one line; CloudWatch makes percentiles of them. The first value is logged at once. Later ones wait
// for each other, and for the call that comes when a minute is over: no timer runs, because a function is frozen between its calls. The last ones
// before a function ends are lost. Safe for concurrent use.
type Samples struct {
	Name, Unit string
	By         string // the member that tells them apart, see Namespace.Of; may be empty
	Namespace  Namespace
	Log        *slog.Logger
	Now        func() time.Time

	mu   sync.Mutex
	kept map[string]*values
}

type values struct {
	all    []float64
	logged time.Time
}

// Add adds a value, of is the value of the member By.
func (s *Samples) Add(ctx context.Context, of string, value float64) {
	now := s.Now()
	if due := s.keep(of, math.Round(value*100)/100, now); due != nil {
		members := []any{s.Name, due}
		by := []string(nil)
		if s.By != "" {
			members, by = append(members, s.By, of), []string{s.By}
		}
		s.Log.InfoContext(ctx, "measured", append(members, "_aws", s.Namespace.Of(now, by, s.Unit, s.Name))...)
	}
}

// keep returns the values that are to be logged now.
func (s *Samples) keep(of string, value float64, now time.Time) []float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.kept[of]
	if k == nil {
		if s.kept == nil {
			s.kept = map[string]*values{}
		}
		k = &values{}
		s.kept[of] = k
	}
	k.all = append(k.all, value)
	if len(k.all) < mostValues && now.Sub(k.logged) < linesApart {
		return nil
	}
	due := k.all
	k.all, k.logged = nil, now
	return due
}
