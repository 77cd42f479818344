package main

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// Sizes of a chart, in pixels.
const (
	chartWidth  = 760
	labelWidth  = 330
	barHeight   = 18
	lineHeight  = 26
	curveHeight = 260
)

// chartStyle has the colours for pages that are light, and for those that are dark.
const chartStyle = `<style>
text { fill: #1f2328; font: 13px system-ui, sans-serif } .title { font-size: 15px; font-weight: 600 } .more { fill: #59636e }
.ground { fill: #fff } .bar { fill: #8aa4bd } .own { fill: #0a5fd9 } .axis { stroke: #d1d9e0; fill: none } .curve { stroke: #0a5fd9; stroke-width: 2; fill: none }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc } .more { fill: #9198a1 } .ground { fill: #0d1117 } .bar { fill: #57708a } .own { fill: #4493f8 } .axis { stroke: #3d444d } .curve { stroke: #4493f8 }
}
</style>
`

func chartHead(height int, title, more string) string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img">`+"\n"+chartStyle+
		`<rect class="ground" width="100%%" height="100%%"/>`+"\n"+`<text class="title" x="12" y="24">%s</text>`+"\n"+`<text class="more" x="12" y="42">%s</text>`+"\n",
		chartWidth, height, chartWidth, height, html.EscapeString(title), html.EscapeString(more))
}

// chart draws the first metric: as bars, or as a curve where the rows are steps of one quantity.
func (r result) chart() string {
	if r.steps != nil {
		return r.curve()
	}
	longest := 0.0
	for _, line := range r.rows {
		longest = max(longest, line.cells[0].median)
	}
	m, better := r.metrics[0], "shorter is better"
	if m.more {
		better = "longer is better"
	}
	var b strings.Builder
	b.WriteString(chartHead(56+lineHeight*len(r.rows), r.title, fmt.Sprintf("%s, %s; %s", m.title, m.unit, better)))
	for i, line := range r.rows {
		y, class := 52+lineHeight*i, "bar"
		if strings.HasPrefix(line.name, "Wavepass") {
			class = "own"
		}
		width := max(1, line.cells[0].median/longest*(chartWidth-labelWidth-90))
		b.WriteString(label(line.name, y))
		fmt.Fprintf(&b, `<rect class="%s" x="%d" y="%d" width="%.1f" height="%d"/>`+"\n", class, labelWidth, y, width, barHeight)
		fmt.Fprintf(&b, `<text x="%.1f" y="%d">%s</text>`+"\n", labelWidth+width+6, y+14, number(line.cells[0].median))
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// longestLabel is how many letters have room beside a bar.
const longestLabel = 46

// label is the name beside a bar, in two smaller lines when it is long.
func label(name string, y int) string {
	write := func(text string, y int, size string) string {
		return fmt.Sprintf(`<text x="%d" y="%d" text-anchor="end"%s>%s</text>`+"\n", labelWidth-8, y, size, html.EscapeString(text))
	}
	if len(name) <= longestLabel {
		return write(name, y+14, "")
	}
	at := strings.LastIndexByte(name[:longestLabel], ' ')
	return write(name[:at], y+7, ` style="font-size:11px"`) + write(name[at+1:], y+19, ` style="font-size:11px"`)
}

// curve draws the steps in the distance that their logarithms have, over an axis that begins at 0, so that what is flat looks flat.
func (r result) curve() string {
	const left, right, top, bottom = 60, 50, 64, 40
	m, highest := r.metrics[0], 0.0
	for _, line := range r.rows {
		highest = max(highest, line.cells[0].median)
	}
	highest *= 1.5
	first, last := math.Log10(float64(r.steps[0])), math.Log10(float64(r.steps[len(r.steps)-1]))
	var b strings.Builder
	b.WriteString(chartHead(curveHeight, r.title, fmt.Sprintf("%s, %s; flat is better", m.title, m.unit)))
	floor := float64(curveHeight - bottom)
	fmt.Fprintf(&b, `<path class="axis" d="M%d %d V%.0f H%d"/>`+"\n", left, top, floor, chartWidth-right)
	fmt.Fprintf(&b, `<text class="more" x="%d" y="%.0f" text-anchor="end">0</text>`+"\n", left-8, floor+4)
	var path, dots strings.Builder
	for i, line := range r.rows {
		x := left + 20 + (math.Log10(float64(r.steps[i]))-first)/(last-first)*(chartWidth-left-right-60)
		y := floor - line.cells[0].median/highest*(floor-top)
		fmt.Fprintf(&path, "%s%.1f %.1f ", map[bool]string{true: "M", false: "L"}[i == 0], x, y)
		fmt.Fprintf(&dots, `<circle class="own" cx="%.1f" cy="%.1f" r="4"/><text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`+"\n", x, y, x, y-10, number(line.cells[0].median))
		fmt.Fprintf(&dots, `<text class="more" x="%.1f" y="%.0f" text-anchor="middle">%s</text>`+"\n", x, floor+20, thousands(r.steps[i]))
	}
	fmt.Fprintf(&b, `<path class="curve" d="%s"/>`+"\n%s</svg>\n", strings.TrimSpace(path.String()), dots.String())
	return b.String()
}
