package operate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/enrol"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// AddAccount registers an account, whose address counts as verified; an empty one is none. Errors: those of account.PasswordRules,
// account.New, account.CanonicalAddress and account.CheckAccess, account.ErrExists, account.ErrAddressTaken, ErrTooManyRoles.
func (o *Operator) AddAccount(ctx context.Context, username string, password oauth.Secret, address string, access account.Access) (account.Account, error) {
	email, err := o.verified(address)
	if err != nil {
		return account.Account{}, err
	}
	accepted, err := o.Passwords.Accept(password, username, email.Address)
	if err != nil {
		return account.Account{}, err
	}
	created, hash, err := account.New(username, accepted, o.now())
	if err != nil {
		return account.Account{}, err
	}
	if err := account.CheckAccess(access); err != nil {
		return account.Account{}, err
	}
	created = created.With(access)
	created.Email = email
	if err := o.checkRoles(ctx, created); err != nil {
		return account.Account{}, err
	}
	if err := account.Register(ctx, o.store, username, created, hash); err != nil {
		return account.Account{}, fmt.Errorf("operate: add account: %w", err)
	}
	return created, o.recordAccount(ctx, audit.AccountAdded, created.ID)
}

// verified is an address that an operator vouches for, in its canonical form.
func (o *Operator) verified(address string) (account.Email, error) {
	if address == "" {
		return account.Email{}, nil
	}
	canonical, err := account.CanonicalAddress(address)
	if err != nil {
		return account.Email{}, err
	}
	return account.Email{Address: canonical, VerifiedAt: o.now().UTC().Truncate(time.Millisecond)}, nil
}

// SetEmail replaces the address, which then counts as verified, and ends every session; an empty one takes it away. It reports whether
// the address is another than that of the account, which was just read. Before anything is changed it orders the mails that tell both addresses, the old one with a
// link that takes the change back: with keepFromOld only the new one, because somebody else may have the old mailbox. Errors: those of account.Editor.SetEmail.
func (o *Operator) SetEmail(ctx context.Context, a account.Account, address string, keepFromOld bool) (bool, error) {
	email, err := o.verified(address)
	switch {
	case err != nil:
		return false, err
	case email.Address == a.Email.Address && email.Verified() == a.Email.Verified():
		return false, nil
	case a.Gone(o.now()):
		return false, account.ErrNotFound
	}
	if email.Address != a.Email.Address {
		if err := o.tellOfMove(ctx, a, email.Address, keepFromOld); err != nil {
			return false, err
		}
	}
	if err := o.accounts.SetEmail(ctx, a.ID, email); err != nil {
		return false, err
	}
	return true, o.recordAccount(ctx, audit.EmailSet, a.ID)
}

// tellOfMove orders the mails about another address, unless the change is going to be refused. An address that has had as many mails as one gets in an hour is not told.
func (o *Operator) tellOfMove(ctx context.Context, a account.Account, next string, keepFromOld bool) error {
	if next != "" {
		if err := enrol.MayHave(ctx, o.store, a, next); err != nil {
			return fmt.Errorf("operate: set address: %w", err)
		}
	}
	if next != "" && a.Username == a.Email.Address && a.Username != "" { // the login name moves along
		switch _, found, err := account.FindLogin(ctx, o.store, next); {
		case err == nil && found.AccountID != a.ID:
			return account.ErrExists
		case err != nil && !errors.Is(err, account.ErrNotFound):
			return fmt.Errorf("operate: set address: %w", err)
		}
	}
	if a.Email.Address != "" && !keepFromOld {
		if err := enrol.TellBefore(ctx, o.desk(), o.now(), a, next, enrol.Asker{}); err != nil {
			return fmt.Errorf("operate: set address: %w", err)
		}
	}
	if next == "" {
		return nil
	}
	if err := o.desk().Place(ctx, mail.Order{Purpose: mail.AddressSet, Account: a.ID, Address: next}, ""); err != nil {
		return fmt.Errorf("operate: set address: %w", err)
	}
	return nil
}

