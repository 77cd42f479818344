package keyring_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
)

const (
	period     = keyring.DefaultPeriod
	overlap    = time.Minute + oauth.MaxAccessLife + 30*time.Second
	macOverlap = time.Minute + oauth.MaxSessionLife + 30*time.Second
)

// rotate runs the schedule and returns what it did as "what key", keys by their number in order of appearance.
func (w world) rotate(t *testing.T) []keyring.Step {
	t.Helper()
	steps, err := w.ring.Rotate(ctx)
	if err != nil {
		t.Fatalf("Rotate: %v", err)
	}
	return steps
}

func (w world) list(t *testing.T) []keyring.Key {
	t.Helper()
	keys, err := w.ring.List(ctx)
	if err != nil {
		t.Fatalf("List: %v", err)
	}
	return keys
}

// ids are the ids of the signing keys, or of the MAC keys, in that state.
func (w world) ids(t *testing.T, state keyring.State, mac bool) []string {
	t.Helper()
	var ids []string
	for _, key := range w.list(t) {
		if key.State == state && key.IsMAC() == mac {
			ids = append(ids, key.ID)
		}
	}
	return ids
}

func (w world) id(t *testing.T, state keyring.State) string {
	t.Helper()
	ids := w.ids(t, state, false)
	if len(ids) != 1 {
		t.Fatalf("%d %s signing keys: %v, want one", len(ids), state, ids)
	}
	return ids[0]
}

func wantSteps(t *testing.T, got []keyring.Step, want ...keyring.Step) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

func TestRotateDoesNothingUntilTheNextKeyWasPublishedForAPeriod(t *testing.T) {
	w := created(t, keyring.ES256)
	for _, after := range []time.Duration{0, time.Hour, period - time.Hour - 1} {
		w.clock.Advance(after)
		wantSteps(t, w.rotate(t))
	}
	if w.store.replaced != 1 {
		t.Errorf("the keyring was written %d times, want once", w.store.replaced)
	}
	opens(t, w, keyring.Signing, 0)
	opens(t, w, keyring.Refresh, 0)
}

func TestRotateTurnsEveryKeyOnceAndRepeatedDoesNothing(t *testing.T) {
	w := created(t, keyring.ES256)
	first, second := w.id(t, keyring.Current), w.id(t, keyring.Next)
	w.clock.Advance(period)
	steps := w.rotate(t)
	third := w.id(t, keyring.Next)
	wantSteps(t, steps,
		keyring.Step{What: keyring.WasRetired, Key: "mac:1"}, keyring.Step{What: keyring.WasPromoted, Key: "mac:2"},
		keyring.Step{What: keyring.WasPublished, Key: "mac:3"},
		keyring.Step{What: keyring.WasRetired, Key: first}, keyring.Step{What: keyring.WasPromoted, Key: second},
		keyring.Step{What: keyring.WasPublished, Key: third})
	wantSteps(t, w.rotate(t))
	if got := w.id(t, keyring.Current); got != second || w.id(t, keyring.Retired) != first {
		t.Errorf("current is %s, want %s, the next one before", got, second)
	}
	key, err := w.ring.SigningKeys().Current(ctx)
	if err != nil || key.ID != second {
		t.Errorf("signs with %v, %v; want %s", key, err, second)
	}
}

