package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// report is RESULTS.md and its charts.
type report struct {
	results []result
	rounds  int
	took    time.Duration
	missing []string
	node    string // the program
}

// write writes them below folder.
func (p report) write(folder string) error {
	charts := filepath.Join(folder, "charts")
	if err := os.MkdirAll(charts, 0o755); err != nil {
		return err
	}
	for _, r := range p.results {
		if r.table != nil {
			continue
		}
		if err := os.WriteFile(filepath.Join(charts, r.name+".svg"), []byte(r.chart()), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(folder, "RESULTS.md"), []byte(p.markdown()), 0o644)
}

func (p report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Results\n\nWritten by `%s` on %s, in %s. Machine: %s.\n", strings.Join(append([]string{"go run -C bench ."}, os.Args[1:]...), " "), time.Now().UTC().Format("2 January 2006"), p.took.Round(time.Second), machine())
	fmt.Fprintf(&b, "Versions: %s.\n\n", versions(p.node))
	b.WriteString("Each number is the median of all rounds. In a round everything in a table is measured once, one after the other. A ratio is to the first line, within a round; its median and, in brackets, " +
		"its quartiles. Read the ratios: the machine did other things as well, and another one has other times.\n")
	for _, missing := range p.missing {
		fmt.Fprintf(&b, "\n**Left out:** %s\n", missing)
	}
	for _, r := range p.results {
		b.WriteString(r.section())
	}
	return b.String()
}

func (r result) section() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", r.title, r.text)
	if r.table != nil {
		for i, line := range r.table {
			fmt.Fprintf(&b, "| %s |\n", strings.Join(line, " | "))
			if i == 0 {
				b.WriteString(strings.Repeat("|---", len(line)) + "|\n")
			}
		}
		for _, note := range r.notes {
			fmt.Fprintf(&b, "\n%s\n", note)
		}
		return b.String()
	}
	b.WriteString("|")
	for _, m := range r.metrics {
		fmt.Fprintf(&b, " | %s, %s | over the first", m.title, m.unit)
	}
	b.WriteString(" |\n|---|" + strings.Repeat("---|---|", len(r.metrics)) + "\n")
	for i, line := range r.rows {
		fmt.Fprintf(&b, "| %s", line.name)
		for _, c := range line.cells {
			fmt.Fprintf(&b, " | %s | ", number(c.median))
			if i > 0 {
				fmt.Fprintf(&b, "%s × (%s–%s)", number(c.ratio), number(c.low), number(c.high))
			}
		}
		b.WriteString(" |\n")
	}
	for _, note := range r.notes {
		fmt.Fprintf(&b, "\n%s\n", note)
	}
	fmt.Fprintf(&b, "\n![%s](charts/%s.svg)\n", r.title, r.name)
	return b.String()
}

// number writes three digits that count, and no exponent.
func number(x float64) string {
	digits := 0
	switch {
	case x < 10:
		digits = 2
	case x < 100:
		digits = 1
	}
	return strconv.FormatFloat(x, 'f', digits, 64)
}