// Invite orders the mail by which the owner of an address may make an account, in a language by its tag, and returns the address as it
// is stored. Errors: account.ErrAddress; account.ErrAddressTaken when it is an account's already; mail.ErrOrder, mail.ErrFull; oauth.ErrUnavailable, also in the second in
// which invitations to the address were withdrawn.
func (o *Operator) Invite(ctx context.Context, address, language string) (string, error) {
	canonical, err := o.nobodys(ctx, address)
	if err != nil {
		return "", err
	}
	switch withdrawn, err := o.store.UninvitedAt(ctx, canonical); {
	case err != nil:
		return "", fmt.Errorf("operate: invite: %w", err)
	case !withdrawn.Before(o.now().Truncate(time.Second)): // a link says when it was mailed in whole seconds
		return "", fmt.Errorf("%w: operate: invitations to the address were withdrawn in this very second", oauth.ErrUnavailable)
	}
	if err := o.desk().PlaceForOperator(ctx, mail.Order{Purpose: mail.Invitation, Address: canonical, Language: language}); err != nil {
		return "", fmt.Errorf("operate: invite: %w", err)
	}
	return canonical, o.record(ctx, audit.Event{Name: audit.Invited, Mail: string(mail.Invitation)})
}

// Uninvite withdraws every invitation of an address: links that were mailed, or are on their way, are dead. It returns the address as it is stored. That there was an
// invitation is not known. Errors: account.ErrAddress; account.ErrAddressTaken when somebody has made an account by then.
func (o *Operator) Uninvite(ctx context.Context, address string) (string, error) {
	canonical, err := o.nobodys(ctx, address)
	if err != nil {
		return "", err
	}
	if err := enrol.Uninvite(ctx, o.store, canonical, o.now()); err != nil {
		return "", fmt.Errorf("operate: uninvite: %w", err)
	}
	return canonical, o.record(ctx, audit.Event{Name: audit.Uninvited, Mail: string(mail.Invitation)})
}

// nobodys is an address that no account has, in its canonical form. Errors: account.ErrAddress, account.ErrAddressTaken.
func (o *Operator) nobodys(ctx context.Context, address string) (string, error) {
	canonical, err := account.CanonicalAddress(address)
	if err != nil {
		return "", err
	}
	switch _, err := o.store.OwnerOf(ctx, canonical); {
	case err == nil:
		return "", account.ErrAddressTaken
	case !errors.Is(err, account.ErrNotFound):
		return "", fmt.Errorf("operate: owner of an address: %w", err)
	}
	return canonical, nil
}

func (o *Operator) desk() *mail.Desk { return mail.NewDesk(o.store, mail.DefaultLimits, o.now) }

// Disable ends every session and lets nobody log in. It reports whether the account was enabled before.
func (o *Operator) Disable(ctx context.Context, id uuid.UUID) (bool, error) {
	changed, err := o.accounts.Disable(ctx, id)
	return changed, o.recordChange(ctx, audit.AccountDisabled, id, changed, err)
}

// Enable takes Disable back, and reports whether the account was disabled before. Sessions that have ended stay ended.
func (o *Operator) Enable(ctx context.Context, id uuid.UUID) (bool, error) {
	changed, err := o.accounts.Enable(ctx, id)
	return changed, o.recordChange(ctx, audit.AccountEnabled, id, changed, err)
}

// Delete removes the account. Its sessions and tokens are refused. account.ErrNotFound also when it was deleted before.
func (o *Operator) Delete(ctx context.Context, id uuid.UUID) error {
	if err := o.accounts.Delete(ctx, id); err != nil {
		return err
	}
	return o.recordAccount(ctx, audit.AccountDeleted, id)
}

