package grant

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/authorization"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

// Codes gives authorization codes to people who are signed in at this service (RFC 6749 §4.1.2).
type Codes struct {
	offers *session.Offers
	trail  *audit.Trail
	now    func() time.Time
}

// NewCodes returns a Codes.
func NewCodes(offers *session.Offers, trail *audit.Trail, now func() time.Time) *Codes {
	return &Codes{offers, trail, now}
}

// Offer says what a code is for.
type Offer struct {
	Request  authorization.Request
	Account  account.Account // as it was read with the session of the person at this service
	AuthTime time.Time       // when they logged in there, and how
	AMR      []string
	Remember bool
	Network  string // prefix of the caller's address
}

// Room returns session.ErrTooManyPending while too many codes of an account wait. It reads beside what else is read for a request.
func (c *Codes) Room(ctx context.Context, account uuid.UUID) error {
	return c.offers.Room(ctx, account)
}

// Offer stores a session of the client that has not begun, and returns the code that begins it. Errors: client.ErrWrongKind,
// oauth.ErrUnavailable.
func (c *Codes) Offer(ctx context.Context, o Offer) (oauth.Secret, error) {
	to := o.Request.Client
	if !mayHoldRefreshTokens(to) {
		return oauth.Secret{}, client.ErrWrongKind
	}
	s, _, err := session.Begin(session.Login{
		AccountID: o.Account.ID, Epoch: o.Account.Epoch, AMR: o.AMR, Client: to, Scopes: Grantable(to, o.Account, o.Request.Scopes),
		Remember: o.Remember, Network: o.Network,
	}, c.now())
	if err != nil {
		return oauth.Secret{}, err
	}
	s.AuthTime, s.Resource = o.AuthTime, o.Request.Resource
	s, code := s.WaitForCode(o.Request.Redirect, o.Request.Challenge, o.Request.Nonce)
	if err := c.offers.Put(ctx, s); err != nil {
		return oauth.Secret{}, err
	}
	c.trail.Record(ctx, eventOf(s, audit.CodeOffered))
	return code.Encode(), nil
}

// Grantable returns the scopes out of those that were asked for that both client and account may have, in the client's order.
func Grantable(c client.Client, a account.Account, asked []string) []string {
	return slices.DeleteFunc(grantable(c, a), func(scope string) bool { return !slices.Contains(asked, scope) })
}

// ByCode exchanges authorization codes for tokens (RFC 6749 §4.1.3).
type ByCode struct{ ByCodeParts }

// ByCodeParts are the parts of a ByCode; every field is needed.
type ByCodeParts struct {
	Codes   *session.Codes
	MAC     session.Keys
	Signing SigningKeys
	Trail   *audit.Trail
	Now     func() time.Time
}

// NewByCode returns a ByCode.
func NewByCode(p ByCodeParts) *ByCode { return &ByCode{p} }

// CodeRequest is a request to exchange a code.
type CodeRequest struct {
	At       Place
	Client   client.Client // authenticated
	Code     oauth.Secret
	Redirect string
	Verifier oauth.Secret // of PKCE
	Resource string       // empty, or the one that the code was asked for
}

// Grant exchanges a code. Errors: client.ErrWrongKind, *session.CodeError, oauth.ErrUnavailable.
func (g *ByCode) Grant(ctx context.Context, r CodeRequest) (Issued, error) {
	if !mayHoldRefreshTokens(r.Client) {
		return Issued{}, client.ErrWrongKind
	}
	code, err := session.ParseCode(r.Code)
	if err != nil {
		return Issued{}, err
	}
	challenge, err := authorization.ChallengeOf(r.Verifier)
	if err != nil {
		return Issued{}, &session.CodeError{Says: err.Error()}
	}
	mac, key, err := newestKeys(ctx, g.MAC, g.Signing) // before the write, so that nothing can fail after it
	if err != nil {
		return Issued{}, err
	}
	s, a, err := g.Codes.Use(ctx, code, r.Client, r.Redirect, challenge, r.Resource)
	if err != nil {
		g.recordRefusal(ctx, code, r.Client, s, err)
		return Issued{}, fmt.Errorf("grant: %w", err)
	}
	now := g.Now()
	tokens, expiry := issueAccess(ctx, g.Trail, key, r.At, s, a, r.Client, now)
	tokens.RefreshToken = session.RefreshToken{AccountID: s.AccountID, SessionID: s.ID, Expiry: s.Expiry}.Encode(mac)
	tokens.IDToken = idToken(key, r.At, s, a, tokens, expiry, s.Pending.Nonce, now)
	g.Trail.Record(ctx, eventOf(s, audit.CodeUsed))
	return Issued{Tokens: tokens, Client: r.Client, Session: s}, nil
}

// recordRefusal leaves the event of a code that was refused. s is its session when that has been ended by it.
func (g *ByCode) recordRefusal(ctx context.Context, code session.Code, c client.Client, s session.Session, err error) {
	var refused *session.CodeError
	switch {
	case !errors.As(err, &refused):
	case refused.Replayed:
		g.Trail.Record(ctx, eventOf(s, audit.CodeReplayed))
	case refused.Unknown:
		g.Trail.Record(ctx, audit.Event{Name: audit.CodeRefused, ClientID: c.ID, Reason: refused.Says})
	default:
		g.Trail.Record(ctx, audit.Event{
			Name: audit.CodeRefused, Subject: code.AccountID.String(), SessionID: code.SessionID.String(), ClientID: c.ID, Reason: refused.Says,
		})
	}
}
