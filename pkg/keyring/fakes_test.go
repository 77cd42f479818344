package keyring_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
)

var (
	ctx       = context.Background()
	start     = time.Unix(1_782_900_000, 0).UTC()
	errOutage = fmt.Errorf("%w: throttled", oauth.ErrUnavailable)
)

// fakeStore is a keyring.Store in memory that counts.
type fakeStore struct {
	mu          sync.Mutex
	version     int64
	parts       map[keyring.Part][]byte
	reads       map[keyring.Part]int
	replaced    int    // successful ReplaceParts
	err         error  // of the next calls
	failReplace error  // of the next ReplaceParts, which are not carried out
	lost        bool   // the reply of the next ReplaceParts is lost after it was carried out
	arrive      func() // runs at the beginning of every ReadPart
}

func newStore() *fakeStore { return &fakeStore{reads: map[keyring.Part]int{}} }

func (s *fakeStore) ReadPart(_ context.Context, part keyring.Part) (keyring.Item, error) {
	s.mu.Lock()
	s.reads[part]++
	version, data, err, arrive := s.version, s.parts[part], s.err, s.arrive
	s.mu.Unlock()
	if arrive != nil {
		arrive()
	}
	switch {
	case err != nil:
		return keyring.Item{}, err
	case version == 0:
		return keyring.Item{}, keyring.ErrMissing
	}
	return keyring.Item{Version: version, Data: data}, nil
}

func (s *fakeStore) ReplaceParts(_ context.Context, version int64, parts map[keyring.Part][]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.failReplace != nil:
		return s.failReplace
	case version != s.version:
		return keyring.ErrConflict
	}
	s.version, s.parts = version+1, maps.Clone(parts)
	s.replaced++
	if s.lost {
		s.lost = false
		return errOutage
	}
	return nil
}

func (s *fakeStore) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// put replaces one part behind everybody's back, as the next version.
func (s *fakeStore) put(part keyring.Part, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.parts == nil {
		s.parts = map[keyring.Part][]byte{}
	}
	s.version++
	s.parts[part] = data
}

func (s *fakeStore) readsOf(part keyring.Part) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads[part]
}

// fakeSealer seals with AES-GCM under a key of its own, bound to the purpose, and counts.
type fakeSealer struct {
	aead  cipher.AEAD
	mu    sync.Mutex
	opens map[string]int
	err   error

	beforeSeal func()
}

func newSealer() *fakeSealer {
	key := make([]byte, 16)
	_, _ = rand.Read(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return &fakeSealer{aead: aead, opens: map[string]int{}}
}

func (s *fakeSealer) Seal(_ context.Context, purpose string, plain []byte) ([]byte, error) {
	if s.beforeSeal != nil {
		s.beforeSeal()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, s.err
	}
	return s.aead.Seal(nil, nil, plain, []byte(purpose)), nil
}

func (s *fakeSealer) Open(_ context.Context, purpose string, sealed []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opens[purpose]++
	if s.err != nil {
		return nil, s.err
	}
	plain, err := s.aead.Open(nil, nil, sealed, []byte(purpose))
	if err != nil {
		return nil, errors.New("sealer: cannot open")
	}
	return plain, nil
}

func (s *fakeSealer) opensOf(part keyring.Part) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opens[string(part)]
}

// world is a keyring over fakes.
type world struct {
	store  *fakeStore
	sealer *fakeSealer
	clock  *testclock.Clock
	ring   *keyring.Keyring
}

func newWorld(alg keyring.Algorithm) world {
	w := world{store: newStore(), sealer: newSealer(), clock: testclock.New(start)}
	w.ring = keyring.New(keyring.Config{Store: w.store, Sealer: w.sealer, Algorithm: alg, Now: w.clock.Now})
	return w
}

// created is newWorld with a keyring in the store.
func created(t *testing.T, alg keyring.Algorithm) world {
	t.Helper()
	w := newWorld(alg)
	if err := w.ring.Ensure(ctx); err != nil {
		t.Fatalf("Ensure: %v", err)
	}
	return w
}

func (w world) public() *keyring.PublicKeys {
	return keyring.NewPublicKeys(w.store, keyring.Times{}, w.clock.Now)
}

func (w world) existingMAC() *keyring.MACKeys {
	return keyring.NewMACKeys(w.store, w.sealer, keyring.Times{}, w.clock.Now)
}

// plain opens a part as an attacker with every right could.
func (w world) plain(t *testing.T, part keyring.Part) []byte {
	t.Helper()
	plain, err := w.sealer.aead.Open(nil, nil, w.store.parts[part], []byte(part))
	if err != nil {
		t.Fatalf("open %s: %v", part, err)
	}
	return plain
}

// seal stores plain as a sealed part of the next version.
func (w world) seal(t *testing.T, part keyring.Part, plain string) {
	t.Helper()
	w.store.put(part, w.sealer.aead.Seal(nil, nil, []byte(plain), []byte(part)))
}

// useSigning does what an issuing function does with every request: it obtains the key, and renews it beside the write.
func useSigning(keys *keyring.SigningKeys) error {
	key, err := keys.Current(ctx)
	if err == nil {
		keys.Renew(ctx, key)
	}
	return err
}

// useMAC is the same for the MAC keys.
func useMAC(keys *keyring.MACKeys) error {
	key, err := keys.Current(ctx)
	if err != nil {
		return err
	}
	return keys.Renew(ctx, key)
}

// sumOf is the MAC under the key of that version, nil when there is no such key.
func sumOf(keys *keyring.MACKeys, version byte, message []byte) ([]byte, error) {
	key, err := keys.Key(ctx, version)
	switch {
	case errors.Is(err, keyring.ErrUnknownKey):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return key.Sum(message), nil
}

func versionOf(keys *keyring.MACKeys) (byte, error) {
	key, err := keys.Current(ctx)
	return key.Version(), err
}

func isUnavailable(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, oauth.ErrUnavailable) {
		t.Errorf("%s: got error %v, want ErrUnavailable", what, err)
	}
}

func reads(t *testing.T, w world, part keyring.Part, want int) {
	t.Helper()
	if got := w.store.readsOf(part); got != want {
		t.Errorf("%s was read %d times, want %d", part, got, want)
	}
}

func opens(t *testing.T, w world, part keyring.Part, want int) {
	t.Helper()
	if got := w.sealer.opensOf(part); got != want {
		t.Errorf("%s was unsealed %d times, want %d", part, got, want)
	}
}
