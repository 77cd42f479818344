package check

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/verdict"
)

// WriteText writes the report as a table, and below it what is to be mended.
func (r Report) WriteText(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "VERDICT\tCHECK\tASVS 5.0\tSEEN")
	for _, f := range r.Findings {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", f.Verdict, f.ID, strings.Join(f.ASVS, " "), verdict.Printable(f.Detail))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, note := range r.Notes {
		fmt.Fprintf(out, "\nnote: %s\n", verdict.Printable(note))
	}
	return r.Findings.WriteMending(out, fmt.Sprintf("%d requests to %s", r.Requests, r.URL))
}

//go:embed report.html
var page string

var htmlReport = template.Must(template.New("report").Funcs(template.FuncMap{
	"join":  func(all []string) string { return strings.Join(all, " ") },
	"class": func(v verdict.Verdict) string { return strings.ReplaceAll(string(v), " ", "-") },
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
func sarifOf(v verdict.Verdict) (kind, level string) {
	switch v {
	case verdict.Fail:
		return "fail", "error"
	case verdict.Warn:
		return "fail", "warning"
	case verdict.Pass:
		return "pass", "none"
	}
	return "notApplicable", "none"
}
