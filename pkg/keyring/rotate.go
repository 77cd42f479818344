package keyring

import (
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
	WasPromoted  What = "promoted"  // it signs; a MAC key: new sessions begin with it
	WasRetired   What = "retired"   // it verifies only
	WasDropped   What = "dropped"   // nothing that it made can be alive
	WasRevoked   What = "revoked"   // nothing that it made is accepted
)

// Step is what a change did to one key.
type Step struct {
	What What
	Key  string // key id; of a MAC key "mac:" and its version
}

// ErrNotNext says that a key that was to be promoted is not the next one.
var ErrNotNext = errors.New("keyring: not the next key")

// Rotate does what is due and returns what it did: a next key that has been published for a period signs, the
// one before verifies for as long as its tokens live, and another is published. It creates the keyring
// when there is none. Repeated, or run by two at once, it does each thing once; when nothing is due it reads
// the public part and opens nothing. oauth.ErrUnavailable: nothing is known, repeat it.
func (k *Keyring) Rotate(ctx context.Context) ([]Step, error) {
	r, err := k.loadPublic(ctx)
	if errors.Is(err, ErrMissing) {
		return nil, k.create(ctx)
	}
	if err != nil {
		return nil, err
	}
	if !k.signingDue(r.public, r.now) && !k.turn(r.public.MACs, r.now) && !k.anyDead(r.public, r.now) {
		return nil, nil
	}
	return k.change(ctx, k.load, k.rotateDue)
}

func (k *Keyring) rotateDue(r *ring) error {
	for _, e := range slices.Clone(r.public.Keys) {
		if dead(e, k.times.overlap(), r.now) {
			r.drop(e.ID, WasDropped)
		}
	}
	for _, e := range slices.Clone(r.public.MACs) {
		if dead(e, k.times.macOverlap(), r.now) {
			r.dropMAC(e)
		}
	}
	if k.turn(r.public.MACs, r.now) {
		r.promoteMAC()
		r.publishMAC()
	}
	switch next := find(r.public.Keys, Next); {
	case !k.signingDue(r.public, r.now):
		return nil
	case k.turn(r.public.Keys, r.now):
		r.promote()
	default:
		r.drop(next.ID, WasDropped) // of another algorithm, and has signed nothing
	}
	return r.publish(k.alg)
}

// turn reports whether the next key of a list has been published for a period, or is missing.
func (k *Keyring) turn(keys []entry, now time.Time) bool {
	next := find(keys, Next)
	return next == nil || !now.Before(next.CreatedAt.Add(k.times.Period))
}

// signingDue reports whether another next key is needed: also when the configured algorithm has changed, so
// that the change takes one period.
func (k *Keyring) signingDue(public publicPart, now time.Time) bool {
	return k.turn(public.Keys, now) || k.alg != "" && find(public.Keys, Next).Algorithm != k.alg
}

func (k *Keyring) anyDead(public publicPart, now time.Time) bool {
	return slices.ContainsFunc(public.Keys, func(e entry) bool { return dead(e, k.times.overlap(), now) }) ||
		slices.ContainsFunc(public.MACs, func(e entry) bool { return dead(e, k.times.macOverlap(), now) })
}

func dead(e entry, overlap time.Duration, now time.Time) bool {
	return !e.RetiredAt.IsZero() && !now.Before(e.RetiredAt.Add(overlap))
}

// Promote has the next signing key sign at once, however young. id is the key's, so that of two who promote at
// once one gets ErrNotNext. Verifiers that hold an older set may refuse its tokens for as long as Times.Spread.
func (k *Keyring) Promote(ctx context.Context, id string) ([]Step, error) {
	return k.change(ctx, k.load, func(r *ring) error {
		if next := find(r.public.Keys, Next); next == nil || next.ID != id {
			return fmt.Errorf("%w: %s", ErrNotNext, id)
		}
		r.promote()
		return r.publish(k.alg)
	})
}

// Openable reports whether the keyring can be changed: the parts are there and can be opened. Errors: ErrMissing,
// oauth.ErrUnavailable.
func (k *Keyring) Openable(ctx context.Context) error {
	_, err := k.load(ctx)
	return err
}

// Revoke takes a signing key out of the set in an emergency, whatever its state. When it was signing, the next
// key does so at once. ErrUnknownKey when it is not in the set. Who calls this denies the key id in the
// revocation log first: functions hold older sets for a while.
func (k *Keyring) Revoke(ctx context.Context, id string) ([]Step, error) {
	return k.change(ctx, k.load, func(r *ring) error {
		i := slices.IndexFunc(r.public.Keys, func(e entry) bool { return e.ID == id })
		if i < 0 {
			return fmt.Errorf("%w: %s", ErrUnknownKey, id)
		}
		switch state := r.public.Keys[i].State; state {
		case Retired:
			r.drop(id, WasRevoked)
			return nil
		case Next:
			r.drop(id, WasRevoked)
		default:
			r.drop(id, WasRevoked)
			r.promote()
		}
		return r.publish(k.alg)
	})
}

// Reset begins anew: fresh signing keys, and fresh MAC keys, so that every refresh token is dead and everybody
// logs in again. It is for a table that was restored from a backup, where old refresh tokens have come back
// to life, and for a sealing key that is lost: it opens nothing. Access tokens live on until they expire.
func (k *Keyring) Reset(ctx context.Context) ([]Step, error) {
	return k.change(ctx, k.loadPublic, func(r *ring) error {
		alg := k.alg
		if next := find(r.public.Keys, Next); next != nil {
			if alg == "" {
				alg = next.Algorithm
			}
			r.drop(next.ID, WasDropped)
		}
		r.loseMACs()
		return r.begin(alg)
	})
}

// loseMACs marks every MAC key as gone. When too few versions are left for new ones, the oldest are used again: a
// token of theirs is then refused for its MAC.
func (r *ring) loseMACs() {
	const needed = 2 // a current and a next one
	if kept := 255 - needed; len(r.public.MACs) > kept {
		r.public.MACs = slices.Clone(r.public.MACs[len(r.public.MACs)-kept:])
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

// begin publishes and promotes a first key of each sort, and publishes a next one.
func (r *ring) begin(alg Algorithm) error {
	if err := r.publish(alg); err != nil {
		return err
	}
	r.promote()
	r.publishMAC()
	r.promoteMAC()
	r.publishMAC()
	if find(r.public.MACs, Current) == nil {
		return errors.New("keyring: no version is free for a MAC key") // never stored: nothing could log in
	}
	return r.publish(alg)
}
