package grant

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

// PasswordParts is what a Password is made of; every field is needed.
type PasswordParts struct {
	Owners   *session.Owners
	Accounts *account.Authenticator
	Editor   *account.Editor
	Changes  account.Changer
	Trail    *audit.Trail
}

// Password changes the password of somebody who is logged in.
type Password struct{ PasswordParts }

// NewPassword returns a Password.
func NewPassword(p PasswordParts) *Password { return &Password{p} }

// PasswordRequest is what the caller sent, and where from.
type PasswordRequest struct {
	Caller
	Current, New oauth.Secret
	Network      string // prefix of the caller's address
}

// Change replaces the password and ends every session but the caller's, whose access token dies too; one
// refresh renews it. Errors: account.ErrPassword, account.ErrInvalidCredentials when the current one is wrong,
// *account.TooManyAttemptsError, session.ErrEnded when the caller's session has ended, oauth.ErrUnavailable
// when the change is not confirmed. It may then be repeated: one that was made and whose answer was lost is
// not made again.
func (p *Password) Change(ctx context.Context, r PasswordRequest) error {
	if err := account.CheckPassword(r.New); err != nil {
		return err
	}
	_, owner, err := p.Owners.Living(ctx, r.Holder)
	if err != nil {
		return err
	}
	who, err := p.Accounts.Authenticate(ctx, owner.Username, r.Current, r.Network)
	switch {
	case err != nil:
		p.recordFailure(ctx, r, err)
		return err
	case who.Account.ID != owner.ID:
		return session.ErrEnded // the account was deleted meanwhile, and its name registered again
	}
	return p.change(ctx, r, who)
}

// change makes the change and settles the attempts, in one round trip.
func (p *Password) change(ctx context.Context, r PasswordRequest, who account.Authenticated) error {
	var (
		wg  sync.WaitGroup
		err error
	)
	wg.Go(func() {
		err = kept(p.Editor.ChangePassword(ctx, who, r.New, func(c account.Change) error {
			c.Keep = r.SessionID
			return p.Changes.ChangeAccount(ctx, c)
		}))
	})
	wg.Go(func() { p.Accounts.Settle(ctx, who) })
	wg.Wait()
	switch {
	case errors.Is(err, account.ErrNotFound):
		return session.ErrEnded // the account was deleted meanwhile
	case err != nil:
		return fmt.Errorf("grant: change the password: %w", err)
	}
	p.Trail.Record(ctx, r.event(audit.PasswordChanged))
	return nil
}

func (p *Password) recordFailure(ctx context.Context, r PasswordRequest, err error) {
	var limited *account.TooManyAttemptsError
	switch {
	case errors.Is(err, account.ErrInvalidCredentials):
		p.Trail.Record(ctx, r.event(audit.PasswordFailed))
	case errors.As(err, &limited):
		p.Trail.Record(ctx, r.event(audit.PasswordLimited))
	}
}
