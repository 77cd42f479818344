package keyring

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/wavepass/wavepass/pkg/oauth"
)

// Links is the part, and the purpose, of the keys of links and codes in mails. It is stored beside the keyring and is not replaced
// with it: a function that makes links opens no key of tokens, and none that makes tokens opens this. So no schedule turns these keys:
// the functions that use them do.
const Links Part = "LINKS"

// LinkPrefix begins the ids of the keys of links.
const LinkPrefix = "link:"

// MaxLinkLife is how long a link is good at the most, and so how long its key verifies after another has taken its place.
const MaxLinkLife = 7 * 24 * time.Hour

// LinkStore keeps the keys of links.
type LinkStore interface {
	// ReadPart is that of Store. Of the part Links it returns States too.
	ReadPart(ctx context.Context, part Part) (Item, error)
	// ReplaceLinks stores the part Links as version+1, on the condition that version is the stored one (0: there is none). Of several callers
	// with the same version exactly one succeeds, and the others get ErrConflict, as does the repetition of a call. After
	// oauth.ErrUnavailable it may be stored or not.
	ReplaceLinks(ctx context.Context, version int64, data, states []byte) error
}

// LinkConfig is what keys of links are made of.
type LinkConfig struct {
	Store  LinkStore
	Sealer Sealer
	Times  Times
	Now    func() time.Time

	// Changed, if set, is called with the steps after this process has taken them.
	Changed func(ctx context.Context, taken []Step)
}

// NewLinkKeys returns the keys of links, which the first use creates. They are read again once in Times.SignerLife, and then the steps
// that are due are taken. A next key is published for a period before links are made with it, so every function knows it by then.
func NewLinkKeys(c LinkConfig) *MACKeys {
	l := links{&Keyring{Config{Links: c.Store, Sealer: c.Sealer, Times: c.Times.orDefault(), Now: c.Now}}, c.Changed}
	held := l.Times
	held.CacheAge = held.SignerLife()
	return newMACKeys(c.Sealer, Links, held, c.Now, l.read)
}

// links takes the steps of the keys of links.
type links struct {
	*Keyring
	changed func(context.Context, []Step)
}

// read returns what is stored, after the steps that are due.
func (l links) read(ctx context.Context) (Item, error) {
	for range changeTries {
		item, r, err := l.loadLinks(ctx)
		if err != nil {
			return Item{}, err
		}
		if err = l.turn(ctx, item, r); err == nil {
			err = l.writeLinks(ctx, r)
		}
		switch {
		case errors.Is(err, ErrConflict): // another function was faster
		case err != nil && item.Version == 0:
			return Item{}, fmt.Errorf("%w: keyring: create the keys of links: %w", oauth.ErrUnavailable, err)
		case err != nil || len(r.steps) == 0:
			return item, nil // the keys are good for a while longer: the next reading tries again
		case l.changed != nil:
			l.changed(ctx, r.steps)
		}
	}
	return Item{}, errTooManyChanges
}

// turn takes the steps that are due.
func (l links) turn(ctx context.Context, item Item, r *ring) error {
	switch {
	case item.Version == 0:
		r.beginMACs()
		return nil
	case !l.promotionIsDue(r.public.MACs, r.now) && !slices.ContainsFunc(r.public.MACs, func(e entry) bool { return l.expired(e, r.now) }):
		return nil
	}
	if err := unseal(ctx, l.Sealer, Links, item, &r.refresh); err != nil {
		return err
	}
	l.rotateMACs(r)
	return nil
}

// loadLinks reads the part and opens nothing. A part that is missing has the version 0 and no keys.
func (k *Keyring) loadLinks(ctx context.Context) (Item, *ring, error) {
	item, err := k.Links.ReadPart(ctx, Links)
	if errors.Is(err, ErrMissing) {
		item, err = Item{}, nil
	}
	r := &ring{version: item.Version, now: k.second(), prefix: LinkPrefix}
	switch {
	case err != nil || item.Version == 0:
		return item, r, err
	case len(item.States) == 0: // a version before this one has made it, when is not known: one key, number 1
		r.public.MACs = []entry{{ID: LinkPrefix + "1", State: Current, Algorithm: macAlgorithm, Version: 1}}
		return item, r, nil
	}
	return item, r, unmarshalPart(Links, item.States, &r.public)
}

// writeLinks seals and stores what loadLinks has read and steps have changed.
func (k *Keyring) writeLinks(ctx context.Context, r *ring) error {
	if len(r.steps) == 0 {
		return nil
	}
	plain, err := json.Marshal(r.refresh)
	if err != nil {
		return err
	}
	states, err := json.Marshal(r.public)
	if err != nil {
		return err
	}
	sealed, err := k.Sealer.Seal(ctx, string(Links), plain)
	if err != nil {
		return fmt.Errorf("keyring: seal %s: %w", Links, err)
	}
	return k.Links.ReplaceLinks(ctx, r.version, sealed, states)
}

// resetLinks replaces every key of links, so that every link and code is dead. It opens nothing. It does nothing where there is none.
func (k *Keyring) resetLinks(ctx context.Context) ([]Step, error) {
	for range changeTries {
		_, r, err := k.loadLinks(ctx)
		if err != nil || r.version == 0 {
			return nil, err
		}
		r.revokeMACs()
		r.beginMACs()
		switch err := k.writeLinks(ctx, r); {
		case err == nil:
			return r.steps, nil
		case !errors.Is(err, ErrConflict):
			return nil, err
		}
	}
	return nil, errTooManyChanges
}
