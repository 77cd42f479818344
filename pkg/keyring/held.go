package keyring

import (
	"context"
	"sync"
	"time"
)

// held is one part as a function holds it in memory: read lazily, inside a request, and decoded again
// only when its version has changed.
type held[T any] struct {
	read   func(context.Context) (Item, error)
	decode func(context.Context, Item) (T, error)
	now    func() time.Time

	mu      sync.Mutex
	value   T
	version int64     // 0: nothing is held
	readAt  time.Time // wall clock: the monotonic one stands still while a function is frozen
}

// get returns what is held, however old, and reads only when nothing is.
func (h *held[T]) get(ctx context.Context) (T, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.version == 0 {
		return h.load(ctx)
	}
	return h.value, nil
}

// fresh returns what is held when it is younger than life, and reads otherwise.
func (h *held[T]) fresh(ctx context.Context, life time.Duration) (T, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if age := h.now().Round(0).Sub(h.readAt); h.version == 0 || age < 0 || age >= life {
		return h.load(ctx)
	}
	return h.value, nil
}

// load keeps what is held when it fails, for those whose life has not ended yet.
func (h *held[T]) load(ctx context.Context) (T, error) {
	var none T
	asked := h.now().Round(0)
	item, err := h.read(ctx)
	if err != nil {
		return none, err
	}
	if item.Version != h.version {
		value, err := h.decode(ctx, item)
		if err != nil {
			return none, err
		}
		h.value, h.version = value, item.Version
	}
	h.readAt = asked
	return h.value, nil
}
