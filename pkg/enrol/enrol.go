// Package enrol owns what people do with their own accounts by way of their mailbox: sign up, choose a new password for one that
// they have forgotten, change their address and take such a change back. It places orders for mails and honours the links and codes
// in them. No method tells whether an address has an account to anybody but the owner of the mailbox.
package enrol

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/link"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// codeLimit is how many wrong codes there may be for a purpose and an address in a day, and for changes of the address of an account. Windows are aligned to the clock.
var codeLimit = account.Limit{Count: 10, Window: 24 * time.Hour}

// ErrClosed says that nobody may sign up, or only those who were invited.
var ErrClosed = errors.New("enrol: signing up is not open")

// Store is what an Enroller reads and changes.
type Store interface {
	account.Store
	account.Addresses
	account.Creator
	account.Changer
	account.Attempts
	account.Invitations
	account.Uninviter
}

// Config is what an Enroller is made of.
type Config struct {
	Store     Store
	Links     *link.Links
	Mails     *mail.Desk
	Passwords account.PasswordRules
	Access    account.Access // of accounts that sign up
	Open      bool           // anybody may sign up; otherwise only by an invitation
	Now       func() time.Time
}

// Enroller is safe for concurrent use.
type Enroller struct {
	Config
	editor *account.Editor
}

// New returns an Enroller.
func New(c Config) *Enroller { return &Enroller{c, account.NewEditor(c.Store, c.Now)} }

// Asker says who asks for a mail.
type Asker struct {
	Language, Client string // as in mail.Order
	Network          string // prefix of the address that the request came from
}

// AskToSignUp orders the mail by which the owner of an address may make an account. Nothing is looked up and nothing else is stored,
// so that answer and cost are the same for any address. Errors: ErrClosed, account.ErrAddress, mail.ErrTooMany, oauth.ErrUnavailable.
func (e *Enroller) AskToSignUp(ctx context.Context, address string, by Asker) error {
	if !e.Open {
		return ErrClosed
	}
	return e.order(ctx, mail.SignUp, address, by)
}

// AskToRecover orders the mail by which the owner of an address may choose a new password. As AskToSignUp it looks nothing up, and has its
// errors but ErrClosed.
func (e *Enroller) AskToRecover(ctx context.Context, address string, by Asker) error {
	return e.order(ctx, mail.Recover, address, by)
}

func (e *Enroller) order(ctx context.Context, purpose mail.Purpose, address string, by Asker) error {
	canonical, err := account.CanonicalAddress(address)
	if err != nil {
		return err
	}
	return e.Mails.Place(ctx, mail.Order{Purpose: purpose, Address: canonical, Language: by.Language, Client: by.Client}, by.Network)
}

// Proof is what somebody has from a mail: its link, or the address that it went to with its code.
type Proof struct {
	Link          string
	Account       uuid.UUID // with the code of a change of address; otherwise the address names it
	Address, Code string
}

// SignUp makes the account of the mailbox that the proof is from, which gets its address as its login name. The first that is stored of
// a person is this. Repeated with the same password it returns the account again, see repeats. Errors: link.ErrDead, also when the address has another account by now; account.ErrExists when somebody else's login
// name is that address; ErrClosed; those of account.PasswordRules, after which the proof is still good; *account.TooManyAttemptsError,
// oauth.ErrUnavailable, after which the account may have been made.
func (e *Enroller) SignUp(ctx context.Context, proof Proof, password oauth.Secret) (account.Account, error) {
	said, err := e.signUpProof(ctx, proof)
	if err != nil {
		return account.Account{}, err
	}
	accepted, err := e.Passwords.Accept(password, said.Address)
	if err != nil {
		return account.Account{}, err
	}
	if said.Purpose == link.Invite {
		switch err := e.invited(ctx, said); {
		case errors.Is(err, link.ErrDead): // perhaps by this very request, whose answer was lost
			return e.signedUp(ctx, proof, said, accepted, link.ErrDead)
		case err != nil:
			return account.Account{}, err
		}
	}
	created, hash, err := account.New(said.Address, accepted, e.Now())
	if err != nil {
		return account.Account{}, err
	}
	created = created.With(e.Access)
	created.Email = e.verified(said.Address)
	created.Proof = account.Proof{Digest: proof.digest(said.Purpose), Epoch: created.Epoch}
	switch err := account.Register(ctx, e.Store, said.Address, created, hash); {
	case errors.Is(err, account.ErrAddressTaken), errors.Is(err, account.ErrExists):
		return e.signedUp(ctx, proof, said, accepted, account.ErrExists) // an operator has given the login name to somebody else
	case err != nil:
		return account.Account{}, fmt.Errorf("enrol: sign up: %w", err)
	}
	return created, e.useUp(ctx, said)
}

// useUp notes that an invitation has made its account: it must not make another one when that one has another address. Until this is noted the request fails, and
// may be repeated. Other links die by the account that has their address, and do not live for long.
func (e *Enroller) useUp(ctx context.Context, said link.Link) error {
	if said.Purpose != link.Invite {
		return nil
	}
	if err := Uninvite(ctx, e.Store, said.Address, e.Now()); err != nil {
		return fmt.Errorf("enrol: use up invitation: %w", err)
	}
	return nil
}

