package bolt

import (
	"context"
	"time"

	"go.etcd.io/bbolt"
)

// uninvited says until when the invitations of an address, which is the key, count no more.
type uninvited struct{ At, Until time.Time }

// Uninvite implements account.Uninviter. What has expired is deleted first: an operator does this now and then.
func (s *Store) Uninvite(ctx context.Context, address string, at, until time.Time) error {
	return s.write(ctx, "uninvite", func(tx *bbolt.Tx) error {
		b := tx.Bucket(uninvitedBucket)
		if err := deleteExpired(b, s.now(), func(u uninvited) time.Time { return u.Until }); err != nil {
			return err
		}
		return put(b, []byte(address), uninvited{at, until})
	})
}

// UninvitedAt implements account.Invitations.
func (s *Store) UninvitedAt(ctx context.Context, address string) (at time.Time, err error) {
	err = s.read(ctx, "read invitation", func(tx *bbolt.Tx) error {
		found, _, err := get[uninvited](tx.Bucket(uninvitedBucket), []byte(address))
		at = found.At
		return err
	})
	return at, err
}
