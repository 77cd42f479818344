package policy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/wavepass/wavepass/pkg/internal/ascii"
)

// Default is the name of the document for every API that has none of its own.
const Default = "default"

// Record is a document as it is stored, for one API or for Default.
type Record struct {
	Version  int64  // counts the writes, from 1
	Document []byte // JSON of a Document; empty when the policy was removed on purpose
}

// Removed reports whether the policy was removed on purpose.
func (r Record) Removed() bool { return len(r.Document) == 0 }

// Reader reads records. An API without a record is ErrNone; every other failure is oauth.ErrUnavailable. Reads are strongly consistent.
type Reader interface {
	Policy(ctx context.Context, api string) (Record, error)
}

// Store also writes them. PutPolicy is one conditional write: it stores r as the next version after the one with the number r.Version-1, which is
// 0 where there is no record, and returns ErrConflict when the record is another one by now. Policies lists the APIs that have a record,
// in the order of their names.
type Store interface {
	Reader
	PutPolicy(ctx context.Context, api string, r Record) error
	Policies(ctx context.Context) ([]string, error)
}

var (
	ErrNone     = errors.New("policy: none")
	ErrConflict = errors.New("policy: changed meanwhile")
)

var ofAPI = ascii.Of("A-Za-z0-9_-")

// ValidAPI reports whether a document can be stored for the API.
func ValidAPI(api string) bool { return ofAPI.Holds(api, 64) }

const (
	// Age is how long a policy that was read decides at most, and so how long a new one may take to be felt by Ask.
	Age = time.Minute

	readAgain = Age / 2 // a read that fails then may be repeated before the policy is too old
	maxHeld   = 100     // APIs whose policy is remembered
)

// ErrUnusable says that there is no policy to decide by, though there has to be one. It is not the caller's fault.
var ErrUnusable = errors.New("policy: unusable")

// open is the policy of an API that has no document: a valid token is enough.
var open = mustNew(Document{Unlisted: Allow})

func mustNew(d Document) *Policy {
	p, err := New(d)
	if err != nil {
		panic(err)
	}
	return p
}

// Source holds the policies of APIs as they were read last. Safe for concurrent use.
type Source struct {
	store Reader
	now   func() time.Time

	mu   sync.Mutex
	held map[string]*held
}

// held is what is known of one API.
type held struct {
	reading sync.Mutex // while the store is asked

	mu       sync.Mutex
	policy   *Policy // nil: never read
	readAt   time.Time
	own      Record // the records it was made of
	fallback Record
}

// NewSource returns a Source over the store.
func NewSource(store Reader, now func() time.Time) *Source {
	return &Source{store: store, now: now, held: map[string]*held{}}
}

// Reading is the policy of an API that is perhaps still being read.
type Reading struct {
	policy *Policy // nil: it is read
	source *Source
	held   *held
	done   <-chan error
}

// Policy waits for the policy; call it once. Its error matches ErrUnusable, and where the store did not answer oauth.ErrUnavailable too.
func (r Reading) Policy() (*Policy, error) {
	if r.policy != nil {
		return r.policy, nil
	}
	return r.source.young(r.held, <-r.done)
}

// Ask begins to read the policy of the API if it is due, so that it can be read beside something else.
func (s *Source) Ask(ctx context.Context, api string) Reading {
	h := s.of(api)
	if p, age := h.current(s.now()); p != nil && (age < readAgain || age < Age && h.isBeingRead()) {
		return Reading{policy: p}
	}
	done := make(chan error, 1)
	go func() {
		h.reading.Lock()
		defer h.reading.Unlock()
		if p, age := h.current(s.now()); p != nil && age < readAgain { // another call has read it meanwhile
			done <- nil
			return
		}
		done <- s.read(ctx, api, h)
	}()
	return Reading{source: s, held: h, done: done}
}

// AskNow begins to read the policy of the API as it is now, whatever is held: while the store does not
// answer, the policy that is held decides until it is too old.
func (s *Source) AskNow(ctx context.Context, api string) Reading {
	h := s.of(api)
	done := make(chan error, 1)
	go func() { done <- s.read(ctx, api, h) }()
	return Reading{source: s, held: h, done: done}
}

