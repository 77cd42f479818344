package client_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
)

var (
	ctx   = context.Background()
	start = time.Unix(1_782_900_000, 0).UTC()
)

type fakeStore struct {
	mu      sync.Mutex
	clients map[string]client.Client
	reads   int
	err     error
	during  func()
}

func (s *fakeStore) Client(_ context.Context, id string) (client.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	if s.during != nil {
		s.during()
	}
	if s.err != nil {
		return client.Client{}, s.err
	}
	c, ok := s.clients[id]
	if !ok {
		return client.Client{}, client.ErrUnknown
	}
	return c, nil
}

// fixture is a registry over a store with the client app, and the clock that it looks at.
type fixture struct {
	store    *fakeStore
	registry *client.Registry
	mu       sync.Mutex
	at       time.Time
}

func newFixture(at time.Time) *fixture {
	f := &fixture{store: &fakeStore{clients: map[string]client.Client{"app": {ID: "app", Kind: client.Native}}}, at: at}
	f.registry = client.NewRegistry(f.store, func() time.Time {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.at
	})
	return f
}

func (f *fixture) find(t *testing.T, id string, reads int) client.Client {
	t.Helper()
	c, err := f.registry.Find(ctx, id)
	if err != nil || c.ID != id {
		t.Fatalf("Find(%s) = %q, error %v", id, c.ID, err)
	}
	if f.store.reads != reads {
		t.Errorf("the store was read %d times, want %d", f.store.reads, reads)
	}
	return c
}

func TestKnownClientCostsOneReadingAMinute(t *testing.T) {
	f := newFixture(start)
	f.find(t, "app", 1)
	f.at = f.at.Add(time.Minute - 1)
	f.find(t, "app", 1)
	f.at = f.at.Add(1)
	f.find(t, "app", 2)
	f.at = f.at.Add(time.Minute - 1)
	f.find(t, "app", 2)
}

func TestChangeCountsAfterAMinute(t *testing.T) {
	f := newFixture(start)
	f.find(t, "app", 1)
	f.store.clients["app"] = client.Client{ID: "app", Kind: client.Browser}
	if c := f.find(t, "app", 1); c.Kind != client.Native {
		t.Errorf("kind %s inside the minute, want the one that was read", c.Kind)
	}
	f.at = f.at.Add(time.Minute)
	if c := f.find(t, "app", 2); c.Kind != client.Browser {
		t.Errorf("kind %s after the minute, want the new one", c.Kind)
	}
	delete(f.store.clients, "app")
	f.at = f.at.Add(time.Minute)
	if _, err := f.registry.Find(ctx, "app"); !errors.Is(err, client.ErrUnknown) {
		t.Errorf("a client that has gone: got error %v, want ErrUnknown", err)
	}
}

func TestAgeCountsFromBeforeTheReading(t *testing.T) {
	f := newFixture(start)
	f.store.during = func() { f.at = f.at.Add(10 * time.Second) }
	f.find(t, "app", 1)
	f.store.during = nil
	f.at = f.at.Add(50 * time.Second)
	f.find(t, "app", 2)
}

func TestClockSetBackMakesTheHeldClientOld(t *testing.T) {
	f := newFixture(start)
	f.find(t, "app", 1)
	f.at = f.at.Add(-1)
	f.find(t, "app", 2)
}

// While a function is frozen its monotonic clock stands still. Such a time cannot be made with the public
// interface of package time.
func TestFrozenFunctionReadsTheClientWhenItWakes(t *testing.T) {
	asleep := time.Now()
	f := newFixture(asleep)
	f.find(t, "app", 1)
	type layout struct {
		wall uint64
		ext  int64
		loc  *time.Location
	}
	f.at = asleep.Add(time.Minute)
	(*layout)(unsafe.Pointer(&f.at)).ext = (*layout)(unsafe.Pointer(&asleep)).ext
	if mono, wall := f.at.Sub(asleep), f.at.Round(0).Sub(asleep.Round(0)); mono != 0 || wall != time.Minute {
		t.Fatalf("moved the monotonic clock by %s and the wall clock by %s, want 0 and 1m", mono, wall)
	}
	f.find(t, "app", 2)
}

