package faultproxy_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/internal/faultproxy"
)

// upstream answers every call with the number of calls that it has seen.
type upstream struct {
	*httptest.Server
	seen atomic.Int64
}

func start(t *testing.T) (*faultproxy.Proxy, *upstream) {
	t.Helper()
	up := &upstream{}
	up.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Echo", r.Header.Get("X-Amz-Target")+" "+string(body))
		_, _ = io.WriteString(w, strconv.FormatInt(up.seen.Add(1), 10))
	}))
	t.Cleanup(up.Close)
	return faultproxy.Start(t, up.URL), up
}

// call sends a request and returns the status and body of its answer.
func call(ctx context.Context, p *faultproxy.Proxy, operation, body string) (int, string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	if operation != "" {
		r.Header.Set("X-Amz-Target", "DynamoDB_20120810."+operation)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = answer.Body.Close() }()
	read, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(read), err
}

// want reports a call that is answered otherwise; a status of 0 means no answer at all.
func want(t *testing.T, p *faultproxy.Proxy, operation, body string, status int, text string) {
	t.Helper()
	gotStatus, got, err := call(t.Context(), p, operation, body)
	if gotStatus != status || (err != nil) != (status == 0) || !strings.Contains(got, text) {
		t.Errorf("%s %s: %d %q, error %v; want %d with %q in it", operation, body, gotStatus, got, err, status, text)
	}
}

const (
	getSession = `{"Key":{"pk":{"S":"SESSIONS#1"},"sk":{"S":"a"}},"ConsistentRead":true}`
	putKeys    = `{"Item":{"pk":{"S":"KEYRING#PUBLIC"},"sk":{"S":"KEYRING"},"version":{"N":"1"}}}`
	transact   = `{"TransactItems":[{"Update":{"Key":{"pk":{"S":"SESSIONS#1"},"sk":{"S":"a"}}}},` +
		`{"Put":{"Item":{"pk":{"S":"REVOCATION#0"},"sk":{"S":"b"}}}},{"ConditionCheck":{"Key":{"pk":{"S":"ACCOUNT#1"}}}}]}`
	query = `{"KeyConditionExpression":"pk = :shard AND sk >= :from",` +
		`"ExpressionAttributeValues":{":from":{"S":"7"},":shard":{"S":"REVOCATION#0"}}}`
)

func TestCallsPassUnchanged(t *testing.T) {
	p, up := start(t)
	r, err := http.NewRequest(http.MethodPost, p.URL+"/", strings.NewReader(getSession))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", "DynamoDB_20120810.GetItem")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if got, want := answer.Header.Get("X-Echo"), "DynamoDB_20120810.GetItem "+getSession; got != want {
		t.Errorf("the upstream got %q, want %q", got, want)
	}
	want(t, p, "", "", 200, "2")
	if got := len(p.Calls()); up.seen.Load() != 2 || got != 1 {
		t.Errorf("%d requests passed and %d calls recorded, want 2 and 1: dialling is no call", up.seen.Load(), got)
	}
}

func TestFaults(t *testing.T) {
	for name, test := range map[string]struct {
		fault     faultproxy.Fault
		operation string
		status    int
		text      string
		reached   int64 // calls that the table has seen
	}{
		"drop request":         {faultproxy.DropRequest, "PutItem", 0, "", 0},
		"drop response":        {faultproxy.DropResponse, "PutItem", 0, "", 1},
		"delay":                {faultproxy.Delay(time.Millisecond), "PutItem", 200, "1", 1},
		"throttle":             {faultproxy.Throttle, "PutItem", 400, "ProvisionedThroughputExceededException", 0},
		"internal error":       {faultproxy.InternalError, "PutItem", 500, "InternalServerError", 0},
		"access denied":        {faultproxy.AccessDenied, "PutItem", 400, "AccessDeniedException", 0},
		"table missing":        {faultproxy.TableMissing, "PutItem", 400, "ResourceNotFoundException", 0},
		"conflict":             {faultproxy.Conflict, "PutItem", 400, "TransactionConflictException", 0},
		"conflict, cancelled":  {faultproxy.Conflict, "TransactWriteItems", 400, `[{"Code":"TransactionConflict"},{"Code":"None"},{"Code":"None"}]`, 0},
		"stale, never read":    {faultproxy.Stale, "GetItem", 200, "1", 1},
		"one of a test's own ": {func(e *faultproxy.Exchange) { e.Reply(faultproxy.Response{Status: 418}) }, "PutItem", 418, "", 0},
	} {
		p, up := start(t)
		p.Inject(faultproxy.Rule{Fault: test.fault, Times: 1})
		body := putKeys
		if test.operation == "TransactWriteItems" {
			body = transact
		}
		gotStatus, got, err := call(t.Context(), p, test.operation, body)
		if gotStatus != test.status || (err != nil) != (test.status == 0) || !strings.Contains(got, test.text) {
			t.Errorf("%s: %d %q, error %v; want %d with %q in it", name, gotStatus, got, err, test.status, test.text)
		}
		if up.seen.Load() != test.reached {
			t.Errorf("%s: %d calls reached the table, want %d", name, up.seen.Load(), test.reached)
		}
		if calls := p.Calls(); len(calls) != 1 || calls[0].Operation != test.operation {
			t.Errorf("%s: recorded %+v, want one %s", name, calls, test.operation)
		}
		want(t, p, "PutItem", body, 200, strconv.FormatInt(test.reached+1, 10))
	}
}

