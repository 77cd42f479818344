package main

import (
	"fmt"
	"html"
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
	fmt.Fprintf(&b, "Versions: %s.\n\n", versions())
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

// Sizes of a chart, in pixels.
const (
	chartWidth = 760
	labelWidth = 330
	barHeight  = 18
	lineHeight = 26
)

// chart draws the first metric as bars.
func (r result) chart() string {
	longest := 0.0
	for _, line := range r.rows {
		longest = max(longest, line.cells[0].median)
	}
	var b strings.Builder
	height := 56 + lineHeight*len(r.rows)
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" font-family="system-ui, sans-serif" font-size="13">`+"\n", chartWidth, height, chartWidth, height)
	m, better := r.metrics[0], "shorter is better"
	if m.more {
		better = "longer is better"
	}
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="#fff"/>`+"\n"+`<text x="12" y="24" font-size="15" font-weight="600">%s</text>`+"\n", html.EscapeString(r.title))
	fmt.Fprintf(&b, `<text x="12" y="42" fill="#666">%s, %s; %s</text>`+"\n", html.EscapeString(m.title), html.EscapeString(m.unit), better)
	for i, line := range r.rows {
		y, colour := 52+lineHeight*i, "#8aa4bd"
		if strings.HasPrefix(line.name, "Wavepass") {
			colour = "#0a5fd9"
		}
		width := max(1, line.cells[0].median/longest*(chartWidth-labelWidth-90))
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", labelWidth-8, y+14, html.EscapeString(line.name))
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n", labelWidth, y, width, barHeight, colour)
		fmt.Fprintf(&b, `<text x="%.1f" y="%d">%s</text>`+"\n", labelWidth+width+6, y+14, number(line.cells[0].median))
	}
	b.WriteString("</svg>\n")
	return b.String()
}
