package fakestore

import (
	"cmp"
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/consent"
)

type consentName struct {
	account  uuid.UUID
	clientID string
}

// Consent implements consent.Store.
func (s *Store) Consent(ctx context.Context, account uuid.UUID, clientID string) (c consent.Consent, err error) {
	err = s.do(ctx, "Consent", func() error {
		found, ok := s.consents[consentName{account, clientID}]
		if !ok {
			return consent.ErrNotFound
		}
		c = found
		return nil
	})
	return c, err
}

// PutConsent implements consent.Store.
func (s *Store) PutConsent(ctx context.Context, before, c consent.Consent) error {
	return s.do(ctx, "PutConsent", func() error {
		name := consentName{c.AccountID, c.ClientID}
		now, there := s.consents[name]
		if there == before.Given.IsZero() && !now.Same(c) || there && !now.Same(before) && !now.Same(c) {
			return consent.ErrChanged
		}
		s.consents[name] = c
		return nil
	})
}

// TakeBackConsent implements consent.Store.
func (s *Store) TakeBackConsent(ctx context.Context, account uuid.UUID, clientID string) error {
	return s.do(ctx, "TakeBackConsent", func() error {
		delete(s.consents, consentName{account, clientID})
		return nil
	})
}

// Consents implements consent.Store.
func (s *Store) Consents(ctx context.Context, account uuid.UUID) (all []consent.Consent, err error) {
	err = s.do(ctx, "Consents", func() error {
		for name, c := range s.consents {
			if name.account == account {
				all = append(all, c)
			}
		}
		slices.SortFunc(all, func(a, b consent.Consent) int { return cmp.Compare(a.ClientID, b.ClientID) })
		return nil
	})
	return all, err
}
