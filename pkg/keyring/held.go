package keyring

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"github.com/wavepass/wavepass/pkg/oauth"
)

// held is one part as a function keeps it in memory. It is read inside a request, when it is first needed, and decoded
// again only when what is stored has changed.
type held[T any] struct {
	read   func(context.Context) (Item, error)
	decode func(context.Context, Item) (T, error)
	times  Times
	now    func() time.Time

	mu      sync.Mutex
	value   T
	version int64     // 0: nothing is held
	data    [32]byte  // hash of what was decoded: a restored table counts its versions again
	readAt  time.Time // of the last reading that succeeded; wall clock: the monotonic one stands still while a function is frozen
	triedAt time.Time // of the last reading, wall clock
}

// current returns a value that may still be used after a write, without reading again. A request calls it before it
// writes. It returns what is held if the last reading succeeded and is younger than Times.VerifierLife; otherwise it
// reads.
func (h *held[T]) current(ctx context.Context) (T, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lastReadingFailed() || h.readingIsDue(h.times.VerifierLife()) {
		return h.load(ctx)
	}
	return h.value, nil
}

// renew returns the newest value, and reads it when what is held is older than Times.SignerLife. It runs beside a write
// that cannot be taken back, so a reading that fails must not fail the request: ok is false, and the request uses the
// value that it has. The next call of current notices the outage before anything is written.
func (h *held[T]) renew(ctx context.Context) (value T, ok bool) {
	value, err := h.youngerThan(ctx, h.times.SignerLife())
	return value, err == nil
}

// youngerThan returns what is held if it was read less than life ago; otherwise it reads.
func (h *held[T]) youngerThan(ctx context.Context, life time.Duration) (T, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.readingIsDue(life) {
		return h.load(ctx)
	}
	return h.value, nil
}

// readForUnknownKey is called when a token names a key that is not held, and that may be newer than what is held. A token
// can name any key, so the store is read at most once per rereadEvery, whether the reading succeeds or not. read is false
// when the store was not asked: then the key may exist all the same.
func (h *held[T]) readForUnknownKey(ctx context.Context) (value T, read bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.isOld(h.triedAt, h.times.rereadEvery()):
		value, err = h.load(ctx)
		return value, true, err
	case h.lastReadingFailed():
		return value, false, fmt.Errorf("%w: keyring: the last reading failed", oauth.ErrUnavailable)
	}
	return h.value, false, nil
}

func (h *held[T]) lastReadingFailed() bool { return h.triedAt.After(h.readAt) }

func (h *held[T]) readingIsDue(life time.Duration) bool {
	return h.version == 0 || h.isOld(h.readAt, life)
}

// isOld reports whether at is at least life ago. A time in the future is old too: the clock was set back.
func (h *held[T]) isOld(at time.Time, life time.Duration) bool {
	age := h.now().Round(0).Sub(at)
	return age < 0 || age >= life
}

// load reads and decodes. If that fails, the value that is held stays as it is.
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
