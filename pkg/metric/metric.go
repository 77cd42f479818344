// Package metric says in a line of a log which of its members are metrics, in CloudWatch's embedded metric format: CloudWatch Logs reads them
// out of the line, and no function calls anybody for them. It owns the format; it measures nothing.
package metric

import "time"

// Namespace is what the metrics of a deployment are kept under. Empty: there are none.
type Namespace string

// Directive is the member `_aws` of a line. A metric and a dimension are members of the same line.
type Directive struct {
	Timestamp int64 // Unix time in milliseconds
	Metrics   []set `json:"CloudWatchMetrics"`
}

type set struct {
	Namespace  Namespace
	Dimensions [][]string
	Metrics    []metric
}

type metric struct{ Name, Unit string }

// Units that CloudWatch knows.
const (
	Count        = "Count"
	Seconds      = "Seconds"
	Milliseconds = "Milliseconds"
)

// Of says that these members of a line, all of one unit, are metrics, by each of the members that by names, or told apart by nothing where it names none.
// Each value of such a member is one more metric, which has its price: it must be one of few, and nothing that callers choose. Without a namespace there
// is no directive.
func (n Namespace) Of(at time.Time, by []string, unit string, members ...string) *Directive {
	if n == "" {
		return nil
	}
	s := set{Namespace: n, Dimensions: [][]string{{}}}
	if len(by) > 0 {
		s.Dimensions = s.Dimensions[:0]
	}
	for _, member := range by {
		s.Dimensions = append(s.Dimensions, []string{member})
	}
	for _, name := range members {
		s.Metrics = append(s.Metrics, metric{name, unit})
	}
	return &Directive{Timestamp: at.UnixMilli(), Metrics: []set{s}}
}
