package enrol

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/link"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// takeBackTries bounds how often a change of address is taken back again because somebody else has changed the account meanwhile.
const takeBackTries = 4

// AskToChange orders the mail by which a new address is confirmed. The caller has just checked that the account is the person's, by
// its password. Whether the address is somebody else's is not looked up. Errors: account.ErrAddress, mail.ErrTooMany, oauth.ErrUnavailable.
func (e *Enroller) AskToChange(ctx context.Context, id uuid.UUID, address string, by Asker) error {
	canonical, err := account.CanonicalAddress(address)
	if err != nil {
		return err
	}
	order := mail.Order{Purpose: mail.ConfirmAddress, Account: id, Address: canonical, Language: by.Language, Client: by.Client}
	return e.Mails.Place(ctx, order, by.Network)
}

// Confirm gives an account the address that a link was mailed to, and ends every session. Before that it orders the mail that tells the
// old address, with the link that takes the change back. Errors: link.ErrDead; account.ErrAddressTaken and account.ErrExists when the
// address is another account's by now, or its login name; oauth.ErrUnavailable, after which the address may have been changed.
func (e *Enroller) Confirm(ctx context.Context, text string, by Asker) (account.Account, error) {
	said, a, login, err := e.ofLink(ctx, text, link.Confirm, link.StateOf)
	if err != nil {
		return account.Account{}, err
	}
	if a.Email.Address != "" && a.Email.Address != said.Address {
		if !a.HeldSince().Truncate(time.Second).Before(e.Now().Truncate(time.Second)) {
			// A link says when it was mailed in whole seconds, and by that of which address it is.
			return account.Account{}, fmt.Errorf("%w: enrol: the address was changed in this very second", oauth.ErrUnavailable)
		}
		notice := mail.Order{
			Purpose: mail.AddressChanging, Account: a.ID, Address: a.Email.Address, NewAddress: said.Address, Language: by.Language, Client: by.Client,
		}
		if err := e.Mails.Place(ctx, notice, by.Network); err != nil {
			return account.Account{}, err
		}
	}
	email := e.verified(said.Address)
	return a, e.reset(ctx, a, login, account.NewPassword{}, &email)
}

// TakeBack gives an account back the address that a link was mailed to, with a new password, ends every session, and takes every identity of
// a provider from it: the person who has changed the address knew the password, and may have come from a provider by the new address. The link lives through whatever they have changed since, but not through an earlier link by
// which the address was taken back: a thief who moves the account from mailbox to mailbox is mailed links too. Once dead it stays dead, whatever
// becomes of the address. Errors: link.ErrDead, also
// when the account has that address; those of account.PasswordRules, account.ErrAddressTaken, account.ErrExists, oauth.ErrUnavailable.
func (e *Enroller) TakeBack(ctx context.Context, text string, password oauth.Secret) (account.Account, error) {
	for range takeBackTries {
		said, a, login, err := e.ofLink(ctx, text, link.TakeBack, func(account.Account, string) link.State { return link.State{} })
		mailed := said.Expires.Add(-link.TakeBack.Life())
		if err == nil && (a.Email.Address == said.Address || !a.HadAnotherAt(mailed)) {
			err = link.ErrDead
		}
		if err != nil {
			return account.Account{}, err
		}
		accepted, err := e.Passwords.Accept(password, a.Username, said.Address)
		if err != nil {
			return account.Account{}, err
		}
		switch err := e.editor.GiveBack(ctx, a, login, accepted, e.verified(said.Address), mailed); {
		case err == nil:
			return a, nil
		case !errors.Is(err, account.ErrConflict):
			return account.Account{}, fmt.Errorf("enrol: %w", err)
		}
	}
	return account.Account{}, fmt.Errorf("%w: enrol: too many changes of the account at once", oauth.ErrUnavailable)
}
