package history_test

import (
	"maps"
	mathrand "math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/wavepass/wavepass/internal/tabletemplate"
	"github.com/wavepass/wavepass/internal/tabletemplate/tabletest"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/store/dynamo"
)

// TestManyClientsInMemory is the small form, which needs no engine.
func TestManyClientsInMemory(t *testing.T) {
	// Chance decides what happens in so short a history: what is missing in one happens in another.
	for range 4 {
		clock := testclock.New(start)
		w := play(t, plan{store: fakestore.New(clock.Now), clock: clock, seed: seed(t), operations: 4_000, clients: 64})
		if missing := w.missing(); len(missing) > 0 {
			t.Logf("another history, because of what never happened in this one: %q", missing)
			w.wantNoProblem(t)
			continue
		}
		report(t, w)
		return
	}
	t.Error("the histories prove too little")
}

func TestManyClientsOnDynamoDB(t *testing.T) {
	endpoint := os.Getenv("DYNAMODB_ENDPOINT")
	if endpoint == "" {
		t.Skip("DYNAMODB_ENDPOINT is not set: start DynamoDB Local and set it")
	}
	clock := testclock.New(start)
	store, _ := openDynamo(t, endpoint, endpoint, clock)
	w := play(t, plan{store: store, clock: clock, seed: seed(t), operations: 10_000, clients: 64})
	report(t, w)
}

// seed is new for each run. HISTORY_SEED repeats the choices of another; the order in which clients meet is
// the scheduler's.
func seed(t *testing.T) uint64 {
	t.Helper()
	seed := mathrand.Uint64()
	if given := os.Getenv("HISTORY_SEED"); given != "" {
		var err error
		if seed, err = strconv.ParseUint(given, 10, 64); err != nil {
			t.Fatalf("HISTORY_SEED: %v", err)
		}
	}
	t.Logf("HISTORY_SEED=%d", seed)
	return seed
}

// report fails for each problem, and for a history in which too little happened to prove anything.
func report(t *testing.T, w *world) {
	t.Helper()
	happened := w.happened()
	for _, name := range slices.Sorted(maps.Keys(happened)) {
		t.Logf("%5d %s", happened[name], name)
	}
	for _, name := range w.missing() {
		t.Errorf("%q never happened: the history proves too little", name)
	}
	if w.log.outages > int(w.operations/20) {
		t.Errorf("%d of %d operations failed because the table did: too many to prove anything", w.log.outages, w.operations)
	}
	w.wantNoProblem(t)
}

// missing is what never happened, and has to for a history to prove anything.
func (w *world) missing() (names []string) {
	happened := w.happened()
	for _, name := range []string{
		"login ok", "refresh ok", "refresh refused", "refresh unknown", "foreign refresh refused", "authorize ok", "authorize refused",
		"end ok", "end unknown", "end all ok", "end access token ok",
		audit.Refresh, audit.RaceReplay, audit.LateRetry, audit.ReuseDetected,
		string(dropped), string(replyLost), string(repeated), string(throttled), string(conflict), string(delayed),
	} {
		if happened[name] == 0 {
			names = append(names, name)
		}
	}
	return names
}

func (w *world) wantNoProblem(t *testing.T) {
	t.Helper()
	problems := w.problems()
	for i, p := range problems {
		if i == 10 {
			t.Errorf("and %d problems more", len(problems)-i)
			break
		}
		t.Errorf("%s, but: %s", p.rule, p.text)
	}
}

// happened counts operations by outcome, audit events and faults.
func (w *world) happened() map[string]int {
	n := map[string]int{"outages of the table": w.log.outages, "sessions": len(w.sessions())}
	for _, r := range w.log.records {
		n[string(r.in.kind)+" "+string(r.out.outcome)]++
	}
	for _, e := range w.events() {
		n[e.Name]++
	}
	for f, times := range w.faults.injected {
		n[string(f)] = times
	}
	return n
}

// openDynamo creates the table of the template at endpoint, which is deleted when the test ends, and opens it
// through another address of the same engine. It returns the table's name too.
func openDynamo(t testing.TB, endpoint, through string, clock *testclock.Clock) (*dynamo.Store, string) {
	t.Helper()
	_, name := tabletest.New(t, endpoint, "../../../template.yaml")
	return openTable(t, name, through, clock), name
}

func openTable(t testing.TB, name, through string, clock *testclock.Clock) *dynamo.Store {
	t.Helper()
	store, err := dynamo.Open(dynamo.Config{
		Table: name, Endpoint: through, Region: tabletemplate.Region, Credentials: tabletemplate.Credentials,
		Now: clock.Now, Patience: 10 * time.Second,
	})
	if err != nil {
		t.Fatalf("open the table: %v", err)
	}
	return store
}
