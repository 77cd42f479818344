package session

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/consent"
	"github.com/wavepass/wavepass/pkg/oauth"
)

const (
	// CodeLife is how long an authorization code may wait for its client (RFC 6749 §4.1.2 allows 10 minutes).
	CodeLife = time.Minute
	// MaxPending is how many sessions of an account may wait for their codes to be used.
	MaxPending = 10

	codePrefix = "wpac_"
	// pendingLook is how many of the newest sessions are looked at for those that wait.
	pendingLook = 2 * MaxPending
)

// ErrTooManyPending says that MaxPending sessions of an account wait for their codes to be used.
var ErrTooManyPending = errors.New("session: too many codes wait to be used")

// CodeError is an ErrCode.
type CodeError struct {
	Says     string // what the client is told
	Replayed bool   // the code was right in everything and had been used before
	Unknown  bool   // nothing says that the code was not made up, and so the ids in it
}

// ErrCode says that an authorization code is not accepted. Every such error is a *CodeError.
var ErrCode = errors.New("session: authorization code not accepted")

func (e *CodeError) Error() string { return ErrCode.Error() + ": " + e.Says }

// Is makes every CodeError an ErrCode.
func (e *CodeError) Is(target error) bool { return target == ErrCode }

// Pending is how a session begins that was made for an authorization code (docs/adr/0080-a-code-is-a-session-that-has-not-begun.md).
type Pending struct {
	CodeHash  []byte // SHA-256 of the secret in the code
	Challenge string // of PKCE with S256
	Redirect  string // where the code was sent
	Nonce     string // for the ID token, may be empty
	Until     time.Time
	UsedBy    string // names the one exchange that has used the code; empty: the session has not begun
}

// Code is an authorization code. Like a handle it names its session and has a secret of which the table keeps the hash.
type Code struct {
	AccountID uuid.UUID
	SessionID uuid.UUID

	secret oauth.Secret // namedSecretLen bytes
}

// WaitForCode returns the session as one that begins when a code is used, which is the result too.
func (s Session) WaitForCode(redirect, challenge, nonce string) (Session, Code) {
	var secret [namedSecretLen]byte
	_, _ = rand.Read(secret[:]) // it never fails (crypto/rand)
	c := Code{s.AccountID, s.ID, oauth.NewSecret(string(secret[:]))}
	s.Pending = &Pending{CodeHash: c.hash(), Challenge: challenge, Redirect: redirect, Nonce: nonce, Until: s.CreatedAt.Add(CodeLife)}
	return s, c
}

// HasBegun reports whether the session is more than a code that waits to be used.
func (s Session) HasBegun() bool { return s.Pending == nil || s.Pending.UsedBy != "" }

// Encode returns the code as text.
func (c Code) Encode() oauth.Secret {
	return encodeNamed(codePrefix, c.AccountID, c.SessionID, c.secret)
}

// ParseCode reads a code. The error is an ErrCode for every text that Encode could not have returned.
func ParseCode(text oauth.Secret) (Code, error) {
	account, id, secret, err := parseNamed(codePrefix, text)
	if err != nil {
		return Code{}, &CodeError{Says: "it is not an authorization code of this service", Unknown: true}
	}
	return Code{account, id, secret}, nil
}

func (c Code) hash() []byte {
	sum := sha256.Sum256([]byte(c.secret.Reveal()))
	return sum[:]
}

// CodeUse begins a session.
type CodeUse struct {
	AccountID uuid.UUID
	SessionID uuid.UUID
	ClientID  string
	CodeHash  []byte
	Challenge string // that of the verifier
	Redirect  string
	Resource  string    // empty: that of the session, whichever it is
	UsedBy    string    // new for each exchange, so that its own write is known again when it is repeated
	Now       time.Time // becomes RotatedAt, milliseconds
}

