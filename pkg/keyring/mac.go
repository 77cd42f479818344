package keyring

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/wavepass/wavepass/pkg/oauth"
)

// MACKey authenticates messages with HMAC-SHA256. It prints as its id. The secret sits inside a function, which fmt
// prints as an address wherever it is held. What a pointer leads to, fmt prints when the verb does not fit.
type MACKey struct {
	version byte
	sum     func(message []byte) []byte
}

// NewMACKey returns the MAC key with that secret.
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

// MACKeys gives the MAC keys of refresh tokens. Safe for concurrent use.
type MACKeys struct{ held held[macKeySet] }

type macKeySet struct {
	current   MACKey
	byVersion map[byte]MACKey
	gone      []int // versions whose tokens are refused for ever
}

// maybeNewer reports whether a key of that version may exist without being held. Versions begin at 1.
func (s macKeySet) maybeNewer(version byte) bool {
	return s.check(version) != nil && version != 0 && !slices.Contains(s.gone, int(version))
}

// check returns ErrUnknownKey when no key has that version.
func (s macKeySet) check(version byte) error {
	if _, known := s.byVersion[version]; !known {
		return fmt.Errorf("%w: %s", ErrUnknownKey, macID(version))
	}
	return nil
}

// MACKeys returns the refresh-token view of the keyring for issuing functions. It opens the Refresh part only,
// and creates the keyring when there is none.
func (k *Keyring) MACKeys() *MACKeys {
	return newMACKeys(k.sealer, k.times, k.now, func(ctx context.Context) (Item, error) { return k.readOrCreate(ctx, Refresh) })
}

// NewMACKeys returns the refresh-token view of the keyring in store for functions that cannot create one:
// without a keyring they are unavailable. It opens the Refresh part only.
func NewMACKeys(store Store, sealer Sealer, times Times, now func() time.Time) *MACKeys {
	return newMACKeys(sealer, times.orDefault(), now, func(ctx context.Context) (Item, error) { return readExisting(ctx, store, Refresh) })
}

func newMACKeys(sealer Sealer, times Times, now func() time.Time, read func(context.Context) (Item, error)) *MACKeys {
	return &MACKeys{held[macKeySet]{
		read: read,
		decode: func(ctx context.Context, item Item) (macKeySet, error) {
			plain, err := open(ctx, sealer, Refresh, item)
			if err != nil {
				return macKeySet{}, err
			}
			return decodeMACKeys(plain)
		},
		times: times,
		now:   now,
	}}
}

// Current returns the key that a new session's tokens are made with. Reads as SigningKeys.Current.
func (m *MACKeys) Current(ctx context.Context) (MACKey, error) {
	keys, err := m.held.current(ctx)
	return keys.current, err
}

// Key returns the key of that version, for a token that names it. Reads as SigningKeys.Current. ErrUnknownKey when
// there is no such key. A version that is not held, when the keys were read too short a time ago to be read
// again, is oauth.ErrUnavailable: it may have come since, and its owner is asked to come back.
func (m *MACKeys) Key(ctx context.Context, version byte) (MACKey, error) {
	keys, err := m.held.current(ctx)
	if err != nil {
		return MACKey{}, err
	}
	if keys.maybeNewer(version) {
		read := false
		keys, read, err = m.held.readForUnknown(ctx)
		switch {
		case err != nil:
			return MACKey{}, err
		case !read && keys.maybeNewer(version):
			return MACKey{}, fmt.Errorf("%w: keyring: MAC key %d may be newer than what is held", oauth.ErrUnavailable, version)
		}
	}
	return keys.byVersion[version], keys.check(version)
}

// Renew reads the keyring as SigningKeys.Renew does. It returns ErrUnknownKey when key was taken out of the keyring, which
// is meant to end its sessions, and nil otherwise: the key may be used.
func (m *MACKeys) Renew(ctx context.Context, key MACKey) error {
	newest, ok := m.held.renewed(ctx)
	if !ok {
		return nil
	}
	return newest.check(key.version)
}

func decodeMACKeys(plain []byte) (macKeySet, error) {
	var part refreshPart
	if err := json.Unmarshal(plain, &part); err != nil {
		return macKeySet{}, fmt.Errorf("%w: keyring: refresh part: not readable", oauth.ErrUnavailable)
	}
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
