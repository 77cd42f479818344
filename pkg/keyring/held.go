package keyring

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"github.com/wavepass/wavepass/pkg/oauth"
)

// held is one part as a function holds it in memory: read lazily, inside a request, and decoded again
// only when its version has changed.
type held[T any] struct {
	read   func(context.Context) (Item, error)
	decode func(context.Context, Item) (T, error)
	times  Times
	now    func() time.Time

	mu      sync.Mutex
	value   T
	version int64     // 0: nothing is held
	data    [32]byte  // hash of what was decoded: a restored table has old versions again
	readAt  time.Time // wall clock: the monotonic one stands still while a function is frozen
	triedAt time.Time // the same, of the last reading, also one that failed
}

// current returns what may be used also after a write, without another reading: it is held, the last reading did not
// fail, and it is younger than a verifier's may be. Otherwise it reads. A request asks for it before it writes.
func (h *held[T]) current(ctx context.Context) (T, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.version != 0 && !h.failed() && !h.older(h.readAt, h.times.VerifierLife()) {
		return h.value, nil
	}
	return h.load(ctx)
}

// renewed reads again what is older than Times.SignerLife. It runs beside a write, which cannot be taken back, so a
// reading that fails is no error: ok is false, and the request goes on with what it has. The next current finds out
// about the outage before anything is written.
func (h *held[T]) renewed(ctx context.Context) (value T, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.version != 0 && !h.older(h.readAt, h.times.SignerLife()) {
		return h.value, true
	}
	value, err := h.load(ctx)
	return value, err == nil
}

// fresh returns what is held when it is younger than life, and reads otherwise.
func (h *held[T]) fresh(ctx context.Context, life time.Duration) (T, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.version == 0 || h.older(h.readAt, life) {
		return h.load(ctx)
	}
	return h.value, nil
}

// failed reports whether the last reading did.
func (h *held[T]) failed() bool { return h.triedAt.After(h.readAt) }

// readForUnknown is asked when something names a key that is not held: perhaps one that is newer. Anybody can name any
// key, so the store is read at most once per rereadEvery, whether it answers or not. read is false when it was
// not read now: the key may exist all the same.
func (h *held[T]) readForUnknown(ctx context.Context) (value T, read bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.older(h.triedAt, h.times.rereadEvery()):
		value, err = h.load(ctx)
		return value, true, err
	case h.failed():
		return value, false, fmt.Errorf("%w: keyring: the last reading failed", oauth.ErrUnavailable)
	}
	return h.value, false, nil
}

// older reports whether at is longer ago than life; so is a time that a clock set back has made a future one.
func (h *held[T]) older(at time.Time, life time.Duration) bool {
	age := h.now().Round(0).Sub(at)
	return age < 0 || age >= life
}

// load reads and decodes. When that fails, what is held stays, for uses that may go on with it.
func (h *held[T]) load(ctx context.Context) (T, error) {
	var none T
	asked := h.now().Round(0)
	h.triedAt = asked
	item, err := h.read(ctx)
	if err != nil {
		return none, err
	}
	if data := sha256.Sum256(item.Data); item.Version != h.version || data != h.data {
		value, err := h.decode(ctx, item)
		if err != nil {
			return none, err
		}
		h.value, h.version, h.data = value, item.Version, data
	}
	h.readAt = asked
	return h.value, nil
}