func TestRetiredKeyVerifiesUntilItsLastTokenHasExpiredAndThenGoes(t *testing.T) {
	w := created(t, keyring.ES256)
	first := w.id(t, keyring.Current)
	w.clock.Advance(period)
	w.rotate(t)
	warm := w.public()
	segment := keyring.HeaderSegment(keyring.ES256, first)
	jwks := func(keys *keyring.PublicKeys) bool {
		set, err := keys.JWKS(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(set), first)
	}
	w.clock.Advance(overlap - 1)
	wantSteps(t, w.rotate(t))
	for name, keys := range map[string]*keyring.PublicKeys{"warm": warm, "cold": w.public()} {
		if _, err := keys.ByHeader(ctx, segment); err != nil || !jwks(keys) {
			t.Errorf("%s: before the end of the overlap: %v, published %t; want accepted and published", name, err, jwks(keys))
		}
	}
	w.clock.Advance(1)
	for name, keys := range map[string]*keyring.PublicKeys{"warm": warm, "cold": w.public()} { // nobody has rotated yet
		if _, err := keys.ByHeader(ctx, segment); !errors.Is(err, keyring.ErrUnknownKey) || jwks(keys) {
			t.Errorf("%s: after the overlap: %v, published %t; want ErrUnknownKey and not published", name, err, jwks(keys))
		}
	}
	wantSteps(t, w.rotate(t), keyring.Step{What: keyring.WasDropped, Key: first})
	if ids := w.ids(t, keyring.Retired, false); len(ids) != 0 {
		t.Errorf("still retired: %v", ids)
	}
}

func TestRetiredKeyHasNoPrivateHalf(t *testing.T) {
	w := created(t, keyring.ES256)
	first := w.id(t, keyring.Current)
	w.clock.Advance(period)
	w.rotate(t)
	if plain := string(w.plain(t, keyring.Signing)); strings.Contains(plain, first) {
		t.Errorf("the signing part still holds the retired key %s", first)
	}
}

func TestMACKeyIsPublishedBeforeItIsUsedAndKeptAsLongAsASession(t *testing.T) {
	w := created(t, keyring.ES256)
	old, err := sumOf(w.ring.MACKeys(), 1, []byte("m"))
	if err != nil {
		t.Fatal(err)
	}
	warm := w.existingMAC()
	w.clock.Advance(period - time.Minute)
	if err := useMAC(warm); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Minute)
	w.rotate(t)
	if version, err := versionOf(w.ring.MACKeys()); err != nil || version != 2 {
		t.Errorf("new sessions get version %d, %v; want 2", version, err)
	}
	// A function that has not read the keyring since knows the version that has just become current.
	before := w.store.readsOf(keyring.Refresh)
	if sum, err := sumOf(warm, 2, []byte("m")); err != nil || sum == nil {
		t.Errorf("version 2 where the keys are old: %x, %v; want a MAC", sum, err)
	}
	reads(t, w, keyring.Refresh, before)

	w.clock.Advance(macOverlap - 1)
	w.rotate(t)
	if sum, err := sumOf(w.existingMAC(), 1, []byte("m")); err != nil || string(sum) != string(old) {
		t.Errorf("version 1 as long as a session may live: %x, %v; want %x", sum, err, old)
	}
	w.clock.Advance(1)
	steps := w.rotate(t)
	if !slices.Contains(steps, keyring.Step{What: keyring.WasDropped, Key: "mac:1"}) {
		t.Errorf("steps %v, want mac:1 dropped", steps)
	}
	cold := w.existingMAC()
	_ = useMAC(cold)
	w.clock.Advance(30 * time.Second)
	if sum, err := sumOf(cold, 1, []byte("m")); err != nil || sum != nil {
		t.Errorf("version 1 afterwards: %x, %v; want no key", sum, err)
	}
}

// A period that is silly for MAC keys, which live 400 days, must not end in a version used twice.
func TestMACVersionsRunOutWithoutHarm(t *testing.T) {
	w := created(t, keyring.EdDSA)
	for range 300 {
		w.clock.Advance(period)
		w.rotate(t)
	}
	seen := map[string]bool{}
	for _, key := range w.list(t) {
		if seen[key.ID] {
			t.Errorf("%s is there twice", key.ID)
		}
		seen[key.ID] = true
	}
	if len(w.ids(t, keyring.Current, true)) != 1 || len(w.ids(t, keyring.Next, true)) != 1 {
		t.Errorf("MAC keys current %v, next %v; want one each", w.ids(t, keyring.Current, true), w.ids(t, keyring.Next, true))
	}

	short := newWorld(keyring.EdDSA)
	short.ring = keyring.New(keyring.Config{
		Store: short.store, Sealer: short.sealer, Algorithm: keyring.EdDSA, Now: short.clock.Now,
		Times: keyring.Times{Period: time.Hour},
	})
	for range 400 {
		short.rotate(t)
		short.clock.Advance(time.Hour)
	}
	if n := len(short.ids(t, keyring.Retired, true)); n != 254 {
		t.Errorf("%d retired MAC keys, want 254: every version but the current one's", n)
	}
	if current := short.ids(t, keyring.Current, true); len(current) != 1 || current[0] != "mac:255" {
		t.Errorf("current MAC keys %v, want mac:255, which stays while no version is free", current)
	}
	if len(short.ids(t, keyring.Current, false)) != 1 {
		t.Error("signing keys no longer turn")
	}
}

