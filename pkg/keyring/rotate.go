package keyring

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// What says what happened to a key.
type What string

const (
	WasPublished What = "published" // it is in the set, and does not sign yet
	WasPromoted  What = "promoted"  // it signs; a MAC key makes the tokens of new sessions
	WasRetired   What = "retired"   // it verifies only
	WasDropped   What = "dropped"   // it was removed, and all of its tokens have expired
	WasRevoked   What = "revoked"   // it was removed, and its tokens are refused
)

// Step is what a change did to one key.
type Step struct {
	What What
	Key  string // key id; of a MAC key MACPrefix or LinkPrefix, and its version
}

// ErrNotNext says that Promote was asked for a key that is not the next one.
var ErrNotNext = errors.New("keyring: not the next key")

// Rotate takes the steps that are due and returns them. A next key that has been published for a period becomes
// current, the current one is retired, another next key is published, and a retired key is dropped when its tokens have
// expired. It creates the keyring when there is none. Each step is taken once, also when several hosts rotate at once. When
// nothing is due, it reads the public part only. After oauth.ErrUnavailable the steps may have been taken or not; repeat it.
func (k *Keyring) Rotate(ctx context.Context) ([]Step, error) {
	r, err := k.loadPublic(ctx)
	if errors.Is(err, ErrMissing) {
		return nil, k.create(ctx)
	}
	if err != nil {
		return nil, err
	}
	entries := slices.Concat(r.public.Keys, r.public.MACs)
	anyExpired := slices.ContainsFunc(entries, func(e entry) bool { return k.expired(e, r.now) })
	if !anyExpired && !k.signingKeyIsDue(r) && !k.promotionIsDue(r.public.MACs, r.now) {
		return nil, nil
	}
	return k.change(ctx, k.load, k.rotateDue)
}

func (k *Keyring) rotateDue(r *ring) error {
	for _, e := range slices.Clone(r.public.Keys) {
		if k.expired(e, r.now) {
			r.drop(e.ID, WasDropped)
		}
	}
	k.rotateMACs(r)
	switch {
	case !k.signingKeyIsDue(r):
		return nil
	case k.promotionIsDue(r.public.Keys, r.now):
		r.promote()
	default:
		r.drop(find(r.public.Keys, Next).ID, WasDropped) // it has another algorithm, and has signed nothing
	}
	return r.publish(k.Algorithm)
}

// promotionIsDue reports whether the next one of keys has been published for a period, or is missing.
func (k *Keyring) promotionIsDue(keys []entry, now time.Time) bool {
	next := find(keys, Next)
	return next == nil || !now.Before(next.CreatedAt.Add(k.Times.Period))
}

// signingKeyIsDue reports whether another next signing key is needed. A change of the configured algorithm needs one too;
// so the new algorithm signs after one period.
func (k *Keyring) signingKeyIsDue(r *ring) bool {
	return k.promotionIsDue(r.public.Keys, r.now) || k.Algorithm != "" && find(r.public.Keys, Next).Algorithm != k.Algorithm
}

// rotateMACs takes the steps of MAC keys that are due.
func (k *Keyring) rotateMACs(r *ring) {
	for _, e := range slices.Clone(r.public.MACs) {
		if k.expired(e, r.now) {
			r.dropMAC(e)
		}
	}
	if k.promotionIsDue(r.public.MACs, r.now) {
		r.promoteMAC()
		r.publishMAC()
	}
}

// expired reports whether no token of a retired key can still be good.
func (k *Keyring) expired(e entry, now time.Time) bool {
	return !e.RetiredAt.IsZero() && !now.Before(k.Times.endOf(e))
}

// Promote makes the next signing key the current one at once, however young it is. id must be that key's, so that of two
// concurrent calls one gets ErrNotNext. Verifiers that hold an older set may refuse its tokens for as long as
// Times.Spread. Errors: ErrMissing, oauth.ErrUnavailable.
func (k *Keyring) Promote(ctx context.Context, id string) ([]Step, error) {
	return k.change(ctx, k.load, func(r *ring) error {
		if next := find(r.public.Keys, Next); next == nil || next.ID != id {
			return fmt.Errorf("%w: %s", ErrNotNext, id)
		}
		r.promote()
		return r.publish(k.Algorithm)
	})
}

// Openable reports whether the keyring can be changed: the parts are there and can be opened. Errors: ErrMissing,
// oauth.ErrUnavailable.
func (k *Keyring) Openable(ctx context.Context) error {
	_, err := k.load(ctx)
	return err
}

// Revoke removes a signing key in an emergency, whatever its state. When it was the current one, the next key replaces it
// at once. Deny the key id in the revocation log first, because functions hold older sets for a while. Errors:
// ErrUnknownKey when the key is not in the set, ErrMissing, oauth.ErrUnavailable.
func (k *Keyring) Revoke(ctx context.Context, id string) ([]Step, error) {
	return k.change(ctx, k.load, func(r *ring) error {
		i := slices.IndexFunc(r.public.Keys, func(e entry) bool { return e.ID == id })
		if i < 0 {
			return fmt.Errorf("%w: %s", ErrUnknownKey, id)
		}
		state := r.public.Keys[i].State
		r.drop(id, WasRevoked)
		if state == Retired {
			return nil
		}
		if state == Current {
			r.promote()
		}
		return r.publish(k.Algorithm)
	})
}

// Reset replaces the signing keys and every MAC key, so that every refresh token is refused and everybody
// logs in again. It is for a table that was restored from a backup, where replaced refresh tokens would be accepted
// again, and for a sealing key that is lost: it opens nothing. Access tokens are good until they expire. With Config.Links it
// then replaces the keys of links, so that every link and code is dead; when that fails, the steps before it are returned beside the
// error. Errors: ErrMissing, oauth.ErrUnavailable.
func (k *Keyring) Reset(ctx context.Context) ([]Step, error) {
	steps, err := k.change(ctx, k.loadPublic, func(r *ring) error {
		alg := k.Algorithm
		if next := find(r.public.Keys, Next); next != nil {
			alg = cmp.Or(alg, next.Algorithm)
			r.drop(next.ID, WasDropped)
		}
		r.revokeMACs()
		return r.begin(alg)
	})
	if err != nil || k.Links == nil {
		return steps, err
	}
	ofLinks, err := k.resetLinks(ctx)
	return append(steps, ofLinks...), err
}

// revokeMACs marks every MAC key as gone. When too few versions are free for new keys, the oldest versions are used again:
// the tokens of their old keys are then refused because the MAC is wrong.
func (r *ring) revokeMACs() {
	const needed = 2 // a current and a next one
	if most := 255 - needed; len(r.public.MACs) > most {
		r.public.MACs = slices.Clone(r.public.MACs[len(r.public.MACs)-most:])
	}
	for i := range r.public.MACs {
		e := &r.public.MACs[i]
		if e.State != Gone {
			e.State, e.RetiredAt = Gone, r.now
			r.did(WasRevoked, e.ID)
		}
		r.refresh.Gone = append(r.refresh.Gone, int(e.Version))
	}
}

// begin publishes a current and a next key of each kind.
func (r *ring) begin(alg Algorithm) error {
	if err := r.publish(alg); err != nil {
		return err
	}
	r.promote()
	r.beginMACs()
	if find(r.public.MACs, Current) == nil {
		return errors.New("keyring: no version is free for a MAC key") // not stored: nobody could log in
	}
	return r.publish(alg)
}

func (r *ring) beginMACs() {
	r.publishMAC()
	r.promoteMAC()
	r.publishMAC()
}