// Apply is like Rotation.Apply.
func (u CodeUse) Apply(s Session) (Session, bool) {
	p := s.Pending
	if p == nil || s.ClientID != u.ClientID || subtle.ConstantTimeCompare(p.CodeHash, u.CodeHash) != 1 || p.Challenge != u.Challenge || p.Redirect != u.Redirect ||
		u.Resource != "" && s.Resource != u.Resource || !u.Now.Before(p.Until) || !s.RevokedAt.IsZero() || p.UsedBy != "" && p.UsedBy != u.UsedBy {
		return s, false
	}
	used := *p
	used.UsedBy = u.UsedBy
	s.Pending, s.RotatedAt = &used, u.Now
	return s, true
}

// Release is like Apply, and takes back what it did.
func (u CodeUse) Release(s Session) (Session, bool) {
	p := s.Pending
	if p == nil || p.UsedBy != u.UsedBy || !s.RotatedAt.Equal(u.Now) {
		return s, false
	}
	waiting := *p
	waiting.UsedBy = ""
	s.Pending = &waiting
	return s, true
}

// refused says why the code of u did not begin s, which is as the write saw it.
func (u CodeUse) refused(s Session) *CodeError {
	p := s.Pending
	switch {
	case p == nil || subtle.ConstantTimeCompare(p.CodeHash, u.CodeHash) != 1:
		return &CodeError{Says: "no such code", Unknown: true}
	case s.ClientID != u.ClientID:
		return &CodeError{Says: "it was given to another client"}
	case p.Redirect != u.Redirect:
		return &CodeError{Says: "redirect_uri is not the one that the code was sent to"}
	case p.Challenge != u.Challenge:
		return &CodeError{Says: "code_verifier does not belong to the code_challenge"}
	case u.Resource != "" && s.Resource != u.Resource:
		return &CodeError{Says: "resource is not the one that the code was asked for"}
	case p.UsedBy != "":
		return &CodeError{Says: "it was used before, and so its session has been ended", Replayed: true}
	}
	return &CodeError{Says: "it has expired: a code is good for a minute"}
}

// CodeKeeper stores sessions that wait for their codes.
type CodeKeeper interface {
	Creator
	Lister
}

// CodeUser begins sessions by their codes, and ends them.
type CodeUser interface {
	Ender

	// UseCode sets UsedBy and RotatedAt in one conditional write, and lets the session live until its own expiries. The condition: the
	// session has this client, code, redirect, challenge and, if it is given, resource, was not revoked, Now is before Until, and the code was not used but by UsedBy.
	// The result is the session as it then is, also of a call that is repeated; with ErrStale it is the session as the
	// condition saw it. ErrNotFound, oauth.ErrUnavailable. Of any number of uses exactly one succeeds.
	UseCode(ctx context.Context, u CodeUse) (Session, error)

	// ReleaseCode takes a use back, which UseCode has just written and nobody was answered: the session waits again, as long as its code lives. until is
	// when that ends. ErrStale when the code was not used by u.UsedBy, or its session was refreshed since; errors also as UseCode.
	ReleaseCode(ctx context.Context, u CodeUse, until time.Time) error
}

// Offers keeps sessions that wait for their codes to be used.
type Offers struct {
	store CodeKeeper
	now   func() time.Time
}

// NewOffers returns an Offers over store.
func NewOffers(store CodeKeeper, now func() time.Time) *Offers { return &Offers{store, now} }

// Room returns ErrTooManyPending while MaxPending sessions of an account wait for their codes, in one round trip. Requests that come together
// see the same number, so a few more can come to be. oauth.ErrUnavailable.
func (o *Offers) Room(ctx context.Context, account uuid.UUID) error {
	page, err := o.store.SessionsOf(ctx, account, uuid.Nil, pendingLook)
	if err != nil {
		return fmt.Errorf("session: pending codes: %w", err)
	}
	pending := 0
	for _, s := range page.Sessions {
		if !s.HasBegun() && o.now().Before(s.Pending.Until) {
			pending++
		}
	}
	if pending >= MaxPending {
		return ErrTooManyPending
	}
	return nil
}

// Put stores a session that waits for its code.
func (o *Offers) Put(ctx context.Context, s Session) error {
	if err := o.store.Create(ctx, s); err != nil {
		return fmt.Errorf("session: put a code: %w", err)
	}
	return nil
}

