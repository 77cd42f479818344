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
	// Create stores s. Its id is new, so a session with this id is this call's own write whose reply
	// was lost: then Create changes nothing and returns nil.
	Create(ctx context.Context, s Session) error

	// CreateAfter makes a change that ends every session of the account, and stores s, whose epoch is the change's:
	// both or neither. Conditions and errors are those of account.Changer.ChangeAccount.
	CreateAfter(ctx context.Context, c account.Change, s Session) error
}

// Login describes a new session.
type Login struct {
	AccountID uuid.UUID
	Epoch     int64 // of the account, read together with the password hash
	AMR       []string
	Client    client.Client
	Scopes    []string // granted; nil: those of the client, also those that it is given later
	Remember  bool     // the person asked to stay logged in
	Device    string
	Network   string // prefix of the caller's address
}

// Begin returns a new session and its first refresh token. It stores nothing.
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

// idleExpiry is life after now, and never after the absolute expiry.
func idleExpiry(now time.Time, life time.Duration, absolute time.Time) time.Time {
	if idle := now.Add(life).Truncate(time.Second); idle.Before(absolute) {
		return idle
	}
	return absolute
}
