package audit_test

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/pkg/audit"
)

// page is docs/audit.md: members by name with their type, and events by name with their members and their example.
type page struct {
	members  map[string]string
	events   map[string][]string
	examples map[string]string
}

var code = regexp.MustCompile("`([a-z_]+)`")

func readPage(t *testing.T) page {
	t.Helper()
	text, err := os.ReadFile("../../docs/audit.md")
	if err != nil {
		t.Fatal(err)
	}
	p := page{map[string]string{}, map[string][]string{}, map[string]string{}}
	_, members, _ := strings.Cut(string(text), "| member | type |")
	members, events, _ := strings.Cut(members, "## Events")
	for _, cells := range rows(members) {
		p.members[strings.Trim(cells[0], "`")] = cells[1]
	}
	for _, cells := range rows(events) {
		for _, name := range code.FindAllStringSubmatch(cells[2], -1) {
			p.events[strings.Trim(cells[0], "`")] = append(p.events[strings.Trim(cells[0], "`")], name[1])
		}
	}
	for line := range strings.Lines(events) {
		if name, isExample := strings.CutPrefix(line, `{"event":"`); isExample {
			name, _, _ = strings.Cut(name, `"`)
			p.examples[name] += line
		}
	}
	return p
}

// rows returns the cells of rows whose first cell is code.
func rows(text string) (rows [][]string) {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "| `") {
			rows = append(rows, strings.Split(strings.Trim(strings.TrimSpace(line), "| "), " | "))
		}
	}
	return rows
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

func TestPageNamesEveryEvent(t *testing.T) {
	want := constants(t, "audit.go", func(name, typ string) bool {
		return ast.IsExported(name) && name != "Person" && name != "System" // these two are actors
	})
	for _, what := range constants(t, "../keyring/rotate.go", func(_, typ string) bool { return typ == "What" }) {
		want = append(want, audit.Key(what, "").Name)
	}
	if len(want) < 35 {
		t.Fatalf("found the names of %d events only: %q", len(want), want)
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(readPage(t).events))); diff != "" {
		t.Errorf("docs/audit.md, names of events (-code +page):\n%s", diff)
	}
}

func TestPageNamesEveryMember(t *testing.T) {
	want := map[string]string{}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[audit.Event]()) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		want[name] = "number"
		if field.Type.Kind() == reflect.String || field.Type == reflect.TypeFor[time.Time]() {
			want[name] = "string"
		}
	}
	if diff := cmp.Diff(want, readPage(t).members); diff != "" {
		t.Errorf("docs/audit.md, members (-code +page):\n%s", diff)
	}
}

// An example is a line as the trail writes it, with some of the members that the row of its event names and no other.
func TestPageShowsALineOfEveryEvent(t *testing.T) {
	p := readPage(t)
	everyLine := []string{"event", "time", "request_id", "actor", "network", "user_agent"}
	for name, members := range p.events {
		decoder := json.NewDecoder(strings.NewReader(p.examples[name]))
		decoder.DisallowUnknownFields()
		var e audit.Event
		if err := decoder.Decode(&e); err != nil {
			t.Errorf("example of %s: %v", name, err)
			continue
		}
		var out bytes.Buffer
		ctx := audit.WithCaller(t.Context(), audit.Caller{RequestID: e.RequestID, Network: e.Network, UserAgent: e.UserAgent})
		audit.NewTrail(&out, func() time.Time { return e.Time }).Record(ctx, e)
		if diff := cmp.Diff(out.String(), p.examples[name]); diff != "" {
			t.Errorf("example of %s (-trail +page):\n%s", name, diff)
		}
		var present map[string]any
		if err := json.Unmarshal(out.Bytes(), &present); err != nil {
			t.Fatal(err)
		}
		for member, value := range present {
			if value != "" && !slices.Contains(everyLine, member) && !slices.Contains(members, member) {
				t.Errorf("example of %s has %s, which its row does not name", name, member)
			}
		}
		for _, member := range members {
			if _, known := p.members[member]; !known {
				t.Errorf("the row of %s names the member %s, which there is not", name, member)
			}
		}
	}
}
