package revocation_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
)

var start = time.Unix(1_782_900_000, 0).UTC()

// fakeLog keeps entries as revocation.Log promises and remembers what it was asked for.
type fakeLog struct {
	mu      sync.Mutex
	entries []revocation.Entry
	asked   []time.Time // the from of every Since
	err     error       // of the next calls
	during  func()      // runs inside every Since, before it reads
	page    int         // when it is not 0: Since breaks off after so many entries

	hook func(ctx context.Context, from time.Time) error // the same as during; its error becomes that of Since
}

func (l *fakeLog) Append(_ context.Context, e revocation.Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.At = e.At.Round(0) // what comes out of a store has no monotonic reading
	l.entries = append(l.entries, e)
	return nil
}

func (l *fakeLog) Since(ctx context.Context, from time.Time) ([]revocation.Entry, error) {
	l.mu.Lock()
	during, hook := l.during, l.hook
	l.asked = append(l.asked, from)
	l.mu.Unlock()
	if during != nil {
		during()
	}
	if hook != nil {
		if err := hook(ctx, from); err != nil {
			return nil, err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return nil, l.err
	}
	entries := slices.DeleteFunc(slices.Clone(l.entries), func(e revocation.Entry) bool { return e.At.Before(from) })
	slices.SortStableFunc(entries, func(a, b revocation.Entry) int { return a.At.Compare(b.At) })
	if l.page > 0 && len(entries) > l.page {
		return entries[:l.page], errOutage
	}
	return entries, nil
}

func (l *fakeLog) add(kind revocation.Kind, id string, at time.Time) {
	_ = l.Append(context.Background(), revocation.Entry{At: at, Kind: kind, ID: id})
}

func (l *fakeLog) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

func (l *fakeLog) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = nil
}

func (l *fakeLog) queries() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.asked)
}

func (l *fakeLog) lastFrom() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asked[len(l.asked)-1]
}

var errOutage = fmt.Errorf("%w: throttled", oauth.ErrUnavailable)

func tokenOf(id string) revocation.Subject {
	return revocation.Subject{TokenID: id, SessionID: "s-" + id, AccountID: "a-" + id, Epoch: 7, ClientID: "app", KeyID: "k1"}
}

func allowed(t *testing.T, s *revocation.Snapshot, subject revocation.Subject) {
	t.Helper()
	if err := s.Check(context.Background(), subject); err != nil {
		t.Errorf("Check(%+v): %v, want it allowed", subject, err)
	}
}

func denied(t *testing.T, s *revocation.Snapshot, subject revocation.Subject) {
	t.Helper()
	if err := s.Check(context.Background(), subject); !errors.Is(err, revocation.ErrRevoked) {
		t.Errorf("Check(%+v): %v, want ErrRevoked", subject, err)
	}
}

func unavailable(t *testing.T, s *revocation.Snapshot, subject revocation.Subject) {
	t.Helper()
	err := s.Check(context.Background(), subject)
	if !errors.Is(err, oauth.ErrUnavailable) || errors.Is(err, revocation.ErrRevoked) {
		t.Errorf("Check(%+v): %v, want ErrUnavailable and not ErrRevoked", subject, err)
	}
}

func asked(t *testing.T, l *fakeLog, want int) {
	t.Helper()
	if got := l.queries(); got != want {
		t.Errorf("the log was asked %d times, want %d", got, want)
	}
}
