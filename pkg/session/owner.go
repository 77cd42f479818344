package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/client"
)

// Owners finds the account of a token.
type Owners struct {
	sessions Reader
	accounts Accounts
	clients  Clients
	now      func() time.Time
}

// Clients finds registered clients, as client.Registry.
type Clients interface {
	Find(ctx context.Context, id string) (client.Client, error)
}

// NewOwners returns an Owners over both stores and the registry of clients.
func NewOwners(sessions Reader, accounts Accounts, clients Clients, now func() time.Time) *Owners {
	return &Owners{sessions, accounts, clients, now}
}

// Holder names the session that an access token was issued in, its account and its client.
type Holder struct {
	AccountID, SessionID uuid.UUID
	ClientID             string
}

// Of returns the account of token, in one round trip, if its session is usable and the client's, and the token is the newest
// or the one before: an older token must not be enough to end all sessions of an account. Otherwise the error is a
// *RefusedError, which is also ErrAllEnded when every session of the account has ended that is as old as this one. oauth.ErrUnavailable.
func (o *Owners) Of(ctx context.Context, token RefreshToken, c client.Client) (account.Account, error) {
	s, a, err := o.readToken(ctx, token)
	if err == nil {
		err = o.check(token, s, a, c)
	}
	if err != nil {
		return account.Account{}, err
	}
	return a, nil
}

// OfAny is Of for a token of any of these clients, and also returns its session and client. When the registry does not hold the
// client, that is one more round trip.
func (o *Owners) OfAny(ctx context.Context, token RefreshToken, clientIDs []string) (Session, account.Account, client.Client, error) {
	s, a, err := o.readToken(ctx, token)
	if err == nil && !slices.Contains(clientIDs, s.ClientID) {
		err = refuse("another client's")
	}
	var c client.Client
	if err == nil {
		c, err = o.ClientOf(ctx, s.ClientID)
	}
	if err == nil {
		err = o.check(token, s, a, c)
	}
	if err != nil {
		return Session{}, account.Account{}, client.Client{}, err
	}
	return s, a, c, nil
}

// readToken reads session and account of a refresh token.
func (o *Owners) readToken(ctx context.Context, token RefreshToken) (Session, account.Account, error) {
	s, a, err := o.read(ctx, token.AccountID, token.SessionID)
	if errors.Is(err, ErrEnded) {
		err = refuse(err.Error())
	}
	return s, a, err
}

// check returns nil when the session is usable and the client's, and the token is its newest or the one before.
func (o *Owners) check(token RefreshToken, s Session, a account.Account, c client.Client) error {
	behind := int64(s.Generation) - int64(token.Generation)
	ended := Usable(s, a, c, o.now())
	switch {
	case s.ClientID != c.ID:
		return refuse("another client's")
	case behind != 0 && behind != 1:
		return refuse("an old token")
	case ended != nil:
		reason := reasonFor(s, a, token.Generation, c, o.now())
		if reason == BecauseReuse && behind != 0 { // this token may itself have been the reuse
			reason = ""
		}
		return &RefusedError{Reason: reason, Detail: ended.Error(), AllEnded: s.Epoch < a.Epoch}
	}
	return nil
}

// Living returns the session of an access token and its account, in one round trip. The authorizer has let the token through,
// but its denylist may be some seconds old. Errors: an *EndedError when the session may not be used any more,
// oauth.ErrUnavailable.
func (o *Owners) Living(ctx context.Context, h Holder) (Session, account.Account, error) {
	var (
		wg        sync.WaitGroup
		c         client.Client
		clientErr error
	)
	wg.Go(func() { c, clientErr = o.ClientOf(ctx, h.ClientID) })
	s, a, err := o.read(ctx, h.AccountID, h.SessionID)
	wg.Wait()
	if err == nil {
		err = clientErr
	}
	if err == nil {
		err = Usable(s, a, c, o.now())
	}
	if err != nil {
		return Session{}, account.Account{}, err
	}
	return s, a, nil
}

// ClientOf returns the client of a session or consent by its id, the zero one when it is not registered any more.
func (o *Owners) ClientOf(ctx context.Context, id string) (client.Client, error) {
	c, err := o.clients.Find(ctx, id)
	switch {
	case errors.Is(err, client.ErrUnknown):
		return client.Client{}, nil
	case err != nil:
		return client.Client{}, fmt.Errorf("session: read client: %w", err)
	}
	return c, nil
}

// read reads session and account at once. An account that was deleted is the deletedAccount.
func (o *Owners) read(ctx context.Context, owner, id uuid.UUID) (Session, account.Account, error) {
	var (
		wg                     sync.WaitGroup
		s                      Session
		a                      account.Account
		sessionErr, accountErr error
	)
	wg.Go(func() { s, sessionErr = o.sessions.Session(ctx, owner, id) })
	wg.Go(func() { a, accountErr = readAccount(ctx, o.accounts, owner) })
	wg.Wait()
	if sessionErr == nil && accountErr == nil {
		s, sessionErr = readAgainIfBehind(ctx, o.sessions, s, a)
	}
	switch {
	case errors.Is(sessionErr, ErrNotFound), sessionErr != nil && a.Epoch == deletedAccount.Epoch:
		return Session{}, account.Account{}, &EndedError{BecauseEnded}
	case sessionErr != nil:
		return Session{}, account.Account{}, fmt.Errorf("session: read: %w", sessionErr)
	}
	return s, a, accountErr
}

// readAccount reads an account, and returns the deletedAccount when there is none.
func readAccount(ctx context.Context, accounts Accounts, id uuid.UUID) (account.Account, error) {
	a, err := accounts.Account(ctx, id)
	switch {
	case errors.Is(err, account.ErrNotFound):
		return deletedAccount, nil
	case err != nil:
		return account.Account{}, fmt.Errorf("session: read account: %w", err)
	}
	return a, nil
}

// readAgainIfBehind reads a session again whose epoch is lower than its account's: a change that kept the session may have
// raised both between the reading of the session and that of the account.
func readAgainIfBehind(ctx context.Context, sessions Reader, s Session, a account.Account) (Session, error) {
	if a.Disabled || s.Epoch >= a.Epoch {
		return s, nil
	}
	return sessions.Session(ctx, s.AccountID, s.ID)
}

// UsableOf returns those of the sessions of the account a that may be used now. Clients that the registry holds cost no
// round trip, all others one together.
func (o *Owners) UsableOf(ctx context.Context, sessions []Session, a account.Account) (usable []Session, err error) {
	var ids []string
	for _, s := range sessions {
		if !slices.Contains(ids, s.ClientID) {
			ids = append(ids, s.ClientID)
		}
	}
	var wg sync.WaitGroup
	found, errs := make([]client.Client, len(ids)), make([]error, len(ids))
	for i, id := range ids {
		wg.Go(func() { found[i], errs[i] = o.ClientOf(ctx, id) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	now := o.now()
	for _, s := range sessions {
		if Usable(s, a, found[slices.Index(ids, s.ClientID)], now) == nil {
			usable = append(usable, s)
		}
	}
	return usable, nil
}
