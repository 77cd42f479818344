package fakestore

import (
	"context"
	"iter"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/session"
)

// Accounts implements account.Lister.
func (s *Store) Accounts(ctx context.Context) iter.Seq2[account.Account, error] {
	return func(yield func(account.Account, error) bool) {
		var all []account.Account
		err := s.do(ctx, "Accounts", func() error {
			all = slices.Collect(maps.Values(s.accounts))
			return nil
		})
		if err != nil {
			yield(account.Account{}, err)
			return
		}
		for _, a := range all {
			if !yield(a, nil) {
				return
			}
		}
	}
}

// FindSession implements session.Finder.
func (s *Store) FindSession(ctx context.Context, id uuid.UUID) (found session.Session, err error) {
	err = s.do(ctx, "FindSession", func() error {
		stored, ok := s.sessions[id]
		if !ok {
			return session.ErrNotFound
		}
		found = cloneSession(stored)
		return nil
	})
	return found, err
}
