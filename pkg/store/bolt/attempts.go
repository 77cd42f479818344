package bolt

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"go.etcd.io/bbolt"

	"github.com/wavepass/wavepass/pkg/account"
)

// attemptRecord is a bucket of attempts under the end of its window and a hash of what names it.
type attemptRecord struct {
	Count int `json:"count"`
}

// attemptKey begins with the end of the window, so that the oldest windows come first.
func attemptKey(b account.Bucket) []byte {
	// The length keeps kind and key apart whatever they contain.
	name := binary.BigEndian.AppendUint64(nil, uint64(len(b.Kind)))
	name = append(name, b.Kind...)
	name = append(name, b.Key...)
	name = binary.BigEndian.AppendUint64(name, uint64(b.Window))
	sum := sha256.Sum256(name)
	return append(appendTime(nil, b.Until), sum[:]...)
}

// Take implements account.Attempts.
func (s *Store) Take(ctx context.Context, b account.Bucket) (bool, error) {
	allowed := false
	err := s.changeCount(ctx, "count attempt", b, func(count int) int {
		if allowed = count < b.Limit; allowed {
			count++
		}
		return count
	})
	return allowed && err == nil, err
}

// Refund implements account.Attempts.
func (s *Store) Refund(ctx context.Context, b account.Bucket) error {
	return s.changeCount(ctx, "refund attempt", b, func(count int) int { return max(0, count-1) })
}

// Clear implements account.Attempts.
func (s *Store) Clear(ctx context.Context, b account.Bucket) error {
	return s.changeCount(ctx, "clear attempts", b, func(int) int { return 0 })
}

func (s *Store) changeCount(ctx context.Context, what string, b account.Bucket, change func(int) int) error {
	return s.write(ctx, what, func(tx *bbolt.Tx) error {
		attempts, key := tx.Bucket(attemptBucket), attemptKey(b)
		record, _, err := get[attemptRecord](attempts, key)
		if err != nil {
			return err
		}
		count := change(record.Count)
		if count == record.Count {
			return nil
		}
		if err := purgeAttempts(tx, s.now(), few); err != nil {
			return err
		}
		return put(attempts, key, attemptRecord{count})
	})
}

// attemptsKept is how long a bucket outlives its window: requests under way may still refund it.
const attemptsKept = time.Minute

func purgeAttempts(tx *bbolt.Tx, now time.Time, limit int) error {
	_, err := purgeBefore(tx.Bucket(attemptBucket), now.Add(-attemptsKept), limit)
	return err
}
