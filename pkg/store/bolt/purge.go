package bolt

import (
	"bytes"
	"encoding/binary"
	"math"
	"time"

	"go.etcd.io/bbolt"
)

const (
	// all deletes everything that has expired.
	all = math.MaxInt
	// few is how much a write deletes beside itself: more than the one item that it adds, so that what has
	// expired disappears faster than new items come.
	few = 4
)

// appendTime writes the beginning of a key that sorts by time. Times before 1970 count as 1970.
func appendTime(key []byte, t time.Time) []byte {
	return binary.BigEndian.AppendUint64(key, uint64(max(0, t.UnixMilli())))
}

// purgeBefore deletes at most limit items of a bucket whose keys begin with a time before end, oldest first, and
// returns their keys.
func purgeBefore(b *bbolt.Bucket, end time.Time, limit int) ([][]byte, error) {
	var expired [][]byte // a cursor is not to be moved over what it deletes
	before := appendTime(nil, end)
	cursor := b.Cursor()
	for key, _ := cursor.First(); key != nil && len(expired) < limit; key, _ = cursor.Next() {
		if bytes.Compare(key[:len(before)], before) >= 0 {
			break
		}
		expired = append(expired, bytes.Clone(key))
	}
	return expired, deleteAll(b, expired)
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
	if err != nil {
		return err
	}
	return deleteAll(b, expired)
}

func deleteAll(b *bbolt.Bucket, keys [][]byte) error {
	for _, key := range keys {
		if err := b.Delete(key); err != nil {
			return err
		}
	}
	return nil
}
