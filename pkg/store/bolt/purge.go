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
	for _, key := range expired {
		if err := b.Delete(key); err != nil {
			return nil, err
		}
	}
	return expired, nil
}
