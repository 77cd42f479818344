package grant

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/federation"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

// ErrDisabled says that the account of an identity is disabled, or is being removed.
var ErrDisabled = errors.New("grant: the account is disabled")

// FederatedParts are the parts of a Federated; every field is needed.
type FederatedParts struct {
	Directory session.Directory
	Addresses account.Addresses
	Reader    session.Accounts
	Accounts  *account.Administrator
	Mails     *mail.Desk
	Trail     *audit.Trail
	Now       func() time.Time
}

// Federated begins sessions for people whom an identity provider has signed in. An identity belongs to one account, which is made when it first
// comes (docs/adr/0084-an-identity-is-a-subject.md). It is linked to an account that is there only by an e-mail address that both sides have
// verified, of a domain that the provider may speak for (docs/adr/0095-an-address-that-both-sides-verified-links.md).
type Federated struct{ FederatedParts }

// NewFederated returns a Federated.
func NewFederated(p FederatedParts) *Federated { return &Federated{p} }

// FederatedRequest is a request to begin a session of a site.
type FederatedRequest struct {
	Client   client.Client
	Identity federation.Identity
	// GivesRoles says that the provider decides which roles the account has. Otherwise they stay as they are.
	GivesRoles bool
	// TrustEmail are the domains whose addresses the provider may speak for.
	TrustEmail []string
	Network    string // prefix of the caller's address
	Language   string // of the mail that tells the owner of an account that an identity is linked to, as in mail.Order
}

// directoryOf is the directory of a provider's identities.
func directoryOf(provider string) string { return "idp:" + provider }

// subjectOf is how an identity is kept. No service has a directory with a colon in its name. Subjects that could not be ids of subjects, or that
// look like a hash, are hashed.
func subjectOf(i federation.Identity) account.Subject {
	const hashed = "sha256:"
	directory := directoryOf(i.Provider)
	if s, err := account.NewSubject(directory, i.Subject); err == nil && !strings.HasPrefix(i.Subject, hashed) {
		return s
	}
	sum := sha256.Sum256([]byte(i.Subject))
	return account.Subject{Directory: directory, ID: hashed + hex.EncodeToString(sum[:])}
}

// address returns the address that the provider speaks for, empty when it is not verified, or of a domain that is not the provider's.
func (r FederatedRequest) address() string {
	address, err := account.CanonicalAddress(r.Identity.Email)
	_, domain, _ := strings.Cut(address, "@")
	if err != nil || !r.Identity.EmailVerified || !slices.Contains(r.TrustEmail, domain) {
		return ""
	}
	return address
}

// comer is the account of somebody who comes from a provider. Its subject is the identity that they come with.
type comer struct {
	account.Account
	isNew  bool // it is not stored yet
	linked bool // it is, and the identity has led to it never before
}

// Begin begins a session. Errors: client.ErrWrongKind, ErrDisabled, account.ErrAccess, oauth.ErrUnavailable.
func (f *Federated) Begin(ctx context.Context, r FederatedRequest) (Issued, error) {
	if r.Client.Transport() != client.AsHandle {
		return Issued{}, client.ErrWrongKind
	}
	subject := subjectOf(r.Identity)
	told := false // the owner of an account, that the identity is linked to it
	who, err := f.find(ctx, r, subject, &told)
	gone := false
	for range tries {
		if err == nil {
			who.Account, err = f.giveRoles(ctx, r, who)
		}
		var issued Issued
		if err == nil {
			if issued, who.Account, err = f.beginFor(ctx, r, who); err == nil {
				return issued, nil
			}
		}
		gone = errors.Is(err, account.ErrNotFound)
		switch {
		case errors.Is(err, account.ErrConflict) && who.ID != uuid.Nil && !who.linked: // who is the account as it is
			if who.Disabled {
				return Issued{}, ErrDisabled
			}
			who.Subject, err = subject, nil
		case errors.Is(err, account.ErrConflict), errors.Is(err, account.ErrExists), errors.Is(err, account.ErrNotFound), errors.Is(err, account.ErrAddressTaken):
			who, err = f.find(ctx, r, subject, &told)
		default:
			return Issued{}, fmt.Errorf("grant: %w", err)
		}
	}
	if gone {
		return Issued{}, ErrDisabled // a closed account is removed item by item: what leads to it may be there for longer
	}
	return Issued{}, fmt.Errorf("%w: grant: the account changes all the time", oauth.ErrUnavailable)
}

// find returns the account of an identity: the one that it has led to before, the one that it may be linked to, or a new one.
func (f *Federated) find(ctx context.Context, r FederatedRequest, subject account.Subject, told *bool) (comer, error) {
	var (
		wg        sync.WaitGroup
		holder    uuid.UUID
		holderErr = account.ErrNotFound
		address   = r.address()
	)
	if address != "" {
		wg.Go(func() { holder, holderErr = f.Addresses.OwnerOf(ctx, address) })
	}
	owner, _, err := f.Directory.Subject(ctx, subject, "")
	wg.Wait()
	switch {
	case err == nil && owner.Disabled:
		return comer{}, ErrDisabled
	case err == nil:
		return comer{Account: owner}, nil
	case !errors.Is(err, account.ErrNotFound):
		return comer{}, fmt.Errorf("account of an identity: %w", err)
	case holderErr == nil:
		return f.link(ctx, r, subject, holder, address, told)
	case !errors.Is(holderErr, account.ErrNotFound):
		return comer{}, fmt.Errorf("account of an address: %w", holderErr)
	}
	return f.newFor(subject, address)
}

