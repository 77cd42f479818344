// Package consent owns what people have allowed applications to do. It does not know how they were asked.
package consent

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/client"
)

// ErrNotFound says that a person has allowed an application nothing.
var ErrNotFound = errors.New("consent: nothing was allowed")

// ErrChanged says that a person has decided something else meanwhile: they have allowed more, or taken back what they had allowed.
var ErrChanged = errors.New("consent: changed meanwhile")

// Consent is what a person has allowed one application.
type Consent struct {
	AccountID uuid.UUID
	ClientID  string
	Scopes    []string  // never empty but for a client that asks for none
	Given     time.Time // when it was last said, whole seconds
}

// Covers reports whether everything was allowed that a client asks for. What was allowed to an earlier client of the same id does not
// count.
func (c Consent) Covers(scopes []string, of client.Client) bool {
	if c.Given.IsZero() || c.ClientID != of.ID || c.Given.Before(of.Since) {
		return false
	}
	return !slices.ContainsFunc(scopes, func(scope string) bool { return !slices.Contains(c.Scopes, scope) })
}

// With returns c and these scopes beside those that it has, as it is given at a time.
func (c Consent) With(scopes []string, of client.Client, now time.Time) Consent {
	given := Consent{AccountID: c.AccountID, ClientID: of.ID, Given: now.Truncate(time.Second)}
	if c.Covers(nil, of) {
		given.Scopes = slices.Clone(c.Scopes)
	}
	for _, scope := range scopes {
		if !slices.Contains(given.Scopes, scope) {
			given.Scopes = append(given.Scopes, scope)
		}
	}
	return given
}

// Same reports whether both say the same of the same client of an account.
func (c Consent) Same(other Consent) bool {
	return c.AccountID == other.AccountID && c.ClientID == other.ClientID && c.Given.Equal(other.Given) && slices.Equal(c.Scopes, other.Scopes)
}

// Store keeps consents. Every method returns oauth.ErrUnavailable when it cannot tell; a write may then have happened.
type Store interface {
	// Consent returns what an account has allowed a client, strongly consistent. ErrNotFound.
	Consent(ctx context.Context, account uuid.UUID, clientID string) (Consent, error)
	// PutConsent stores c in place of before, which was read; a zero Given is that of nothing. ErrChanged, and nothing is stored, when what
	// the account allows its client is neither before nor already c.
	PutConsent(ctx context.Context, before, c Consent) error
	// TakeBackConsent deletes what an account has allowed a client, whatever that is. It may be repeated.
	TakeBackConsent(ctx context.Context, account uuid.UUID, clientID string) error
	// Consents returns everything that an account has allowed and has not taken back, in the order of the clients' ids, strongly consistent.
	Consents(ctx context.Context, account uuid.UUID) ([]Consent, error)
}
