package keyring

import (
	"context"
	"slices"
	"time"
)

// Key is what may be told about a key.
type Key struct {
	ID         string // of a MAC key MACPrefix or LinkPrefix, and its version
	Algorithm  Algorithm
	State      State
	CreatedAt  time.Time // zero when that is not known: a key of links of a version before this one
	PromotedAt time.Time // zero before the key becomes current
	RetiredAt  time.Time // zero before the key is retired
	Due        time.Time // when its state changes next; of a next key the earliest time; zero when that is not known
}

// MACPrefix begins the ids of MAC keys of refresh tokens. The ids of signing keys have no colon.
const MACPrefix = "mac:"

// IsMAC reports whether the key makes refresh tokens or links. The others make access tokens.
func (k Key) IsMAC() bool { return k.Algorithm == macAlgorithm }

// List returns the signing keys, then the MAC keys, and with Config.Links the keys of links, the oldest of each first. It opens nothing.
// Errors: ErrMissing, oauth.ErrUnavailable.
func (k *Keyring) List(ctx context.Context) ([]Key, error) {
	r, err := k.loadPublic(ctx)
	if err != nil {
		return nil, err
	}
	keys := slices.Concat(k.keysOf(r.public.Keys), k.keysOf(r.public.MACs))
	if k.Links == nil {
		return keys, nil
	}
	_, ofLinks, err := k.loadLinks(ctx)
	if err != nil {
		return nil, err
	}
	return append(keys, k.keysOf(ofLinks.public.MACs)...), nil
}

func (k *Keyring) keysOf(entries []entry) []Key {
	var keys []Key
	for _, e := range entries {
		keys = append(keys, Key{
			ID: e.ID, Algorithm: e.Algorithm, State: e.State,
			CreatedAt: e.CreatedAt, PromotedAt: e.PromotedAt, RetiredAt: e.RetiredAt,
			Due: k.due(e, find(entries, Next)),
		})
	}
	return keys
}

// due is when the state of e changes next. The current key is replaced when the next key is promoted.
func (k *Keyring) due(e entry, next *entry) time.Time {
	switch {
	case !e.RetiredAt.IsZero():
		return k.Times.endOf(e)
	case next == nil:
		return time.Time{} // a next key has to be published first
	}
	return next.CreatedAt.Add(k.Times.Period)
}
