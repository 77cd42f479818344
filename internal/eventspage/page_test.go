package eventspage_test

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/internal/eventlines"
	"github.com/wavepass/wavepass/internal/writtenpage"
	"github.com/wavepass/wavepass/pkg/audit"
)

const page = "../../docs/events.md"

// TestEventsPage is red while the page is not what the code says.
func TestEventsPage(t *testing.T) {
	writtenpage.Check(t, page, write(t))
}

func TestEveryNameOfAnEventHasItsKind(t *testing.T) {
	want := constants(t, "../../pkg/audit/audit.go", func(name, typ string) bool {
		return ast.IsExported(name) && name != "Person" && name != "System" // these two are actors
	})
	for _, what := range constants(t, "../../pkg/keyring/rotate.go", func(_, typ string) bool { return typ == "What" }) {
		want = append(want, audit.Key(what, "").Name)
	}
	if len(want) < 65 {
		t.Fatalf("found the names of %d events only: %q", len(want), want)
	}
	var got []string
	for _, s := range audit.Sections() {
		for _, k := range s.Kinds {
			got = append(got, k.Name)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("names of events (-audit.go +kinds.go):\n%s", diff)
	}
}

func TestMembersAreThoseOfAnEvent(t *testing.T) {
	var want, got []string
	for name := range types() {
		want = append(want, name)
	}
	for _, m := range audit.Members() {
		got = append(got, m.Name)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("members (-Event +Members):\n%s", diff)
	}
	for name, k := range eventlines.Kinds() {
		for _, m := range strings.Fields(k.Always + " " + k.May) {
			if !slices.Contains(want, m) || slices.Contains(audit.OfEveryEvent(), m) {
				t.Errorf("%s: %s is no member of an event's own", name, m)
			}
		}
		for _, by := range strings.Fields(k.By) {
			if !slices.Contains([]string{audit.Person, "client", "operator", audit.System}, by) {
				t.Errorf("%s: %s is no actor", name, by)
			}
		}
	}
}

// types are the members of a line, and what JSON has them as.
func types() map[string]string {
	members := map[string]string{}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[audit.Event]()) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		members[name] = "number"
		if field.Type.Kind() == reflect.String || field.Type == reflect.TypeFor[time.Time]() {
			members[name] = "string"
		}
	}
	return members
}

// constants returns the values of the string constants in a file that declare says are the right ones, by name and type.
func constants(t *testing.T, file string, declare func(name, typ string) bool) (values []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		typ := ""
		if named, ok := spec.Type.(*ast.Ident); ok {
			typ = named.Name
		}
		literal, ok := spec.Values[0].(*ast.BasicLit)
		if value := ""; ok && literal.Kind == token.STRING && declare(spec.Names[0].Name, typ) {
			if value, err = strconv.Unquote(literal.Value); err != nil {
				t.Fatal(err)
			}
			values = append(values, value)
		}
		return true
	})
	return values
}

func write(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(`# Events

<!-- Written by go test ./internal/eventspage -update, out of pkg/audit. Change that. -->

Every event of the [audit trail](audit.md): what it means, who did it, and what its line has. Tests hold each line that they cause to this page, and cause every
event and member at least once. Names and members do not change.

## Members

These stand in every line, empty where there is nothing to say: ` + codes("event time request_id actor sub sid client_id network user_agent") + `. The others stand only where they say something.

| member | type | what it is |
|---|---|---|
`)
	for _, m := range audit.Members() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", m.Name, types()[m.Name], m.Says)
	}
	b.WriteString(`
## How to read the tables

` + codes("event time request_id actor network user_agent") + ` can be in each line. Of the others an event has those of its row: “always” means that the member is never empty, “may” that it can be. The
column “by” is the actor. A person's name is never there; ` + "`client:<id>` and `operator:<name>`" + ` are written as ` + "`client` and `operator`" + `. Events **by an operator are
stored** in the table for 90 days as well as printed; all others are lines of the functions' log alone.
`)
	for _, s := range audit.Sections() {
		fmt.Fprintf(&b, "\n## %s\n\n", s.Title)
		if s.Text != "" {
			b.WriteString(s.Text + "\n\n")
		}
		b.WriteString("| event | it means | by | always | may | stored |\n|---|---|---|---|---|---|\n")
		for _, k := range s.Kinds {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", k.Name, k.When, strings.ReplaceAll(k.By, " ", ", "), codes(k.Always), codes(k.May), stored(k))
		}
		b.WriteString("\n```json\n")
		for _, k := range s.Kinds {
			b.WriteString(example(t, k))
		}
		b.WriteString("```\n")
	}
	return b.String()
}

func codes(names string) string {
	if names == "" {
		return "–"
	}
	return "`" + strings.ReplaceAll(names, " ", "`, `") + "`"
}

// stored says whether package operate keeps the event.
func stored(k audit.Kind) string {
	switch {
	case k.By == "operator":
		return "yes"
	case strings.Contains(k.By, "operator"):
		return "of operators"
	}
	return "no"
}

// example is a line of the trail.
func example(t *testing.T, k audit.Kind) string {
	t.Helper()
	e := k.Example
	e.Name = k.Name
	by, _, _ := strings.Cut(k.By, " ")
	e.Actor = cmp.Or(e.Actor, map[string]string{"client": audit.Client("back-end"), "operator": audit.Operator("grace")}[by], by)
	for member, text := range map[string]struct {
		of     *string
		sample string
	}{
		"sub": {&e.Subject, "0190b0e4-7e00-7000-8000-000000000001"}, "sid": {&e.SessionID, "0190b0e4-7e00-7000-8000-00000000000a"},
		"by_sid": {&e.By, "0190b0e4-7e00-7000-8000-00000000000b"}, "jti": {&e.TokenID, "0190b0e4-7e00-7000-8000-0000000000cc"},
		"client_id": {&e.ClientID, "app"}, "kid": {&e.KeyID, "udWMm8T2mTS3nX0pJ7c8bQ1lY5xq0l9gkq2o4y6s8uA"}, "api": {&e.API, "default"},
		"provider": {&e.Provider, "google"}, "resource": {&e.Resource, "https://mcp.example.com/mcp"}, "mail": {&e.Mail, "recover"},
	} {
		if slices.Contains(strings.Fields(k.Always), member) {
			*text.of = cmp.Or(*text.of, text.sample)
		}
	}
	ctx := t.Context()
	if kind, _, _ := strings.Cut(e.Actor, ":"); kind == "person" || kind == "client" {
		agent := map[string]string{"person": "Mozilla/5.0", "client": "curl/8.5.0"}[kind]
		ctx = audit.WithCaller(ctx, audit.Caller{RequestID: "r-1", Network: "203.0.113.0/24", UserAgent: agent})
	} else if kind == audit.System {
		ctx = audit.WithCaller(ctx, audit.Caller{RequestID: "e-1"})
	}
	var out bytes.Buffer
	audit.NewTrail(eventlines.Watch(t, &out), func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 123e6, time.UTC) }).Record(ctx, e)
	return out.String()
}
