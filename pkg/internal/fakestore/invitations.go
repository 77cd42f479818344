package fakestore

import (
	"context"
	"time"
)

// Uninvite implements account.Uninviter.
func (s *Store) Uninvite(ctx context.Context, address string, at, _ time.Time) error {
	return s.do(ctx, "Uninvite", func() error {
		s.uninvited[address] = at
		return nil
	})
}

// UninvitedAt implements account.Invitations.
func (s *Store) UninvitedAt(ctx context.Context, address string) (at time.Time, err error) {
	err = s.do(ctx, "UninvitedAt", func() error {
		at = s.uninvited[address]
		return nil
	})
	return at, err
}
