package keyring

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/wavepass/wavepass/pkg/oauth"
)

// MAC authenticates refresh tokens with HMAC-SHA256. Keys have versions; the keys themselves never leave
// this type. Safe for concurrent use.
type MAC struct{ held held[macKeys] }

// macKeys keeps the keys inside a function, which fmt prints as an address wherever it is held; it looks
// into a pointer to a map when the verb does not fit.
type macKeys struct {
	current byte
	of      func(version byte) []byte // nil when there is no such key
	gone    func(version byte) bool   // its tokens are refused for ever
}

// maybeNewer reports whether a key of that version may exist without being held. Versions begin at 1.
func (k macKeys) maybeNewer(version byte) bool {
	return version != 0 && k.of(version) == nil && !k.gone(version)
}

// MAC returns the refresh-token view of the keyring for issuing functions. It opens the Refresh part only,
// and creates the keyring when there is none.
func (k *Keyring) MAC() *MAC {
	return newMAC(k.sealer, k.times, k.now, func(ctx context.Context) (Item, error) { return k.readOrCreate(ctx, Refresh) })
}

// NewMAC returns the refresh-token view of the keyring in store for functions that cannot create one:
// without a keyring they are unavailable. It opens the Refresh part only.
func NewMAC(store Store, sealer Sealer, times Times, now func() time.Time) *MAC {
	return newMAC(sealer, times.orDefault(), now, func(ctx context.Context) (Item, error) { return readExisting(ctx, store, Refresh) })
}

func newMAC(sealer Sealer, times Times, now func() time.Time, read func(context.Context) (Item, error)) *MAC {
	return &MAC{held[macKeys]{
		read: read,
		decode: func(ctx context.Context, item Item) (macKeys, error) {
			plain, err := open(ctx, sealer, Refresh, item)
			if err != nil {
				return macKeys{}, err
			}
			return decodeMACKeys(plain)
		},
		times: times,
		now:   now,
	}}
}

// Freshen reads the keyring when what is held is older than Times.SignerLife or nothing is held. Call it beside the
// store's round trip.
func (m *MAC) Freshen(ctx context.Context) error {
	_, err := m.held.fresh(ctx, m.held.times.SignerLife())
	return err
}

// CurrentVersion is the key version that a new session's tokens are made with.
func (m *MAC) CurrentVersion(ctx context.Context) (byte, error) {
	keys, err := m.held.get(ctx)
	return keys.current, err
}

// Sum returns the MAC of message under the key of that version, nil when there is no such key. A version
// that is not held, when the keys were read too short a time ago to be read again, is oauth.ErrUnavailable: it
// may have come since, and its owner is asked to come back.
func (m *MAC) Sum(ctx context.Context, version byte, message []byte) ([]byte, error) {
	keys, err := m.held.get(ctx)
	if err != nil {
		return nil, err
	}
	if keys.maybeNewer(version) {
		read := false
		keys, read, err = m.held.newer(ctx)
		switch {
		case err != nil:
			return nil, err
		case !read && keys.maybeNewer(version):
			return nil, fmt.Errorf("%w: keyring: MAC key %d may be newer than what is held", oauth.ErrUnavailable, version)
		}
	}
	key := keys.of(version)
	if key == nil {
		return nil, nil
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(message)
	return mac.Sum(nil), nil
}

func decodeMACKeys(plain []byte) (macKeys, error) {
	var part refreshPart
	if err := json.Unmarshal(plain, &part); err != nil {
		return macKeys{}, fmt.Errorf("%w: keyring: refresh part: not readable", oauth.ErrUnavailable)
	}
	byVersion := map[byte][]byte{}
	for _, stored := range part.Keys {
		if len(stored.Key) != macKeyLen {
			return macKeys{}, fmt.Errorf("%w: keyring: MAC key %d: wrong length", oauth.ErrUnavailable, stored.Version)
		}
		byVersion[stored.Version] = stored.Key
	}
	if byVersion[part.Current] == nil {
		return macKeys{}, fmt.Errorf("%w: keyring: no current MAC key", oauth.ErrUnavailable)
	}
	return macKeys{
		current: part.Current,
		of:      func(version byte) []byte { return byVersion[version] },
		gone:    func(version byte) bool { return slices.Contains(part.Gone, int(version)) },
	}, nil
}
