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

// Owners finds out whose a refresh token is.
type Owners struct {
	sessions Reader
	accounts Accounts
	now      func() time.Time
}

// NewOwners returns an Owners that reads both stores.
func NewOwners(sessions Reader, accounts Accounts, now func() time.Time) *Owners {
	return &Owners{sessions, accounts, now}
}

// Of returns the account of token, in one round trip, if token could be refreshed now: its session lives
// and belongs to the client, and the token is the newest or the one before. Anything else is ErrRefused: who
// holds an old token must not be able to end all sessions of an account with it.
func (o *Owners) Of(ctx context.Context, token RefreshToken, clientID string) (account.Account, error) {
	var (
		wg                     sync.WaitGroup
		s                      Session
		a                      account.Account
		sessionErr, accountErr error
	)
	wg.Go(func() { s, sessionErr = o.sessions.Session(ctx, token.AccountID, token.SessionID) })
	wg.Go(func() { a, accountErr = o.accounts.Account(ctx, token.AccountID) })
	wg.Wait()
	switch {
	case errors.Is(sessionErr, ErrNotFound) || errors.Is(accountErr, account.ErrNotFound):
		return account.Account{}, refuse("no such session or account")
	case sessionErr != nil:
		return account.Account{}, fmt.Errorf("session: read: %w", sessionErr)
	case accountErr != nil:
		return account.Account{}, fmt.Errorf("session: read account: %w", accountErr)
	}
	behind := int64(s.Generation) - int64(token.Generation)
	switch {
	case !s.Live(o.now()) || s.ClientID != clientID:
		return account.Account{}, refuse("expired, revoked or another client's")
	case a.Disabled || s.Epoch < a.Epoch:
		return account.Account{}, refuse("account disabled or epoch")
	case behind != 0 && behind != 1:
		return account.Account{}, refuse("an old token")
	}
	return a, nil
}
