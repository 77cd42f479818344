package dynamo_test

import (
	"context"
	"fmt"
	"github.com/google/uuid"
	"github.com/wavepass/wavepass/internal/tabletemplate"
	"github.com/wavepass/wavepass/internal/tabletemplate/tabletest"
	"github.com/wavepass/wavepass/pkg/store/dynamo"
	"github.com/wavepass/wavepass/pkg/store/storetest"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const template = "../../../template.yaml"

// TestConformance runs the suite on the real engine.
func TestConformance(t *testing.T) {
	endpoint := engine(t)
	for name, shards := range map[string]int{"one shard": 1, "three shards": 3} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T, now func() time.Time) storetest.Store {
				return open(t, dynamo.Config{Table: newTable(t, endpoint), Endpoint: endpoint, Shards: shards, Now: now, Patience: 10 * time.Second})
			})
		})
	}
}

// open returns a store with credentials that mean nothing.
func open(t *testing.T, cfg dynamo.Config) *dynamo.Store {
	t.Helper()
	cfg.Region = tabletemplate.Region
	cfg.Credentials = tabletemplate.Credentials
	store, err := dynamo.Open(cfg)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return store
}

// newTable creates the table of the template and deletes it when the test ends.
func newTable(t *testing.T, endpoint string) string {
	t.Helper()
	_, name := tabletest.New(t, endpoint, template)
	return name
}

func TestOpenSaysWhatIsMissing(t *testing.T) {
	for _, variable := range []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} {
		t.Setenv(variable, "")
	}
	for name, test := range map[string]struct {
		config dynamo.Config
		want   string
	}{
		"no table":        {dynamo.Config{Region: "r", Credentials: tabletemplate.Credentials}, "table"},
		"no region":       {dynamo.Config{Table: "t", Credentials: tabletemplate.Credentials}, "AWS_REGION"},
		"no credentials":  {dynamo.Config{Table: "t", Region: "r"}, "AWS_ACCESS_KEY_ID"},
		"negative shards": {dynamo.Config{Table: "t", Region: "r", Credentials: tabletemplate.Credentials, Shards: -1}, "shards"},
	} {
		if _, err := dynamo.Open(test.config); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error = %v, want one that names %q", name, err, test.want)
		}
	}
}

func TestOpenTakesRegionAndCredentialsFromTheEnvironment(t *testing.T) {
	t.Setenv("AWS_REGION", "eu-north-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_SESSION_TOKEN", "session")
	table := newFake(t)
	store, err := dynamo.Open(dynamo.Config{Table: "t", Endpoint: table.URL})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	if _, err := store.Since(t.Context(), time.Time{}); err != nil {
		t.Fatalf("Since: %v", err)
	}
	header := table.calls()[0].header
	if got, want := header.Get("Authorization"), "Credential=AKIDEXAMPLE/"; !strings.Contains(got, want) {
		t.Errorf("Authorization = %q, want %q in it", got, want)
	}
	if got, want := header.Get("Authorization"), "/eu-north-1/dynamodb/"; !strings.Contains(got, want) {
		t.Errorf("Authorization = %q, want %q in it", got, want)
	}
	if got := header.Get("X-Amz-Security-Token"); got != "session" {
		t.Errorf("X-Amz-Security-Token = %q, want %q", got, "session")
	}
}

func TestWarmedConnectionsServeTheFirstRequests(t *testing.T) {
	table := newFake(t)
	store := open(t, dynamo.Config{Table: "t", Endpoint: table.URL})
	if err := store.Warm(t.Context()); err != nil {
		t.Fatalf("Warm: %v", err)
	}
	dialled := table.dialled.Load()
	if dialled == 0 {
		t.Fatal("Warm has dialled no connection")
	}
	if _, err := store.Since(t.Context(), time.Time{}); err != nil {
		t.Fatalf("Since: %v", err)
	}
	if got := table.dialled.Load(); got != dialled {
		t.Errorf("the first request has dialled %d connections more, want 0", got-dialled)
	}
}

// TestWarmBeginsWithOneConnection, whose TLS session the others resume.
func TestWarmBeginsWithOneConnection(t *testing.T) {
	var mu sync.Mutex
	var happened []string
	note := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		happened = append(happened, what)
	}
	table := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		note("asked")
		_, _ = w.Write([]byte("healthy"))
	}))
	table.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			note("dialled")
		}
	}
	table.Start()
	t.Cleanup(table.Close)
	if err := open(t, dynamo.Config{Table: "t", Endpoint: table.URL}).Warm(t.Context()); err != nil {
		t.Fatalf("Warm: %v", err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(happened) < 4 || happened[0] != "dialled" || happened[1] != "asked" || !slices.Contains(happened[2:], "dialled") {
		t.Errorf("%v: want one connection whose question was answered, and then more", happened)
	}
}

func TestWarmReportsAnEndpointThatCannotBeReached(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	store := open(t, dynamo.Config{Table: "t", Endpoint: "http://" + address})
	if err := store.Warm(t.Context()); err == nil {
		t.Error("Warm: no error, though nobody listens")
	}
}

func TestEachCallIsToldOnceWithItsOperation(t *testing.T) {
	table, told := newFake(t), []string{}
	var mu sync.Mutex // the schema is read beside the account
	store := open(t, dynamo.Config{Table: "t", Endpoint: table.URL, Called: func(_ context.Context, operation string) func(error) {
		return func(err error) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, fmt.Sprint(operation, " ", err != nil))
		}
	}})
	if _, err := store.Since(t.Context(), time.Time{}); err != nil {
		t.Fatal(err)
	}
	_, _ = store.Account(t.Context(), uuid.New())
	ended, end := context.WithCancel(t.Context())
	end()
	_, _ = store.Account(ended, uuid.New())
	mu.Lock()
	defer mu.Unlock()
	if want := []string{"Query false", "GetItem false", "GetItem true"}; !slices.Equal(slices.Compact(told), want) {
		t.Errorf("told %q, want %q", told, want)
	}
}
