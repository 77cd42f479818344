package bolt

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"

	"go.etcd.io/bbolt"

	"github.com/wavepass/wavepass/pkg/account"
)

// attemptRecord is a bucket of attempts under the end of its window and a hash of what names it. One in a row is under the time when it is
// forgotten, and another bucket says under the hash which time that is.
type attemptRecord struct {
	Count int `json:"count"`
}

// attemptKey begins with the end of the window, so that the oldest windows come first.
func attemptKey(b account.Bucket) []byte { return append(appendTime(nil, b.Until), attemptName(b)...) }

// attemptName is the hash of what names a bucket.
func attemptName(b account.Bucket) []byte {
	// The length keeps kind and key apart whatever they contain.
	name := binary.BigEndian.AppendUint64(nil, uint64(len(b.Kind)))
	name = append(name, b.Kind...)
	name = append(name, b.Key...)
	name = binary.BigEndian.AppendUint64(name, uint64(b.Window))
	sum := sha256.Sum256(name)
	return sum[:]
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
	if b.InRow() {
		return s.write(ctx, what, func(tx *bbolt.Tx) error { return s.changeInRow(tx, b, change) })
	}
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
	return errors.Join(err, purgeInRow(tx, now, limit))
}

// rowRecord is a bucket of attempts in a row, under a hash of what names it. Keys of another bucket have each time when it was to be
// forgotten, and then the hash.
type rowRecord struct {
	Count int   `json:"count"`
	Until int64 `json:"until"` // Unix time
}

func (s *Store) changeInRow(tx *bbolt.Tx, b account.Bucket, change func(int) int) error {
	rows, name := tx.Bucket(rowBucket), attemptName(b)
	was, _, err := get[rowRecord](rows, name)
	if err != nil {
		return err
	}
	now := was
	if was.Until < b.Now.Unix() {
		now.Count = 0
	}
	counted := now.Count
	now.Count = change(counted)
	if now.Count > counted {
		now.Until = b.Until.Unix()
		if err := tx.Bucket(rowEndBucket).Put(append(appendTime(nil, b.Until), name...), nil); err != nil {
			return err
		}
	}
	if now == was {
		return nil
	}
	return errors.Join(purgeAttempts(tx, s.now(), few), put(rows, name, now))
}

// purgeInRow deletes at most limit buckets in a row that are to be forgotten.
func purgeInRow(tx *bbolt.Tx, now time.Time, limit int) error {
	over, err := purgeBefore(tx.Bucket(rowEndBucket), now.Add(-attemptsKept), limit)
	if err != nil {
		return err
	}
	rows, behindTime := tx.Bucket(rowBucket), len(appendTime(nil, now))
	for _, end := range over {
		record, _, err := get[rowRecord](rows, end[behindTime:])
		if err != nil {
			return err
		}
		if record.Until >= now.Add(-attemptsKept).Unix() {
			continue // another attempt was counted since
		}
		if err := rows.Delete(end[behindTime:]); err != nil {
			return err
		}
	}
	return nil
}
