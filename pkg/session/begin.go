package session

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/client"
)

// Creator stores new sessions.
type Creator interface {
	// Create stores s. Its id is fresh, so a session that is already there is our own write whose reply
	// was lost: nothing is changed and the result is nil.
	Create(ctx context.Context, s Session) error

	// CreateAfter makes a change that ends every session of the account, and stores s, which begins with the change's
	// epoch: both or neither. Conditions and errors are those of account.Changer.ChangeAccount.
	CreateAfter(ctx context.Context, c account.Change, s Session) error
}

// Login is what a new session begins with.
type Login struct {
	AccountID uuid.UUID
	Epoch     int64 // as it stood beside the password hash
	AMR       []string
	Client    client.Client
	Scopes    []string // granted; nil: those of the client, also those that it gets later
	Remember  bool
	Device    string
	Network   string // prefix of the caller's address
}

// Begin returns a new session and its first refresh token; nothing is stored yet.
func Begin(l Login, now time.Time) (Session, RefreshToken, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return Session{}, RefreshToken{}, fmt.Errorf("session: new id: %w", err)
	}
	expiry := now.Add(l.Client.SessionLife(l.Remember)).Truncate(time.Second)
	s := Session{
		AccountID:  l.AccountID,
		ID:         id,
		ClientID:   l.Client.ID,
		Scopes:     l.Scopes,
		RotatedAt:  now.Truncate(time.Millisecond),
		CreatedAt:  now.Truncate(time.Millisecond),
		AuthTime:   now.Truncate(time.Second),
		AMR:        l.AMR,
		IdleExpiry: idleExpiry(now, l.Client.IdleLife, expiry),
		Expiry:     expiry,
		Epoch:      l.Epoch,
		Remembered: l.Remember && l.Client.Remembered > 0,
		Device:     l.Device,
		Network:    l.Network,
	}
	return s, RefreshToken{AccountID: s.AccountID, SessionID: s.ID, Expiry: s.Expiry}, nil
}

// idleExpiry slides with every use, the absolute expiry never moves.
func idleExpiry(now time.Time, life time.Duration, absolute time.Time) time.Time {
	if idle := now.Add(life).Truncate(time.Second); idle.Before(absolute) {
		return idle
	}
	return absolute
}
