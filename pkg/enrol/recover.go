package enrol

import (
	"context"
	"errors"
	"fmt"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/link"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// Recover replaces the password of the account whose mailbox the proof is from, and ends every session. The address counts as verified
// from then on. Before anything is changed it orders the mail that tells the owner. Repeated with the same password it returns the account again, see repeats. Errors: link.ErrDead; those of
// account.PasswordRules, after which the proof is still good; *account.TooManyAttemptsError; oauth.ErrUnavailable, after which the
// password may have been changed.
func (e *Enroller) Recover(ctx context.Context, proof Proof, password oauth.Secret, by Asker) (account.Account, error) {
	digest := proof.digest(link.Recover)
	told := false
	for range changeTries {
		a, login, err := e.recoverProof(ctx, proof)
		if err != nil {
			return account.Account{}, err
		}
		accepted, err := e.Passwords.Accept(password, a.Username, a.Email.Address)
		if err != nil {
			return account.Account{}, err
		}
		if e.madeBy(a, digest) {
			return a, e.samePassword(ctx, link.Recover, a, login, accepted)
		}
		notice := mail.Order{Purpose: mail.PasswordChanged, Account: a.ID, Address: a.Email.Address, Language: by.Language, Client: by.Client}
		if !told {
			if err := e.Mails.Place(ctx, notice, by.Network); err != nil {
				return account.Account{}, err
			}
			told = true
		}
		var verified *account.Email
		if !a.Email.Verified() {
			email := e.verified(a.Email.Address)
			verified = &email
		}
		switch err := e.editor.Reset(ctx, a, login, accepted, verified, digest); {
		case err == nil:
			return a, nil
		case !errors.Is(err, account.ErrConflict): // else the proof died meanwhile: perhaps by this very request, sent twice
			return account.Account{}, deadOr(err)
		}
	}
	return account.Account{}, errTooManyChanges
}

// deadOr is the error of a change that a proof was given for.
func deadOr(err error) error {
	if errors.Is(err, account.ErrNotFound) {
		return link.ErrDead // the account was removed meanwhile
	}
	return fmt.Errorf("enrol: %w", err)
}

// recoverProof returns the account that a proof is good for, with its login name, read together.
func (e *Enroller) recoverProof(ctx context.Context, proof Proof) (account.Account, account.LoginName, error) {
	if proof.Link != "" {
		_, a, login, err := e.ofLink(ctx, proof, link.Recover, link.StateOf)
		return a, login, err
	}
	address, err := account.CanonicalAddress(proof.Address)
	if err != nil {
		return account.Account{}, account.LoginName{}, err
	}
	said := link.Link{Purpose: link.Recover, Account: nobody, Address: address}
	switch owner, err := e.Store.OwnerOf(ctx, address); {
	case err == nil:
		said.Account = owner
	case !errors.Is(err, account.ErrNotFound):
		return account.Account{}, account.LoginName{}, fmt.Errorf("enrol: %w", err)
	}
	return e.ofCode(ctx, proof, said)
}

// ofCode returns the account that a code is good for, or that is as this code has made it. Where there is none, as much is done.
func (e *Enroller) ofCode(ctx context.Context, proof Proof, said link.Link) (account.Account, account.LoginName, error) {
	a, login, known := e.read(ctx, said)
	if known != nil && !errors.Is(known, link.ErrDead) {
		return account.Account{}, account.LoginName{}, known
	}
	state := link.StateOf(a, login.Hash)
	if known != nil {
		state = link.State{Hash: nobodysHash, Email: account.Email{Address: said.Address}}
	}
	if err := e.tryCode(ctx, proof.Code, said, state, e.madeBy(a, proof.digest(said.Purpose)) && known == nil); err != nil || known != nil {
		if err == nil {
			err = link.ErrDead
		}
		return account.Account{}, account.LoginName{}, err
	}
	return a, login, nil
}

// ofLink returns what a link says that is good, or was good and has made its account what it is, and the account. stateOf says what the link depends on.
func (e *Enroller) ofLink(ctx context.Context, proof Proof, purpose link.Purpose, stateOf func(account.Account, string) link.State) (link.Link, account.Account, account.LoginName, error) {
	said, err := link.Read(proof.Link)
	if err != nil {
		return link.Link{}, account.Account{}, account.LoginName{}, err
	}
	a, login, err := e.read(ctx, said)
	if err == nil {
		_, err = e.Links.Check(ctx, proof.Link, purpose, stateOf(a, login.Hash))
		if errors.Is(err, link.ErrDead) && e.madeBy(a, proof.digest(purpose)) {
			err = nil
		}
	}
	if err != nil {
		return link.Link{}, account.Account{}, account.LoginName{}, err
	}
	return said, a, login, nil
}

// read returns the account that a proof names, with its login name if it has one. link.ErrDead when it is none that a proof can be good
// for: it is gone, disabled, or has no password that could be replaced.
func (e *Enroller) read(ctx context.Context, said link.Link) (account.Account, account.LoginName, error) {
	found, err := e.Store.Account(ctx, said.Account)
	username := found.Username
	switch {
	case errors.Is(err, account.ErrNotFound):
		username = said.Address // read all the same, in vain
	case err != nil:
		return account.Account{}, account.LoginName{}, fmt.Errorf("enrol: %w", err)
	case username == "" && said.Purpose != link.Recover && e.open(found, said.Purpose):
		return found, account.LoginName{}, nil
	}
	a, login, err := e.Store.AccountAndLogin(ctx, said.Account, username)
	switch {
	case errors.Is(err, account.ErrNotFound), err == nil && (!e.open(a, said.Purpose) || login.AccountID != a.ID):
		return account.Account{}, account.LoginName{}, link.ErrDead
	case err != nil:
		return account.Account{}, account.LoginName{}, fmt.Errorf("enrol: %w", err)
	}
	return a, login, nil
}

// open reports whether a proof of the purpose may be good for an account. One that was closed is open to a link that takes its address
// back: a thief may have closed it, and the mail that keeps it went to the thief.
func (e *Enroller) open(a account.Account, purpose link.Purpose) bool {
	return !a.Disabled || purpose == link.TakeBack && a.Closed(e.Now())
}