func TestCallsOfKMSAreToldApartByTheirPurpose(t *testing.T) {
	p, _ := start(t)
	p.Inject(faultproxy.Rule{Key: "SIGNING", Fault: faultproxy.Refuse(http.StatusBadRequest, "DisabledException")})
	for purpose, status := range map[string]int{"SIGNING": 400, "REFRESH": 200} {
		p.Forget()
		r, err := http.NewRequest(http.MethodPost, p.URL, strings.NewReader(`{"EncryptionContext":{"wavepass:purpose":"`+purpose+`"}}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Amz-Target", "TrentService.Decrypt")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if answer.StatusCode != status || status == 400 && !strings.Contains(string(body), `"__type":"DisabledException"`) {
			t.Errorf("%s: %d %s, want %d", purpose, answer.StatusCode, body, status)
		}
		want := []faultproxy.Access{{Action: "Decrypt", Key: purpose}}
		if calls := p.Calls(); len(calls) != 1 || cmp.Diff(want, calls[0].Accesses) != "" {
			t.Errorf("%s: recorded %+v, want one with %v", purpose, calls, want)
		}
	}
}

func TestHangLastsUntilTheCallerGivesUp(t *testing.T) {
	p, up := start(t)
	p.Inject(faultproxy.Rule{Fault: faultproxy.Hang})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if status, _, err := call(ctx, p, "GetItem", getSession); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a hanging call: %d, error %v; want the caller's own deadline", status, err)
	}
	if up.seen.Load() != 0 {
		t.Errorf("%d calls reached the table, want 0", up.seen.Load())
	}
}

func TestStaleReadIsTheOneBefore(t *testing.T) {
	p, _ := start(t)
	getSession := strings.Replace(getSession, `"ConsistentRead":true`, `"ConsistentRead":false`, 1)
	other := strings.Replace(getSession, "SESSIONS#1", "SESSIONS#2", 1)
	want(t, p, "GetItem", getSession, 200, "1")
	want(t, p, "Query", query, 200, "2")
	want(t, p, "GetItem", getSession, 200, "3")
	p.Inject(faultproxy.Rule{Fault: faultproxy.Stale})
	want(t, p, "GetItem", getSession, 200, "3")
	want(t, p, "GetItem", getSession, 200, "3")
	want(t, p, "GetItem", other, 200, "4")
	want(t, p, "GetItem", other, 200, "4")
	want(t, p, "Query", strings.Replace(query, `"7"`, `"8"`, 1), 200, "2")
	p.Heal()
	want(t, p, "GetItem", getSession, 200, "5")
}

func TestConsistentReadIsNeverStale(t *testing.T) {
	p, _ := start(t)
	query := strings.Replace(query, "{", `{"ConsistentRead":true,`, 1)
	want(t, p, "GetItem", getSession, 200, "1")
	want(t, p, "Query", query, 200, "2")
	p.Inject(faultproxy.Rule{Fault: faultproxy.Stale})
	want(t, p, "GetItem", getSession, 200, "3")
	want(t, p, "Query", query, 200, "4")
	want(t, p, "PutItem", putKeys, 200, "5")
}

func TestRulesFitByOperationKeyAndCount(t *testing.T) {
	broken, whole := 400, 200
	for name, test := range map[string]struct {
		rule  faultproxy.Rule
		calls []string // operations
		want  []int
	}{
		"every call":      {faultproxy.Rule{}, []string{"GetItem", "PutItem"}, []int{broken, broken}},
		"operation":       {faultproxy.Rule{Operation: "PutItem"}, []string{"GetItem", "PutItem", "PutItem"}, []int{whole, broken, broken}},
		"times":           {faultproxy.Rule{Times: 2}, []string{"GetItem", "GetItem", "GetItem"}, []int{broken, broken, whole}},
		"skip":            {faultproxy.Rule{Skip: 1, Times: 1}, []string{"GetItem", "GetItem", "GetItem"}, []int{whole, broken, whole}},
		"skip counts own": {faultproxy.Rule{Operation: "PutItem", Skip: 1}, []string{"GetItem", "PutItem", "GetItem", "PutItem"}, []int{whole, whole, whole, broken}},
		"key":             {faultproxy.Rule{Key: "KEYRING#"}, []string{"GetItem", "PutItem"}, []int{whole, broken}},
		"key of a part":   {faultproxy.Rule{Key: "REVOCATION#"}, []string{"TransactWriteItems", "PutItem"}, []int{broken, whole}},
		"another key":     {faultproxy.Rule{Key: "LOGIN#"}, []string{"GetItem", "PutItem"}, []int{whole, whole}},
	} {
		p, _ := start(t)
		test.rule.Fault = faultproxy.Throttle
		p.Inject(test.rule)
		var got []int
		for _, operation := range test.calls {
			status, _, _ := call(t.Context(), p, operation, map[string]string{
				"GetItem": getSession, "PutItem": putKeys, "TransactWriteItems": transact,
			}[operation])
			got = append(got, status)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %v (-want +got)\n%s", name, test.calls, diff)
		}
	}
}

func TestFirstRuleDecides(t *testing.T) {
	p, _ := start(t)
	p.Inject(faultproxy.Rule{Times: 1, Fault: faultproxy.Throttle})
	p.Inject(faultproxy.Rule{Fault: faultproxy.InternalError})
	want(t, p, "GetItem", getSession, 400, "")
	want(t, p, "GetItem", getSession, 500, "")
}
