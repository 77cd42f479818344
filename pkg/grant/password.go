package grant

import (
	"context"
	"errors"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

// PasswordParts is what a Password is made of; every field is needed.
type PasswordParts struct {
	BeginParts
	Owners *session.Owners
}

// Password changes the password of somebody who is logged in.
type Password struct {
	beginner
	owners *session.Owners
}

// NewPassword returns a Password.
func NewPassword(p PasswordParts) *Password { return &Password{newBeginner(p.BeginParts), p.Owners} }

// PasswordRequest is what the caller sent, and where from.
type PasswordRequest struct {
	Caller
	At           Place
	Client       client.Client // of the caller's session
	Current, New oauth.Secret
	Network      string // prefix of the caller's address
}

// Change replaces the password, ends every session of the account, the caller's too, and begins a new one like a
// login: so a copy of any refresh token, also of the caller's, is worth nothing any more. Errors:
// client.ErrWrongKind, account.ErrPassword, account.ErrInvalidCredentials when the current password is wrong,
// *account.TooManyAttemptsError, session.ErrEnded when the caller's session has ended, oauth.ErrUnavailable
// when the change is not confirmed. When the answer was lost, the person logs in with the new password.
func (p *Password) Change(ctx context.Context, r PasswordRequest) (Issued, error) {
	if !mayHoldRefreshTokens(r.Client) {
		return Issued{}, client.ErrWrongKind
	}
	if err := account.CheckPassword(r.New); err != nil {
		return Issued{}, err
	}
	own, owner, err := p.owners.Living(ctx, r.Holder)
	if err != nil {
		return Issued{}, err
	}
	who, keys, err := p.authenticate(ctx, owner.Username, r.Current, r.Network)
	switch {
	case err != nil:
		p.recordFailure(ctx, err, owner.Username, keys.mac, r.event(audit.PasswordFailed), audit.PasswordLimited)
		return Issued{}, err
	case who.Account.ID != owner.ID:
		return Issued{}, session.ErrEnded // the account was deleted meanwhile, and its name registered again
	}
	issued, err := p.begin(ctx, beginning{
		at: r.At, client: r.Client, who: who, remember: own.Remembered, device: own.Device, network: r.Network,
	}, keys, func(s *session.Session) error {
		return p.Editor.ChangePassword(ctx, who, r.New, func(c account.Change) error { return p.createAfter(ctx, c, s) })
	})
	switch {
	case errors.Is(err, account.ErrNotFound):
		return Issued{}, session.ErrEnded // the account was deleted meanwhile
	case err != nil:
		return Issued{}, err
	}
	event := eventOf(issued.Session, audit.PasswordChanged)
	event.By = own.ID.String()
	p.Trail.Record(ctx, event)
	return issued, nil
}
