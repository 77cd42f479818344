package session

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
)

// Owners finds the account of a token.
type Owners struct {
	sessions Reader
	accounts Accounts
	now      func() time.Time
}

// NewOwners returns an Owners over both stores.
func NewOwners(sessions Reader, accounts Accounts, now func() time.Time) *Owners {
	return &Owners{sessions, accounts, now}
}

// Holder names the session that an access token was issued in, and its account.
type Holder struct{ AccountID, SessionID uuid.UUID }

// Of returns the account of token, in one round trip, if its session is usable and the client's, and the token is the newest
// or the one before: an older token must not be enough to end all sessions of an account. Otherwise the error is a
// *RefusedError, or ErrAllEnded when every session of the account has ended that is as old as this one. oauth.ErrUnavailable.
func (o *Owners) Of(ctx context.Context, token RefreshToken, clientID string) (account.Account, error) {
	s, a, err := o.read(ctx, Holder{token.AccountID, token.SessionID})
	if err != nil {
		if errors.Is(err, ErrEnded) {
			err = refuse(err.Error())
		}
		return account.Account{}, err
	}
	behind := int64(s.Generation) - int64(token.Generation)
	ended := Usable(s, a, o.now())
	switch {
	case s.ClientID != clientID:
		return account.Account{}, refuse("another client's")
	case behind != 0 && behind != 1:
		return account.Account{}, refuse("an old token")
	case s.Epoch < a.Epoch:
		return account.Account{}, ErrAllEnded
	case ended != nil:
		reason := reasonFor(s, a, token.Generation, clientID, o.now())
		if reason == BecauseReuse && behind != 0 { // this token may itself have been the reuse
			reason = ""
		}
		return account.Account{}, &RefusedError{Reason: reason, Detail: ended.Error()}
	}
	return a, nil
}

// Living returns the session of an access token and its account, in one round trip. The authorizer has let the token through,
// but its denylist may be some seconds old. Errors: an *EndedError when the session may not be used any more,
// oauth.ErrUnavailable.
func (o *Owners) Living(ctx context.Context, h Holder) (Session, account.Account, error) {
	s, a, err := o.read(ctx, h)
	if err == nil {
		err = Usable(s, a, o.now())
	}
	if err != nil {
		return Session{}, account.Account{}, err
	}
	return s, a, nil
}

// read reads session and account at once. An account that was deleted is the deletedAccount.
func (o *Owners) read(ctx context.Context, h Holder) (Session, account.Account, error) {
	var (
		wg                     sync.WaitGroup
		s                      Session
		a                      account.Account
		sessionErr, accountErr error
	)
	wg.Go(func() { s, sessionErr = o.sessions.Session(ctx, h.AccountID, h.SessionID) })
	wg.Go(func() { a, accountErr = readAccount(ctx, o.accounts, h.AccountID) })
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

// Usable reports whether a session of the account a may be used now.
func (o *Owners) Usable(s Session, a account.Account) bool { return Usable(s, a, o.now()) == nil }
