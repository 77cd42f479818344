package bolt

import (
	"context"
	"crypto/sha256"
	"time"

	"go.etcd.io/bbolt"
)

// assertionRecord is a use of an assertion. Its key begins with the time until which it matters, so that the oldest come first, and
// goes on with the name. Assertions live for minutes, so there are few.
type assertionRecord struct {
	Call string `json:"call"`
}

// UseAssertion implements assertion.Uses.
func (s *Store) UseAssertion(ctx context.Context, name [sha256.Size]byte, until time.Time, call string) (first bool, err error) {
	err = s.write(ctx, "use assertion", func(tx *bbolt.Tx) error {
		if err := purgeAssertions(tx, s.now(), all); err != nil {
			return err
		}
		used, names := tx.Bucket(assertionBucket), tx.Bucket(assertionNameBucket)
		record, there, err := get[assertionRecord](names, name[:])
		if err != nil || there && record.Call != call {
			return err
		}
		first = true
		if err := used.Put(append(appendTime(nil, until), name[:]...), []byte{}); err != nil {
			return err
		}
		return put(names, name[:], assertionRecord{call})
	})
	return first && err == nil, err
}

// purgeAssertions deletes what has expired.
func purgeAssertions(tx *bbolt.Tx, now time.Time, limit int) error {
	gone, err := purgeBefore(tx.Bucket(assertionBucket), now.Add(time.Millisecond), limit)
	for _, key := range gone {
		if err == nil {
			err = tx.Bucket(assertionNameBucket).Delete(key[len(appendTime(nil, now)):])
		}
	}
	return err
}
