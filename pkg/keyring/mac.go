package keyring

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/wavepass/wavepass/pkg/oauth"
)

// MACKey authenticates messages with HMAC-SHA256. It prints as its id. The secret is held by a function, because fmt prints
// a function as an address even inside a struct; it would print what a pointer leads to when the verb does not fit.
type MACKey struct {
	version byte
	sum     func(message []byte) []byte
}

// NewMACKey returns the MAC key with the secret, of which it keeps a copy.
func NewMACKey(version byte, secret []byte) MACKey {
	secret = bytes.Clone(secret)
	return MACKey{version, func(message []byte) []byte {
		mac := hmac.New(sha256.New, secret)
		mac.Write(message)
		return mac.Sum(nil)
	}}
}

// Version names the key among the MAC keys of a keyring. It is never 0.
func (k MACKey) Version() byte { return k.version }

// Sum returns the MAC of message.
func (k MACKey) Sum(message []byte) []byte { return k.sum(message) }

// Format prints the id, whatever the verb.
func (k MACKey) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, macID(k.version)) }

func macID(version byte) string { return MACPrefix + strconv.Itoa(int(version)) }

// MACKeys holds the MAC keys of refresh tokens or of links, and reads them again when that is due. Safe for concurrent use.
type MACKeys struct{ held held[macKeySet] }

type macKeySet struct {
	current   MACKey
	byVersion map[byte]MACKey
	gone      []int // versions whose tokens are refused for ever
}

// mayBeNewer reports whether the version may be that of a key that was created after s was read. Versions begin at 1.
func (s macKeySet) mayBeNewer(version byte) bool {
	return s.check(version) != nil && version != 0 && !slices.Contains(s.gone, int(version))
}

// check returns ErrUnknownKey when no key has that version.
func (s macKeySet) check(version byte) error {
	if _, known := s.byVersion[version]; !known {
		return fmt.Errorf("%w: %s", ErrUnknownKey, macID(version))
	}
	return nil
}

// MACKeys returns the MAC keys for issuing functions. It opens the Refresh part only, and creates the keyring when there
// is none.
func (k *Keyring) MACKeys() *MACKeys {
	return newMACKeys(k.Sealer, Refresh, k.Times, k.Now, func(ctx context.Context) (Item, error) { return k.readOrCreate(ctx, Refresh) })
}

// NewMACKeys returns the MAC keys in store for functions that cannot create a keyring: while there is none, their error
// is oauth.ErrUnavailable. It opens the Refresh part only.
func NewMACKeys(store Store, sealer Sealer, times Times, now func() time.Time) *MACKeys {
	return newMACKeys(sealer, Refresh, times.orDefault(), now, func(ctx context.Context) (Item, error) { return readExisting(ctx, store, Refresh) })
}

func newMACKeys(sealer Sealer, purpose Part, times Times, now func() time.Time, read func(context.Context) (Item, error)) *MACKeys {
	return &MACKeys{held[macKeySet]{
		read: read,
		decode: func(ctx context.Context, item Item) (macKeySet, error) {
			var part refreshPart
			if err := unseal(ctx, sealer, purpose, item, &part); err != nil {
				return macKeySet{}, err
			}
			return decodeMACKeys(part)
		},
		times: times,
		now:   now,
	}}
}

// Current returns the key that the tokens of a new session are made with. It reads when SigningKeys.Current would.
func (m *MACKeys) Current(ctx context.Context) (MACKey, error) {
	keys, err := m.held.current(ctx)
	return keys.current, err
}

// Key returns the key of the version that a token names. It reads when SigningKeys.Current would, and for a version that
// is not held. ErrUnknownKey when there is no such key. oauth.ErrUnavailable also when the version is not held and the keys
// were read too recently to be read again: the key may have been created since, so the client should repeat the request.
func (m *MACKeys) Key(ctx context.Context, version byte) (MACKey, error) {
	keys, err := m.held.current(ctx)
	if err != nil {
		return MACKey{}, err
	}
	if keys.mayBeNewer(version) {
		var read bool
		if keys, read, err = m.held.readForUnknownKey(ctx); err != nil {
			return MACKey{}, err
		}
		if !read && keys.mayBeNewer(version) {
			return MACKey{}, fmt.Errorf("%w: keyring: MAC key %d may be newer than what is held", oauth.ErrUnavailable, version)
		}
	}
	return keys.byVersion[version], keys.check(version)
}

// All returns every key: a code names none. It reads when SigningKeys.Current would.
func (m *MACKeys) All(ctx context.Context) ([]MACKey, error) {
	keys, err := m.held.current(ctx)
	return slices.Collect(maps.Values(keys.byVersion)), err
}

// Renew reads the keys again when SigningKeys.Renew would. It returns ErrUnknownKey when key was taken out of the keyring,
// so that its tokens must be refused, and nil when it may be used, also when the keys cannot be read.
func (m *MACKeys) Renew(ctx context.Context, key MACKey) error {
	newest, ok := m.held.renew(ctx)
	if !ok {
		return nil
	}
	return newest.check(key.version)
}

func decodeMACKeys(part refreshPart) (macKeySet, error) {
	set := macKeySet{byVersion: map[byte]MACKey{}, gone: part.Gone}
	for _, stored := range part.Keys {
		if len(stored.Key) != macKeyLen {
			return macKeySet{}, fmt.Errorf("%w: keyring: MAC key %d: wrong length", oauth.ErrUnavailable, stored.Version)
		}
		set.byVersion[stored.Version] = NewMACKey(stored.Version, stored.Key)
	}
	var ok bool
	if set.current, ok = set.byVersion[part.Current]; !ok {
		return macKeySet{}, fmt.Errorf("%w: keyring: no current MAC key", oauth.ErrUnavailable)
	}
	return set, nil
}