func TestUnknownIDsAreNotRemembered(t *testing.T) {
	f := newFixture(start)
	for i := range 3 {
		if _, err := f.registry.Find(ctx, "later"); !errors.Is(err, client.ErrUnknown) {
			t.Errorf("got error %v, want ErrUnknown", err)
		}
		if f.store.reads != i+1 {
			t.Errorf("the store was read %d times, want %d", f.store.reads, i+1)
		}
	}
	f.store.clients["later"] = client.Client{ID: "later"}
	f.find(t, "later", 4) // known from the moment on which it is registered
}

func TestIDsThatNobodyCanHaveAreNotAskedFor(t *testing.T) {
	f := newFixture(start)
	for _, id := range []string{"", "App", "a#b", "app\n", " app", "a b", "1", "ä", strings.Repeat("a", 65), strings.Repeat("a", 1<<20)} {
		if _, err := f.registry.Find(ctx, id); !errors.Is(err, client.ErrUnknown) {
			t.Errorf("Find(%.20q): got error %v, want ErrUnknown", id, err)
		}
	}
	if f.store.reads != 0 {
		t.Errorf("the store was read %d times, want never", f.store.reads)
	}
}

func TestOutageIsNotAnUnknownClient(t *testing.T) {
	f := newFixture(start)
	f.store.err = fmt.Errorf("%w: throttled", oauth.ErrUnavailable)
	for range 2 {
		_, err := f.registry.Find(ctx, "app")
		if !errors.Is(err, oauth.ErrUnavailable) || errors.Is(err, client.ErrUnknown) {
			t.Errorf("got error %v, want ErrUnavailable and not ErrUnknown", err)
		}
	}
	f.store.err = nil
	f.find(t, "app", 3)

	f.store.err = fmt.Errorf("%w: throttled", oauth.ErrUnavailable)
	f.at = f.at.Add(time.Minute - 1)
	f.find(t, "app", 3) // still held
	f.at = f.at.Add(1)
	if _, err := f.registry.Find(ctx, "app"); !errors.Is(err, oauth.ErrUnavailable) {
		t.Errorf("a client that was read too long ago: got error %v, want ErrUnavailable", err)
	}
}

func TestClientsAreHeldApart(t *testing.T) {
	f := newFixture(start)
	f.store.clients["web"] = client.Client{ID: "web", Kind: client.Browser}
	f.find(t, "app", 1)
	f.find(t, "web", 2)
	if c := f.find(t, "app", 2); c.Kind != client.Native {
		t.Errorf("app has kind %s, want native", c.Kind)
	}
	if c := f.find(t, "web", 2); c.Kind != client.Browser {
		t.Errorf("web has kind %s, want browser", c.Kind)
	}
}

// More clients than are held cost readings, never memory without end, and never a wrong answer.
func TestManyClientsAreAllFound(t *testing.T) {
	f := newFixture(start)
	const held = 1000
	for i := range held {
		id := fmt.Sprintf("c%d", i)
		f.store.clients[id] = client.Client{ID: id}
		f.find(t, id, i+1)
	}
	f.find(t, "c0", held)
	f.store.clients["one-more"] = client.Client{ID: "one-more"}
	f.find(t, "one-more", held+1)
	f.find(t, "one-more", held+1)
	f.find(t, "c0", held+2) // forgotten when one more came
}

func TestRegistryIsSafeForConcurrentUse(t *testing.T) {
	f := newFixture(start)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			id := "app"
			if i%2 == 0 {
				id = "unknown"
			}
			if c, err := f.registry.Find(ctx, id); (err == nil) != (id == "app") || err == nil && c.ID != "app" {
				t.Errorf("Find(%s) = %q, error %v", id, c.ID, err)
			}
		})
	}
	wg.Wait()
}
