package bolt

import (
	"context"

	"go.etcd.io/bbolt"
)

// Write is one write of the store: do sees and changes a bucket of the tests' own.
func (s *Store) Write(ctx context.Context, do func(*bbolt.Bucket) error) error {
	return s.commits.write(ctx, func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists([]byte("test"))
		if err != nil {
			return err
		}
		return do(b)
	})
}

// Waiting is how many writes wait for the one that is under way.
func (s *Store) Waiting() int {
	s.commits.mu.Lock()
	defer s.commits.mu.Unlock()
	return len(s.commits.waiting)
}

// Commits is how many commits the file has seen.
func (s *Store) Commits() (id int, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		id = tx.ID()
		return nil
	})
	return id, err
}

// MostTogether is how many writes one commit holds.
const MostTogether = mostTogether
