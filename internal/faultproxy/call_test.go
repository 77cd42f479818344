package faultproxy_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/internal/faultproxy"
)

func TestRecordSaysWhatWasTouched(t *testing.T) {
	for _, test := range []struct {
		operation, body string
		want            []faultproxy.Access
		writes          bool
		consistent      bool
	}{
		{"GetItem", getSession, []faultproxy.Access{{Action: "GetItem", Key: "SESSIONS#1"}}, false, true},
		{"PutItem", putKeys, []faultproxy.Access{{Action: "PutItem", Key: "KEYRING#PUBLIC"}}, true, false},
		{"Query", query, []faultproxy.Access{{Action: "Query", Key: "REVOCATION#0"}}, false, false},
		{"TransactWriteItems", transact, []faultproxy.Access{
			{Action: "UpdateItem", Key: "SESSIONS#1"}, {Action: "PutItem", Key: "REVOCATION#0"}, {Action: "ConditionCheckItem", Key: "ACCOUNT#1"},
		}, true, false},
		{"DeleteItem", "not JSON", []faultproxy.Access{{Action: "DeleteItem", Key: ""}}, true, false},
	} {
		p, _ := start(t)
		want(t, p, test.operation, test.body, 200, "1")
		calls := p.Calls()
		if len(calls) != 1 {
			t.Fatalf("%s: %d calls recorded, want 1", test.operation, len(calls))
		}
		got := calls[0]
		if diff := cmp.Diff(test.want, got.Accesses); diff != "" {
			t.Errorf("%s %s: (-want +got)\n%s", test.operation, test.body, diff)
		}
		if got.Writes() != test.writes || got.Consistent != test.consistent {
			t.Errorf("%s: writes %v, consistent %v; want %v, %v", test.operation, got.Writes(), got.Consistent, test.writes, test.consistent)
		}
		if got.Start.IsZero() || got.End.Before(got.Start) {
			t.Errorf("%s: from %s to %s", test.operation, got.Start, got.End)
		}
		p.Forget()
		if left := p.Calls(); len(left) != 0 {
			t.Errorf("after Forget: %d calls, want 0", len(left))
		}
	}
}

func TestRecordSaysWhichAttributesAWriteNames(t *testing.T) {
	const update = `"Key":{"pk":{"S":"ACCOUNT#1"},"sk":{"S":"ACCOUNT"}},"UpdateExpression":"SET #hash = :hash, epoch = if_not_exists(epoch, :to) REMOVE old",` +
		`"ConditionExpression":"attribute_not_exists(revoked_at) AND (late = :old OR NOT begins_with(kind, :to))",` +
		`"ExpressionAttributeNames":{"#hash":"hash"},"ExpressionAttributeValues":{":hash":{"S":"x"},":to":{"N":"7"}}`
	updated := []string{"epoch", "hash", "kind", "late", "old", "pk", "revoked_at", "sk"}
	for _, test := range []struct {
		operation, body string
		want            []string
	}{
		{"UpdateItem", "{" + update + "}", updated},
		{"PutItem", putKeys, []string{"pk", "sk", "version"}},
		{"TransactWriteItems", `{"TransactItems":[{"Update":{` + update + `}},{"Put":` + putKeys + `}]}`, append(updated, "version")},
		{"GetItem", getSession, nil},
		{"Query", query, nil},
	} {
		p, _ := start(t)
		want(t, p, test.operation, test.body, 200, "1")
		if diff := cmp.Diff(test.want, p.Calls()[0].Attributes); diff != "" {
			t.Errorf("%s %s: (-want +got)\n%s", test.operation, test.body, diff)
		}
	}
}

func TestRoundTripsAreTheLongestChain(t *testing.T) {
	base := time.Now()
	// Each call is given as its start and end.
	for name, test := range map[string]struct {
		calls [][2]int
		want  int
	}{
		"none":                    {nil, 0},
		"one":                     {[][2]int{{0, 5}}, 1},
		"one after the other":     {[][2]int{{0, 5}, {6, 9}}, 2},
		"at once":                 {[][2]int{{0, 5}, {1, 6}, {2, 4}}, 1},
		"beside two":              {[][2]int{{0, 9}, {1, 4}, {5, 8}}, 2},
		"in another order":        {[][2]int{{10, 15}, {0, 20}, {0, 5}, {6, 9}}, 3},
		"a staircase":             {[][2]int{{0, 4}, {3, 7}, {6, 10}, {9, 12}}, 2},
		"end and start touch":     {[][2]int{{0, 5}, {5, 9}}, 1},
		"two trips of three each": {[][2]int{{0, 5}, {0, 6}, {1, 7}, {8, 9}, {8, 12}, {9, 11}}, 2},
	} {
		var calls []faultproxy.Call
		for _, c := range test.calls {
			calls = append(calls, faultproxy.Call{
				Start: base.Add(time.Duration(c[0]) * time.Millisecond), End: base.Add(time.Duration(c[1]) * time.Millisecond),
			})
		}
		if got := faultproxy.RoundTrips(calls); got != test.want {
			t.Errorf("%s: %v are %d round trips, want %d", name, test.calls, got, test.want)
		}
	}
}

// TestCallsOneAfterAnotherNeverSeemToOverlap would fail by chance, not always, if a call ended in the record
// after its caller had the answer.
func TestCallsOneAfterAnotherNeverSeemToOverlap(t *testing.T) {
	p, _ := start(t)
	const calls = 200
	for range calls {
		want(t, p, "GetItem", getSession, 200, "")
	}
	if got := faultproxy.RoundTrips(p.Calls()); got != calls {
		t.Errorf("%d calls one after another are %d round trips, want as many", calls, got)
	}
}

func TestDelayedCallsAtOnceAreOneRoundTrip(t *testing.T) {
	p, _ := start(t)
	p.Inject(faultproxy.Rule{Fault: faultproxy.Delay(20 * time.Millisecond)})
	best := 5
	for range 5 {
		p.Forget()
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() { want(t, p, "GetItem", getSession, 200, "") })
		}
		wg.Wait()
		best = min(best, faultproxy.RoundTrips(p.Calls()))
	}
	if best != 1 {
		t.Errorf("5 calls at once are %d round trips at best, want 1", best)
	}
}
