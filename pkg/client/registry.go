package client

import (
	"context"
	"sync"
	"time"

	"github.com/wavepass/wavepass/pkg/oauth"
)

// Registry answers from memory what it read within the last minute, so that a known client costs no
// round trip. Unknown ids are not remembered: they are an attacker's to choose. Safe for concurrent use.
type Registry struct {
	store     Store
	now       func() time.Time
	documents bool // whether clients of documents are known

	mu     sync.Mutex
	cached map[string]cached
}

type cached struct {
	client Client
	readAt time.Time
}

// NewRegistry returns a registry over store.
func NewRegistry(store Store, now func() time.Time) *Registry {
	return &Registry{store: store, now: now, cached: map[string]cached{}}
}

// WithDocuments returns r, which from now on also knows clients that nobody has registered. Without it their ids are unknown: most functions have
// nothing to do with them, and may not read them.
func (r *Registry) WithDocuments() *Registry {
	r.documents = true
	return r
}

// Identify returns the client with the id after checking its secret. Errors as Find and Authenticate.
func (r *Registry) Identify(ctx context.Context, id string, secret oauth.Secret) (Client, error) {
	c, err := r.Find(ctx, id)
	if err != nil {
		return Client{}, err
	}
	if err := c.Authenticate(secret); err != nil {
		return Client{}, err
	}
	return c, nil
}

// Find returns the client with the id, or that of the sign-in pages, which is in no table. Errors as Store.Client; an id that could not be
// registered is ErrUnknown without asking.
func (r *Registry) Find(ctx context.Context, id string) (Client, error) {
	switch {
	case id == Reserved:
		return OfPages(), nil
	case !ValidID(id) && !(r.documents && IsURL(id)):
		return Client{}, ErrUnknown
	}
	now := r.now().Round(0) // wall clock: the monotonic one stands still while a function is frozen
	r.mu.Lock()
	hit, ok := r.cached[id]
	r.mu.Unlock()
	if age := now.Sub(hit.readAt); ok && 0 <= age && age < CacheLife && !hit.client.Gone(now) {
		return hit.client, nil
	}
	c, err := r.store.Client(ctx, id)
	switch {
	case err != nil:
		return Client{}, err
	case c.Kind == Removed || c.Gone(now):
		return Client{}, ErrUnknown
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.cached) >= maxCached {
		clear(r.cached)
	}
	r.cached[id] = cached{c, now}
	return c, nil
}
