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

// Reader reads sessions, as Store.
type Reader interface {
	Session(ctx context.Context, account, id uuid.UUID) (Session, error)
}

// Owners finds out whose a token is.
type Owners struct {
	sessions Reader
	accounts Accounts
	now      func() time.Time
}

// NewOwners returns an Owners that reads both stores.
func NewOwners(sessions Reader, accounts Accounts, now func() time.Time) *Owners {
	return &Owners{sessions, accounts, now}
}

// Holder names the session that an access token was issued in, and its account.
type Holder struct{ AccountID, SessionID uuid.UUID }

// Of returns the account of token, in one round trip, if token could be refreshed now: its session is Living
// and belongs to the client, and the token is the newest or the one before. Anything else is a RefusedError: an
// old token must not be enough to end all sessions of an account. The error is ErrAllEnded when every session of
// the account that is as old as this one has ended with it.
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
		reason := told(s, a, token.Generation, clientID, o.now())
		if reason == BecauseReuse && behind != 0 { // this token may have been the reuse
			reason = ""
		}
		return account.Account{}, &RefusedError{Reason: reason, Detail: ended.Error()}
	}
	return a, nil
}

// Living returns the session of an access token and its account, in one round trip. An EndedError when the
// session may not be used any more: an authorizer may let its tokens through for as long as its denylist may
// be old.
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

// read reads session and account. A session whose epoch is behind is read once more: a change that kept it may
// have come between the two reads.
func (o *Owners) read(ctx context.Context, h Holder) (Session, account.Account, error) {
	var (
		wg                     sync.WaitGroup
		s                      Session
		a                      account.Account
		sessionErr, accountErr error
	)
	wg.Go(func() { s, sessionErr = o.sessions.Session(ctx, h.AccountID, h.SessionID) })
	wg.Go(func() { a, accountErr = o.accounts.Account(ctx, h.AccountID) })
	wg.Wait()
	if sessionErr == nil && accountErr == nil && s.Epoch < a.Epoch {
		s, sessionErr = o.sessions.Session(ctx, h.AccountID, h.SessionID)
	}
	if sessionErr == nil && errors.Is(accountErr, account.ErrNotFound) {
		return s, deletedAccount, nil
	}
	switch {
	case errors.Is(sessionErr, ErrNotFound) || errors.Is(accountErr, account.ErrNotFound):
		return Session{}, account.Account{}, &EndedError{BecauseEnded}
	case sessionErr != nil:
		return Session{}, account.Account{}, fmt.Errorf("session: read: %w", sessionErr)
	case accountErr != nil:
		return Session{}, account.Account{}, fmt.Errorf("session: read account: %w", accountErr)
	}
	return s, a, nil
}

// Usable reports whether a session of the account a may be used now.
func (o *Owners) Usable(s Session, a account.Account) bool { return Usable(s, a, o.now()) == nil }
