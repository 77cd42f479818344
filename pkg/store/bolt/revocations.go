package bolt

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/go-json-experiment/json"
	"go.etcd.io/bbolt"

	"github.com/wavepass/wavepass/pkg/revocation"
)

// entryRecord is an entry of the revocation log under its stamp and everything that names it.
type entryRecord struct {
	At       int64           `json:"at"` // unix milliseconds
	Kind     revocation.Kind `json:"kind"`
	ID       string          `json:"id"`
	MinEpoch int64           `json:"min_epoch,omitzero"`
	Before   int64           `json:"before,omitzero"`
	Call     string          `json:"call,omitzero"` // of AppendOnce
}

// entryKey begins with the stamp, so that the log reads in the order of time. It names the whole entry:
// no entry ever takes the place of another.
func entryKey(e revocation.Entry) []byte {
	key := appendTime(nil, e.At)
	key = binary.BigEndian.AppendUint64(key, uint64(e.MinEpoch+e.Before)) // no entry has both
	key = append(key, byte(len(e.Kind)))                                  // keeps kind and id apart; kinds are ours, and short
	key = append(key, e.Kind...)
	return append(key, e.ID...)
}

// Append implements revocation.Log.
func (s *Store) Append(ctx context.Context, e revocation.Entry) error {
	return s.write(ctx, "append revocation", func(tx *bbolt.Tx) error { return s.appendEntry(tx, e) })
}

// AppendOnce implements revocation.Once.
func (s *Store) AppendOnce(ctx context.Context, e revocation.Entry, call string) (stored bool, err error) {
	err = s.write(ctx, "append revocation once", func(tx *bbolt.Tx) error {
		recent, err := recentlyAppended(tx, e, call)
		if err != nil || recent {
			return err
		}
		stored = true
		return s.appendCall(tx, e, call)
	})
	return stored && err == nil, err
}

// recentlyAppended reports whether the newest entry that names the same is younger than SlowWrite and of another call.
func recentlyAppended(tx *bbolt.Tx, e revocation.Entry, call string) (recent bool, err error) {
	cursor := tx.Bucket(revocationBucket).Cursor()
	for key, data := cursor.Seek(appendTime(nil, e.At.Add(time.Millisecond-revocation.SlowWrite))); key != nil; key, data = cursor.Next() {
		var record entryRecord
		if err := json.Unmarshal(data, &record); err != nil {
			return false, err
		}
		if record.Kind == e.Kind && record.ID == e.ID {
			recent = record.Call != call
		}
	}
	return recent, nil
}

func (s *Store) appendEntry(tx *bbolt.Tx, e revocation.Entry) error { return s.appendCall(tx, e, "") }

func (s *Store) appendCall(tx *bbolt.Tx, e revocation.Entry, call string) error {
	if err := purgeRevocations(tx, s.now(), few); err != nil {
		return err
	}
	return put(tx.Bucket(revocationBucket), entryKey(e), entryRecord{
		At: toMillis(e.At), Kind: e.Kind, ID: e.ID, MinEpoch: e.MinEpoch, Before: e.Before, Call: call,
	})
}

// Since implements revocation.Log. The entries come in the order of their stamps.
func (s *Store) Since(ctx context.Context, from time.Time) ([]revocation.Entry, error) {
	var entries []revocation.Entry
	now := s.now()
	err := s.read(ctx, "read revocations", func(tx *bbolt.Tx) error {
		cursor := tx.Bucket(revocationBucket).Cursor()
		for key, data := cursor.Seek(appendTime(nil, from)); key != nil; key, data = cursor.Next() {
			var record entryRecord
			if err := json.Unmarshal(data, &record); err != nil {
				return err
			}
			e := revocation.Entry{At: fromMillis(record.At), Kind: record.Kind, ID: record.ID, MinEpoch: record.MinEpoch, Before: record.Before}
			// Keys have milliseconds; from may lie between two.
			if !e.At.Before(from) && now.Before(e.ExpiresAt()) {
				entries = append(entries, e)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return entries, nil
}

// purgeRevocations deletes what has expired. Every entry lives equally long, so the oldest expire first.
func purgeRevocations(tx *bbolt.Tx, now time.Time, limit int) error {
	life := revocation.Entry{At: now}.ExpiresAt().Sub(now)
	_, err := purgeBefore(tx.Bucket(revocationBucket), now.Add(-life), limit)
	return err
}
