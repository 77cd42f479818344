// Package keyring owns the keys that tokens are made with: signing keys for access tokens and MAC keys
// for refresh tokens. It creates them, keeps their private halves sealed, and publishes the public ones
// as a JWKS (RFC 7517). It does not know what is signed.
//
// The keyring is three stored parts, always replaced together, so that whoever may read one learns
// nothing of the others: Signing is for issuing functions, Refresh for those that look at refresh tokens,
// Public for everybody.
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
	Version int64 // the same for the three parts; 1 for the first
	Data    []byte
}

var (
	// ErrMissing says that the keyring was never created.
	ErrMissing = errors.New("keyring: missing")
	// ErrConflict says that somebody else has replaced the keyring.
	ErrConflict = errors.New("keyring: changed meanwhile")
	// ErrUnknownKey says that no key of the set fits.
	ErrUnknownKey = errors.New("keyring: unknown key")
)

// Store keeps the three parts.
type Store interface {
	// ReadPart returns a part, strongly consistent: ErrMissing when there is no keyring,
	// oauth.ErrUnavailable when it cannot tell.
	ReadPart(ctx context.Context, part Part) (Item, error)

	// ReplaceParts stores the three parts as version+1 in one transaction, provided that version is the
	// stored one (0: there is none). Of several callers with one version exactly one succeeds, the
	// others get ErrConflict. After oauth.ErrUnavailable nothing is known.
	ReplaceParts(ctx context.Context, version int64, parts map[Part][]byte) error
}

// Sealer encrypts a part so that only who may open its purpose can read it.
type Sealer interface {
	Seal(ctx context.Context, purpose string, plain []byte) ([]byte, error)
	// Open fails when sealed was made for another purpose or has been changed. It returns
	// oauth.ErrUnavailable when it could not be asked.
	Open(ctx context.Context, purpose string, sealed []byte) ([]byte, error)
}

// State is where a key stands.
type State string

const (
	Next    State = "next"    // published, not signing
	Current State = "current" // signing
	Retired State = "retired" // verifying only
	Gone    State = "gone"    // of a MAC key: its tokens are refused, and its version is not free yet
)

// Algorithm of access tokens, a JWA name.
type Algorithm string

const (
	ES256 Algorithm = "ES256"
	EdDSA Algorithm = "EdDSA"
	RS256 Algorithm = "RS256"
)

// SignatureLen is the length of a signature in bytes (RFC 7518 §3.3, §3.4, RFC 8037 §3.1), of RS256 by our own keys.
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
	Algorithm Algorithm // of the signing keys that are created from now on; empty: as the newest, and no keyring is created
	Times     Times
	Now       func() time.Time

	// Created, when set, is called with the first keys once this process has created the keyring.
	Created func(ctx context.Context, published []Step)
}

// Keyring creates the keyring on first use, and changes it. One is made per process.
type Keyring struct {
	store  Store
	sealer Sealer
	alg    Algorithm
	times  Times
	now    func() time.Time

	created func(context.Context, []Step)
}

// New returns the keyring in a store.
func New(c Config) *Keyring {
	return &Keyring{store: c.Store, sealer: c.Sealer, alg: c.Algorithm, times: c.Times.orDefault(), now: c.Now, created: c.Created}
}

// Ensure creates the keyring when there is none: a current and a next signing key, and MAC keys likewise.
func (k *Keyring) Ensure(ctx context.Context) error {
	_, err := k.store.ReadPart(ctx, Public)
	if errors.Is(err, ErrMissing) {
		return k.create(ctx)
	}
	return err
}

func (k *Keyring) create(ctx context.Context) error {
	if k.alg == "" {
		return ErrMissing
	}
	r := &ring{now: k.second()}
	if err := r.begin(k.alg); err != nil {
		return fmt.Errorf("create: %w", err)
	}
	err := k.write(ctx, r)
	if errors.Is(err, ErrConflict) {
		return nil // another function was first, or our own write whose answer was lost
	}
	if err == nil && k.created != nil {
		k.created(ctx, r.steps)
	}
	return err
}

// readOrCreate returns a part, creating the keyring when there is none.
func (k *Keyring) readOrCreate(ctx context.Context, part Part) (Item, error) {
	item, err := k.store.ReadPart(ctx, part)
	if !errors.Is(err, ErrMissing) {
		return item, err
	}
	if err := k.create(ctx); err != nil {
		return Item{}, err
	}
	return k.store.ReadPart(ctx, part)
}

// open unseals a part. What cannot be opened is not there for us: the caller can only wait for a repair.
func open(ctx context.Context, sealer Sealer, part Part, item Item) ([]byte, error) {
	plain, err := sealer.Open(ctx, string(part), item.Data)
	if err != nil {
		return nil, fmt.Errorf("%w: keyring: open %s: %w", oauth.ErrUnavailable, part, err)
	}
	return plain, nil
}
