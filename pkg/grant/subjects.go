package grant

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

var (
	// ErrNoSubject says that no session was begun for a subject yet.
	ErrNoSubject = errors.New("grant: no such subject")
	// ErrSubjectDisabled says that a service has disabled a subject, or an operator its account.
	ErrSubjectDisabled = errors.New("grant: the subject is disabled")
	// ErrKeyReused says that an idempotency key came with another request before.
	ErrKeyReused = errors.New("grant: another request has this idempotency key")
	// ErrAlreadyUsed says that the session that was begun with an idempotency key was used, or has ended.
	ErrAlreadyUsed = errors.New("grant: the session of this idempotency key is in use")
)

// NotGrantedError says that a service asked for what it is not registered for.
type NotGrantedError struct{ What string } // for the caller

// refused names what is refused. A text that no name can be is not repeated: it may be a token that is in the wrong place.
func refused(what, name string) error {
	if len(name) > 64 || !oauth.ValidScope(name) {
		name = "of that name"
	}
	return &NotGrantedError{"this service may not " + what + " " + name}
}

func (e *NotGrantedError) Error() string { return "grant: not registered: " + e.What }

// SubjectsParts are the parts of a Subjects; every field is needed.
type SubjectsParts struct {
	Directory session.Directory
	Sessions  interface {
		session.Reader
		session.Lister
	}
	Reader   session.Accounts
	Accounts *account.Administrator
	Owners   *session.Owners
	Revoker  *session.Revoker
	MAC      session.Keys
	Signing  SigningKeys
	Trail    *audit.Trail
	Now      func() time.Time
}

// Subjects begins, lists and ends sessions for the people that a back end knows. Its caller is a client that ManagesSessions, and every
// subject belongs to the directory of that client. Every method may be repeated after oauth.ErrUnavailable.
type Subjects struct{ SubjectsParts }

// NewSubjects returns a Subjects.
func NewSubjects(p SubjectsParts) *Subjects { return &Subjects{p} }

// BeginRequest asks for a session of a subject.
type BeginRequest struct {
	At       Place
	Service  client.Client // authenticated, and ManagesSessions
	Subject  account.Subject
	Client   client.Client // whose session it becomes
	AMR      []string
	Remember bool
	Device   string       // a name for the list of sessions, may be empty
	Access   AccessChange // made before the session begins
	Key      string       // idempotency key, may be empty
	Body     string       // digest of the request
}

// tries bounds how often a session is begun again because its account has changed meanwhile.
const tries = 6

// Begin begins a session. With an idempotency key, the same request is answered with the same session for session.BegunLife.
// Errors: a *NotGrantedError; ErrSubjectDisabled, ErrKeyReused, ErrAlreadyUsed, those of account.CheckAccess, oauth.ErrUnavailable.
func (g *Subjects) Begin(ctx context.Context, r BeginRequest) (Issued, error) {
	if err := r.check(); err != nil {
		return Issued{}, err
	}
	key := ""
	if r.Key != "" {
		key = r.Service.ID + " " + r.Key // no client id has a space
	}
	keys, owner, begun, err := g.lookUp(ctx, r.Subject, key)
	for range tries {
		known := err == nil
		switch {
		case err != nil && !errors.Is(err, account.ErrNotFound):
			return Issued{}, err
		case begun.SessionID != uuid.Nil:
			return g.again(ctx, r, keys, begun, key)
		case !known:
			if owner, err = account.NewForSubject(r.Subject, g.Now()); err != nil {
				return Issued{}, fmt.Errorf("grant: new account: %w", err)
			}
		}
		var issued Issued
		issued, owner, err = g.beginFor(ctx, r, keys, owner, !known, key)
		switch {
		case errors.Is(err, account.ErrConflict): // owner is the account as it is
			err = nil
		case errors.Is(err, account.ErrExists), errors.Is(err, account.ErrNotFound), errors.Is(err, session.ErrBegun):
			owner, begun, err = g.Directory.Subject(ctx, r.Subject, key)
		default:
			return issued, err
		}
	}
	return Issued{}, fmt.Errorf("%w: grant: the subject changes all the time", oauth.ErrUnavailable)
}

