package grant

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/federation"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

// ErrDisabled says that the account of an identity is disabled.
var ErrDisabled = errors.New("grant: the account is disabled")

// FederatedParts are the parts of a Federated; every field is needed.
type FederatedParts struct {
	Directory session.Directory
	Reader    session.Accounts
	Accounts  *account.Administrator
	Trail     *audit.Trail
	Now       func() time.Time
}

// Federated begins sessions for people whom an identity provider has signed in. An identity belongs to one account, which is made when it first
// comes, and which nobody else's identity, e-mail address or username leads to (docs/adr/0084-an-identity-is-a-subject.md).
type Federated struct{ FederatedParts }

// NewFederated returns a Federated.
func NewFederated(p FederatedParts) *Federated { return &Federated{p} }

// FederatedRequest is a request to begin a session of a site.
type FederatedRequest struct {
	Client   client.Client
	Identity federation.Identity
	// GivesRoles says that the provider decides which roles the account has. Otherwise they stay as they are.
	GivesRoles bool
	Network    string // prefix of the caller's address
}

// scopesOfIdentities are those of accounts that are made for an identity.
var scopesOfIdentities = []string{oauth.ScopeOpenID, oauth.ScopeProfile}

// subjectOf is how an identity is kept. No service has a directory with a colon in its name. Subjects that could not be ids of subjects, or that
// look like a hash, are hashed.
func subjectOf(i federation.Identity) account.Subject {
	const hashed = "sha256:"
	directory := "idp:" + i.Provider
	if s, err := account.NewSubject(directory, i.Subject); err == nil && !strings.HasPrefix(i.Subject, hashed) {
		return s
	}
	sum := sha256.Sum256([]byte(i.Subject))
	return account.Subject{Directory: directory, ID: hashed + hex.EncodeToString(sum[:])}
}

// Begin begins a session. Errors: client.ErrWrongKind, ErrDisabled, account.ErrAccess, oauth.ErrUnavailable.
func (f *Federated) Begin(ctx context.Context, r FederatedRequest) (Issued, error) {
	if r.Client.Transport() != client.AsHandle {
		return Issued{}, client.ErrWrongKind
	}
	subject := subjectOf(r.Identity)
	owner, _, err := f.Directory.Subject(ctx, subject, "")
	for range tries {
		isNew := errors.Is(err, account.ErrNotFound)
		switch {
		case isNew:
			if owner, err = account.NewForSubject(subject, f.Now()); err != nil {
				return Issued{}, fmt.Errorf("grant: new account: %w", err)
			}
			owner.Scopes = slices.Clone(scopesOfIdentities)
		case err != nil:
			return Issued{}, fmt.Errorf("grant: account of an identity: %w", err)
		case owner.Disabled:
			return Issued{}, ErrDisabled
		}
		if owner, err = f.giveRoles(ctx, r, owner, isNew); err == nil {
			var issued Issued
			if issued, owner, err = f.beginFor(ctx, r, owner, isNew); err == nil {
				return issued, nil
			}
		}
		switch {
		case errors.Is(err, account.ErrConflict): // owner is the account as it is
			err = nil
		case errors.Is(err, account.ErrExists), errors.Is(err, account.ErrNotFound):
			owner, _, err = f.Directory.Subject(ctx, subject, "")
		default:
			return Issued{}, fmt.Errorf("grant: %w", err)
		}
	}
	return Issued{}, fmt.Errorf("%w: grant: the account changes all the time", oauth.ErrUnavailable)
}

// giveRoles returns the account with the roles that the provider says. A new account is not stored yet. With account.ErrConflict the account is as it
// is now.
func (f *Federated) giveRoles(ctx context.Context, r FederatedRequest, owner account.Account, isNew bool) (account.Account, error) {
	access := owner.Access()
	if !r.GivesRoles || slices.Equal(access.Roles, r.Identity.Roles) {
		return owner, nil
	}
	access.Roles = r.Identity.Roles
	if isNew {
		return owner.With(access), account.CheckAccess(access)
	}
	owner, err := replaceAccess(ctx, f.Accounts, f.Reader, owner, access)
	if err == nil {
		f.Trail.Record(ctx, audit.Event{Name: audit.AccessSet, Subject: owner.ID.String(), Provider: r.Identity.Provider})
	}
	return owner, err
}

func (f *Federated) beginFor(ctx context.Context, r FederatedRequest, owner account.Account, isNew bool) (Issued, account.Account, error) {
	s, _, err := session.Begin(session.Login{
		AccountID: owner.ID, Epoch: owner.Epoch, Client: r.Client, Scopes: grantable(r.Client, owner), Network: r.Network,
	}, f.Now())
	if err != nil {
		return Issued{}, owner, err
	}
	s, handle := s.GiveHandle(session.NewHandleSecret())
	if changed, err := f.Directory.BeginSession(ctx, session.Beginning{Account: owner, New: isNew, Session: s}); err != nil {
		return Issued{}, changed, err
	}
	if isNew {
		f.Trail.Record(ctx, audit.Event{Name: audit.AccountAdded, Subject: owner.ID.String(), Provider: r.Identity.Provider})
	}
	login := eventOf(s, audit.Login)
	login.Provider = r.Identity.Provider
	f.Trail.Record(ctx, login)
	return issueHandle(s, handle, owner, r.Client, f.Now()), owner, nil
}
