package bolt

import (
	"bytes"
	"context"
	"time"

	"go.etcd.io/bbolt"

	"github.com/wavepass/wavepass/pkg/authorization"
)

// PutPushed implements authorization.PushedKeeper. What has expired is deleted first: pushed requests live for a minute and a half, so
// there are few.
func (s *Store) PutPushed(ctx context.Context, name authorization.PushedName, p authorization.Pushed) error {
	return s.write(ctx, "store pushed request", func(tx *bbolt.Tx) error {
		b := tx.Bucket(pushedBucket)
		err := deleteExpired(b, s.now(), func(p authorization.Pushed) time.Time { return p.Until })
		if err != nil {
			return err
		}
		return put(b, name[:], p)
	})
}

// Pushed implements authorization.PushedReader.
func (s *Store) Pushed(ctx context.Context, name authorization.PushedName) (p authorization.Pushed, err error) {
	err = s.read(ctx, "read pushed request", func(tx *bbolt.Tx) error {
		found, there, err := get[authorization.Pushed](tx.Bucket(pushedBucket), name[:])
		switch {
		case err != nil:
			return err
		case !there || !s.now().Before(found.Until):
			return authorization.ErrNotPushed
		}
		p = found
		return nil
	})
	return p, err
}

// deleteExpired walks through a small bucket of records that until says the end of, and deletes those whose time is over.
func deleteExpired[T any](b *bbolt.Bucket, now time.Time, until func(T) time.Time) error {
	var expired [][]byte // a bucket is not to be changed while it is walked through
	err := b.ForEach(func(name, _ []byte) error {
		r, _, err := get[T](b, name)
		if err == nil && !now.Before(until(r)) {
			expired = append(expired, bytes.Clone(name))
		}
		return err
	})
	for _, name := range expired {
		if err == nil {
			err = b.Delete(name)
		}
	}
	return err
}
