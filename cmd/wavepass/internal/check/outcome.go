package check

import "fmt"

// outcome is what a check found.
type outcome struct {
	verdict Verdict
	detail  string
}

func pass(format string, args ...any) outcome { return outcome{Pass, fmt.Sprintf(format, args...)} }
func warn(format string, args ...any) outcome { return outcome{Warn, fmt.Sprintf(format, args...)} }
func fail(format string, args ...any) outcome { return outcome{Fail, fmt.Sprintf(format, args...)} }
func notChecked(format string, args ...any) outcome {
	return outcome{NotChecked, fmt.Sprintf(format, args...)}
}

// unseen says why there is nothing to judge.
func (e *evidence) unseen() string {
	if e.why == "" {
		return "nothing was seen"
	}
	return e.why
}
