package keyring_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/keyring"
)

// view is one of the three ways to hold a part, with the life of what it holds.
type view struct {
	part keyring.Part
	life time.Duration
	use  func() error
}

func views(w world) map[string]view {
	signer, mac, existing := w.ring.SigningKeys(), w.ring.MACKeys(), w.existingMAC()
	forJWKS, forHeader := w.public(), w.public()
	known := w.header()
	return map[string]view{
		"Signer":      {keyring.Signing, time.Minute, func() error { return useSigning(signer) }},
		"MAC":         {keyring.Refresh, time.Minute, func() error { return useMAC(mac) }},
		"ExistingMAC": {keyring.Refresh, time.Minute, func() error { return useMAC(existing) }},
		"JWKS":        {keyring.Public, 5 * time.Minute, func() error { _, err := forJWKS.JWKS(ctx); return err }},
		"ByHeader":    {keyring.Public, 5 * time.Minute, func() error { _, err := forHeader.ByHeader(ctx, known); return err }},
	}
}

// header is the header segment of the current key.
func (w world) header() string {
	key, err := w.ring.SigningKeys().Current(ctx)
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
		w.clock.Advance(v.life - 1)
		must(t, v)
		reads(t, w, v.part, before+1)
		w.clock.Advance(1)
		must(t, v)
		reads(t, w, v.part, before+2)
		w.clock.Advance(v.life - 1) // the life begins anew with the reading
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
		w.clock.Advance(-1)
		must(t, v)
		reads(t, w, v.part, before+2)
	})
}

func TestFrozenFunctionReadsTheKeyringWhenItWakes(t *testing.T) {
	forEachView(t, func(t *testing.T, w world, v view) {
		w.clock.Set(time.Now())
		before := w.store.readsOf(v.part)
		must(t, v)
		w.clock.Set(testclock.WallOnly(t, w.clock.Now(), v.life))
		must(t, v)
		reads(t, w, v.part, before+2)
	})
}

func TestOutageEndsTheUseOfAnOldPart(t *testing.T) {
	forEachView(t, func(t *testing.T, w world, v view) {
		must(t, v)
		w.store.fail(errOutage)
		w.clock.Advance(v.life - 1)
		must(t, v)
		w.clock.Advance(1)
		if v.part != keyring.Public {
			must(t, v) // it fails beside the write; the next request finds out before
		}
		isUnavailable(t, "old part, store down", v.use())
		w.store.fail(nil)
		must(t, v)
	})
}

// writer is a view that is used around a write.
type writer struct {
	current func() error
	renew   func() // what was obtained by current, also after an outage
	part    keyring.Part
}

func writers(t *testing.T, w world) map[string]writer {
	signer, mac := w.ring.SigningKeys(), w.ring.MACKeys()
	var signing keyring.SigningKey
	var macKey keyring.MACKey
	return map[string]writer{
		"Signer": {func() (err error) { signing, err = signer.Current(ctx); return err }, func() {
			if renewed := signer.Renew(ctx, signing); renewed.ID != signing.ID {
				t.Errorf("renewed the key %v to %v", signing, renewed)
			}
		}, keyring.Signing},
		"MAC": {func() (err error) { macKey, err = mac.Current(ctx); return err }, func() {
			if err := mac.Renew(ctx, macKey); err != nil {
				t.Errorf("renew the key %v: %v", macKey, err)
			}
		}, keyring.Refresh},
	}
}

// What was written beside a reading cannot be taken back; the next request is stopped before it writes.
func TestReadingThatFailsBesideAWriteIsNoErrorAndStopsTheNextWrite(t *testing.T) {
	for _, name := range []string{"Signer", "MAC"} {
		t.Run(name, func(t *testing.T) {
			w := created(t, keyring.ES256)
			use := writers(t, w)[name]
			must := func(what string) {
				t.Helper()
				if err := use.current(); err != nil {
					t.Fatalf("%s: %v", what, err)
				}
			}
			must("first use")
			before := w.store.readsOf(use.part)
			w.clock.Advance(time.Minute)
			must("keys a minute old")
			reads(t, w, use.part, before)
			w.store.fail(errOutage)
			use.renew()
			reads(t, w, use.part, before+1)
			for range 2 {
				isUnavailable(t, "the next request", use.current())
			}
			use.renew() // of a request that began before the outage
			w.store.fail(nil)
			must("after the outage")
			use.renew()
			reads(t, w, use.part, before+5)
		})
	}
}

// A function that was asleep, or asked seldom, reads before it writes: what it holds may be gone.
func TestKeysAsOldAsAVerifiersMayBeAreReadBeforeAWrite(t *testing.T) {
	for _, name := range []string{"Signer", "MAC"} {
		w := created(t, keyring.ES256)
		use := writers(t, w)[name]
		_ = use.current()
		before := w.store.readsOf(use.part)
		w.clock.Advance(5*time.Minute - 1)
		_ = use.current()
		reads(t, w, use.part, before)
		w.clock.Advance(1)
		w.store.fail(errOutage)
		isUnavailable(t, name+": keys five minutes old", use.current())
		reads(t, w, use.part, before+1)
	}
}

