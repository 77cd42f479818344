package check

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"strings"
	"text/tabwriter"
)

// WriteText writes the report as a table, and below it what is to be mended.
func (r Report) WriteText(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "VERDICT\tCHECK\tASVS 5.0\tSEEN")
	for _, f := range r.Findings {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", f.Verdict, f.ID, strings.Join(f.ASVS, " "), printable(f.Detail))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, f := range r.Findings {
		if f.Verdict == Fail || f.Verdict == Warn {
			fmt.Fprintf(out, "\n%s  %s\n  why   %s\n  mend  %s\n", f.Verdict, f.Title, f.Why, f.Mend)
		}
	}
	for _, note := range r.Notes {
		fmt.Fprintf(out, "\nnote: %s\n", printable(note))
	}
	_, err := fmt.Fprintf(out, "\n%d passed, %d warnings, %d failed, %d not checked; %d requests to %s\n",
		r.Count(Pass), r.Count(Warn), r.Count(Fail), r.Count(NotChecked), r.Requests, r.URL)
	return err
}

// printable keeps what a foreign server has sent from moving the cursor of a terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '?'
		}
		return r
	}, text)
}

//go:embed report.html
var page string

var htmlReport = template.Must(template.New("report").Funcs(template.FuncMap{
	"join":  func(all []string) string { return strings.Join(all, " ") },
	"class": func(v Verdict) string { return strings.ReplaceAll(string(v), " ", "-") },
}).Parse(page))

// WriteHTML writes the report as one page, which loads nothing.
func (r Report) WriteHTML(out io.Writer) error { return htmlReport.Execute(out, r) }

// WriteSARIF writes the report in SARIF 2.1.0 (OASIS), which code-scanning services read.
func (r Report) WriteSARIF(out io.Writer) error {
	text := func(s string) map[string]any { return map[string]any{"text": s} }
	rules, results := []any{}, []any{}
	for i, f := range r.Findings {
		tags := []string{"security"}
		for _, id := range f.ASVS {
			tags = append(tags, "external/asvs-5.0/"+id)
		}
		rules = append(rules, map[string]any{
			"id": f.ID, "shortDescription": text(f.Title), "fullDescription": text(f.Why), "help": text(f.Mend), "properties": map[string]any{"tags": tags},
		})
		kind, level := sarifOf(f.Verdict)
		results = append(results, map[string]any{
			"ruleId": f.ID, "ruleIndex": i, "kind": kind, "level": level, "message": text(f.Title + ": " + f.Detail),
			"locations": []any{map[string]any{"physicalLocation": map[string]any{"artifactLocation": map[string]any{"uri": r.URL}}}},
		})
	}
	driver := map[string]any{"name": "wavepass check", "informationUri": "https://github.com/wavepass/wavepass", "rules": rules}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(map[string]any{
		"$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json", "version": "2.1.0",
		"runs": []any{map[string]any{"tool": map[string]any{"driver": driver}, "results": results}},
	})
}

// sarifOf is how SARIF says a verdict (§3.27.9, §3.27.10): what is not a failure has no level.
func sarifOf(v Verdict) (kind, level string) {
	switch v {
	case Fail:
		return "fail", "error"
	case Warn:
		return "fail", "warning"
	case Pass:
		return "pass", "none"
	}
	return "notApplicable", "none"
}