func TestChangeOfAlgorithmTakesOnePeriod(t *testing.T) {
	w := created(t, keyring.ES256)
	unused := w.id(t, keyring.Next)
	for _, alg := range []keyring.Algorithm{keyring.RS256, keyring.EdDSA} {
		ring := keyring.New(keyring.Config{Store: w.store, Sealer: w.sealer, Algorithm: alg, Now: w.clock.Now})
		current := w.id(t, keyring.Current)
		steps, err := ring.Rotate(ctx)
		if err != nil {
			t.Fatal(err)
		}
		wantSteps(t, steps, keyring.Step{What: keyring.WasDropped, Key: unused}, keyring.Step{What: keyring.WasPublished, Key: w.id(t, keyring.Next)})
		if got := w.id(t, keyring.Current); got != current {
			t.Errorf("%s: the current key has changed at once", alg)
		}
		w.clock.Advance(period - 1)
		if steps, err := ring.Rotate(ctx); err != nil || slices.ContainsFunc(steps, func(s keyring.Step) bool { return s.What == keyring.WasPublished && !strings.HasPrefix(s.Key, "mac:") }) {
			t.Errorf("%s: a period is not over yet: %v, %v", alg, steps, err)
		}
		w.clock.Advance(1)
		if _, err := ring.Rotate(ctx); err != nil {
			t.Fatal(err)
		}
		key, err := ring.SigningKeys().Current(ctx)
		if err != nil || key.Algorithm != alg {
			t.Errorf("signs with %v %s, %v; want %s", key, key.Algorithm, err, alg)
		}
		if _, err := w.public().ByHeader(ctx, keyring.HeaderSegment(w.list(t)[0].Algorithm, current)); err != nil {
			t.Errorf("tokens of the algorithm before are refused: %v", err)
		}
		unused = w.id(t, keyring.Next)
	}
}

func TestPromoteTurnsAtOnceAndOnlyTheKeyThatIsMeant(t *testing.T) {
	w := created(t, keyring.ES256)
	first, second := w.id(t, keyring.Current), w.id(t, keyring.Next)
	w.clock.Advance(time.Minute)
	steps, err := w.ring.Promote(ctx, second)
	if err != nil {
		t.Fatal(err)
	}
	wantSteps(t, steps, keyring.Step{What: keyring.WasRetired, Key: first}, keyring.Step{What: keyring.WasPromoted, Key: second},
		keyring.Step{What: keyring.WasPublished, Key: w.id(t, keyring.Next)})
	for _, id := range []string{first, second, "", "mac:2"} {
		if _, err := w.ring.Promote(ctx, id); !errors.Is(err, keyring.ErrNotNext) {
			t.Errorf("promote %q: %v, want ErrNotNext", id, err)
		}
	}
	if w.store.replaced != 2 {
		t.Errorf("written %d times, want 2", w.store.replaced)
	}
}