// newFor returns a new account for an identity. An address is verified, because the provider speaks for it.
func (f *Federated) newFor(subject account.Subject, address string) (comer, error) {
	owner, err := account.NewForSubject(subject, f.Now())
	if err != nil {
		return comer{}, fmt.Errorf("new account: %w", err)
	}
	owner.Scopes = oauth.PersonScopes()
	if address != "" {
		owner.Email = account.Email{Address: address, VerifiedAt: f.Now().Truncate(time.Millisecond)}
	}
	return comer{Account: owner, isNew: true}, nil
}

// link returns the account that has an address, for an identity that has come by it, or a new account without the address when it may not
// lead there. Before that it orders the mail that tells the owner, and ends each session and the password of the account: they may be somebody else's.
func (f *Federated) link(ctx context.Context, r FederatedRequest, subject account.Subject, holder uuid.UUID, address string, told *bool) (comer, error) {
	owner, err := f.Reader.Account(ctx, holder)
	switch {
	case err != nil:
		return comer{}, err
	case owner.Email.Address != address: // it has moved meanwhile
		return comer{}, account.ErrConflict
	case !linkable(owner, subject):
		return f.newFor(subject, "")
	case owner.Disabled:
		return comer{}, ErrDisabled
	}
	// A link that fails from here on may be told of, too. None goes untold but by an address that has had as many mails as one gets in an hour.
	notice := mail.Order{Purpose: mail.IdentityLinked, Account: owner.ID, Address: address, Language: r.Language, Client: r.Client.ID}
	if !*told {
		if err := f.Mails.Place(ctx, notice, r.Network); err != nil {
			return comer{}, err
		}
		*told = true
	}
	if owner, err = f.Accounts.EndPassword(ctx, owner); err != nil {
		return comer{}, err
	}
	f.Trail.Record(ctx, audit.Event{Name: audit.AccountRevoked, Subject: owner.ID.String(), Provider: r.Identity.Provider})
	owner.Identities = append(slices.Clone(owner.Identities), subject)
	owner.Subject = subject
	return comer{Account: owner, linked: true}, nil
}

// linkable reports whether an identity may be linked to an account that has its address. One that was not verified here may be anybody's. A
// second subject of the same provider is another person, to whom the provider has given an address that was somebody's before. The
// accounts of a service are that service's.
func linkable(a account.Account, identity account.Subject) bool {
	if a.Subject != (account.Subject{}) && !strings.HasPrefix(a.Subject.Directory, directoryOf("")) {
		return false
	}
	sameProvider := func(s account.Subject) bool { return s.Directory == identity.Directory }
	return a.Email.Verified() && len(a.Identities) < account.MaxIdentities && !sameProvider(a.Subject) && !slices.ContainsFunc(a.Identities, sameProvider)
}

// giveRoles returns the account with the roles that the provider says. A new account is not stored yet. With account.ErrConflict the account is as it
// is now.
func (f *Federated) giveRoles(ctx context.Context, r FederatedRequest, who comer) (account.Account, error) {
	access := who.Access()
	if !r.GivesRoles || slices.Equal(access.Roles, r.Identity.Roles) {
		return who.Account, nil
	}
	access.Roles = r.Identity.Roles
	if who.isNew {
		return who.With(access), account.CheckAccess(access)
	}
	owner, err := replaceAccess(ctx, f.Accounts, f.Reader, who.Account, access)
	if err == nil {
		f.Trail.Record(ctx, audit.Event{Name: audit.AccessSet, Subject: owner.ID.String(), Provider: r.Identity.Provider})
	}
	return owner, err
}

func (f *Federated) beginFor(ctx context.Context, r FederatedRequest, who comer) (Issued, account.Account, error) {
	owner := who.Account
	s, _, err := session.Begin(session.Login{
		AccountID: owner.ID, Epoch: owner.Epoch, Client: r.Client, Scopes: grantable(r.Client, owner), Network: r.Network,
	}, f.Now())
	if err != nil {
		return Issued{}, owner, err
	}
	s, handle := s.GiveHandle(session.NewHandleSecret())
	if changed, err := f.Directory.BeginSession(ctx, session.Beginning{Account: owner, New: who.isNew, Linked: who.linked, Session: s}); err != nil {
		return Issued{}, changed, err
	}
	switch {
	case who.isNew:
		f.Trail.Record(ctx, audit.Event{Name: audit.AccountAdded, Subject: owner.ID.String(), Provider: r.Identity.Provider})
	case who.linked:
		f.Trail.Record(ctx, audit.Event{Name: audit.IdentityLinked, Subject: owner.ID.String(), Provider: r.Identity.Provider})
	}
	login := eventOf(s, audit.Login)
	login.Provider = r.Identity.Provider
	f.Trail.Record(ctx, login)
	return issueHandle(s, handle, owner, r.Client, f.Now()), owner, nil
}
