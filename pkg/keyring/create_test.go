package keyring_test

import (
	"bytes"
	"crypto/ecdsa"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
)

func TestFirstUseCreatesTheKeyring(t *testing.T) {
	for name, use := range map[string]func(*keyring.Keyring) error{
		"Ensure":      func(k *keyring.Keyring) error { return k.Ensure(ctx) },
		"SigningKeys": func(k *keyring.Keyring) error { return useSigning(k.SigningKeys()) },
		"MACKeys":     func(k *keyring.Keyring) error { return useMAC(k.MACKeys()) },
		"MACKeys.Key": func(k *keyring.Keyring) error { _, err := k.MACKeys().Key(ctx, 1); return err },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(keyring.ES256)
			for range 2 { // the second time it is there
				if err := use(w.ring); err != nil {
					t.Fatal(err)
				}
			}
			if w.store.replaced != 1 || w.store.version != 1 || len(w.store.parts) != 3 {
				t.Errorf("written %d times, version %d, %d parts; want 1, 1, 3", w.store.replaced, w.store.version, len(w.store.parts))
			}
		})
	}
}

func TestTwentyFunctionsCreateOneKeyring(t *testing.T) {
	const functions = 20
	store, sealer, at := newStore(), newSealer(), testclock.New(start)
	// Nobody goes on before everybody has seen that there is no keyring.
	var all sync.WaitGroup
	all.Add(functions)
	var arrived atomic.Int32
	var keys [functions]keyring.SigningKey
	var errs [functions]error
	var callers sync.WaitGroup
	store.arrive = func() {
		if arrived.Add(1) <= functions { // later reads are of the keyring that was created
			all.Done()
			all.Wait()
		}
	}
	for i := range functions {
		callers.Go(func() {
			keys[i], errs[i] = keyring.New(keyring.Config{Store: store, Sealer: sealer, Algorithm: keyring.ES256, Now: at.Now}).SigningKeys().Current(ctx)
		})
	}
	callers.Wait()
	for i := range functions {
		if errs[i] != nil {
			t.Fatalf("function %d: %v", i, errs[i])
		}
		if keys[i].ID != keys[0].ID || !keys[i].Private().(*ecdsa.PrivateKey).Equal(keys[0].Private()) {
			t.Errorf("function %d signs with %s, function 0 with %s", i, keys[i].ID, keys[0].ID)
		}
	}
	if store.replaced != 1 {
		t.Errorf("the keyring was written %d times, want once", store.replaced)
	}
}

func TestRequestsOfOneFunctionShareOneReadAndOneUnsealing(t *testing.T) {
	w := created(t, keyring.ES256)
	signer := w.ring.SigningKeys()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := signer.Current(ctx); err != nil {
				t.Errorf("Key: %v", err)
			}
			if err := useSigning(signer); err != nil {
				t.Errorf("Freshen: %v", err)
			}
		})
	}
	wg.Wait()
	reads(t, w, keyring.Signing, 1)
	opens(t, w, keyring.Signing, 1)
}

func TestLostReplyOfTheCreationIsAnOutageOnce(t *testing.T) {
	w := newWorld(keyring.ES256)
	w.store.lost = true
	_, err := w.ring.SigningKeys().Current(ctx)
	isUnavailable(t, "Key, reply lost", err)
	if _, err := w.ring.SigningKeys().Current(ctx); err != nil {
		t.Errorf("Key, once more: %v", err)
	}
	if w.store.replaced != 1 {
		t.Errorf("the keyring was written %d times, want once", w.store.replaced)
	}
}

func TestUnreadableStoreIsNotTakenForAnEmptyOne(t *testing.T) {
	w := newWorld(keyring.ES256)
	w.store.fail(errOutage)
	isUnavailable(t, "Ensure", w.ring.Ensure(ctx))
	isUnavailable(t, "SigningKeys", useSigning(w.ring.SigningKeys()))
	isUnavailable(t, "MACKeys", useMAC(w.ring.MACKeys()))
	if w.store.replaced != 0 {
		t.Errorf("the keyring was written %d times, want never", w.store.replaced)
	}
	w.store.fail(nil)
	if err := w.ring.Ensure(ctx); err != nil {
		t.Errorf("Ensure after the outage: %v", err)
	}
}

