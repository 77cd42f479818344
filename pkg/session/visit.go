package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/client"
)

const (
	// UseInterval is how often the use of a handle, or of a refresh token that is kept, is written down at the most.
	UseInterval = 5 * time.Minute

	// useTime bounds how long a request waits for its use to be written.
	useTime = time.Second
)

// OfHandle returns the session that a handle of the client opens, with its account and its client, in one round trip. Errors: a
// *RefusedError when the handle opens nothing; an *EndedError with the reason when it opens a session that may not be used
// any more, and then session and account are the result all the same; ErrForeign when it opens another client's session;
// oauth.ErrUnavailable.
func (o *Owners) OfHandle(ctx context.Context, h Handle, clientID string) (Session, account.Account, client.Client, error) {
	var (
		wg        sync.WaitGroup
		c         client.Client
		clientErr error
	)
	wg.Go(func() { c, clientErr = o.ClientOf(ctx, clientID) })
	s, a, err := o.read(ctx, h.AccountID, h.SessionID)
	wg.Wait()
	switch {
	case errors.Is(err, ErrEnded): // nothing is left that says whose the handle was
		err = refuse("no such session")
	case err == nil && !h.Opens(s):
		err = refuse("not the handle of this session")
	case err == nil && s.ClientID != clientID:
		err = ErrForeign
	case err == nil && clientErr != nil:
		err = clientErr
	case err == nil:
		return s, a, c, Usable(s, a, c, o.now())
	}
	return Session{}, account.Account{}, client.Client{}, err
}

// OfAnyHandle is OfHandle for a handle of any of these clients.
func (o *Owners) OfAnyHandle(ctx context.Context, h Handle, clientIDs []string) (Session, account.Account, client.Client, error) {
	s, a, err := o.read(ctx, h.AccountID, h.SessionID)
	var c client.Client
	switch {
	case errors.Is(err, ErrEnded):
		err = refuse("no such session")
	case err == nil && (!h.Opens(s) || !slices.Contains(clientIDs, s.ClientID)):
		err = refuse("not the handle of a session of these clients")
	case err == nil:
		if c, err = o.ClientOf(ctx, s.ClientID); err == nil {
			err = Usable(s, a, c, o.now())
		}
	}
	if err != nil {
		return Session{}, account.Account{}, client.Client{}, err
	}
	return s, a, c, nil
}

// Uses records that sessions are used.
type Uses struct {
	store UseRecorder
	now   func() time.Time
}

// NewUses returns a Uses over store.
func NewUses(store UseRecorder, now func() time.Time) *Uses { return &Uses{store, now} }

// Record lets the idle expiry of a session slide, which was just read and may be used. It writes nothing when that was done less than
// UseInterval ago. network is a prefix of the caller's address. When the table does not answer, the use is lost and the session
// is a little older than it could be: that is no reason to refuse a request that was found to be good. The error is for the log.
func (u *Uses) Record(ctx context.Context, s Session, c client.Client, network string) error {
	now := u.now()
	if s.UsedAt.IsZero() || now.Sub(s.UsedAt) < UseInterval {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, useTime)
	defer cancel()
	err := u.store.RecordUse(ctx, Use{
		AccountID: s.AccountID, SessionID: s.ID, Before: s.UsedAt, Now: now.Truncate(time.Millisecond), Network: network,
		IdleExpiry: idleExpiry(now, c.IdleLife, s.Expiry),
	})
	if err == nil || errors.Is(err, ErrStale) { // another request was first
		return nil
	}
	return fmt.Errorf("session: record the use: %w", err)
}
