package keyring_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// linkWorld is a deployment that sends mails.
type linkWorld struct {
	t      *testing.T
	store  *fakestore.Store
	sealer *fakeSealer
	clock  *testclock.Clock
	ring   *keyring.Keyring

	mu    sync.Mutex
	steps []keyring.Step // that functions have taken
}

func newLinkWorld(t *testing.T) *linkWorld {
	t.Helper()
	w := &linkWorld{t: t, sealer: newSealer(), clock: testclock.New(start)}
	w.store = fakestore.New(w.clock.Now)
	w.ring = keyring.New(keyring.Config{Store: w.store, Sealer: w.sealer, Algorithm: keyring.ES256, Now: w.clock.Now, Links: w.store})
	if err := w.ring.Ensure(ctx); err != nil {
		t.Fatal(err)
	}
	return w
}

// function is another process that makes links.
func (w *linkWorld) function() *keyring.MACKeys {
	return keyring.NewLinkKeys(keyring.LinkConfig{Store: w.store, Sealer: w.sealer, Now: w.clock.Now, Changed: func(_ context.Context, taken []keyring.Step) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.steps = append(w.steps, taken...)
	}})
}

// listed is what an operator sees of the keys of links: their ids and states.
func (w *linkWorld) listed() string {
	w.t.Helper()
	keys, err := w.ring.List(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	var all []string
	for _, key := range keys {
		if strings.HasPrefix(key.ID, keyring.LinkPrefix) && key.IsMAC() {
			all = append(all, key.ID+" "+string(key.State))
		}
	}
	return strings.Join(all, ", ")
}

func (w *linkWorld) wantListed(what, want string) {
	w.t.Helper()
	if got := w.listed(); got != want {
		w.t.Errorf("%s: %s, want %s", what, got, want)
	}
}

// current is the key that the function makes links with.
func (w *linkWorld) current(f *keyring.MACKeys) keyring.MACKey {
	w.t.Helper()
	key, err := f.Current(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	return key
}

// wantKey asks the function for the key of a link.
func (w *linkWorld) wantKey(what string, f *keyring.MACKeys, key keyring.MACKey, good bool) {
	w.t.Helper()
	got, err := f.Key(ctx, key.Version())
	if good && (err != nil || string(got.Sum(nil)) != string(key.Sum(nil))) || !good && !errors.Is(err, keyring.ErrUnknownKey) {
		w.t.Errorf("%s: %v, want that it verifies: %t", what, err, good)
	}
	all, err := f.All(ctx)
	if err != nil || slices.ContainsFunc(all, func(k keyring.MACKey) bool { return string(k.Sum(nil)) == string(key.Sum(nil)) }) != good {
		w.t.Errorf("%s: %d keys, %v, want it among them: %t", what, len(all), err, good)
	}
}

func TestKeyOfLinksVerifiesForAsLongAsALinkLivesAfterItsTurn(t *testing.T) {
	w := newLinkWorld(t)
	w.wantListed("before the first mail", "")
	f, warm := w.function(), w.function()
	first := w.current(f)
	w.wantListed("after the first", "link:1 current, link:2 next")
	w.current(warm)

	w.clock.Advance(period)
	second := w.current(f)
	w.wantListed("after a period", "link:1 retired, link:2 current, link:3 next")
	if second.Version() != 2 {
		t.Errorf("links are made with key %d, want 2", second.Version())
	}
	w.wantKey("a link of before", f, first, true)
	w.wantKey("a new link, where nothing was read since", warm, second, true)

	overlap := time.Minute + keyring.MaxLinkLife + 30*time.Second
	w.clock.Advance(overlap - time.Second)
	w.wantKey("the oldest link", f, first, true)
	w.clock.Advance(time.Minute) // it has read them a second before
	w.current(f)
	w.clock.Advance(30 * time.Second) // a key that nobody knows is looked for so often
	w.wantKey("after that", f, first, false)
	w.wantListed("after that", "link:2 current, link:3 next")
	var did []string
	for _, step := range w.steps {
		did = append(did, string(step.What)+" "+step.Key)
	}
	if got := strings.Join(did, ", "); got != "published link:1, promoted link:1, published link:2, retired link:1, promoted link:2, published link:3, dropped link:1" {
		t.Errorf("steps: %s", got)
	}
}

// TestFunctionKnowsTheNextKeyBeforeItIsUsed, or a code, which names no key, would be wrong for a minute.
func TestFunctionKnowsTheNextKeyBeforeItIsUsed(t *testing.T) {
	w := newLinkWorld(t)
	warm := w.function()
	w.current(warm)
	w.clock.Advance(period - time.Second)
	w.current(warm) // reads, and nothing is due
	w.clock.Advance(time.Second)
	made := w.current(w.function())
	if made.Version() != 2 {
		t.Fatalf("made with key %d, want the next one", made.Version())
	}
	w.wantKey("without reading again", warm, made, true)
}

func TestKeysOfLinksTurnOnceWhoeverTurnsThem(t *testing.T) {
	w := newLinkWorld(t)
	var functions []*keyring.MACKeys
	for range 20 {
		functions = append(functions, w.function())
	}
	for _, want := range []string{"link:1 current, link:2 next", "link:1 retired, link:2 current, link:3 next"} {
		var all sync.WaitGroup
		for _, f := range functions {
			all.Go(func() {
				if _, err := f.Current(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		w.wantListed("twenty at once", want)
		w.clock.Advance(period)
	}
	if len(w.steps) != 6 {
		t.Errorf("steps %v, want each once", w.steps)
	}
}

func TestResetKillsEveryLinkAndOpensNothing(t *testing.T) {
	w := newLinkWorld(t)
	steps, err := w.ring.Reset(ctx)
	if err != nil || slices.ContainsFunc(steps, func(s keyring.Step) bool { return strings.HasPrefix(s.Key, keyring.LinkPrefix) }) || w.listed() != "" {
		t.Errorf("before the first mail: %v, %v; want no key of links made", steps, err)
	}
	warm := w.function()
	old := w.current(warm)
	opened := w.sealer.opensOf(keyring.Links)
	if _, err := w.ring.Reset(ctx); err != nil {
		t.Fatal(err)
	}
	if n := w.sealer.opensOf(keyring.Links); n != opened {
		t.Errorf("opened %d times by the reset", n-opened)
	}
	w.wantListed("after the reset", "link:1 gone, link:2 gone, link:3 current, link:4 next")
	w.wantKey("a link of before, in a function that starts", w.function(), old, false)
	w.clock.Advance(time.Minute)
	w.wantKey("a minute later, in one that was warm", warm, old, false)
	if made := w.current(warm); made.Version() != 3 {
		t.Errorf("links are made with key %d, want 3", made.Version())
	}

	w.store.Before = func(_ context.Context, method string) error {
		if method == "ReplaceLinks" {
			return oauth.ErrUnavailable
		}
		return nil
	}
	if steps, err := w.ring.Reset(ctx); !errors.Is(err, oauth.ErrUnavailable) || len(steps) == 0 {
		t.Errorf("%v, %v; want the steps that were taken, and that the rest was not", steps, err)
	}
}

// TestKeysThatCannotBeTurnedAreUsed and turned by the next reading.
func TestKeysThatCannotBeTurnedAreUsed(t *testing.T) {
	w := newLinkWorld(t)
	f := w.function()
	w.current(f)
	w.clock.Advance(period)
	w.store.Before = func(_ context.Context, method string) error {
		if method == "ReplaceLinks" {
			return oauth.ErrUnavailable
		}
		return nil
	}
	if key := w.current(f); key.Version() != 1 {
		t.Errorf("made with key %d, want 1", key.Version())
	}
	w.store.Before = nil
	w.clock.Advance(time.Minute)
	if key := w.current(f); key.Version() != 2 {
		t.Errorf("made with key %d, want 2", key.Version())
	}
}

// TestKeyOfAnOlderVersionStaysCurrentForAPeriod so that functions of that version, which read no states, make and take the same links.
func TestKeyOfAnOlderVersionStaysCurrentForAPeriod(t *testing.T) {
	w := newLinkWorld(t)
	type stored struct {
		Current byte `json:"current"`
		Keys    []struct {
			Version byte   `json:"version"`
			Key     []byte `json:"key"`
		} `json:"keys"`
	}
	older := func() (s stored) {
		t.Helper()
		item, err := w.store.ReadPart(ctx, keyring.Links)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := w.sealer.Open(ctx, string(keyring.Links), item.Data)
		if err != nil || json.Unmarshal(plain, &s) != nil {
			t.Fatalf("%s, %v", plain, err)
		}
		return s
	}
	sealed, err := w.sealer.Seal(ctx, string(keyring.Links), []byte(`{"current":1,"keys":[{"version":1,"key":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.store.ReplaceLinks(ctx, 0, sealed, nil); err != nil {
		t.Fatal(err)
	}
	w.wantListed("as it was", "link:1 current")
	f := w.function()
	key := w.current(f)
	w.wantListed("used by this version", "link:1 current, link:2 next")
	if s := older(); key.Version() != 1 || s.Current != 1 || len(s.Keys) != 2 || string(keyring.NewMACKey(1, s.Keys[0].Key).Sum(nil)) != string(key.Sum(nil)) {
		t.Errorf("an older function has %d keys and the current one %d", len(s.Keys), s.Current)
	}
	w.clock.Advance(period)
	if w.current(f); older().Current != 2 {
		t.Errorf("after a period an older function makes links with key %d, want 2", older().Current)
	}
	w.wantKey("a link of the older version", f, key, true)
}
