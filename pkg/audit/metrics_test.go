package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/audit"
)

func TestALineIsAlsoAMetricWhereThereIsANamespace(t *testing.T) {
	plain := record(context.Background(), audit.Event{Name: audit.Login, ClientID: "app"})
	var out bytes.Buffer
	trail := audit.NewTrail(&out, now)
	trail.Metrics = "wavepass"
	trail.Record(context.Background(), audit.Event{Name: audit.Login, ClientID: "app"})
	want := strings.TrimSuffix(plain, "}\n") + `,"events":1,"_aws":{"Timestamp":1782907200123,"CloudWatchMetrics":[{"Namespace":"wavepass","Dimensions":[["event"]],"Metrics":[{"Name":"events","Unit":"Count"}]}]}}` + "\n"
	if out.String() != want {
		t.Errorf("got %swant %s", out.String(), want)
	}
}

// Whatever a caller has chosen, in whatever member: the line stays one line, and the event the one that it is.
func TestNoMemberCanForgeALine(t *testing.T) {
	const hostile = "x\"}\r\n{\"event\":\"login\",\"_aws\":{}}\x00\x1b[2J\u2028\u0085\x7f"
	e := audit.Event{Name: audit.LoginFailed}
	fields, filled := reflect.ValueOf(&e).Elem(), 0
	for i := range fields.NumField() {
		if f := fields.Field(i); f.Kind() == reflect.String && fields.Type().Field(i).Name != "Name" {
			f.SetString(hostile)
			filled++
		}
	}
	got := record(audit.WithCaller(context.Background(), audit.Caller{RequestID: hostile, Network: hostile, UserAgent: hostile}), e)
	if strings.Count(got, "\n") != 1 || strings.ContainsAny(got, "\r\x00\x1b") || strings.Contains(got, `"_aws":{}`) {
		t.Errorf("got %q, want one line without control characters", got)
	}
	var read audit.Event
	if err := json.Unmarshal([]byte(got), &read); err != nil || read.Name != audit.LoginFailed || read.Reason != hostile || read.Network != hostile || filled < 15 {
		t.Errorf("%d members filled; reads as %+v, %v", filled, read, err)
	}
}

// A misspelt name would be an empty line on the dashboard for ever.
func TestDashboardShowsMetricsThatThereAre(t *testing.T) {
	text, err := os.ReadFile("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(text), "DashboardBody: !Sub |-\n")
	body, _, _ = strings.Cut(body, "\n\n")
	var dashboard struct {
		Widgets []struct {
			Properties struct {
				Title   string
				Metrics [][]any
			}
		}
	}
	if err := json.Unmarshal([]byte(body), &dashboard); err != nil {
		t.Fatal(err)
	}
	var events []string
	for _, s := range audit.Sections() {
		for _, k := range s.Kinds {
			events = append(events, k.Name)
		}
	}
	whys := []string{"request", "token", "expired", "revoked", "session", "policy", "audience", "ticket", "cross_site", "outage"} // package authorizer, whose test has them
	operations := []string{"GetItem", "Query", "UpdateItem", "PutItem", "TransactGetItems", "TransactWriteItems"}
	members := []string{"signing_key_age_s", "mac_key_age_s", "overdue_s"} // of package rotatekeys, whose test has them
	ours := 0
	for _, w := range dashboard.Widgets {
		for _, m := range w.Properties.Metrics {
			if m[0] != "${AWS::StackName}" {
				continue
			}
			ours++
			switch {
			case len(m) == 4 && m[1] == "events" && m[2] == "event" && slices.Contains(events, m[3].(string)):
			case len(m) == 4 && m[1] == "refusals" && m[2] == "why" && slices.Contains(whys, m[3].(string)):
			case len(m) == 5 && m[1] == "table_ms" && m[2] == "operation" && slices.Contains(operations, m[3].(string)):
			case len(m) == 3 && m[1] == "denylist_age_ms":
			case len(m) == 2 && slices.Contains(members, m[1].(string)):
			default:
				t.Errorf("%s: there is no metric %v", w.Properties.Title, m)
			}
		}
	}
	if ours < 20 || len(dashboard.Widgets) != 10 {
		t.Errorf("%d metrics of ours in %d widgets", ours, len(dashboard.Widgets))
	}
}
