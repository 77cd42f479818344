package mailer

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/link"
	"github.com/wavepass/wavepass/pkg/mail"
)

// LetterStore is what Letters read.
type LetterStore interface {
	account.Store
	account.Addresses
	keyring.LinkStore
}

// Letters makes the links and codes of mails, for the account as it is when the mail is written.
type Letters struct {
	issuer string
	store  LetterStore
	links  *link.Links
}

// NewLetters returns Letters whose links lead to the pages of the issuer in s.
func NewLetters(s endpoint.Settings, store LetterStore, sealer keyring.Sealer) *Letters {
	return &Letters{s.Issuer, store, link.New(s.LinkKeys(store, sealer), s.Now)}
}

var _ mail.Letters = (*Letters)(nil)

// purposes are what the links of mails are good for.
var purposes = map[mail.Purpose]link.Purpose{
	mail.SignUp: link.SignUp, mail.Invitation: link.Invite, mail.Recover: link.Recover, mail.ConfirmAddress: link.Confirm, mail.AddressChanging: link.TakeBack, mail.Deletion: link.Keep,
}

// Letter implements mail.Letters.
func (l *Letters) Letter(ctx context.Context, o mail.Order) (mail.Letter, error) {
	switch o.Purpose {
	case mail.PasswordChanged, mail.AddressSet, mail.IdentityLinked:
		return l.plain(o.Purpose), nil
	case mail.SignUp, mail.Invitation:
		switch _, err := l.store.OwnerOf(ctx, o.Address); {
		case err == nil:
			return l.plain(mail.AccountExists), nil
		case !errors.Is(err, account.ErrNotFound):
			return mail.Letter{}, fmt.Errorf("mailer: %w", err)
		}
		return l.linked(ctx, o, uuid.Nil, link.State{})
	case mail.Recover:
		owner, err := l.store.OwnerOf(ctx, o.Address)
		if err != nil {
			return mail.Letter{}, nobody(err)
		}
		return l.ofAccount(ctx, o, owner)
	case mail.ConfirmAddress:
		return l.ofAccount(ctx, o, o.Account)
	case mail.AddressChanging, mail.Deletion:
		return l.linked(ctx, o, o.Account, link.State{})
	}
	return mail.Letter{}, fmt.Errorf("mailer: there is no link for %s", o.Purpose)
}

// plain is a letter whose link changes nothing by itself: it leads to where a new password is asked for.
func (l *Letters) plain(p mail.Purpose) mail.Letter {
	return mail.Letter{Purpose: p, Link: l.issuer + link.AskToRecoverPath}
}

// ofAccount is a letter whose link depends on the state of an account. mail.ErrNobody where it could be of no use.
func (l *Letters) ofAccount(ctx context.Context, o mail.Order, id uuid.UUID) (mail.Letter, error) {
	found, err := l.store.Account(ctx, id)
	if err != nil {
		return mail.Letter{}, nobody(err)
	}
	if found.Username == "" && o.Purpose == mail.ConfirmAddress && !found.Disabled {
		return l.linked(ctx, o, id, link.StateOf(found, "")) // there is no password that it could depend on
	}
	a, login, err := l.store.AccountAndLogin(ctx, id, found.Username)
	switch {
	case err != nil:
		return mail.Letter{}, nobody(err)
	case a.Disabled, login.AccountID != a.ID:
		return mail.Letter{}, mail.ErrNobody
	}
	return l.linked(ctx, o, id, link.StateOf(a, login.Hash))
}

// linked is a letter with a link, and with a code where one can be typed.
func (l *Letters) linked(ctx context.Context, o mail.Order, id uuid.UUID, state link.State) (mail.Letter, error) {
	purpose := purposes[o.Purpose]
	of := link.Link{Purpose: purpose, Account: id, Address: o.Address, Expires: o.At.Add(purpose.Life())}
	text, err := l.links.Make(ctx, of, state)
	if err != nil {
		return mail.Letter{}, err
	}
	letter := mail.Letter{Purpose: o.Purpose, Link: l.issuer + purpose.Path() + "?" + url.Values{"link": {text}}.Encode(), Until: of.Expires}
	if purpose == link.SignUp || purpose == link.Recover || purpose == link.Confirm {
		letter.Code, err = l.links.Code(ctx, of, state)
	}
	return letter, err
}

func nobody(err error) error {
	if errors.Is(err, account.ErrNotFound) {
		return mail.ErrNobody
	}
	return fmt.Errorf("mailer: %w", err)
}
