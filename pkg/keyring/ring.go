package keyring

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/wavepass/wavepass/pkg/oauth"
)

// changeTries bounds how often a change may meet another one.
const changeTries = 4

// macAlgorithm is what a list of keys calls the algorithm of MAC keys (RFC 7518 §3.2).
const macAlgorithm Algorithm = "HS256"

// ring is the whole keyring, opened, while it is being changed. Its methods keep the three parts in step, and
// note what they did.
type ring struct {
	version int64 // as it was read; 0: there is none yet
	public  publicPart
	signing signingPart
	refresh refreshPart

	now   time.Time // whole seconds, UTC
	steps []Step
}

// change reads and opens the keyring, has it edited, and stores it if anything was done. When somebody else was
// faster it begins again with what he left, so edit must decide from the ring alone.
func (k *Keyring) change(ctx context.Context, load func(context.Context) (*ring, error), edit func(*ring) error) ([]Step, error) {
	for range changeTries {
		r, err := load(ctx)
		if err != nil {
			return nil, err
		}
		if err := edit(r); err != nil {
			return nil, err
		}
		if len(r.steps) == 0 {
			return nil, nil
		}
		switch err := k.write(ctx, r); {
		case err == nil:
			return r.steps, nil
		case !errors.Is(err, ErrConflict):
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w: keyring: too many concurrent changes", oauth.ErrUnavailable)
}

// load reads the three parts at one version, and opens two.
func (k *Keyring) load(ctx context.Context) (*ring, error) {
	for range changeTries {
		var items [3]Item
		var errs [3]error
		var wg sync.WaitGroup
		for i, part := range []Part{Public, Signing, Refresh} {
			wg.Go(func() { items[i], errs[i] = k.store.ReadPart(ctx, part) })
		}
		wg.Wait()
		if err := errors.Join(errs[:]...); err != nil {
			return nil, err
		}
		if items[0].Version != items[1].Version || items[0].Version != items[2].Version {
			continue // replaced between the reads
		}
		r := &ring{version: items[0].Version, now: k.second()}
		return r, errors.Join(
			decodePublic(items[0], &r.public),
			k.decodeSealed(ctx, Signing, items[1], &r.signing),
			k.decodeSealed(ctx, Refresh, items[2], &r.refresh),
		)
	}
	return nil, fmt.Errorf("%w: keyring: too many concurrent changes", oauth.ErrUnavailable)
}

// loadPublic is load for a change that needs no old secret, and so needs to open nothing.
func (k *Keyring) loadPublic(ctx context.Context) (*ring, error) {
	item, err := k.store.ReadPart(ctx, Public)
	if err != nil {
		return nil, err
	}
	r := &ring{version: item.Version, now: k.second()}
	return r, decodePublic(item, &r.public)
}

func (k *Keyring) second() time.Time { return k.now().UTC().Truncate(time.Second) }

func decodePublic(item Item, into *publicPart) error {
	if err := json.Unmarshal(item.Data, into); err != nil {
		return fmt.Errorf("%w: keyring: %s part: not readable", oauth.ErrUnavailable, Public)
	}
	return nil
}

func (k *Keyring) decodeSealed(ctx context.Context, part Part, item Item, into any) error {
	plain, err := open(ctx, k.sealer, part, item)
	if err != nil {
		return err
	}
	if json.Unmarshal(plain, into) != nil { // its error could quote what was sealed
		return fmt.Errorf("%w: keyring: %s part: not readable", oauth.ErrUnavailable, part)
	}
	return nil
}

// write seals and stores the ring as its next version.
func (k *Keyring) write(ctx context.Context, r *ring) error {
	parts := map[Part][]byte{}
	for part, content := range map[Part]any{Signing: r.signing, Refresh: r.refresh, Public: r.public} {
		data, err := json.Marshal(content)
		if err != nil {
			return fmt.Errorf("keyring: encode %s: %w", part, err)
		}
		if part != Public {
			if data, err = k.sealer.Seal(ctx, string(part), data); err != nil {
				return fmt.Errorf("keyring: seal %s: %w", part, err)
			}
		}
		parts[part] = data
	}
	return k.store.ReplaceParts(ctx, r.version, parts)
}

// find returns the key in that state, nil when there is none.
func find(keys []entry, state State) *entry {
	if i := slices.IndexFunc(keys, func(e entry) bool { return e.State == state }); i >= 0 {
		return &keys[i]
	}
	return nil
}

func (r *ring) did(what What, id string) { r.steps = append(r.steps, Step{what, id}) }

// publish adds a next signing key. Without an algorithm it is of that of the newest key.
func (r *ring) publish(alg Algorithm) error {
	if n := len(r.public.Keys); alg == "" && n > 0 {
		alg = r.public.Keys[n-1].Algorithm
	}
	private, public, err := newSigningKey(alg)
	if err != nil {
		return fmt.Errorf("keyring: %w", err)
	}
	private.State, public.State, public.CreatedAt = Next, Next, r.now
	r.signing.Keys = append(r.signing.Keys, private)
	r.public.Keys = append(r.public.Keys, public)
	r.did(WasPublished, public.ID)
	return nil
}

// promote has the next signing key sign. The one that did goes on verifying; its private half is forgotten.
func (r *ring) promote() {
	current, next := find(r.public.Keys, Current), find(r.public.Keys, Next)
	if next == nil {
		return
	}
	if current != nil {
		current.State, current.RetiredAt = Retired, r.now
		r.forgetPrivate(current.ID)
		r.did(WasRetired, current.ID)
	}
	next.State, next.PromotedAt = Current, r.now
	for i := range r.signing.Keys {
		if r.signing.Keys[i].ID == next.ID {
			r.signing.Keys[i].State = Current
		}
	}
	r.did(WasPromoted, next.ID)
}

// drop takes a signing key out of the set: what it signed is refused as soon as the set is read again.
func (r *ring) drop(id string, as What) {
	r.public.Keys = slices.DeleteFunc(r.public.Keys, func(e entry) bool { return e.ID == id })
	r.forgetPrivate(id)
	r.did(as, id)
}

func (r *ring) forgetPrivate(id string) {
	r.signing.Keys = slices.DeleteFunc(r.signing.Keys, func(key storedSigningKey) bool { return key.ID == id })
}

// publishMAC adds a next MAC key, unless every version is taken: then the current one stays.
func (r *ring) publishMAC() {
	version := r.freeVersion()
	if version == 0 {
		return
	}
	key := storedMACKey{Version: version, Key: make([]byte, macKeyLen)}
	_, _ = rand.Read(key.Key) // never fails (crypto/rand)
	r.refresh.Keys = append(r.refresh.Keys, key)
	id := macID(version)
	r.public.MACs = append(r.public.MACs, entry{ID: id, State: Next, CreatedAt: r.now, Algorithm: macAlgorithm, Version: version})
	r.did(WasPublished, id)
}

// freeVersion is the one after the newest, or the first that is free from there; 0 when none is.
func (r *ring) freeVersion() byte {
	var newest byte
	if n := len(r.public.MACs); n > 0 {
		newest = r.public.MACs[n-1].Version
	}
	for i := range 255 {
		version := byte((int(newest)+i)%255 + 1) // 1 to 255
		if !slices.ContainsFunc(r.public.MACs, func(e entry) bool { return e.Version == version }) {
			return version
		}
	}
	return 0
}

// promoteMAC has new sessions begin with the next MAC key. Sessions keep the one that they began with.
func (r *ring) promoteMAC() {
	current, next := find(r.public.MACs, Current), find(r.public.MACs, Next)
	if next == nil {
		return
	}
	if current != nil {
		current.State, current.RetiredAt = Retired, r.now
		r.did(WasRetired, current.ID)
	}
	next.State, next.PromotedAt = Current, r.now
	r.refresh.Current = next.Version
	r.did(WasPromoted, next.ID)
}

// dropMAC forgets a MAC key of which no session can be alive.
func (r *ring) dropMAC(e entry) {
	r.public.MACs = slices.DeleteFunc(r.public.MACs, func(other entry) bool { return other.Version == e.Version })
	r.refresh.Keys = slices.DeleteFunc(r.refresh.Keys, func(key storedMACKey) bool { return key.Version == e.Version })
	r.refresh.Gone = slices.DeleteFunc(r.refresh.Gone, func(version int) bool { return version == int(e.Version) })
	r.did(WasDropped, e.ID)
}
