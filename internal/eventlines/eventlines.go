// Package eventlines is for tests: it holds each line of the audit trail that a test causes to what audit.Sections says of its event.
package eventlines

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/wavepass/wavepass/pkg/audit"
)

// Seen is the environment variable with the name of a file, to which Watch adds which events there were, see seen/main.go.
const Seen = "EVENTS_SEEN"

// Watch returns a writer that hands on to out. A line of an event fails the test when it has another member or actor than the event may have, or not
// all that it must have. Lines that are no events pass.
func Watch(tb testing.TB, out io.Writer) io.Writer { return watched{tb, out} }

type watched struct {
	tb  testing.TB
	out io.Writer
}

func (w watched) Write(p []byte) (int, error) {
	if strings.HasPrefix(string(p), `{"event":`) {
		l, err := Read(p)
		if err = errors.Join(err, l.Judge(), l.note()); err != nil {
			w.tb.Errorf("%v\nof %s", err, p)
		}
	}
	return w.out.Write(p)
}

// Line is what one line of the trail has, without the values.
type Line struct {
	Event   string
	Actor   string   // person, client, operator or system; tests without a gateway may have none
	Members []string // those that are not empty, sorted, without those that every event has

	OfRequest bool // it came through a gateway, which says by whom
}

// Read reads a line.
func Read(line []byte) (Line, error) {
	var members map[string]any
	if err := json.Unmarshal(line, &members); err != nil {
		return Line{}, err
	}
	event, _ := members["event"].(string)
	actor, _ := members["actor"].(string)
	actor, _, _ = strings.Cut(actor, ":")
	request, _ := members["request_id"].(string)
	for _, ofAll := range audit.OfEveryEvent() {
		delete(members, ofAll)
	}
	maps.DeleteFunc(members, func(_ string, value any) bool { return value == "" || value == 0.0 })
	return Line{event, actor, slices.Sorted(maps.Keys(members)), request != ""}, nil
}

// Judge says how the line differs from what audit.Sections has; nil: it does not.
func (l Line) Judge() error {
	kind, found := Kinds()[l.Event]
	if !found {
		return fmt.Errorf("pkg/audit/kinds.go does not have the event %q", l.Event)
	}
	if !slices.Contains(strings.Fields(kind.By), l.Actor) && (l.Actor != "" || l.OfRequest) {
		return fmt.Errorf("pkg/audit/kinds.go: %s may be by %s, and was by %q", l.Event, kind.By, l.Actor)
	}
	always, may := strings.Fields(kind.Always), strings.Fields(kind.May)
	for _, m := range l.Members {
		if !slices.Contains(always, m) && !slices.Contains(may, m) {
			return fmt.Errorf("pkg/audit/kinds.go: %s has no member %s, and the line has one", l.Event, m)
		}
	}
	for _, m := range always {
		if !slices.Contains(l.Members, m) {
			return fmt.Errorf("pkg/audit/kinds.go: %s always has the member %s, and the line has none", l.Event, m)
		}
	}
	return nil
}

// Kinds are the events by their names.
func Kinds() map[string]audit.Kind {
	kinds := map[string]audit.Kind{}
	for _, s := range audit.Sections() {
		for _, k := range s.Kinds {
			kinds[k.Name] = k
		}
	}
	return kinds
}

var noted sync.Map

// note adds the line to the file that Seen names, once in each process.
func (l Line) note() error {
	name := os.Getenv(Seen)
	text := strings.Join(append([]string{l.Event, l.Actor}, l.Members...), " ") + "\n"
	if _, again := noted.LoadOrStore(text, true); name == "" || again {
		return nil
	}
	file, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}
