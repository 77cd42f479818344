package keyring_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/keyring"
)

// view is one of the three ways to hold a part, with the life of what it holds.
type view struct {
	part keyring.Part
	life time.Duration
	use  func() error
}

func views(w world) map[string]view {
	signer, mac, existing := w.ring.Signer(), w.ring.MAC(), w.existingMAC()
	forJWKS, forHeader := w.public(), w.public()
	known := w.header()
	return map[string]view{
		"Signer":      {keyring.Signing, time.Minute, func() error { return signer.Freshen(ctx) }},
		"MAC":         {keyring.Refresh, time.Minute, func() error { return mac.Freshen(ctx) }},
		"ExistingMAC": {keyring.Refresh, time.Minute, func() error { return existing.Freshen(ctx) }},
		"JWKS":        {keyring.Public, 5 * time.Minute, func() error { _, err := forJWKS.JWKS(ctx); return err }},
		"ByHeader":    {keyring.Public, 5 * time.Minute, func() error { _, err := forHeader.ByHeader(ctx, known); return err }},
	}
}

// header is the header segment of the current key.
func (w world) header() string {
	key, err := w.ring.Signer().Key(ctx)
	if err != nil {
		panic(err)
	}
	return keyring.HeaderSegment(key.Algorithm, key.ID)
}

// forEachView runs test with a world of its own for each view.
func forEachView(t *testing.T, test func(*testing.T, world, view)) {
	for _, name := range []string{"Signer", "MAC", "ExistingMAC", "JWKS", "ByHeader"} {
		t.Run(name, func(t *testing.T) {
			w := created(t, keyring.ES256)
			test(t, w, views(w)[name])
		})
	}
}

func must(t *testing.T, v view) {
	t.Helper()
	if err := v.use(); err != nil {
		t.Fatalf("use: %v", err)
	}
}

func TestHeldPartIsReadAgainWhenItsLifeIsOver(t *testing.T) {
	forEachView(t, func(t *testing.T, w world, v view) {
		before, opened := w.store.readsOf(v.part), w.sealer.opensOf(v.part)
		must(t, v)
		w.clock.move(v.life - 1)
		must(t, v)
		reads(t, w, v.part, before+1)
		w.clock.move(1)
		must(t, v)
		reads(t, w, v.part, before+2)
		w.clock.move(v.life - 1) // the life begins anew with the reading
		must(t, v)
		reads(t, w, v.part, before+2)
		if v.part != keyring.Public {
			opens(t, w, v.part, opened+1) // the version is the same, so nothing was unsealed again
		}
	})
}

func TestClockSetBackMakesTheHeldPartOld(t *testing.T) {
	forEachView(t, func(t *testing.T, w world, v view) {
		before := w.store.readsOf(v.part)
		must(t, v)
		w.clock.move(-1)
		must(t, v)
		reads(t, w, v.part, before+2)
	})
}

func TestFrozenFunctionReadsTheKeyringWhenItWakes(t *testing.T) {
	forEachView(t, func(t *testing.T, w world, v view) {
		w.clock.at = time.Now()
		before := w.store.readsOf(v.part)
		must(t, v)
		w.clock.freeze(t, v.life)
		must(t, v)
		reads(t, w, v.part, before+2)
	})
}

func TestOutageEndsTheUseOfAnOldPart(t *testing.T) {
	forEachView(t, func(t *testing.T, w world, v view) {
		must(t, v)
		w.store.fail(errOutage)
		w.clock.move(v.life - 1)
		must(t, v)
		w.clock.move(1)
		isUnavailable(t, "old part, store down", v.use())
		w.store.fail(nil)
		must(t, v)
	})
}

// Answers take time; the age of what they say counts from before the question.
func TestAgeCountsFromBeforeTheReading(t *testing.T) {
	forEachView(t, func(t *testing.T, w world, v view) {
		before := w.store.readsOf(v.part)
		w.store.arrive = func() { w.clock.move(10 * time.Second) }
		must(t, v)
		w.store.arrive = nil
		w.clock.move(v.life - 10*time.Second)
		must(t, v)
		reads(t, w, v.part, before+2)
	})
}

func TestKeyLoadAndSumUseWhatIsHeldHoweverOld(t *testing.T) {
	w := created(t, keyring.ES256)
	signer, mac := w.ring.Signer(), w.ring.MAC()
	key, err := signer.Key(ctx)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := mac.Sum(ctx, 1, []byte("m"))
	if err != nil {
		t.Fatal(err)
	}
	w.clock.move(24 * time.Hour)
	w.store.fail(errOutage)
	if again, err := signer.Key(ctx); err != nil || again.ID != key.ID {
		t.Errorf("Key a day later: %v, error %v; want %v", again, err, key)
	}
	if err := signer.Load(ctx); err != nil {
		t.Errorf("Load a day later: %v", err)
	}
	if again, err := mac.Sum(ctx, 1, []byte("m")); err != nil || string(again) != string(sum) {
		t.Errorf("Sum a day later: %x, error %v; want %x", again, err, sum)
	}
	if version, err := mac.CurrentVersion(ctx); err != nil || version != 1 {
		t.Errorf("CurrentVersion a day later: %d, error %v; want 1", version, err)
	}
	reads(t, w, keyring.Signing, 1)
	reads(t, w, keyring.Refresh, 1)

	isUnavailable(t, "Signer.Freshen", signer.Freshen(ctx))
	isUnavailable(t, "MAC.Freshen", mac.Freshen(ctx))
	if again, err := signer.Key(ctx); err != nil || again.ID != key.ID {
		t.Errorf("Key after a reading that failed: %v, error %v; want what is still held", again, err)
	}
}

