package history_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// meter stands before the engine and asks it, for every call, what the call consumes.
type meter struct {
	url string

	mu   sync.Mutex
	used usage
}

// usage is in calls, and in read and write units as DynamoDB bills them.
type usage struct {
	calls         int
	reads, writes float64
}

func newMeter(t testing.TB, endpoint string) *meter {
	t.Helper()
	target, err := url.Parse(endpoint)
	if err != nil {
		t.Fatalf("address %q: %v", endpoint, err)
	}
	m := &meter{}
	proxy := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: m.read,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proxy.ServeHTTP(w, ask(r))
	}))
	t.Cleanup(server.Close)
	m.url = server.URL
	return m
}

// take returns what was used since it was asked last.
func (m *meter) take() usage {
	m.mu.Lock()
	defer m.mu.Unlock()
	used := m.used
	m.used = usage{}
	return used
}

// transactItems is the key of a request's context for how many items it reads or writes in a transaction.
type transactItems struct{}

// ask has the engine add the consumed capacity to its answer. DynamoDB Local checks no signature.
func ask(r *http.Request) *http.Request {
	body, _ := io.ReadAll(r.Body)
	var request struct{ TransactItems []json.RawMessage }
	_ = json.Unmarshal(body, &request)
	if rest, isObject := bytes.CutPrefix(body, []byte("{")); isObject {
		body = append([]byte(`{"ReturnConsumedCapacity":"TOTAL",`), rest...)
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.Header.Del("Content-Length")
	return r.WithContext(context.WithValue(r.Context(), transactItems{}, len(request.TransactItems)))
}

func (m *meter) read(response *http.Response) error {
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	var answer struct {
		ConsumedCapacity struct{ CapacityUnits float64 }
	}
	// A write whose condition failed does not say what it consumed. It is billed by the item that it met, and
	// those here are smaller than 1 KB.
	units := 1.0
	switch items, _ := response.Request.Context().Value(transactItems{}).(int); {
	case items > 0:
		units = float64(2 * items) // DynamoDB bills each item twice; the local engine says 2, however many there are
	case json.Unmarshal(body, &answer) == nil && answer.ConsumedCapacity.CapacityUnits > 0:
		units = answer.ConsumedCapacity.CapacityUnits
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used.calls++
	switch operation := response.Request.Header.Get("X-Amz-Target"); {
	case slices.ContainsFunc([]string{".GetItem", ".Query", ".TransactGetItems"}, func(name string) bool { return strings.HasSuffix(operation, name) }):
		m.used.reads += units
	default:
		m.used.writes += units
	}
	return nil
}
