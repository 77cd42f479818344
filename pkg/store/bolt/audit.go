package bolt

import (
	"bytes"
	"context"
	"crypto/rand"
	"time"

	"github.com/go-json-experiment/json"
	"go.etcd.io/bbolt"

	"github.com/wavepass/wavepass/pkg/audit"
)

// AppendEvent implements audit.Store. A key is the time of the event and a few random bytes.
func (s *Store) AppendEvent(ctx context.Context, e audit.Event) error {
	return s.write(ctx, "append event", func(tx *bbolt.Tx) error {
		if err := purgeEvents(tx, s.now(), few); err != nil {
			return err
		}
		return put(tx.Bucket(auditBucket), append(appendTime(nil, e.Time), rand.Text()...), e)
	})
}

// EventsOf implements audit.Store.
func (s *Store) EventsOf(ctx context.Context, day time.Time) (events []audit.Event, err error) {
	from := day.UTC().Truncate(24 * time.Hour)
	end := appendTime(nil, from.Add(24*time.Hour))
	if oldest := s.now().Add(-audit.Retention); from.Before(oldest) {
		from = oldest
	}
	err = s.read(ctx, "read events", func(tx *bbolt.Tx) error {
		cursor := tx.Bucket(auditBucket).Cursor()
		for key, data := cursor.Seek(appendTime(nil, from)); key != nil && bytes.Compare(key, end) < 0; key, data = cursor.Next() {
			var e audit.Event
			if err := json.Unmarshal(data, &e); err != nil {
				return err
			}
			events = append(events, e)
		}
		return nil
	})
	return events, err
}

func purgeEvents(tx *bbolt.Tx, now time.Time, limit int) error {
	_, err := purgeBefore(tx.Bucket(auditBucket), now.Add(-audit.Retention), limit)
	return err
}