func TestNewVersionIsUnsealedOnceAndUsed(t *testing.T) {
	w, other := created(t, keyring.ES256), created(t, keyring.EdDSA)
	signer, public := w.ring.Signer(), w.public()
	old, _ := signer.Key(ctx)
	oldJWKS, _ := public.JWKS(ctx)
	want, _ := other.ring.Signer().Key(ctx)
	w.seal(t, keyring.Signing, string(other.plain(t, keyring.Signing)))
	w.store.put(keyring.Public, other.store.parts[keyring.Public])

	w.clock.move(time.Minute)
	for range 3 {
		if err := signer.Freshen(ctx); err != nil {
			t.Fatal(err)
		}
	}
	opens(t, w, keyring.Signing, 2)
	if got, err := signer.Key(ctx); err != nil || got.ID != want.ID || got.Algorithm != keyring.EdDSA {
		t.Errorf("signs with %v, error %v; want %v instead of %v", got, err, want, old)
	}
	w.clock.move(4 * time.Minute)
	if got, err := public.JWKS(ctx); err != nil || string(got) == string(oldJWKS) {
		t.Errorf("JWKS is still the old one after five minutes (error %v)", err)
	}
	if _, err := public.ByHeader(ctx, keyring.HeaderSegment(old.Algorithm, old.ID)); !errors.Is(err, keyring.ErrUnknownKey) {
		t.Errorf("the key that has gone: got error %v, want ErrUnknownKey", err)
	}
}

func TestUnknownKeyCausesAtMostOneReadingIn30Seconds(t *testing.T) {
	w := created(t, keyring.ES256)
	public, known := w.public(), w.header()
	before := w.store.readsOf(keyring.Public)
	ask := func(after time.Duration, want int) {
		t.Helper()
		w.clock.move(after)
		for i := range 10 {
			if _, err := public.ByHeader(ctx, fmt.Sprintf("unknown-%d", i)); !errors.Is(err, keyring.ErrUnknownKey) {
				t.Errorf("got error %v, want ErrUnknownKey", err)
			}
			if _, err := public.ByHeader(ctx, known); err != nil {
				t.Errorf("the known key: %v", err)
			}
		}
		reads(t, w, keyring.Public, before+want)
	}
	ask(0, 1)
	ask(30*time.Second-1, 1)
	ask(1, 2)
	ask(30*time.Second-1, 2)
	ask(1, 3)
}

func TestUnknownMACVersionCausesAtMostOneReadingIn30Seconds(t *testing.T) {
	w := created(t, keyring.ES256)
	mac := w.ring.MAC()
	ask := func(after time.Duration, version byte, wantReads int, judged bool) {
		t.Helper()
		w.clock.move(after)
		sum, err := mac.Sum(ctx, version, []byte("m"))
		switch {
		case sum != nil:
			t.Errorf("version %d: sum %x, want none", version, sum)
		case judged && err != nil:
			t.Errorf("version %d, just read: error %v, want no key", version, err)
		case !judged:
			// It may have come since: its owner must not be told that his session is over.
			isUnavailable(t, fmt.Sprintf("version %d, read a while ago", version), err)
		}
		reads(t, w, keyring.Refresh, wantReads)
	}
	ask(0, 3, 1, false)
	ask(0, 255, 1, false)
	ask(0, 0, 1, true) // no version is 0
	ask(30*time.Second-1, 3, 1, false)
	ask(1, 3, 2, true)
	ask(0, 3, 2, false)
	ask(0, 255, 2, false)
	ask(30*time.Second, 255, 3, true)
	opens(t, w, keyring.Refresh, 1)
}

// Anybody can name unknown keys; when the store is already down they must not add to its load.
func TestUnknownKeyDuringAnOutageCausesAtMostOneReadingIn30Seconds(t *testing.T) {
	w := created(t, keyring.ES256)
	public, mac := w.public(), w.ring.MAC()
	if _, err := public.JWKS(ctx); err != nil {
		t.Fatal(err)
	}
	if err := mac.Freshen(ctx); err != nil {
		t.Fatal(err)
	}
	w.clock.move(30 * time.Second)
	w.store.fail(errOutage)
	publicReads, macReads := w.store.readsOf(keyring.Public), w.store.readsOf(keyring.Refresh)
	for range 10 {
		_, err := public.ByHeader(ctx, "unknown")
		isUnavailable(t, "ByHeader", err)
		_, err = mac.Sum(ctx, 9, nil)
		isUnavailable(t, "Sum", err)
	}
	reads(t, w, keyring.Public, publicReads+1)
	reads(t, w, keyring.Refresh, macReads+1)
}

func TestKeyNewerThanTheHeldSetIsFoundByReadingAgain(t *testing.T) {
	w, other := created(t, keyring.ES256), created(t, keyring.ES256)
	public := w.public()
	if _, err := public.JWKS(ctx); err != nil {
		t.Fatal(err)
	}
	w.store.put(keyring.Public, other.store.parts[keyring.Public])
	w.clock.move(30 * time.Second)
	if _, err := public.ByHeader(ctx, other.header()); err != nil {
		t.Errorf("a key published after the last reading: %v", err)
	}
}
