package bolt

import (
	"bytes"
	"context"

	"github.com/google/uuid"
	"go.etcd.io/bbolt"

	"github.com/wavepass/wavepass/pkg/consent"
)

// consentName is the key of a consent: the account's id, 16 bytes, and the client's.
func consentName(account uuid.UUID, clientID string) []byte { return append(account[:], clientID...) }

// Consent implements consent.Store.
func (s *Store) Consent(ctx context.Context, account uuid.UUID, clientID string) (c consent.Consent, err error) {
	err = s.read(ctx, "read consent", func(tx *bbolt.Tx) (err error) {
		var there bool
		c, there, err = get[consent.Consent](tx.Bucket(consentBucket), consentName(account, clientID))
		if err == nil && !there {
			err = consent.ErrNotFound
		}
		return err
	})
	return c, err
}

// PutConsent implements consent.Store.
func (s *Store) PutConsent(ctx context.Context, before, c consent.Consent) error {
	return s.write(ctx, "store consent", func(tx *bbolt.Tx) error {
		consents, name := tx.Bucket(consentBucket), consentName(c.AccountID, c.ClientID)
		now, there, err := get[consent.Consent](consents, name)
		switch {
		case err != nil:
			return err
		case there == before.Given.IsZero() && !now.Same(c), there && !now.Same(before) && !now.Same(c):
			return consent.ErrChanged
		}
		return put(consents, name, c)
	})
}

// TakeBackConsent implements consent.Store.
func (s *Store) TakeBackConsent(ctx context.Context, account uuid.UUID, clientID string) error {
	return s.write(ctx, "take back consent", func(tx *bbolt.Tx) error {
		return tx.Bucket(consentBucket).Delete(consentName(account, clientID))
	})
}

// Consents implements consent.Store.
func (s *Store) Consents(ctx context.Context, account uuid.UUID) (all []consent.Consent, err error) {
	err = s.read(ctx, "list consents", func(tx *bbolt.Tx) error {
		consents := tx.Bucket(consentBucket)
		walk := consents.Cursor()
		for name, _ := walk.Seek(account[:]); bytes.HasPrefix(name, account[:]); name, _ = walk.Next() {
			c, _, err := get[consent.Consent](consents, name)
			if err != nil {
				return err
			}
			all = append(all, c)
		}
		return nil
	})
	return all, err
}