// check compares the request with what its service is registered for.
func (r BeginRequest) check() error {
	if !r.Service.Begins(r.Client) {
		return refused("begin sessions of the client", r.Client.ID)
	}
	for _, value := range r.AMR {
		if !slices.Contains(r.Service.AMR, value) {
			return refused("say amr", value)
		}
	}
	return nil
}

// lookUp reads the subject and obtains the keys, in one round trip.
func (g *Subjects) lookUp(ctx context.Context, subject account.Subject, key string) (keys sessionKeys, owner account.Account, begun session.Begun, err error) {
	var (
		wg     sync.WaitGroup
		keyErr error
	)
	wg.Go(func() { owner, begun, err = g.Directory.Subject(ctx, subject, key) })
	wg.Go(func() { keys.mac, keys.signing, keyErr = newestKeys(ctx, g.MAC, g.Signing) })
	wg.Wait()
	if keyErr != nil {
		err = keyErr
	}
	return keys, owner, begun, err
}

// beginFor begins a session of an account as it is known. The account is the result when it is another one by now: account.ErrConflict.
// Errors also as session.Directory.BeginSession.
func (g *Subjects) beginFor(ctx context.Context, r BeginRequest, keys sessionKeys, owner account.Account, isNew bool, key string) (Issued, account.Account, error) {
	if owner.Disabled {
		return Issued{}, owner, ErrSubjectDisabled
	}
	owner, err := g.prepare(ctx, r, owner, isNew)
	if err != nil {
		return Issued{}, owner, err
	}
	now := g.Now()
	s, refresh, err := session.Begin(session.Login{
		AccountID: owner.ID, Epoch: owner.Epoch, AMR: r.AMR, Client: r.Client, Scopes: r.scopesFor(owner), Remember: r.Remember, Device: r.Device,
	}, now)
	if err != nil {
		return Issued{}, owner, err
	}
	var handle session.Handle
	if r.Client.Transport() == client.AsHandle {
		s, handle = s.GiveHandle(handleSecret(s, key, keys.mac))
	}
	b := session.Beginning{Account: owner, New: isNew, Session: s}
	if key != "" {
		b.Begun = session.Begun{
			Key: key, Body: r.Body, AccountID: owner.ID, SessionID: s.ID, Until: now.Add(session.BegunLife).Truncate(time.Second),
		}
	}
	if changed, err := g.Directory.BeginSession(ctx, b); err != nil {
		return Issued{}, changed, err
	}
	if isNew {
		g.Trail.Record(ctx, audit.Event{Name: audit.AccountAdded, Subject: owner.ID.String()})
	}
	g.Trail.Record(ctx, eventOf(s, audit.SessionBegun))
	return g.issue(ctx, r, keys, s, refresh, handle, owner), owner, nil
}

// prepare makes the change that a request asks for. A new account is not stored yet; any other is changed at once.
func (g *Subjects) prepare(ctx context.Context, r BeginRequest, owner account.Account, isNew bool) (account.Account, error) {
	access, err := r.Access.of(r.Service, owner.Access())
	if err != nil {
		return owner, err
	}
	if isNew {
		return owner.With(access), account.CheckAccess(access)
	}
	if owner.Access().Equal(access) {
		return owner, nil
	}
	switch now, err := g.Reader.Account(ctx, owner.ID); { // a disabled account is not changed either
	case err != nil:
		return owner, err
	case now.Epoch != owner.Epoch || !now.Access().Equal(owner.Access()):
		return now, account.ErrConflict
	}
	return g.setAccess(ctx, owner, access)
}

