package verdict

import (
	"strings"
	"testing"
)

func TestOnlyWhatIsWrongIsToBeMended(t *testing.T) {
	var all Findings
	for _, o := range []Outcome{Passed("%d", 1), Warned("%d", 2), Failed("%d", 3), Unseen("%d", 4)} {
		all = append(all, Finding{ID: "look-" + o.Detail, Title: "a title", Outcome: o, Why: "reason-" + o.Detail, Mend: "cure-" + o.Detail})
	}
	var out strings.Builder
	if err := all.WriteMending(&out, "9 requests"); err != nil {
		t.Fatal(err)
	}
	const want = "\nwarn  look-2: a title\n  why   reason-2\n  mend  cure-2\n\nfail  look-3: a title\n  why   reason-3\n  mend  cure-3\n" +
		"\n1 passed, 1 warned, 1 failed, 1 not checked; 9 requests\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestForeignTextMovesNoCursor(t *testing.T) {
	for text, want := range map[string]string{
		"a token, 5 min – fine": "a token, 5 min – fine",
		"\x1b[2J\r\n\tx":        "?[2J???x",
		"\u009b31m":             "?31m",
		"\u202egnp":             "?gnp",
	} {
		if got := Printable(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