// Codes begins sessions by their codes.
type Codes struct {
	store    CodeUser
	accounts Accounts
	consents Consents
	now      func() time.Time
}

// Consents knows what people allow clients, as consent.Store.
type Consents interface {
	Consent(ctx context.Context, account uuid.UUID, clientID string) (consent.Consent, error)
}

// NewCodes returns a Codes over these stores.
func NewCodes(store CodeUser, accounts Accounts, consents Consents, now func() time.Time) *Codes {
	return &Codes{store, accounts, consents, now}
}

// Use begins the session of a code, and returns it with its account, in one round trip. Whoever has taken back since what they had allowed the
// client is asked anew: the code is refused. A code that is right in everything and comes again
// ends its session (RFC 6749 §4.1.2); the session is the result then, too, with a *CodeError. Any other wrong request changes nothing. Errors: *CodeError,
// oauth.ErrUnavailable.
func (c *Codes) Use(ctx context.Context, code Code, of client.Client, redirect, challenge, resource string) (Session, account.Account, error) {
	use := CodeUse{
		AccountID: code.AccountID, SessionID: code.SessionID, ClientID: of.ID, CodeHash: code.hash(), Challenge: challenge, Redirect: redirect,
		Resource: resource, UsedBy: uuid.Must(uuid.NewRandom()).String(), Now: c.now().Truncate(time.Millisecond),
	}
	var (
		wg                             sync.WaitGroup
		s                              Session
		a                              account.Account
		allowed                        consent.Consent
		useErr, accountErr, allowedErr error
	)
	wg.Go(func() { s, useErr = c.store.UseCode(ctx, use) })
	wg.Go(func() { a, accountErr = readAccount(ctx, c.accounts, code.AccountID) })
	if of.AsksConsent() {
		wg.Go(func() { allowed, allowedErr = c.allowed(ctx, code.AccountID, of.ID) })
	}
	wg.Wait()
	switch {
	case errors.Is(useErr, ErrNotFound):
		return Session{}, account.Account{}, &CodeError{Says: "no such code, or it expired some time ago", Unknown: true}
	case errors.Is(useErr, ErrStale):
		refused := use.refused(s)
		if !refused.Replayed {
			return Session{}, account.Account{}, refused
		}
		if _, err := NewRevoker(c.store, c.now).End(ctx, s, ReasonCode); err != nil {
			return Session{}, account.Account{}, err
		}
		return s, account.Account{}, refused
	case useErr != nil:
		return Session{}, account.Account{}, fmt.Errorf("session: use a code: %w", useErr)
	case accountErr != nil || allowedErr != nil:
		// Without the account there is no answer, and the client may come again. When this fails, too, its code is spent, and the person signs in again.
		_ = c.store.ReleaseCode(ctx, use, s.Pending.Until)
		return Session{}, account.Account{}, errors.Join(accountErr, allowedErr)
	}
	if err := Usable(s, a, of, c.now()); err != nil {
		return Session{}, account.Account{}, &CodeError{Says: "the person has logged out meanwhile, or may not log in any more"}
	}
	if of.AsksConsent() && !allowed.Covers(s.Scopes, of) {
		if _, err := NewRevoker(c.store, c.now).End(ctx, s, ReasonEnded); err != nil {
			return Session{}, account.Account{}, err
		}
		return Session{}, account.Account{}, &CodeError{Says: "the person has taken back meanwhile what they had allowed"}
	}
	return s, a, nil
}

// allowed is what a person allows a client now, the zero Consent for nothing.
func (c *Codes) allowed(ctx context.Context, account uuid.UUID, clientID string) (consent.Consent, error) {
	allowed, err := c.consents.Consent(ctx, account, clientID)
	switch {
	case errors.Is(err, consent.ErrNotFound):
		return consent.Consent{}, nil
	case err != nil:
		return consent.Consent{}, fmt.Errorf("session: read consent: %w", err)
	}
	return allowed, nil
}