// The key that a request has obtained stays good for it, whatever happens to the keyring meanwhile.
func TestRenewGivesTheNewestKeyAndRefusesOneThatWasTakenAway(t *testing.T) {
	w := created(t, keyring.ES256)
	signer, mac := w.ring.SigningKeys(), w.ring.MACKeys()
	signing, _ := signer.Current(ctx)
	macKey, _ := mac.Current(ctx)
	sum := macKey.Sum([]byte("m"))
	if _, err := w.ring.Reset(ctx); err != nil {
		t.Fatal(err)
	}
	if renewed := signer.Renew(ctx, signing); renewed.ID != signing.ID {
		t.Errorf("held for less than a minute: %v became %v", signing, renewed)
	}
	if err := mac.Renew(ctx, macKey); err != nil {
		t.Errorf("held for less than a minute: %v", err)
	}
	w.clock.Advance(time.Minute)
	if renewed, newest := signer.Renew(ctx, signing), w.id(t, keyring.Current); renewed.ID != newest {
		t.Errorf("renewed to %v, want the newest key %s", renewed, newest)
	}
	if err := mac.Renew(ctx, macKey); !errors.Is(err, keyring.ErrUnknownKey) {
		t.Errorf("renewed a MAC key that was taken away: %v, want ErrUnknownKey", err)
	}
	if again := macKey.Sum([]byte("m")); string(again) != string(sum) {
		t.Errorf("the key itself makes the MAC %x, want %x as before", again, sum)
	}
}

// A table whose old items came back has old versions again, with other keys under them.
func TestSameVersionWithOtherKeysIsDecodedAgain(t *testing.T) {
	w, other := created(t, keyring.ES256), created(t, keyring.ES256)
	public := w.public()
	if _, err := public.JWKS(ctx); err != nil {
		t.Fatal(err)
	}
	w.store.parts[keyring.Public] = other.store.parts[keyring.Public]
	w.clock.Advance(5 * time.Minute)
	if _, err := public.ByHeader(ctx, other.header()); err != nil {
		t.Errorf("a key of the restored table: %v", err)
	}
}

// Answers take time; the age of what they say counts from before the question.
func TestAgeCountsFromBeforeTheReading(t *testing.T) {
	forEachView(t, func(t *testing.T, w world, v view) {
		before := w.store.readsOf(v.part)
		w.store.arrive = func() { w.clock.Advance(10 * time.Second) }
		must(t, v)
		w.store.arrive = nil
		w.clock.Advance(v.life - 10*time.Second)
		must(t, v)
		reads(t, w, v.part, before+2)
	})
}

func TestNewVersionIsUnsealedOnceAndUsed(t *testing.T) {
	w, other := created(t, keyring.ES256), created(t, keyring.EdDSA)
	signer, public := w.ring.SigningKeys(), w.public()
	old, _ := signer.Current(ctx)
	oldJWKS, _ := public.JWKS(ctx)
	want, _ := other.ring.SigningKeys().Current(ctx)
	w.seal(t, keyring.Signing, string(other.plain(t, keyring.Signing)))
	w.store.put(keyring.Public, other.store.parts[keyring.Public])

	w.clock.Advance(time.Minute)
	for range 3 {
		if err := useSigning(signer); err != nil {
			t.Fatal(err)
		}
	}
	opens(t, w, keyring.Signing, 2)
	if got, err := signer.Current(ctx); err != nil || got.ID != want.ID || got.Algorithm != keyring.EdDSA {
		t.Errorf("signs with %v, error %v; want %v instead of %v", got, err, want, old)
	}
	w.clock.Advance(4 * time.Minute)
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
		w.clock.Advance(after)
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
	mac := w.ring.MACKeys()
	ask := func(after time.Duration, version byte, wantReads int, judged bool) {
		t.Helper()
		w.clock.Advance(after)
		sum, err := sumOf(mac, version, []byte("m"))
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
	public, mac := w.public(), w.ring.MACKeys()
	if _, err := public.JWKS(ctx); err != nil {
		t.Fatal(err)
	}
	if err := useMAC(mac); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(30 * time.Second)
	w.store.fail(errOutage)
	publicReads, macReads := w.store.readsOf(keyring.Public), w.store.readsOf(keyring.Refresh)
	for range 10 {
		_, err := public.ByHeader(ctx, "unknown")
		isUnavailable(t, "ByHeader", err)
		_, err = sumOf(mac, 9, nil)
		isUnavailable(t, "Sum", err)
	}
	reads(t, w, keyring.Public, publicReads+1)
	reads(t, w, keyring.Refresh, macReads+10) // one a request, which would read before it writes anyway
}

func TestKeyNewerThanTheHeldSetIsFoundByReadingAgain(t *testing.T) {
	w, other := created(t, keyring.ES256), created(t, keyring.ES256)
	public := w.public()
	if _, err := public.JWKS(ctx); err != nil {
		t.Fatal(err)
	}
	w.store.put(keyring.Public, other.store.parts[keyring.Public])
	w.clock.Advance(30 * time.Second)
	if _, err := public.ByHeader(ctx, other.header()); err != nil {
		t.Errorf("a key published after the last reading: %v", err)
	}
}
