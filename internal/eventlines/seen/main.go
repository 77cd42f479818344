// The command seen lists what pkg/audit says of events and no test has caused: an event, one of its members, or one of its actors where it has several.
// Tests write what they cause into the file that the environment variable EVENTS_SEEN names:
//
//	EVENTS_SEEN=/tmp/events go test ./... && go run ./internal/eventlines/seen /tmp/events
package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/wavepass/wavepass/internal/eventlines"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "seen: want the file that the tests have written")
		os.Exit(2)
	}
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "seen:", err)
		os.Exit(2)
	}
	unseen := missing(string(text))
	for _, one := range unseen {
		fmt.Fprintln(os.Stderr, "no test has caused: "+one)
	}
	if len(unseen) > 0 {
		os.Exit(1)
	}
	fmt.Printf("tests have caused each of %d events, with each member that it can have\n", len(eventlines.Kinds()))
}

// missing is what there is of events and not in the lines.
func missing(lines string) (unseen []string) {
	events, seen := map[string]bool{}, map[[2]string]bool{}
	for line := range strings.Lines(lines) {
		words := strings.Split(strings.TrimSuffix(line, "\n"), " ")
		events[words[0]] = true
		for _, word := range words[1:] { // the actor and the members
			seen[[2]string{words[0], word}] = true
		}
	}
	for name, k := range eventlines.Kinds() {
		if !events[name] {
			unseen = append(unseen, name)
			continue
		}
		want := strings.Fields(k.Always + " " + k.May)
		if by := strings.Fields(k.By); len(by) > 1 { // one that is alone is the gateway's to give
			want = append(want, by...)
		}
		for _, word := range want {
			if !seen[[2]string{name, word}] {
				unseen = append(unseen, name+" with "+word)
			}
		}
	}
	slices.Sort(unseen)
	return unseen
}
