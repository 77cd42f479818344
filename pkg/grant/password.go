package grant

import (
	"context"
	"errors"
	"sync"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

// PasswordParts are the parts of a Password; every field is needed.
type PasswordParts struct {
	BeginParts
	Owners *session.Owners
	Mails  *mail.Desk

	Forgetter account.Forgetter
}

// Password changes the passwords of people who are logged in.
type Password struct {
	beginner
	owners *session.Owners
	mails  *mail.Desk

	forgetter account.Forgetter
}

// NewPassword returns a Password.
func NewPassword(p PasswordParts) *Password {
	return &Password{beginner{p.BeginParts}, p.Owners, p.Mails, p.Forgetter}
}

// PasswordRequest is a request to change a password.
type PasswordRequest struct {
	Caller
	At           Place
	Client       client.Client // of the caller's session
	Current, New oauth.Secret
	Rules        account.PasswordRules // for the new one
	Network      string                // prefix of the caller's address
	Devices      oauth.Secret          // what the device was given at earlier logins
	Language     string                // of the mail that tells the owner, as in mail.Order
}

// Change replaces the password, ends every session of the account, the caller's too, and begins a new one like a
// login. So every copy of a refresh token of the account is refused, also a copy of the caller's. When the answer was lost, the
// person logs in with the new password. The mail that tells the owner is ordered before anything is changed. Errors: client.ErrWrongKind, account.ErrPassword, account.ErrInvalidCredentials when
// the current password is wrong, *account.TooManyAttemptsError, session.ErrEnded when the caller's session has ended,
// oauth.ErrUnavailable when the change is not confirmed.
func (p *Password) Change(ctx context.Context, r PasswordRequest) (Issued, error) {
	if r.Client.Transport() == client.NoSession {
		return Issued{}, client.ErrWrongKind
	}
	own, owner, err := p.owners.Living(ctx, r.Holder)
	if err != nil {
		return Issued{}, err
	}
	accepted, err := r.Rules.Accept(r.New, owner.Username)
	if err != nil {
		return Issued{}, err
	}
	device := p.presented(r.Devices, r.Client.ID)
	who, keys, err := p.authenticate(ctx, owner.Username, r.Current, r.Network, device)
	switch {
	case err != nil:
		p.recordFailure(ctx, err, owner.Username, keys.mac, r.event(audit.PasswordFailed), audit.PasswordLimited)
		return Issued{}, err
	case who.Account.ID != owner.ID:
		return Issued{}, session.ErrEnded // the account was deleted meanwhile, and its name registered again
	}
	ordered := p.tell(ctx, who.Account, r)
	login := session.Login{Client: r.Client, Remember: own.Remembered, Device: own.Device, Network: r.Network}
	var hash string
	issued, err := p.begin(ctx, r.At, who, login, keys, func(s *session.Session) error {
		return p.Editor.ChangePassword(ctx, who, accepted, func(c account.Change) error {
			if err := ordered(); err != nil {
				return err
			}
			hash = c.Hash
			return p.createAfter(ctx, c, s)
		})
	})
	_ = ordered() // nothing goes on after the answer
	switch {
	case errors.Is(err, account.ErrNotFound):
		return Issued{}, session.ErrEnded // the account was deleted meanwhile
	case err != nil:
		return Issued{}, err
	}
	issued.Devices = device.with(keys.mac, owner.ID, account.DigestOf(hash))
	event := eventOf(issued.Session, audit.PasswordChanged)
	event.By = own.ID.String()
	p.Trail.Record(ctx, event)
	return issued, nil
}

// tell orders the mail that tells the owner, if there is an address, beside the hash of the new password. What it returns waits for that.
func (p *Password) tell(ctx context.Context, a account.Account, r PasswordRequest) (ordered func() error) {
	if a.Email.Address == "" {
		return func() error { return nil }
	}
	var (
		wg  sync.WaitGroup
		err error
	)
	wg.Go(func() {
		err = p.mails.Place(ctx, mail.Order{Purpose: mail.PasswordChanged, Account: a.ID, Address: a.Email.Address, Language: r.Language, Client: r.Client.ID}, r.Network)
	})
	return func() error {
		wg.Wait()
		return err
	}
}
