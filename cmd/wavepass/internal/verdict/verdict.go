// Package verdict has what a report says of each thing that was looked at, from outside or from inside: whether it is right, what was
// seen, why it matters and how to mend it. It looks at nothing itself.
package verdict

import (
	"fmt"
	"io"
	"strings"
	"unicode"
)

// Verdict says whether something is right.
type Verdict string

// The verdicts. NotChecked says that nothing was found out, which is no praise.
const (
	Pass       Verdict = "pass"
	Warn       Verdict = "warn"
	Fail       Verdict = "fail"
	NotChecked Verdict = "not checked"
)

// Outcome is a verdict with what was seen.
type Outcome struct {
	Verdict Verdict `json:"verdict"`
	Detail  string  `json:"detail"` // never a token, the value of a cookie, or a key
}

// Passed, Warned, Failed and Unseen are outcomes of each verdict, whose detail is as fmt.Sprintf makes it.
func Passed(format string, args ...any) Outcome { return Outcome{Pass, fmt.Sprintf(format, args...)} }

// Warned is an outcome: see [Passed].
func Warned(format string, args ...any) Outcome { return Outcome{Warn, fmt.Sprintf(format, args...)} }

// Failed is an outcome: see [Passed].
func Failed(format string, args ...any) Outcome { return Outcome{Fail, fmt.Sprintf(format, args...)} }

// Unseen is an outcome: see [Passed]. Its detail says why there was nothing to see.
func Unseen(format string, args ...any) Outcome {
	return Outcome{NotChecked, fmt.Sprintf(format, args...)}
}

// Finding is an outcome with what people are told of the thing that was looked at.
type Finding struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Outcome
	ASVS []string `json:"asvs,omitzero"` // requirements of OWASP ASVS 5.0.0
	Why  string   `json:"why"`
	Mend string   `json:"mend"`
}

// Wrong says that the finding asks for something to be mended.
func (f Finding) Wrong() bool { return f.Verdict == Fail || f.Verdict == Warn }

// Findings are those of a report, in its order.
type Findings []Finding

// Count returns how many have the verdict.
func (all Findings) Count(v Verdict) (n int) {
	for _, f := range all {
		if f.Verdict == v {
			n++
		}
	}
	return n
}

// WriteMending writes of each that is wrong why that matters and how to mend it, and then one line that counts them all and ends in about.
func (all Findings) WriteMending(out io.Writer, about string) error {
	for _, f := range all {
		if f.Wrong() {
			fmt.Fprintf(out, "\n%s  %s: %s\n  why   %s\n  mend  %s\n", f.Verdict, f.ID, f.Title, f.Why, f.Mend)
		}
	}
	_, err := fmt.Fprintf(out, "\n%d passed, %d warned, %d failed, %d not checked; %s\n",
		all.Count(Pass), all.Count(Warn), all.Count(Fail), all.Count(NotChecked), about)
	return err
}

// Printable keeps text that is stored, or that a server has sent, from moving the cursor of a terminal or turning its lines around.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}
