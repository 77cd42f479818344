package bolt

import (
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
