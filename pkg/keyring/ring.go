package keyring

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/wavepass/wavepass/pkg/oauth"
)

// changeTries bounds how often a change is tried again because of another one.
const changeTries = 4

// macAlgorithm is the name of HMAC-SHA256, the algorithm of MAC keys (RFC 7518 §3.2).
const macAlgorithm Algorithm = "HS256"

var errTooManyChanges = fmt.Errorf("%w: keyring: too many concurrent changes", oauth.ErrUnavailable)

// ring is the whole keyring, opened, while it is being changed. Its methods change the three parts together, and
// record each step.
type ring struct {
	version int64 // as it was read; 0: there is none yet
	public  publicPart
	signing signingPart
	refresh refreshPart
	prefix  string // of the ids of MAC keys

	now   time.Time // whole seconds, UTC
	steps []Step
}

// change loads the keyring, lets edit change it, and stores it if there was a step. When the keyring has been replaced
// meanwhile, it begins again with the new one, so edit must decide by the ring alone.
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
	return nil, errTooManyChanges
}

// load reads the three parts at one version, and opens the sealed ones.
func (k *Keyring) load(ctx context.Context) (*ring, error) {
	for range changeTries {
		var items [3]Item
		var errs [3]error
		var wg sync.WaitGroup
		for i, part := range []Part{Public, Signing, Refresh} {
			wg.Go(func() { items[i], errs[i] = k.Store.ReadPart(ctx, part) })
		}
		wg.Wait()
		if err := errors.Join(errs[:]...); err != nil {
			return nil, err
		}
		if items[0].Version != items[1].Version || items[0].Version != items[2].Version {
			continue // replaced between the reads
		}
		r, err := k.publicRing(items[0])
		return r, errors.Join(
			err,
			unseal(ctx, k.Sealer, Signing, items[1], &r.signing),
			unseal(ctx, k.Sealer, Refresh, items[2], &r.refresh),
		)
	}
	return nil, errTooManyChanges
}

// loadPublic loads the public part only, for a change that needs no stored secret.
func (k *Keyring) loadPublic(ctx context.Context) (*ring, error) {
	item, err := k.Store.ReadPart(ctx, Public)
	if err != nil {
		return nil, err
	}
	return k.publicRing(item)
}

func (k *Keyring) publicRing(item Item) (*ring, error) {
	r := &ring{version: item.Version, now: k.second(), prefix: MACPrefix}
	return r, unmarshalPart(Public, item.Data, &r.public)
}

func (k *Keyring) second() time.Time { return k.Now().UTC().Truncate(time.Second) }

// write seals and stores the ring as its next version.
func (k *Keyring) write(ctx context.Context, r *ring) error {
	parts := map[Part][]byte{}
	for part, content := range map[Part]any{Signing: r.signing, Refresh: r.refresh, Public: r.public} {
		data, err := json.Marshal(content)
		if err != nil {
			return fmt.Errorf("keyring: encode %s: %w", part, err)
		}
		if part != Public {
			if data, err = k.Sealer.Seal(ctx, string(part), data); err != nil {
				return fmt.Errorf("keyring: seal %s: %w", part, err)
			}
		}
		parts[part] = data
	}
	return k.Store.ReplaceParts(ctx, r.version, parts)
}

// find returns the first key in the state, or nil.
func find(keys []entry, state State) *entry {
	if i := slices.IndexFunc(keys, func(e entry) bool { return e.State == state }); i >= 0 {
		return &keys[i]
	}
	return nil
}

func (r *ring) did(what What, id string) { r.steps = append(r.steps, Step{what, id}) }

// publish adds a next signing key. If alg is empty, it takes the algorithm of the newest key.
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

// promote makes the next signing key the current one. The key that was current goes on verifying, and its private half
// is deleted.
func (r *ring) promote() {
	retired, promoted := r.advance(r.public.Keys)
	if retired != nil {
		r.deletePrivate(retired.ID)
	}
	for i := range r.signing.Keys {
		if promoted != nil && r.signing.Keys[i].ID == promoted.ID {
			r.signing.Keys[i].State = Current
		}
	}
}

// promoteMAC makes the next MAC key the one of new sessions. A session keeps the key that it began with.
func (r *ring) promoteMAC() {
	if _, promoted := r.advance(r.public.MACs); promoted != nil {
		r.refresh.Current = promoted.Version
	}
}

// advance retires the current one of keys and promotes the next one. It does nothing when there is no next key. It returns
// both; retired is nil when there was no current key.
func (r *ring) advance(keys []entry) (retired, promoted *entry) {
	retired, promoted = find(keys, Current), find(keys, Next)
	if promoted == nil {
		return nil, nil
	}
	if retired != nil {
		retired.State, retired.RetiredAt = Retired, r.now
		r.did(WasRetired, retired.ID)
	}
	promoted.State, promoted.PromotedAt = Current, r.now
	r.did(WasPromoted, promoted.ID)
	return retired, promoted
}

// drop removes a signing key. Its tokens are refused as soon as a verifier reads the set again.
func (r *ring) drop(id string, as What) {
	r.public.Keys = slices.DeleteFunc(r.public.Keys, func(e entry) bool { return e.ID == id })
	r.deletePrivate(id)
	r.did(as, id)
}

func (r *ring) deletePrivate(id string) {
	r.signing.Keys = slices.DeleteFunc(r.signing.Keys, func(key storedSigningKey) bool { return key.ID == id })
}

// publishMAC adds a next MAC key. When every version is taken it adds none, and the current key stays.
func (r *ring) publishMAC() {
	version := r.freeVersion()
	if version == 0 {
		return
	}
	key := storedMACKey{Version: version, Key: make([]byte, macKeyLen)}
	_, _ = rand.Read(key.Key) // never fails (crypto/rand)
	r.refresh.Keys = append(r.refresh.Keys, key)
	id := r.prefix + strconv.Itoa(int(version))
	r.public.MACs = append(r.public.MACs, entry{ID: id, State: Next, CreatedAt: r.now, Algorithm: macAlgorithm, Version: version})
	r.did(WasPublished, id)
}

// freeVersion returns the first free version after the newest key's, counting from 255 on to 1; 0 when none is free.
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

// dropMAC removes a MAC key whose sessions have all ended.
func (r *ring) dropMAC(e entry) {
	r.public.MACs = slices.DeleteFunc(r.public.MACs, func(other entry) bool { return other.Version == e.Version })
	r.refresh.Keys = slices.DeleteFunc(r.refresh.Keys, func(key storedMACKey) bool { return key.Version == e.Version })
	r.refresh.Gone = slices.DeleteFunc(r.refresh.Gone, func(version int) bool { return version == int(e.Version) })
	r.did(WasDropped, e.ID)
}