func TestRevokedKeyLeavesTheSetWhateverItsState(t *testing.T) {
	for _, state := range []keyring.State{keyring.Current, keyring.Next, keyring.Retired} {
		t.Run(string(state), func(t *testing.T) {
			w := created(t, keyring.ES256)
			w.clock.Advance(period)
			w.rotate(t)
			id, current, next := w.id(t, state), w.id(t, keyring.Current), w.id(t, keyring.Next)
			steps, err := w.ring.Revoke(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			if steps[0] != (keyring.Step{What: keyring.WasRevoked, Key: id}) {
				t.Errorf("steps %v, want the key revoked first", steps)
			}
			wantCurrent := current
			if state == keyring.Current {
				wantCurrent = next
			}
			if got := w.id(t, keyring.Current); got != wantCurrent {
				t.Errorf("current is %s, want %s", got, wantCurrent)
			}
			if got := w.id(t, keyring.Next); (got == next) != (state == keyring.Retired) {
				t.Errorf("next is %s, was %s", got, next)
			}
			set, err := w.public().JWKS(ctx)
			if err != nil || strings.Contains(string(set), id) || strings.Contains(string(w.plain(t, keyring.Signing)), id) {
				t.Errorf("the key is still there: %s (%v)", set, err)
			}
			if _, err := w.ring.Revoke(ctx, id); !errors.Is(err, keyring.ErrUnknownKey) {
				t.Errorf("revoked again: %v, want ErrUnknownKey", err)
			}
		})
	}
}

func TestResetKillsRefreshTokensAndOpensNothing(t *testing.T) {
	w := created(t, keyring.ES256)
	w.clock.Advance(period)
	w.rotate(t)
	current, next := w.id(t, keyring.Current), w.id(t, keyring.Next)
	old, warm := w.ring.MACKeys(), w.existingMAC()
	sums := map[byte]string{}
	for _, version := range []byte{1, 2, 3} {
		sum, err := sumOf(old, version, []byte("m"))
		if err != nil || sum == nil {
			t.Fatal(version, err)
		}
		sums[version] = string(sum)
	}
	_ = useMAC(warm)
	opened := w.sealer.opensOf(keyring.Signing) + w.sealer.opensOf(keyring.Refresh)
	if _, err := w.ring.Reset(ctx); err != nil {
		t.Fatal(err)
	}
	if now := w.sealer.opensOf(keyring.Signing) + w.sealer.opensOf(keyring.Refresh); now != opened {
		t.Errorf("opened %d parts, want none: the sealing key may be lost", now-opened)
	}
	cold := w.existingMAC()
	for version := range sums {
		if sum, err := sumOf(cold, version, []byte("m")); err != nil || sum != nil {
			t.Errorf("version %d: %x, %v; want refused, and at once", version, sum, err)
		}
	}
	version, err := versionOf(cold)
	if err != nil || sums[version] != "" || version == 0 {
		t.Errorf("new sessions get version %d, %v; want one that was not there", version, err)
	}
	// Whoever logged in since may meet a function that has not heard of it: he is asked to come back.
	_, err = sumOf(warm, version, []byte("m"))
	isUnavailable(t, "new version, old keys", err)

	if got := w.id(t, keyring.Current); got == current || got == next {
		t.Errorf("signs with %s, which was there before", got)
	}
	if _, err := w.public().ByHeader(ctx, keyring.HeaderSegment(keyring.ES256, current)); err != nil {
		t.Errorf("access tokens issued before: %v, want accepted until they expire", err)
	}
	if _, err := w.public().ByHeader(ctx, keyring.HeaderSegment(keyring.ES256, next)); !errors.Is(err, keyring.ErrUnknownKey) {
		t.Errorf("the unused next key: %v, want ErrUnknownKey", err)
	}
	w.clock.Advance(macOverlap)
	w.rotate(t)
	if gone := w.ids(t, keyring.Gone, true); len(gone) != 0 {
		t.Errorf("versions not free again when every session has ended: %v", gone)
	}
}

func TestResetWorksHoweverOften(t *testing.T) {
	w := created(t, keyring.EdDSA)
	for i := range 300 {
		if _, err := w.ring.Reset(ctx); err != nil {
			t.Fatalf("reset %d: %v", i, err)
		}
	}
	wantUsable(t, w)
	version, _ := versionOf(w.existingMAC())
	w.rotate(t)
	w.clock.Advance(period)
	w.rotate(t)
	if next, err := versionOf(w.existingMAC()); err != nil || next == version {
		t.Errorf("current MAC key is %d, %v, a period after it was %d", next, err, version)
	}
}

func TestWithoutAnAlgorithmKeysGoOnAsTheyAre(t *testing.T) {
	for name, change := range map[string]func(*keyring.Keyring, world) error{
		"Rotate":  func(k *keyring.Keyring, w world) error { w.clock.Advance(period); _, err := k.Rotate(ctx); return err },
		"Promote": func(k *keyring.Keyring, w world) error { _, err := k.Promote(ctx, w.id(t, keyring.Next)); return err },
		"Revoke":  func(k *keyring.Keyring, w world) error { _, err := k.Revoke(ctx, w.id(t, keyring.Current)); return err },
		"Reset":   func(k *keyring.Keyring, _ world) error { _, err := k.Reset(ctx); return err },
	} {
		w := created(t, keyring.RS256)
		operator := keyring.New(keyring.Config{Store: w.store, Sealer: w.sealer, Now: w.clock.Now})
		if steps, err := operator.Rotate(ctx); err != nil || len(steps) > 0 {
			t.Errorf("%s: before it is due: %v, %v; want nothing done", name, steps, err)
		}
		if err := change(operator, w); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, key := range w.list(t) {
			if !key.IsMAC() && key.Algorithm != keyring.RS256 {
				t.Errorf("%s: a %s key of %s, want RS256 alone", name, key.State, key.Algorithm)
			}
		}
	}
	w := newWorld("")
	if _, err := w.ring.Rotate(ctx); !errors.Is(err, keyring.ErrMissing) || w.store.version != 0 {
		t.Errorf("no keyring: %v, want ErrMissing and none created", err)
	}
}

func TestTwoRotationsAtOnceMakeOneChange(t *testing.T) {
	w := created(t, keyring.ES256)
	first, second := w.id(t, keyring.Current), w.id(t, keyring.Next)
	w.clock.Advance(period)
	const runs = 8
	var all, callers sync.WaitGroup
	all.Add(runs)
	var did [runs][]keyring.Step
	for i := range runs {
		callers.Go(func() {
			all.Done()
			all.Wait()
			steps, err := w.ring.Rotate(ctx)
			if err != nil {
				t.Errorf("run %d: %v", i, err)
			}
			did[i] = steps
		})
	}
	callers.Wait()
	busy := 0
	for _, steps := range did {
		if len(steps) > 0 {
			busy++
		}
	}
	if busy != 1 || w.store.replaced != 2 || w.id(t, keyring.Current) != second || w.id(t, keyring.Retired) != first {
		t.Errorf("%d runs did something, written %d times; want one run, 2 writes with the creation", busy, w.store.replaced)
	}
}

func TestRotationMeetsAnother(t *testing.T) {
	w := created(t, keyring.ES256)
	w.clock.Advance(period)
	met := false
	w.sealer.beforeSeal = func() {
		if !met {
			met = true
			if _, err := w.ring.Rotate(ctx); err != nil {
				t.Errorf("the other: %v", err)
			}
		}
	}
	wantSteps(t, w.rotate(t)) // the other has done everything
	if w.store.replaced != 2 {
		t.Errorf("written %d times, want 2 with the creation", w.store.replaced)
	}
}

// A crash is a call that comes back with an error and whose work may have been done.
func TestCrashAtAnyStepLeavesAUsableKeySet(t *testing.T) {
	crash := map[string]func(w world){
		"nothing could be read":   func(w world) { w.store.fail(errOutage) },
		"nothing could be opened": func(w world) { w.sealer.err = errOutage },
		"not stored":              func(w world) { w.store.failReplace = errOutage },
		"stored, reply lost":      func(w world) { w.store.lost = true },
	}
	change := map[string]func(world, string, string) error{
		"Rotate":  func(w world, _, _ string) error { _, err := w.ring.Rotate(ctx); return err },
		"Promote": func(w world, _, next string) error { _, err := w.ring.Promote(ctx, next); return err },
		"Revoke":  func(w world, current, _ string) error { _, err := w.ring.Revoke(ctx, current); return err },
		"Reset":   func(w world, _, _ string) error { _, err := w.ring.Reset(ctx); return err },
	}
	for what, do := range change {
		for name, damage := range crash {
			t.Run(what+"/"+name, func(t *testing.T) {
				w := created(t, keyring.ES256)
				w.clock.Advance(period)
				current, next := w.id(t, keyring.Current), w.id(t, keyring.Next)
				damage(w)
				isUnavailable(t, "crash", do(w, current, next))
				w.store.fail(nil)
				w.store.failReplace, w.store.lost, w.sealer.err = nil, false, nil
				wantUsable(t, w)
				if err := do(w, current, next); err != nil && !errors.Is(err, keyring.ErrNotNext) && !errors.Is(err, keyring.ErrUnknownKey) {
					t.Errorf("repeated: %v", err)
				}
				wantUsable(t, w)
				if got := w.id(t, keyring.Current); got == current {
					t.Errorf("repeated, and %s still signs", got)
				}
			})
		}
	}
}

// wantUsable signs, verifies what was signed, and makes MACs.
func wantUsable(t *testing.T, w world) {
	t.Helper()
	key, err := w.ring.SigningKeys().Current(ctx)
	if err != nil {
		t.Fatalf("sign: %v", err)
	}
	if found, err := w.public().ByHeader(ctx, keyring.HeaderSegment(key.Algorithm, key.ID)); err != nil || found.ID != key.ID {
		t.Errorf("verify what %v signs: %v", key, err)
	}
	mac := w.ring.MACKeys()
	version, err := versionOf(mac)
	if err != nil {
		t.Fatalf("MAC: %v", err)
	}
	if sum, err := sumOf(mac, version, []byte("m")); err != nil || sum == nil {
		t.Errorf("MAC of version %d: %x, %v", version, sum, err)
	}
	if len(w.ids(t, keyring.Next, false)) != 1 || len(w.ids(t, keyring.Current, true)) != 1 {
		t.Errorf("next %v, current MAC %v; want one each", w.ids(t, keyring.Next, false), w.ids(t, keyring.Current, true))
	}
}

func TestSealedKeyThatCannotBeOpenedStopsIssuingAndNotVerifying(t *testing.T) {
	w := created(t, keyring.ES256)
	segment := w.header()
	w.clock.Advance(period)
	w.sealer.err = errOutage
	_, err := w.ring.SigningKeys().Current(ctx)
	isUnavailable(t, "sign", err)
	_, err = w.ring.Rotate(ctx)
	isUnavailable(t, "rotate", err)
	if _, err := w.public().ByHeader(ctx, segment); err != nil {
		t.Errorf("verify: %v, want accepted", err)
	}
	if _, err := w.ring.List(ctx); err != nil {
		t.Errorf("list: %v, want the keys", err)
	}
}

func TestListTellsStatesAndWhatComesNext(t *testing.T) {
	w := created(t, keyring.ES256)
	w.clock.Advance(period)
	w.rotate(t)
	w.clock.Advance(time.Minute)
	turned, due := start.Add(period), start.Add(2*period)
	first, second, third := w.id(t, keyring.Retired), w.id(t, keyring.Current), w.id(t, keyring.Next)
	want := []keyring.Key{
		{ID: first, Algorithm: keyring.ES256, State: keyring.Retired, CreatedAt: start, PromotedAt: start, RetiredAt: turned, Due: turned.Add(overlap)},
		{ID: second, Algorithm: keyring.ES256, State: keyring.Current, CreatedAt: start, PromotedAt: turned, Due: due},
		{ID: third, Algorithm: keyring.ES256, State: keyring.Next, CreatedAt: turned, Due: due},
		{ID: "mac:1", Algorithm: "HS256", State: keyring.Retired, CreatedAt: start, PromotedAt: start, RetiredAt: turned, Due: turned.Add(macOverlap)},
		{ID: "mac:2", Algorithm: "HS256", State: keyring.Current, CreatedAt: start, PromotedAt: turned, Due: due},
		{ID: "mac:3", Algorithm: "HS256", State: keyring.Next, CreatedAt: turned, Due: due},
	}
	if diff := cmp.Diff(want, w.list(t)); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	for _, key := range w.list(t) {
		if key.IsMAC() != strings.HasPrefix(key.ID, "mac:") {
			t.Errorf("%s: IsMAC %t", key.ID, key.IsMAC())
		}
	}
}

func TestChangesOfNoKeyring(t *testing.T) {
	w := newWorld(keyring.ES256)
	for name, do := range map[string]func(context.Context, string) ([]keyring.Step, error){"Promote": w.ring.Promote, "Revoke": w.ring.Revoke} {
		if _, err := do(ctx, "k"); !errors.Is(err, keyring.ErrMissing) {
			t.Errorf("%s: %v, want ErrMissing", name, err)
		}
	}
	if _, err := w.ring.Reset(ctx); !errors.Is(err, keyring.ErrMissing) {
		t.Errorf("Reset: %v, want ErrMissing", err)
	}
	if _, err := w.ring.List(ctx); !errors.Is(err, keyring.ErrMissing) {
		t.Errorf("List: %v, want ErrMissing", err)
	}
	wantSteps(t, w.rotate(t)) // creates it
	wantUsable(t, w)
}

func TestTimesThatCannotWorkAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		times keyring.Times
		says  string // "" for accepted
	}{
		"zero":                     {keyring.Times{}, ""},
		"scaled down":              {keyring.Times{Period: 10 * time.Second, CacheAge: 5 * time.Second}, ""},
		"just long enough":         {keyring.Times{Period: 10 * time.Minute}, ""},
		"shorter than the caches":  {keyring.Times{Period: 10*time.Minute - 1}, "want 10m0s or more"},
		"scaled down too far":      {keyring.Times{Period: 10 * time.Second, CacheAge: 5*time.Second + 1}, "want 10.000000002s or more"},
		"period too short":         {keyring.Times{Period: 9 * time.Second, CacheAge: time.Second}, "want 10s to"},
		"period negative":          {keyring.Times{Period: -time.Hour}, "want 10s to"},
		"period longer than a key": {keyring.Times{Period: 11 * 365 * 24 * time.Hour}, "want 10s to"},
		"cache age too short":      {keyring.Times{CacheAge: time.Second - 1}, "want 1s to 1h0m0s"},
		"cache age negative":       {keyring.Times{CacheAge: -1}, "want 1s to 1h0m0s"},
		"cache age too long":       {keyring.Times{CacheAge: time.Hour + 1}, "want 1s to 1h0m0s"},
	} {
		err := c.times.Check()
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

func TestPrivateKeysShowNowhere(t *testing.T) {
	w := created(t, keyring.ES256)
	w.clock.Advance(period)
	steps := w.rotate(t)
	jwks, err := w.public().JWKS(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var signing, refresh parts
	for part, into := range map[keyring.Part]*parts{keyring.Signing: &signing, keyring.Refresh: &refresh} {
		if err := json.Unmarshal(w.plain(t, part), into); err != nil {
			t.Fatal(err)
		}
	}
	outputs := map[string]string{"public part": string(w.store.parts[keyring.Public]), "jwks": string(jwks)}
	for how, out := range printed(w.list(t)) {
		outputs["list "+how] = out
	}
	for how, out := range printed(steps) {
		outputs["steps "+how] = out
	}
	for how, out := range printed(w.ring) {
		outputs["ring "+how] = out
	}
	for _, key := range signing.Keys {
		parsed, err := x509.ParsePKCS8PrivateKey(key.Private)
		if err != nil {
			t.Fatal(err)
		}
		scalar, err := parsed.(interface{ Bytes() ([]byte, error) }).Bytes()
		if err != nil {
			t.Fatal(err)
		}
		leaksNothing(t, scalar, outputs)
	}
	for _, key := range refresh.Keys {
		leaksNothing(t, key.Key, outputs)
	}
}
