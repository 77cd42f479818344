package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wavepass/wavepass/pkg/revocation"
)

// ErrForeign says that a token is another client's; it stays as it is.
var ErrForeign = errors.New("session: another client's token")

// Ender ends sessions, as Store does.
type Ender interface {
	Revoke(ctx context.Context, e Ending) error
}

// Revoker ends sessions.
type Revoker struct {
	store Ender
	now   func() time.Time
}

// NewRevoker returns a Revoker over store.
func NewRevoker(store Ender, now func() time.Time) *Revoker { return &Revoker{store, now} }

// Revoke ends the session of token for its client. It reports whether this call ended it: a token whose session has ended
// is no error (RFC 7009 §2.2). Errors: ErrForeign, and the session lives on; oauth.ErrUnavailable.
func (r *Revoker) Revoke(ctx context.Context, token RefreshToken, clientID string, reason Reason) (bool, error) {
	if !r.now().Before(token.Expiry) {
		return false, nil
	}
	return r.end(ctx, Ending{AccountID: token.AccountID, SessionID: token.SessionID, ClientID: clientID, Reason: reason})
}

// End ends a session that was just read. It reports whether this call ended it: a session that was revoked before, or has
// been deleted since, is no error.
func (r *Revoker) End(ctx context.Context, s Session, reason Reason) (bool, error) {
	return r.end(ctx, Ending{AccountID: s.AccountID, SessionID: s.ID, ClientID: s.ClientID, Reason: reason})
}

func (r *Revoker) end(ctx context.Context, e Ending) (bool, error) {
	err := revoke(ctx, r.store, r.now, e)
	switch {
	case errors.Is(err, ErrNotFound) || errors.Is(err, ErrRevoked):
		return false, nil
	case errors.Is(err, ErrStale):
		return false, ErrForeign
	case err != nil:
		return false, fmt.Errorf("session: revoke: %w", err)
	}
	return true, nil
}

// revoke stores e with an entry that denies the session's access tokens, stamped as revocation.Stamp says.
func revoke(ctx context.Context, store Ender, now func() time.Time, e Ending) error {
	e.Began = now().Truncate(time.Millisecond)
	return revocation.Stamp(now, func(at time.Time) error {
		e.Entry = revocation.Entry{At: at, Kind: revocation.Session, ID: e.SessionID.String()}
		return store.Revoke(ctx, e)
	})
}
