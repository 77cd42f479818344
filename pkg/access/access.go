// Package access answers whether an access token is to be accepted now: it verifies, and nothing in the log of
// revocations denies it. It does not ask what the token permits.
package access

import (
	"context"

	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/token"
)

// Checker checks access tokens. Safe for concurrent use.
type Checker struct {
	tokens   *token.Verifier
	denylist *revocation.Snapshot
}

// NewChecker returns a Checker.
func NewChecker(tokens *token.Verifier, denylist *revocation.Snapshot) *Checker {
	return &Checker{tokens, denylist}
}

// Check returns what the token says, and nothing of a token that is not to be accepted. Errors: token.ErrInvalid when it
// does not verify, revocation.ErrRevoked when it was revoked, oauth.ErrUnavailable when one of the two is not known.
func (c *Checker) Check(ctx context.Context, text oauth.Secret, want token.Expect) (token.Claims, error) {
	if c.denylist.WantsReadFirst() && token.WellFormed(text) { // a text of another form is refused without any reading
		wait := c.denylist.ReadFirst(ctx) // beside the keys
		defer wait()
	}
	claims, err := c.tokens.Verify(ctx, text, want)
	if err != nil {
		return token.Claims{}, err
	}
	if err := c.denylist.Check(ctx, subjectOf(claims)); err != nil {
		return token.Claims{}, err
	}
	return claims, nil
}

// Recheck is Check for the claims of a token that was verified before, and is not at hand any more.
func (c *Checker) Recheck(ctx context.Context, claims token.Claims, want token.Expect) error {
	if err := c.tokens.Recheck(claims, want); err != nil {
		return err
	}
	return c.denylist.Check(ctx, subjectOf(claims))
}

// subjectOf is everything by which a token may be denied.
func subjectOf(c token.Claims) revocation.Subject {
	s := revocation.Subject{TokenID: c.ID, ClientID: c.ClientID, KeyID: c.SigningID, Began: c.IssuedAt.Unix()}
	if c.Login != nil {
		// A token that a function issued for an old session, before it knew, is as old as its session.
		s.Began = c.Login.AuthTime.Unix()
		s.AccountID, s.SessionID, s.Epoch = c.Subject, c.Login.SessionID.String(), c.Login.Epoch
	}
	return s
}
