package bolt

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"go.etcd.io/bbolt"

	"github.com/wavepass/wavepass/pkg/account"
)

// removalKey is of an empty record: the time, and the id of an account that is removed then.
func removalKey(at int64, id uuid.UUID) []byte {
	return append(appendTime(nil, time.UnixMilli(at)), id[:]...)
}

// changeRemoval has an account removed at a time, or not any more, as the change says.
func (s *Store) changeRemoval(tx *bbolt.Tx, a *accountRecord, c account.Change) error {
	if c.Remove == nil {
		return nil
	}
	if !slices.Equal(a.Identities, c.OldIdentities) {
		return account.ErrConflict
	}
	removals := tx.Bucket(removalBucket)
	if a.RemoveAt != 0 {
		if err := removals.Delete(removalKey(a.RemoveAt, c.Account.ID)); err != nil {
			return err
		}
	}
	if a.RemoveAt = toMillis(*c.Remove); a.RemoveAt == 0 {
		return nil
	}
	return removals.Put(removalKey(a.RemoveAt, c.Account.ID), nil)
}

// Forget implements account.Forgetter: here sessions and consents go with the account.
func (s *Store) Forget(ctx context.Context, _ uuid.UUID, _ time.Time) error {
	return s.read(ctx, "forget", func(*bbolt.Tx) error { return nil })
}

// ForgetConsents implements account.Forgetter, like Forget.
func (s *Store) ForgetConsents(ctx context.Context, id uuid.UUID, at time.Time) error {
	return s.Forget(ctx, id, at)
}

// purgeRemovals removes at most limit accounts whose time has come, with all that is kept of the person.
func purgeRemovals(tx *bbolt.Tx, now time.Time, limit int) error {
	due, err := purgeBefore(tx.Bucket(removalBucket), now.Add(time.Millisecond), limit)
	if err != nil {
		return err
	}
	for _, key := range due {
		id := uuid.UUID(key[len(key)-len(uuid.UUID{}):])
		if err := removePerson(tx, id); err != nil {
			return err
		}
	}
	return nil
}

func removePerson(tx *bbolt.Tx, id uuid.UUID) error {
	a, err := getAccount(tx, id)
	switch {
	case errors.Is(err, account.ErrNotFound): // an operator has deleted it
		return removeOf(tx, id)
	case err != nil:
		return err
	}
	if err := deleteIdentities(tx, a); err != nil {
		return err
	}
	if a.Subject != "" {
		if err := tx.Bucket(subjectBucket).Delete(subjectKey(account.Subject{Directory: a.Directory, ID: a.Subject})); err != nil {
			return err
		}
	}
	return errors.Join(
		tx.Bucket(loginNameBucket).Delete([]byte(a.Username)), deleteAddress(tx, a.Email), tx.Bucket(accountBucket).Delete(id[:]), removeOf(tx, id),
	)
}

// removeOf deletes the sessions and the consents of an account.
func removeOf(tx *bbolt.Tx, id uuid.UUID) error {
	for _, name := range [][]byte{sessionBucket, consentBucket} {
		bucket := tx.Bucket(name)
		var keys [][]byte
		walk := bucket.Cursor()
		for key, _ := walk.Seek(id[:]); bytes.HasPrefix(key, id[:]); key, _ = walk.Next() {
			keys = append(keys, bytes.Clone(key))
		}
		if err := deleteAll(bucket, keys); err != nil {
			return err
		}
	}
	return nil
}
