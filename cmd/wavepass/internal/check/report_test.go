package check

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/verdict"
)

func sample() Report {
	r := Report{URL: "https://id.example.com", Requests: 9, Notes: []string{"a note\x1b[31m"}}
	for i, v := range []verdict.Verdict{verdict.Pass, verdict.Warn, verdict.Fail, verdict.NotChecked} {
		c := table[i]
		seen := verdict.Outcome{Verdict: v, Detail: `<script>alert("` + string(v) + `")</script>` + "\x1b[2J"}
		r.Findings = append(r.Findings, verdict.Finding{ID: c.id, Title: c.title, Outcome: seen, ASVS: c.asvs, Why: c.why, Mend: c.mend})
	}
	return r
}

func TestTextSaysWhatToMend(t *testing.T) {
	var out bytes.Buffer
	if err := sample().WriteText(&out); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	for _, want := range []string{"VERDICT", "V12.1.1", table[1].mend, table[2].why, "1 passed, 1 warned, 1 failed, 1 not checked; 9 requests"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in:\n%s", want, text)
		}
	}
	if strings.Contains(text, table[0].mend) || strings.ContainsRune(text, 0x1b) {
		t.Errorf("what passed needs no mending, and a server's text must not move the cursor:\n%q", text)
	}
}

func TestHTMLEscapesWhatAServerSent(t *testing.T) {
	var out bytes.Buffer
	if err := sample().WriteHTML(&out); err != nil {
		t.Fatal(err)
	}
	if page := out.String(); strings.Contains(page, "<script>") || !strings.Contains(page, `class="not-checked"`) || !strings.Contains(page, table[2].mend) {
		t.Errorf("got:\n%s", page)
	}
}

// The members are those of OASIS SARIF 2.1.0 §3.13, §3.14, §3.27, §3.49.
func TestSARIFHasARuleForEachResult(t *testing.T) {
	var out bytes.Buffer
	if err := sample().WriteSARIF(&out); err != nil {
		t.Fatal(err)
	}
	type message struct{ Text string }
	var log struct {
		Schema  string `json:"$schema"`
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct {
					Name  string
					Rules []struct {
						ID                                      string
						ShortDescription, FullDescription, Help message
						Properties                              struct{ Tags []string }
					}
				}
			}
			Results []struct {
				RuleID, Kind, Level string
				RuleIndex           int
				Message             message
				Locations           []any
			}
		}
	}
	if err := json.Unmarshal(out.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	if log.Version != "2.1.0" || !strings.HasSuffix(log.Schema, "sarif-schema-2.1.0.json") || len(log.Runs) != 1 {
		t.Fatalf("got %+v", log)
	}
	want := [][2]string{{"pass", "none"}, {"fail", "warning"}, {"fail", "error"}, {"notApplicable", "none"}}
	run := log.Runs[0]
	if len(run.Results) != 4 || len(run.Tool.Driver.Rules) != 4 {
		t.Fatalf("%d results, %d rules", len(run.Results), len(run.Tool.Driver.Rules))
	}
	for i, result := range run.Results {
		rule := run.Tool.Driver.Rules[result.RuleIndex]
		if rule.ID != result.RuleID || result.Kind != want[i][0] || result.Level != want[i][1] || result.Message.Text == "" || len(result.Locations) != 1 ||
			rule.Help.Text == "" || len(rule.Properties.Tags) < 2 {
			t.Errorf("%+v with rule %+v, want %q", result, rule, want[i])
		}
	}
}
