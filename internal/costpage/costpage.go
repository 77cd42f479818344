// Package costpage computes the tables of docs/cost.md out of the counted reads and writes of docs/capacity.md, so that the two pages cannot contradict each other.
package costpage

import (
	"fmt"
	"math"
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
	cpu    float64 // ms of a whole processor on x86_64, measured by bench/ and rounded up
	arm    float64 // the same on arm64, as far as it is known: only the password hash is known to differ
	calls  bool    // it is a request to the API; the authorizer is asked beside one that is paid for anyway
}

var operations = []operation{
	{"log in", 1769, 55, 55 * hashOnARM, true},
	{"refresh", 512, 0.8, 0.8, true},
	{"revoke a session, log out", 256, 0.6, 0.6, true},
	{"authorize, inside the staleness", 512, 0.22, 0.22, false},
	{"authorize, the log asked, nothing new in it", 512, 0.22, 0.22, false},
	{"authorize by cookie", 512, 0.2, 0.2, false},
}

const (
	hashOnARM = 1.6  // argon2 without its vector code, which arm64 does not have, over argon2 with it: at most, measured on x86_64
	wholeCore = 1769 // MB of memory with which a function has one processor; less has its share
	callTime  = 5.0  // ms, assumed: one question to the table, and as if they came one after the other
	invoking  = 1.0  // ms, assumed: what the runtime takes of an invocation
)

// unit is what an operation asks of the table.
type unit struct{ calls, reads, writes float64 }

var capacityRow = regexp.MustCompile(`(?m)^\| ([^|]+) \| (\d+) \| (\d+) \| (\d+) \| [0-9.]+ \|$`)

// counted reads the table of operations of docs/capacity.md.
func counted(page string) map[string]unit {
	units := map[string]unit{}
	for _, row := range capacityRow.FindAllStringSubmatch(page, -1) {
		calls, _ := strconv.ParseFloat(row[2], 64) // digits
		reads, _ := strconv.ParseFloat(row[3], 64)
		writes, _ := strconv.ParseFloat(row[4], 64)
		units[row[1]] = unit{calls, reads, writes}
	}
	return units
}

func (u unit) dollars() float64 { return u.reads*readUnits + u.writes*writeUnits }

// ms is how long the function runs, in whole milliseconds as they are billed.
func (o operation) ms(cpu float64, u unit) float64 {
	return math.Ceil(cpu*max(1, wholeCore/o.memory) + u.calls*callTime + invoking)
}

// function is the dollars for a million invocations.
func (o operation) function(ms, gbSecond float64) float64 {
	return invocations + o.memory/1024*ms/1000*gbSecond*1e6
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
	b.WriteString("| a million times | table | API Gateway | ms, arm64 | ms, x86_64 | function, arm64 | function, x86_64 | sum, arm64 | sum, x86_64 |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, o := range operations {
		u := units[o.row]
		t, msARM, msX86 := u.dollars(), o.ms(o.arm, u), o.ms(o.cpu, u)
		arm, x86 := o.function(msARM, gbSecondARM), o.function(msX86, gbSecondX86)
		fmt.Fprintf(&b, "| %s | %.2f | %.2f | %.0f | %.0f | %.2f | %.2f | **%.2f** | %.2f |\n", o.row, t, o.api(), msARM, msX86, arm, x86, t+o.api()+arm, t+o.api()+x86)
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
		u := units[o.row]
		return (u.dollars() + o.api() + o.function(o.ms(o.arm, u), gbSecondARM)) / 1e6
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