// setAccess stores another access of an account, and returns the account with it; account.ErrConflict and the account as it is
// when it is not as it was read.
func (g *Subjects) setAccess(ctx context.Context, owner account.Account, access account.Access) (account.Account, error) {
	if owner.Access().Equal(access) {
		return owner, nil
	}
	owner, err := replaceAccess(ctx, g.Accounts, g.Reader, owner, access)
	if err == nil {
		g.Trail.Record(ctx, audit.Event{Name: audit.AccessSet, Subject: owner.ID.String()})
	}
	return owner, err
}

// replaceAccess stores another access of an account, and returns the account with it; account.ErrConflict and the account as it is when it is not
// as it was read.
func replaceAccess(ctx context.Context, accounts *account.Administrator, reader session.Accounts, owner account.Account, access account.Access) (account.Account, error) {
	switch err := accounts.SetAccess(ctx, owner.ID, owner.Access(), access); {
	case errors.Is(err, account.ErrConflict):
		now, readErr := reader.Account(ctx, owner.ID)
		if readErr != nil {
			return owner, readErr
		}
		return now, account.ErrConflict
	case err != nil:
		return owner, err
	}
	return owner.With(access), nil
}

// scopesFor are the scopes that a session is granted. Its person manages their account only where the service may give that.
func (r BeginRequest) scopesFor(owner account.Account) []string {
	return slices.DeleteFunc(grantable(r.Client, owner), func(scope string) bool {
		return scope == oauth.ScopeAccount && !r.Service.Grants(client.GrantScope, oauth.ScopeAccount)
	})
}

func (g *Subjects) issue(ctx context.Context, r BeginRequest, keys sessionKeys, s session.Session, refresh session.RefreshToken, handle session.Handle, owner account.Account) Issued {
	if r.Client.Transport() == client.AsHandle {
		return issueHandle(s, handle, owner, r.Client, g.Now())
	}
	response, _ := issueAccess(ctx, g.Trail, keys.signing, r.At, s, owner, r.Client, g.Now())
	response.RefreshToken = refresh.Encode(keys.mac)
	return Issued{Tokens: response, Client: r.Client, Session: s}
}

// handleSecret is the secret of a site's handle. With an idempotency key it can be computed again, by the MAC key that it was computed
// with, for a service that has lost the answer.
func handleSecret(s session.Session, key string, mac keyring.MACKey) session.HandleSecret {
	if key == "" {
		return session.NewHandleSecret()
	}
	return session.HandleSecret(mac.Sum([]byte(handleLabel + s.ID.String() + " " + key)))
}

// handleLabel begins the messages of handleSecret, so that no other use of the MAC key makes a handle.
const handleLabel = "wavepass session handle\x00"

// again answers a request whose session was begun before. Its first refresh token or its handle is computed again, until it was used.
func (g *Subjects) again(ctx context.Context, r BeginRequest, keys sessionKeys, begun session.Begun, key string) (Issued, error) {
	if begun.Body != r.Body {
		return Issued{}, ErrKeyReused
	}
	s, owner, err := g.Owners.Living(ctx, session.Holder{AccountID: begun.AccountID, SessionID: begun.SessionID, ClientID: r.Client.ID})
	switch {
	case errors.Is(err, session.ErrEnded):
		return Issued{}, ErrAlreadyUsed
	case err != nil:
		return Issued{}, err
	case s.Generation != 0:
		return Issued{}, ErrAlreadyUsed
	}
	var handle session.Handle
	if r.Client.Transport() == client.AsHandle {
		// The MAC key may have been replaced since.
		if _, handle = s.GiveHandle(handleSecret(s, key, keys.mac)); !handle.Opens(s) || s.UsedAt.After(s.CreatedAt) {
			return Issued{}, ErrAlreadyUsed
		}
	}
	g.Trail.Record(ctx, eventOf(s, audit.BeginRepeated))
	refresh := session.RefreshToken{AccountID: s.AccountID, SessionID: s.ID, Expiry: s.Expiry}
	return g.issue(ctx, r, keys, s, refresh, handle, owner), nil
}
