// Package costpage computes the tables of docs/cost.md out of the counted reads and writes of docs/capacity.md, so that the two pages cannot contradict each other.
package costpage

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Prices in dollars, us-east-1, without free tiers; docs/cost.md says where they are from.
const (
	writeUnits   = 0.625        // a million
	readUnits    = 0.125        // a million
	gateway      = 1.00         // a million requests of an HTTP API
	invocations  = 0.20         // a million
	gbSecondX86  = 0.0000166667 // of a function
	gbSecondARM  = 0.0000133334
	tableStorage = 0.45 // a GB and month, with point-in-time recovery
)

// operation is a row of the page: what docs/capacity.md calls it, and the function that does it.
type operation struct {
	row    string
	memory float64 // MB, as template.yaml has it
	ms     float64 // assumed
	calls  bool    // it is a request to the API; the authorizer is asked beside one that is paid for anyway
}

var operations = []operation{
	{"log in", 1769, 80, true},
	{"refresh", 512, 15, true},
	{"revoke a session, log out", 256, 15, true},
	{"authorize, inside the staleness", 512, 5, false},
	{"authorize, the log asked, nothing new in it", 512, 10, false},
	{"authorize by cookie", 512, 15, false},
}

// unit is what an operation asks of the table.
type unit struct{ reads, writes float64 }

var capacityRow = regexp.MustCompile(`(?m)^\| ([^|]+) \| \d+ \| (\d+) \| (\d+) \| [0-9.]+ \|$`)

// counted reads the table of operations of docs/capacity.md.
func counted(page string) map[string]unit {
	units := map[string]unit{}
	for _, row := range capacityRow.FindAllStringSubmatch(page, -1) {
		reads, _ := strconv.ParseFloat(row[2], 64) // digits
		writes, _ := strconv.ParseFloat(row[3], 64)
		units[row[1]] = unit{reads, writes}
	}
	return units
}

func (u unit) dollars() float64 { return u.reads*readUnits + u.writes*writeUnits }

// function is the dollars for a million invocations.
func (o operation) function(gbSecond float64) float64 {
	return invocations + o.memory/1024*o.ms/1000*gbSecond*1e6
}

func (o operation) api() float64 {
	if o.calls {
		return gateway
	}
	return 0
}

// perMillion is the first table.
func perMillion(units map[string]unit) string {
	var b strings.Builder
	b.WriteString("| a million times | table | API Gateway | function, arm64 | function, x86_64 | sum, arm64 | sum, x86_64 |\n|---|---|---|---|---|---|---|\n")
	for _, o := range operations {
		t, arm, x86 := units[o.row].dollars(), o.function(gbSecondARM), o.function(gbSecondX86)
		fmt.Fprintf(&b, "| %s | %.2f | %.2f | %.2f | %.2f | **%.2f** | %.2f |\n", o.row, t, o.api(), arm, x86, t+o.api()+arm, t+o.api()+x86)
	}
	return b.String()
}

// What each person does in a month, as docs/capacity.md assumes it.
const (
	loginsAMonth    = 1
	refreshesAMonth = 240
	requestsAMonth  = 60 * 2 * 30
	bytesAPerson    = 982
)

// aMonth is the second table. All by token; the reads of the log are in docs/capacity.md.
func aMonth(units map[string]unit) string {
	var b strings.Builder
	b.WriteString("| people | log in, log out | refresh | authorize | storage | sum | a person |\n|---|---|---|---|---|---|---|\n")
	cost := func(i int) float64 {
		o := operations[i]
		return (units[o.row].dollars() + o.api() + o.function(gbSecondARM)) / 1e6
	}
	for _, people := range []float64{1_000, 10_000, 100_000, 1_000_000, 10_000_000} {
		logins := people * loginsAMonth * (cost(0) + cost(2))
		refreshes := people * refreshesAMonth * cost(1)
		requests := people * requestsAMonth * cost(3)
		storage := people * bytesAPerson / 1e9 * tableStorage
		sum := logins + refreshes + requests + storage
		fmt.Fprintf(&b, "| %s | %.2f | %.2f | %.2f | %.2f | **%.2f** | %.5f |\n", thousands(people), logins, refreshes, requests, storage, sum, sum/people)
	}
	return b.String()
}

func thousands(x float64) string {
	s := strconv.Itoa(int(x))
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// write puts the tables into the page, each in place of the one between its marks.
func write(page, capacity string) (string, error) {
	units := counted(capacity)
	for _, o := range operations {
		if _, there := units[o.row]; !there {
			return "", fmt.Errorf("docs/capacity.md has no operation %q", o.row)
		}
	}
	for mark, table := range map[string]string{"a million": perMillion(units), "a month": aMonth(units)} {
		begin, end := "<!-- "+mark+" -->\n", "<!-- end -->"
		before, rest, found := strings.Cut(page, begin)
		_, after, found2 := strings.Cut(rest, end)
		if !found || !found2 {
			return "", fmt.Errorf("docs/cost.md has no marks for %q", mark)
		}
		page = before + begin + table + end + after
	}
	return page, nil
}
