package signin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/metadata"
)

// everywhere has a good document at each address, of the length that is allowed at the most, or none.
type everywhere struct{ bad bool }

func (e everywhere) Read(_ context.Context, id string) ([]byte, time.Duration, error) {
	if e.bad {
		return nil, 0, &metadata.Error{Says: "the answer is not application/json"}
	}
	document := fmt.Sprintf(`{"client_id":%q,"redirect_uris":["https://a.example/cb"],"logo_uri":"`, id)
	return fmt.Appendf(nil, "%s%0*d\"}", document, metadata.MaxDocument-len(document)-2, 0), 24 * time.Hour, nil
}

func TestTenThousandIDsCostBoundedMemoryAndTable(t *testing.T) {
	clock := testclock.New(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	store := fakestore.New(clock.Now)
	d := newDocuments(endpoint.Settings{Documents: endpoint.Documents{Allowed: true, Source: everywhere{bad: true}}, Now: clock.Now}, store)
	d.trail = audit.NewTrail(io.Discard, clock.Now)
	const ids, each = 10_000, 30
	idOf := func(i int) string { return fmt.Sprintf("https://a%05d.example/client.json", i) }
	ask := func() (failed, limited int) {
		var person asker
		for i := range ids {
			if i%each == 0 {
				person = asker{uuid.New(), uuid.New()}
			}
			var noDocument *metadata.Error
			var tooMany *account.TooManyAttemptsError
			switch _, err := d.refetched(t.Context(), idOf(i), person); {
			case errors.As(err, &noDocument):
				failed++
			case errors.As(err, &tooMany):
				limited++
			case err != nil:
				t.Fatal(err)
			}
		}
		return failed, limited
	}
	if failed, limited := ask(); failed != ids || limited != 0 || len(d.failed) > maxFailed {
		t.Errorf("bad documents: %d failed, %d limited, %d remembered, want %d, 0 and at most %d", failed, limited, len(d.failed), ids, maxFailed)
	}
	if stored, err := store.Clients(t.Context()); err != nil || len(stored) != 0 {
		t.Fatalf("bad documents: %d clients stored, %v", len(stored), err)
	}
	d.Source = everywhere{}
	clock.Advance(time.Hour)
	if failed, limited := ask(); failed+limited != 0 {
		t.Errorf("good documents: %d failed, %d limited", failed, limited)
	}
	stored, err := store.Clients(t.Context())
	if err != nil || len(stored) != ids {
		t.Fatalf("good documents: %d stored, %v", len(stored), err)
	}
	registry := client.NewRegistry(store, clock.Now).WithDocuments()
	for _, c := range stored {
		if bytes := len(c.ID) + len(c.Redirects[0]) + len(c.Document.Name); bytes > 600 || len(c.Redirects) != 1 {
			t.Fatalf("%d bytes of a document are kept, want what counts of it", bytes)
		}
		if c.Document.KeptUntil.After(clock.Now().Add(24 * time.Hour)) {
			t.Fatalf("%s is kept until %s without a session", c.ID, c.Document.KeptUntil)
		}
	}
	clock.Advance(24 * time.Hour)
	for _, c := range stored {
		if _, err := registry.Find(t.Context(), c.ID); !errors.Is(err, client.ErrUnknown) {
			t.Fatalf("a day later %s: %v, want it to be unknown", c.ID, err)
		}
	}
}