// SetPassword replaces the password and ends every session. Before anything is changed it orders the mail that tells the owner, who may
// have had as many as an address gets.
func (o *Operator) SetPassword(ctx context.Context, id uuid.UUID, password oauth.Secret) error {
	a, err := o.store.Account(ctx, id)
	if err != nil {
		return fmt.Errorf("operate: set password: %w", err)
	}
	if a.Gone(o.now()) {
		return account.ErrNotFound
	}
	if _, err := o.Passwords.Accept(password, a.Username, a.Email.Address); err != nil {
		return err
	}
	if a.Email.Address != "" && a.Username != "" {
		if err := o.desk().Place(ctx, mail.Order{Purpose: mail.PasswordChanged, Account: id, Address: a.Email.Address}, ""); err != nil {
			return fmt.Errorf("operate: set password: %w", err)
		}
	}
	if err := o.accounts.SetPassword(ctx, id, password, o.Passwords); err != nil {
		return err
	}
	return o.recordAccount(ctx, audit.PasswordSet, id)
}

// SetAccess replaces roles, scopes and claims of an account that was just read, as account.Administrator.SetAccess. It
// reports whether they have changed. account.ErrConflict when somebody else has changed them since they were read;
// ErrTooManyRoles when access tokens have no room for the roles.
func (o *Operator) SetAccess(ctx context.Context, a account.Account, access account.Access) (bool, error) {
	if a.Access().Equal(access) {
		return false, nil
	}
	if err := errors.Join(account.CheckAccess(access), o.checkRoles(ctx, a.With(access))); err != nil {
		return false, err
	}
	if err := o.accounts.SetAccess(ctx, a.ID, a.Access(), access); err != nil {
		return false, err
	}
	return true, o.recordAccount(ctx, audit.AccessSet, a.ID)
}

// checkRoles returns ErrTooManyRoles when the access tokens of a registered client have no room for the roles of the account,
// signed by the key with the longest signature. Such a token would be issued without its roles.
func (o *Operator) checkRoles(ctx context.Context, a account.Account) error {
	fits, err := o.rolesFit(ctx)
	if err != nil {
		return err
	}
	return fits(a)
}

// rolesFit returns what checkRoles does for accounts, by the clients and keys as they are now.
func (o *Operator) rolesFit(ctx context.Context) (func(account.Account) error, error) {
	clients, err := client.Registered(ctx, o.store)
	if err != nil {
		return nil, fmt.Errorf("operate: read clients: %w", err)
	}
	keys, err := keyring.New(keyring.Config{Store: o.store, Now: o.now}).List(ctx)
	if err != nil && !errors.Is(err, keyring.ErrMissing) {
		return nil, fmt.Errorf("operate: read keys: %w", err)
	}
	alg := keyring.ES256
	for _, key := range keys {
		if !key.IsMAC() && key.Algorithm.SignatureLen() > alg.SignatureLen() {
			alg = key.Algorithm
		}
	}
	return func(a account.Account) error {
		for _, c := range clients {
			if !grant.RolesFit(alg, a, c) {
				return fmt.Errorf("%w %s", ErrTooManyRoles, c.ID)
			}
		}
		return nil
	}, nil
}

// RevokeAccount ends every session of an account. account.ErrNotFound when there is none.
func (o *Operator) RevokeAccount(ctx context.Context, a account.Account) error {
	if err := o.accounts.EndSessions(ctx, a); err != nil {
		return fmt.Errorf("operate: end sessions: %w", err)
	}
	return o.recordAccount(ctx, audit.AccountRevoked, a.ID)
}

// recordChange leaves the event of a change that was made, even if it returned an error afterwards.
func (o *Operator) recordChange(ctx context.Context, event string, id uuid.UUID, changed bool, err error) error {
	if !changed {
		return err
	}
	return errors.Join(err, o.recordAccount(ctx, event, id))
}

func (o *Operator) recordAccount(ctx context.Context, event string, id uuid.UUID) error {
	return o.record(ctx, audit.Event{Name: event, Subject: id.String()})
}
