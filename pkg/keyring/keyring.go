// Package keyring owns the keys that tokens are made with: signing keys for access tokens and MAC keys
// for refresh tokens. It creates them, keeps the secret ones sealed, and publishes the public ones
// as a JWKS (RFC 7517). It does not know what is signed.
//
// The keyring is stored as three parts, always replaced together, so that a function can be allowed to read one
// without the others: Signing is for functions that issue tokens, Refresh for those that read refresh tokens, and
// Public for all.
package keyring

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wavepass/wavepass/pkg/oauth"
)

// Part names one stored part. It is also the purpose under which that part is sealed.
type Part string

const (
	Signing Part = "SIGNING" // sealed: private signing keys
	Refresh Part = "REFRESH" // sealed: MAC keys of refresh tokens
	Public  Part = "PUBLIC"  // plain: public keys and their states
)

// Item is one part as it is stored.
type Item struct {
	Version int64 // the same in all three parts; the first is 1
	Data    []byte
	States  []byte // of the part Links: plain, the states of its keys; nil where a version before this one has made them
}

var (
	// ErrMissing says that the keyring was never created.
	ErrMissing = errors.New("keyring: missing")
	// ErrConflict says that the keyring has been replaced since it was read.
	ErrConflict = errors.New("keyring: changed meanwhile")
	// ErrUnknownKey says that the keyring has no such key.
	ErrUnknownKey = errors.New("keyring: unknown key")
)

// Store keeps the three parts.
type Store interface {
	// ReadPart returns a part, strongly consistent: ErrMissing when there is no keyring,
	// oauth.ErrUnavailable when it cannot tell.
	ReadPart(ctx context.Context, part Part) (Item, error)

	// ReplaceParts stores the three parts as version+1 in one transaction, on the condition that version is the
	// stored one (0: there is none). Of several callers with the same version exactly one succeeds, and the
	// others get ErrConflict. After oauth.ErrUnavailable the parts may have been replaced or not.
	ReplaceParts(ctx context.Context, version int64, parts map[Part][]byte) error
}

// Sealer encrypts a part for a purpose, so that only functions that may open this purpose can read it.
type Sealer interface {
	Seal(ctx context.Context, purpose string, plain []byte) ([]byte, error)
	// Open fails when sealed was made for another purpose or has been changed. It returns
	// oauth.ErrUnavailable when the sealing service cannot be reached.
	Open(ctx context.Context, purpose string, sealed []byte) ([]byte, error)
}

// State is where a key is in its life, see docs/design.md §8.
type State string

const (
	Next    State = "next"    // published, not signing
	Current State = "current" // signing
	Retired State = "retired" // verifying only
	Gone    State = "gone"    // a MAC key whose tokens are refused, and whose version may not be used again yet
)

// Algorithm of access tokens, a JWA name.
type Algorithm string

const (
	ES256 Algorithm = "ES256"
	EdDSA Algorithm = "EdDSA"
	RS256 Algorithm = "RS256"
)

// SignatureLen is the length in bytes of a signature by a key of ours (RFC 7518 §3.3, §3.4, RFC 8037 §3.1).
func (a Algorithm) SignatureLen() int {
	if a == RS256 {
		return rsaBits / 8
	}
	return 64
}

// Config is what a Keyring is made of.
type Config struct {
	Store     Store
	Sealer    Sealer
	Algorithm Algorithm // of new signing keys; empty: that of the newest key, and no keyring is created
	Times     Times
	Now       func() time.Time

	// Links, if set, has the keys of links, which List shows and Reset replaces too.
	Links LinkStore

	// Created, if set, is called with the first keys after this process has created the keyring.
	Created func(ctx context.Context, published []Step)
}

// Keyring creates the keyring on first use, and changes it. A process needs one.
type Keyring struct{ Config }

// New returns the keyring in a store.
func New(c Config) *Keyring {
	c.Times = c.Times.orDefault()
	return &Keyring{c}
}

// Ensure creates the keyring when there is none: a current and a next signing key, and a current and a next MAC key.
// Errors: ErrMissing when there is none and Config.Algorithm is empty, oauth.ErrUnavailable.
func (k *Keyring) Ensure(ctx context.Context) error {
	_, err := k.readOrCreate(ctx, Public)
	return err
}

func (k *Keyring) create(ctx context.Context) error {
	if k.Algorithm == "" {
		return ErrMissing
	}
	r := &ring{now: k.second(), prefix: MACPrefix}
	if err := r.begin(k.Algorithm); err != nil {
		return fmt.Errorf("create: %w", err)
	}
	err := k.write(ctx, r)
	if errors.Is(err, ErrConflict) {
		return nil // another function has created it, or our own write succeeded and its answer was lost
	}
	if err == nil && k.Created != nil {
		k.Created(ctx, r.steps)
	}
	return err
}

// readOrCreate returns a part, and creates the keyring when there is none.
func (k *Keyring) readOrCreate(ctx context.Context, part Part) (Item, error) {
	item, err := k.Store.ReadPart(ctx, part)
	if !errors.Is(err, ErrMissing) {
		return item, err
	}
	if err := k.create(ctx); err != nil {
		return Item{}, err
	}
	return k.Store.ReadPart(ctx, part)
}

// readExisting reads a part for a function that cannot create a keyring.
func readExisting(ctx context.Context, store Store, part Part) (Item, error) {
	item, err := store.ReadPart(ctx, part)
	if errors.Is(err, ErrMissing) {
		return Item{}, fmt.Errorf("%w: no keyring yet: it is created by the first login", oauth.ErrUnavailable)
	}
	return item, err
}
