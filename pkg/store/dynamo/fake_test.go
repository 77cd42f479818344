package dynamo_test

import (
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// fake is a DynamoDB endpoint that keeps what it is sent: unconditional puts and reads of single items. A
// test that wants another answer sets one for the operation.
type fake struct {
	*httptest.Server
	dialled atomic.Int64

	mu      sync.Mutex
	seen    []call
	items   map[string]map[string]any // pk + sk → item
	answers map[string]answer         // operation → answer
}

// call is one request as it came: operation and decoded body.
type call struct {
	operation string
	header    http.Header
	body      map[string]any
}

// answer gets the request and how many of its operation came before.
type answer func(w http.ResponseWriter, c call, before int)

func newFake(t *testing.T) *fake {
	f := &fake{items: map[string]map[string]any{}, answers: map[string]answer{}}
	f.Server = httptest.NewUnstartedServer(f)
	f.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			f.dialled.Add(1)
		}
	}
	f.Start()
	t.Cleanup(f.Close)
	return f
}

// on sets the answer to an operation.
func (f *fake) on(operation string, a answer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers[operation] = a
}

func (f *fake) calls() []call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen
}

// last is the newest request.
func (f *fake) last(t *testing.T) call {
	t.Helper()
	calls := f.calls()
	if len(calls) == 0 {
		t.Fatal("nothing was asked")
	}
	return calls[len(calls)-1]
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	target := r.Header.Get("X-Amz-Target")
	if target == "" {
		_, _ = io.WriteString(w, "healthy") // as DynamoDB answers to Warm
		return
	}
	c := call{operation: strings.TrimPrefix(target, "DynamoDB_20120810."), header: r.Header}
	raw, err := io.ReadAll(r.Body)
	if err != nil || json.Unmarshal(raw, &c.body) != nil {
		refuse(w, "SerializationException")
		return
	}
	if at, _ := c.body["Key"].(map[string]any); at != nil && strings.HasPrefix(keyText(at), "SCHEMA") {
		reply(w, map[string]any{}) // it may be read beside anything else, so it is neither counted nor faulty
		return
	}
	f.mu.Lock()
	before := 0
	for _, earlier := range f.seen {
		if earlier.operation == c.operation {
			before++
		}
	}
	f.seen = append(f.seen, c)
	a := f.answers[c.operation]
	f.mu.Unlock()
	if a == nil {
		a = f.keep
	}
	a(w, c, before)
}

// keep is the answer to operations that have no other.
func (f *fake) keep(w http.ResponseWriter, c call, _ int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := map[string]any{}
	switch c.operation {
	case "PutItem":
		f.put(c.body["Item"])
	case "TransactWriteItems":
		for _, write := range c.body["TransactItems"].([]any) {
			if put, ok := write.(map[string]any)["Put"].(map[string]any); ok {
				f.put(put["Item"])
			}
		}
	case "GetItem":
		if found, ok := f.items[keyText(c.body["Key"])]; ok {
			out["Item"] = found
		}
	}
	reply(w, out)
}

func (f *fake) put(it any) {
	f.items[keyText(it)] = it.(map[string]any)
}

// damage changes every stored item.
func (f *fake) damage(change func(it map[string]any)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key, it := range f.items {
		it = maps.Clone(it)
		change(it)
		f.items[key] = it
	}
}

// keyText is the key of an item as one text. Keys never hold a NUL.
func keyText(it any) string {
	return attribute(it, "pk") + "\x00" + attribute(it, "sk")
}

// attribute is the value of a string, number or binary attribute as it was on the wire; empty when missing.
func attribute(it any, name string) string {
	typed, _ := it.(map[string]any)[name].(map[string]any)
	for _, kind := range []string{"S", "N", "B"} {
		if value, ok := typed[kind].(string); ok {
			return value
		}
	}
	return ""
}

func reply(w http.ResponseWriter, out any) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	_ = json.NewEncoder(w).Encode(out)
}

// refuse answers with an error as DynamoDB forms it.
func refuse(w http.ResponseWriter, code string, members ...map[string]any) {
	out := map[string]any{"__type": "com.amazonaws.dynamodb.v20120810#" + code, "message": "as the test wants it"}
	for _, more := range members {
		maps.Copy(out, more)
	}
	status := http.StatusBadRequest
	if code == "InternalServerError" {
		status = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(out)
}

// cancelled is the member of a TransactionCanceledException that says why, one code per write.
func cancelled(codes ...string) map[string]any {
	reasons := make([]map[string]any, len(codes))
	for i, code := range codes {
		reasons[i] = map[string]any{"Code": code}
	}
	return map[string]any{"CancellationReasons": reasons}
}

// hangUp ends the connection without an answer.
func hangUp(w http.ResponseWriter) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		_ = conn.Close()
	}
}