func TestWhatCannotBeSealedIsNotStored(t *testing.T) {
	w := newWorld(keyring.ES256)
	w.sealer.err = errOutage
	isUnavailable(t, "Ensure", w.ring.Ensure(ctx))
	if w.store.version != 0 {
		t.Error("a keyring was stored although nothing could be sealed")
	}
}

func TestUnknownAlgorithmCreatesNothing(t *testing.T) {
	for _, alg := range []keyring.Algorithm{"", "HS256", "none", "es256", "RS512"} {
		w := newWorld(alg)
		if err := w.ring.Ensure(ctx); err == nil || errors.Is(err, oauth.ErrUnavailable) {
			t.Errorf("algorithm %q: got error %v, want one that waiting does not cure", alg, err)
		}
		if w.store.version != 0 {
			t.Errorf("algorithm %q: a keyring was stored", alg)
		}
	}
}

func TestExistingViewsCreateNothing(t *testing.T) {
	w := newWorld(keyring.ES256)
	isUnavailable(t, "ExistingMAC", useMAC(w.existingMAC()))
	_, err := w.public().JWKS(ctx)
	isUnavailable(t, "JWKS", err)
	_, err = w.public().ByHeader(ctx, "x")
	isUnavailable(t, "ByHeader", err)
	if errors.Is(err, keyring.ErrUnknownKey) {
		t.Error("without a keyring, ByHeader said that the key is unknown; want: it cannot tell")
	}
	if w.store.version != 0 {
		t.Error("a view that may not create a keyring created one")
	}
	if err := w.ring.Ensure(ctx); err != nil {
		t.Fatal(err)
	}
	if err := useMAC(w.existingMAC()); err != nil {
		t.Errorf("ExistingMAC with a keyring: %v", err)
	}
}

func TestEachViewOpensItsOwnPartOnly(t *testing.T) {
	for name, c := range map[string]struct {
		use  func(world) error
		part keyring.Part // "" for none
	}{
		"Signer":      {func(w world) error { return useSigning(w.ring.SigningKeys()) }, keyring.Signing},
		"MAC":         {func(w world) error { return useMAC(w.ring.MACKeys()) }, keyring.Refresh},
		"ExistingMAC": {func(w world) error { return useMAC(w.existingMAC()) }, keyring.Refresh},
		"PublicKeys":  {func(w world) error { _, err := w.public().JWKS(ctx); return err }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := created(t, keyring.ES256)
			publicBefore := w.store.readsOf(keyring.Public)
			if err := c.use(w); err != nil {
				t.Fatal(err)
			}
			for _, part := range []keyring.Part{keyring.Signing, keyring.Refresh} {
				want := 0
				if part == c.part {
					want = 1
				}
				opens(t, w, part, want)
				reads(t, w, part, want)
			}
			if c.part == "" {
				reads(t, w, keyring.Public, publicBefore+1)
			}
		})
	}
}

func TestStoredPartsShowNoPrivateKey(t *testing.T) {
	w := created(t, keyring.EdDSA)
	for _, part := range []keyring.Part{keyring.Signing, keyring.Refresh} {
		plain := w.plain(t, part)
		for stored, data := range w.store.parts {
			if bytes.Contains(data, plain[len(plain)/2:]) || bytes.Contains(data, []byte(`"private"`)) || bytes.Contains(data, []byte(`"key"`)) {
				t.Errorf("the stored part %s shows what belongs sealed into %s", stored, part)
			}
		}
	}
}

func TestTwoKeyringsShareNothing(t *testing.T) {
	a, b := created(t, keyring.ES256), created(t, keyring.ES256)
	for _, part := range []keyring.Part{keyring.Signing, keyring.Refresh} {
		if bytes.Equal(a.plain(t, part), b.plain(t, part)) {
			t.Errorf("two keyrings have the same %s part: %d bytes", part, len(a.plain(t, part)))
		}
	}
}
