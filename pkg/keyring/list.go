package keyring

import (
	"context"
	"time"
)

// Key is what may be told of a key.
type Key struct {
	ID         string // of a MAC key "mac:" and its version
	Algorithm  Algorithm
	State      State
	CreatedAt  time.Time
	PromotedAt time.Time // zero while it has not signed
	RetiredAt  time.Time // zero while it may sign
	Due        time.Time // when its state changes next: of a next key the earliest time
}

// MACPrefix begins the ids of MAC keys; a signing key's has no colon.
const MACPrefix = "mac:"

// IsMAC reports whether the key makes refresh tokens, not access tokens.
func (k Key) IsMAC() bool { return k.Algorithm == macAlgorithm }

// List returns the signing keys and then the MAC keys, the oldest of each first. It opens nothing. Errors:
// ErrMissing, oauth.ErrUnavailable.
func (k *Keyring) List(ctx context.Context) ([]Key, error) {
	r, err := k.loadPublic(ctx)
	if err != nil {
		return nil, err
	}
	return append(k.keysOf(r.public.Keys, k.times.overlap()), k.keysOf(r.public.MACs, k.times.macOverlap())...), nil
}

func (k *Keyring) keysOf(entries []entry, overlap time.Duration) []Key {
	var keys []Key
	for _, e := range entries {
		keys = append(keys, Key{
			ID: e.ID, Algorithm: e.Algorithm, State: e.State,
			CreatedAt: e.CreatedAt, PromotedAt: e.PromotedAt, RetiredAt: e.RetiredAt,
			Due: k.due(e, find(entries, Next), overlap),
		})
	}
	return keys
}

// due is when the state of e changes next; a current key waits for the next one.
func (k *Keyring) due(e entry, next *entry, overlap time.Duration) time.Time {
	switch {
	case !e.RetiredAt.IsZero():
		return e.RetiredAt.Add(overlap)
	case next == nil:
		return time.Time{} // a next key is published first
	}
	return next.CreatedAt.Add(k.times.Period)
}
