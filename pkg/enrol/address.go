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

// changeTries bounds how often a change is begun again because the account was changed meanwhile.
const changeTries = 4

var errTooManyChanges = fmt.Errorf("%w: enrol: too many changes of the account at once", oauth.ErrUnavailable)

// AskToChange orders the mail by which a new address of an account is confirmed. The caller has just checked that the account is the
// person's, by its password. Whether the address is somebody else's is not looked up. Errors: account.ErrAddress, mail.ErrTooMany,
// oauth.ErrUnavailable.
func AskToChange(ctx context.Context, mails *mail.Desk, id uuid.UUID, address string, by Asker) error {
	canonical, err := account.CanonicalAddress(address)
	if err != nil {
		return err
	}
	order := mail.Order{Purpose: mail.ConfirmAddress, Account: id, Address: canonical, Language: by.Language, Client: by.Client}
	return mails.Place(ctx, order, by.Network)
}

// Confirm gives an account the address that the proof is from, and ends every session. Before that it orders the mail that tells the
// old address, with the link that takes the change back. Errors: link.ErrDead; account.ErrAddressTaken and account.ErrExists when the
// address is another account's by now, or its login name; *account.TooManyAttemptsError; oauth.ErrUnavailable, after which the address may
// have been changed.
func (e *Enroller) Confirm(ctx context.Context, proof Proof, by Asker) (account.Account, error) {
	digest := proof.digest(link.Confirm)
	told := false
	for range changeTries {
		said, a, login, err := e.confirmProof(ctx, proof)
		switch {
		case err != nil:
			return account.Account{}, err
		case e.madeBy(a, digest):
			return a, nil
		}
		if !told && a.Email.Address != "" && a.Email.Address != said.Address {
			if err := MayHave(ctx, e.Store, a, said.Address); err != nil {
				return account.Account{}, err
			}
			if err := TellBefore(ctx, e.Mails, e.Now(), a, said.Address, by); err != nil {
				return account.Account{}, err
			}
			told = true
		}
		email := e.verified(said.Address)
		switch err := e.editor.Reset(ctx, a, login, account.NewPassword{}, &email, digest); {
		case err == nil:
			return moved(a, said.Address), nil
		case !errors.Is(err, account.ErrConflict): // else the proof died meanwhile: perhaps by this very request, sent twice
			return account.Account{}, deadOr(err)
		}
	}
	return account.Account{}, errTooManyChanges
}

// confirmProof returns what a proof says, with the account that it is good for.
func (e *Enroller) confirmProof(ctx context.Context, proof Proof) (link.Link, account.Account, account.LoginName, error) {
	if proof.Link != "" {
		return e.ofLink(ctx, proof, link.Confirm, link.StateOf)
	}
	address, err := account.CanonicalAddress(proof.Address)
	if err != nil {
		return link.Link{}, account.Account{}, account.LoginName{}, err
	}
	said := link.Link{Purpose: link.Confirm, Account: proof.Account, Address: address}
	a, login, err := e.ofCode(ctx, proof, said)
	return said, a, login, err
}

// MayHave returns account.ErrAddressTaken when an address is another account's. Ask it before anybody is told of a change: only so many notices are sent in an hour, so none is spent on one that is refused.
// Errors: also oauth.ErrUnavailable.
func MayHave(ctx context.Context, owners account.Addresses, a account.Account, address string) error {
	switch owner, err := owners.OwnerOf(ctx, address); {
	case err == nil && owner != a.ID:
		return account.ErrAddressTaken
	case err != nil && !errors.Is(err, account.ErrNotFound):
		return fmt.Errorf("enrol: %w", err)
	}
	return nil
}

// TellBefore orders the mail to the address that an account is about to lose, with the link that takes the change back. next is the new one, empty for none.
// Errors: oauth.ErrUnavailable, also when the address was changed in this very second.
func TellBefore(ctx context.Context, mails *mail.Desk, now time.Time, a account.Account, next string, by Asker) error {
	if !a.HeldSince().Truncate(time.Second).Before(now.Truncate(time.Second)) {
		// A link says when it was mailed in whole seconds, and by that of which address it is.
		return fmt.Errorf("%w: enrol: the address was changed in this very second", oauth.ErrUnavailable)
	}
	notice := mail.Order{
		Purpose: mail.AddressChanging, Account: a.ID, Address: a.Email.Address, NewAddress: next, Language: by.Language, Client: by.Client,
	}
	return mails.Place(ctx, notice, by.Network)
}

// moved is an account with the login name that it has after it has got an address.
func moved(a account.Account, address string) account.Account {
	if a.Username != "" && a.Username == a.Email.Address {
		a.Username = address
	}
	return a
}

// TakeBack gives an account back the address that a link was mailed to, with a new password if it has one, ends every session, and takes every identity of
// a provider from it: the person who has changed the address knew the password, and may have come from a provider by the new address. The link lives through whatever they have changed since, but not through an earlier link by
// which the address was taken back: a thief who moves the account from mailbox to mailbox is mailed links too. Once dead it stays dead, whatever
// becomes of the address. An account that was closed since is open again. Errors: link.ErrDead, also
// when the account has that address; those of account.PasswordRules, account.ErrAddressTaken, account.ErrExists, oauth.ErrUnavailable.
func (e *Enroller) TakeBack(ctx context.Context, text string, password oauth.Secret) (account.Account, error) {
	proof := Proof{Link: text}
	digest := proof.digest(link.TakeBack)
	for range changeTries {
		said, a, login, err := e.ofLink(ctx, proof, link.TakeBack, func(account.Account, string) link.State { return link.State{} })
		mailed := said.Expires.Add(-link.TakeBack.Life())
		again := err == nil && e.madeBy(a, digest)
		if err == nil && !again && (a.Email.Address == said.Address || !a.HadAnotherAt(mailed)) {
			err = link.ErrDead
		}
		if err != nil {
			return account.Account{}, err
		}
		var accepted account.NewPassword
		if a.Username != "" {
			if accepted, err = e.Passwords.Accept(password, a.Username, said.Address); err != nil {
				return account.Account{}, err
			}
		}
		switch {
		case again && a.Username == "":
			return a, nil
		case again:
			return a, e.samePassword(ctx, link.TakeBack, a, login, accepted)
		}
		switch err := e.editor.GiveBack(ctx, a, login, accepted, e.verified(said.Address), mailed, digest); {
		case err == nil:
			return moved(a, said.Address), nil
		case !errors.Is(err, account.ErrConflict):
			return account.Account{}, fmt.Errorf("enrol: %w", err)
		}
	}
	return account.Account{}, errTooManyChanges
}