// Uninvite notes that every invitation which was mailed to a canonical address until now counts no more. The note is kept for longer than the link of one is good.
// An error is oauth.ErrUnavailable.
func Uninvite(ctx context.Context, store account.Uninviter, address string, now time.Time) error {
	at := now.Truncate(time.Second)
	return store.Uninvite(ctx, address, at, at.Add(link.Invite.Life()+time.Hour))
}

// signedUp returns the account that an address has already, if this very proof has made it with this password, and nobodys where nobody has the address.
func (e *Enroller) signedUp(ctx context.Context, proof Proof, said link.Link, password account.NewPassword, nobodys error) (account.Account, error) {
	owner, err := e.Store.OwnerOf(ctx, said.Address)
	switch {
	case errors.Is(err, account.ErrNotFound):
		return account.Account{}, nobodys
	case err != nil:
		return account.Account{}, fmt.Errorf("enrol: sign up: %w", err)
	}
	a, login, err := e.Store.AccountAndLogin(ctx, owner, said.Address)
	switch {
	case errors.Is(err, account.ErrNotFound), err == nil && (a.Disabled || login.AccountID != a.ID || !e.madeBy(a, proof.digest(said.Purpose))):
		return account.Account{}, link.ErrDead
	case err != nil:
		return account.Account{}, fmt.Errorf("enrol: sign up: %w", err)
	}
	if err := e.samePassword(ctx, said.Purpose, a, login, password); err != nil {
		return account.Account{}, err
	}
	return a, e.useUp(ctx, said)
}

// signUpProof checks the proof of somebody who has no account yet.
func (e *Enroller) signUpProof(ctx context.Context, proof Proof) (link.Link, error) {
	said, err := link.Read(proof.Link)
	if proof.Link != "" && err == nil && said.Purpose == link.Invite {
		return e.Links.Check(ctx, proof.Link, link.Invite, link.State{})
	}
	if !e.Open {
		return link.Link{}, ErrClosed
	}
	if proof.Link != "" {
		return e.Links.Check(ctx, proof.Link, link.SignUp, link.State{})
	}
	said = link.Link{Purpose: link.SignUp}
	if said.Address, err = account.CanonicalAddress(proof.Address); err != nil {
		return link.Link{}, err
	}
	return said, e.tryCode(ctx, proof.Code, said, link.State{}, false)
}

// invited returns link.ErrDead when an invitation was used or withdrawn since it was mailed, or in that very second.
func (e *Enroller) invited(ctx context.Context, said link.Link) error {
	withdrawn, err := e.Store.UninvitedAt(ctx, said.Address)
	switch {
	case err != nil:
		return fmt.Errorf("enrol: read invitation: %w", err)
	case !withdrawn.Before(said.Expires.Add(-link.Invite.Life())):
		return link.ErrDead
	}
	return nil
}

// verified is an address whose owner has just shown that mail reaches them.
func (e *Enroller) verified(address string) account.Email {
	return account.Email{Address: address, VerifiedAt: e.Now().UTC().Truncate(time.Millisecond)}
}

// tryCode counts a code before it compares it, and takes the count of a good one back: also of one that was used to bring about the state that there is.
func (e *Enroller) tryCode(ctx context.Context, code string, of link.Link, state link.State, used bool) error {
	whose := of.Address
	if of.Purpose == link.Confirm {
		whose = of.Account.String() // whichever address it asks for
	}
	refund, err := e.count(ctx, of.Purpose, whose)
	if err != nil {
		return err
	}
	if err := e.Links.CheckCode(ctx, code, of, state); err != nil && !(used && errors.Is(err, link.ErrDead)) {
		return err
	}
	refund()
	return nil
}

// count counts what may be a guess, and returns how it is taken back. Errors: *account.TooManyAttemptsError, oauth.ErrUnavailable.
func (e *Enroller) count(ctx context.Context, purpose link.Purpose, whose string) (refund func(), err error) {
	now := e.Now()
	window := now.UnixNano() / int64(codeLimit.Window)
	bucket := account.Bucket{
		Kind: "code", Key: fmt.Sprintf("%d\x00%s", purpose, whose), Window: window, Limit: codeLimit.Count,
		Until: time.Unix(0, (window+1)*int64(codeLimit.Window)).UTC(),
	}
	switch below, err := e.Store.Take(ctx, bucket); {
	case err != nil:
		return nil, fmt.Errorf("enrol: count a code: %w", err)
	case !below:
		return nil, &account.TooManyAttemptsError{RetryAfter: bucket.Until.Sub(now)}
	}
	return func() { _ = e.Store.Refund(ctx, bucket) }, nil // whether this one counts or not
}

// nobodysHash stands for the hash of an account that there is not, so that a code takes as long to compute. It is as long as ours are.
var nobodysHash = strings.Repeat("n", 97)

// nobody stands for the account of an address that has none, so that as much is read for it.
var nobody = uuid.Max