// isBeingRead reports whether a call reads the policy again: others need not wait for it while theirs is young.
func (h *held) isBeingRead() bool {
	if h.reading.TryLock() {
		h.reading.Unlock()
		return false
	}
	return true
}

// young returns the policy that is held unless it is too old; err is why it could not be read again.
func (s *Source) young(h *held, err error) (*Policy, error) {
	if p, age := h.current(s.now()); p != nil && age < Age {
		return p, nil
	}
	if err == nil {
		err = errors.New("reading it took longer than it may be used")
	}
	return nil, fmt.Errorf("%w: %w", ErrUnusable, err)
}

func (s *Source) of(api string) *held {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.held[api]
	if h == nil {
		if len(s.held) >= maxHeld {
			clear(s.held)
		}
		h = &held{}
		s.held[api] = h
	}
	return h
}

// current returns the policy that is held and its age by the wall clock: the monotonic one stands still while a function is frozen.
func (h *held) current(now time.Time) (*Policy, time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	age := now.Round(0).Sub(h.readAt)
	if age < 0 {
		return nil, 0 // the clock was set back: how old the policy is, nobody knows
	}
	return h.policy, age
}

// read reads the records of the API, and holds what they say, or leaves what is held.
func (s *Source) read(ctx context.Context, api string, h *held) error {
	asked := s.now().Round(0)
	own, fallback, err := s.records(ctx, api, h)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.readAt.After(asked) && !h.readAt.After(s.now().Round(0)) {
		return nil // a call that asked later was first
	}
	if document := deciding(own, fallback); h.policy == nil || !bytes.Equal(document, deciding(h.own, h.fallback)) {
		policy := open
		if len(document) > 0 {
			if policy, err = Decode(document); err != nil {
				return err
			}
		}
		h.policy = policy
	}
	h.readAt, h.own, h.fallback = asked, own, fallback
	return nil
}

// records reads the record of the API and that of Default, side by side. Where the API had a document of its own, that of Default is read only
// when it has one no more.
func (s *Source) records(ctx context.Context, api string, h *held) (own, fallback Record, err error) {
	h.mu.Lock()
	ownBefore, fallbackBefore := h.own, h.fallback
	h.mu.Unlock()
	readFallback := func() (Record, error) {
		r, err := s.store.Policy(ctx, Default)
		if r, err = stillThere(r, err, fallbackBefore); err != nil {
			return Record{}, fmt.Errorf("the policy of %s: %w", Default, err)
		}
		return r, nil
	}
	var fallbackErr error
	var wg sync.WaitGroup
	if ownBefore.Removed() {
		wg.Go(func() { fallback, fallbackErr = readFallback() })
	}
	own, err = s.store.Policy(ctx, api)
	wg.Wait()
	own, err = stillThere(own, err, ownBefore)
	switch {
	case err != nil:
		return own, fallback, fmt.Errorf("the policy of %s: %w", api, err)
	case !ownBefore.Removed() && own.Removed():
		fallback, fallbackErr = readFallback()
	case !ownBefore.Removed():
		fallback = fallbackBefore
	}
	return own, fallback, fallbackErr
}

// deciding is the document that counts for an API with these two records, empty when none does.
func deciding(own, fallback Record) []byte {
	if own.Removed() {
		return fallback.Document
	}
	return own.Document
}

// stillThere takes a record that is missing for none, but not where one was read before: removing a policy leaves a record, so this one
// was lost.
func stillThere(r Record, err error, before Record) (Record, error) {
	switch {
	case !errors.Is(err, ErrNone):
		return r, err
	case before.Version > 0:
		return Record{}, errors.New("was there and is gone")
	}
	return Record{}, nil
}

// Decode reads a document as it is stored.
func Decode(document []byte) (*Policy, error) {
	var d Document
	if err := json.Unmarshal(document, &d); err != nil {
		return nil, fmt.Errorf("not the JSON of a policy: %w", err)
	}
	return New(d)
}
