// Package fakestore keeps everything in maps, for the tests of the domain. It obeys the contracts in the
// comments of the domain's store interfaces, counts its calls, and lets a test fail, delay or lose any
// of them. It is no store: pkg/store holds those.
package fakestore

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/policy"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/schema"
	"github.com/wavepass/wavepass/pkg/session"
)

var (
	_ account.Store    = (*Store)(nil)
	_ account.Creator  = (*Store)(nil)
	_ account.Changer  = (*Store)(nil)
	_ account.Keeper   = (*Store)(nil)
	_ account.Attempts = (*Store)(nil)
	_ client.Store     = (*Store)(nil)
	_ client.Registrar = (*Store)(nil)
	_ keyring.Store    = (*Store)(nil)
	_ revocation.Log   = (*Store)(nil)
	_ revocation.Once  = (*Store)(nil)
	_ session.Store    = (*Store)(nil)
	_ session.Creator  = (*Store)(nil)
	_ session.Lister   = (*Store)(nil)
	_ session.Accounts = (*Store)(nil)
	_ keyring.Sealer   = (*Sealer)(nil)
	_ audit.Store      = (*Store)(nil)
)

// Store implements every store interface of the domain. Set the hooks before the first call. Safe for
// concurrent use.
type Store struct {
	// Before, when set, is called with the method's name before a call is carried out, outside the
	// store's lock: it may block. Its error becomes the call's, and nothing is carried out.
	Before func(ctx context.Context, method string) error
	// After is the same once the call has been carried out: its error is a lost reply.
	After func(ctx context.Context, method string) error

	now func() time.Time

	mu       sync.Mutex
	calls    []string
	sessions map[uuid.UUID]session.Session
	accounts map[uuid.UUID]account.Account
	logins   map[string]account.LoginName
	attempts map[account.Bucket]int
	clients  map[string]client.Client
	policies map[string]policy.Record
	log      []revocation.Entry
	events   []audit.Event
	appended map[string]appended
	parts    map[keyring.Part][]byte
	version  int64 // of parts; 0: there is no keyring
	behind   int   // how far the schema number is behind
}

// New returns an empty store that hides what has expired by the clock now.
func New(now func() time.Time) *Store {
	return &Store{
		now:      now,
		sessions: map[uuid.UUID]session.Session{},
		accounts: map[uuid.UUID]account.Account{},
		logins:   map[string]account.LoginName{},
		attempts: map[account.Bucket]int{},
		clients:  map[string]client.Client{},
		policies: map[string]policy.Record{},
		appended: map[string]appended{},
	}
}

// Calls returns the names of the methods called so far, sorted, each as often as it was called.
func (s *Store) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(slices.Values(s.calls))
}

// Count returns how often the method was called, failed calls included.
func (s *Store) Count(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, call := range s.calls {
		if call == method {
			n++
		}
	}
	return n
}

// ForgetCalls starts the count again.
func (s *Store) ForgetCalls() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = nil
}

// Schema implements schema.Source: Current, or what SetSchema has set. It is not counted: nothing is kept in another
// form.
func (s *Store) Schema(context.Context) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return schema.Current - s.behind, nil
}

// SetSchema sets the schema number.
func (s *Store) SetSchema(number int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.behind = schema.Current - number
}

// do counts the call and carries it out under the lock, between the hooks.
func (s *Store) do(ctx context.Context, method string, work func() error) error {
	s.mu.Lock()
	s.calls = append(s.calls, method)
	s.mu.Unlock()
	if s.Before != nil {
		if err := s.Before(ctx, method); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", oauth.ErrUnavailable, ctx.Err())
	}
	s.mu.Lock()
	err := work()
	s.mu.Unlock()
	if s.After != nil {
		if lost := s.After(ctx, method); lost != nil {
			return lost
		}
	}
	return err
}

// Fail returns a hook that makes the named methods unavailable.
func Fail(methods ...string) func(context.Context, string) error {
	return func(_ context.Context, method string) error {
		if slices.Contains(methods, method) {
			return fmt.Errorf("%w: %s fails in this test", oauth.ErrUnavailable, method)
		}
		return nil
	}
}

// Once returns a hook that runs do at the first call of method and at no other, also when do or another
// goroutine calls the store meanwhile.
func Once(method string, do func(context.Context) error) func(context.Context, string) error {
	var met atomic.Bool
	return func(ctx context.Context, called string) error {
		if called != method || met.Swap(true) {
			return nil
		}
		return do(ctx)
	}
}

// Meet returns a hook that lets the named methods go on only when all of them have been called; a name
// that is given twice has to be called twice. A call that waits longer than patience fails: the methods
// do not run side by side. Later calls go straight on.
func Meet(patience time.Duration, methods ...string) func(context.Context, string) error {
	var mu sync.Mutex
	missing := slices.Clone(methods)
	all := make(chan struct{})
	return func(_ context.Context, method string) error {
		mu.Lock()
		i := slices.Index(missing, method)
		if i >= 0 {
			if missing = slices.Delete(missing, i, i+1); len(missing) == 0 {
				close(all)
			}
		}
		mu.Unlock()
		if i < 0 {
			return nil
		}
		select {
		case <-all:
			return nil
		case <-time.After(patience):
			return fmt.Errorf("%w: %s waited in vain for the others of %v", oauth.ErrUnavailable, method, methods)
		}
	}
}
