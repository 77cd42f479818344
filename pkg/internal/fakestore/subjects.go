package fakestore

import (
	"context"
	"errors"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/session"
)

// Subject implements session.Directory.
func (s *Store) Subject(ctx context.Context, subject account.Subject, key string) (known account.Account, begun session.Begun, err error) {
	err = s.do(ctx, "Subject", func() error {
		if found := s.begun[subject][key]; key != "" && s.now().Before(found.Until) {
			begun = found
		}
		a, ok := s.subjects[subject]
		if !ok {
			return account.ErrNotFound
		}
		known = cloneAccount(a)
		return nil
	})
	if err != nil && !errors.Is(err, account.ErrNotFound) {
		return account.Account{}, session.Begun{}, err
	}
	return known, begun, err
}

// BeginSession implements session.Directory.
func (s *Store) BeginSession(ctx context.Context, b session.Beginning) (now account.Account, err error) {
	err = s.do(ctx, "BeginSession", func() error {
		if _, again := s.sessions[b.Session.ID]; again {
			return nil
		}
		a := cloneAccount(b.Account)
		if now, err = s.toBegin(b); err != nil {
			return err
		}
		if b.New {
			s.accounts[a.ID] = cloneAccount(a)
		}
		if b.Linked {
			linked := s.accounts[a.ID]
			linked.Identities = a.Identities
			s.accounts[a.ID] = linked
		}
		a.Email, a.Identities, a.Proof = account.Email{}, nil, account.Proof{}
		s.subjects[a.Subject] = a
		if b.Begun.Key != "" {
			if s.begun[a.Subject] == nil {
				s.begun[a.Subject] = map[string]session.Begun{}
			}
			s.begun[a.Subject][b.Begun.Key] = b.Begun
		}
		s.sessions[b.Session.ID] = cloneSession(b.Session)
		return nil
	})
	return now, err
}

// toBegin checks the conditions of a beginning, and returns the account when it is not as the beginning has it.
func (s *Store) toBegin(b session.Beginning) (account.Account, error) {
	a, known := s.accounts[b.Account.ID]
	begun := s.begun[b.Account.Subject][b.Begun.Key]
	switch holder, taken := s.subjects[b.Account.Subject]; {
	case b.New && taken && holder.ID != b.Account.ID, b.Linked && taken:
		return account.Account{}, account.ErrExists
	case b.New && s.hasOther(b.Account.Email.Address, b.Account.ID):
		return account.Account{}, account.ErrAddressTaken
	case !b.New && !known:
		return account.Account{}, account.ErrNotFound
	case !b.New && (a.Epoch != b.Account.Epoch || !a.Access().Equal(b.Account.Access())):
		return cloneAccount(a), account.ErrConflict
	case b.Begun.Key != "" && b.Session.CreatedAt.Before(begun.Until) && begun.SessionID != b.Session.ID:
		return account.Account{}, session.ErrBegun
	}
	return account.Account{}, nil
}
