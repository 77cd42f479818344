package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
)

// file keeps baskets on a laptop, in one bbolt file.
type file struct{ db *bbolt.DB }

var bucket = []byte("baskets")

func openFile(path string) (baskets, error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		return nil, fmt.Errorf("the file of baskets %q: %w", path, err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(bucket)
		return err
	})
	return file{db}, err
}

func (f file) counts(_ context.Context, sid string) (map[string]int, error) {
	found := map[string]int{}
	err := f.db.View(func(tx *bbolt.Tx) error {
		cursor, prefix := tx.Bucket(bucket).Cursor(), key(sid, "")
		for name, value := cursor.Seek(prefix); bytes.HasPrefix(name, prefix); name, value = cursor.Next() {
			found[string(name[len(prefix):])] = int(binary.BigEndian.Uint16(value))
		}
		return nil
	})
	return found, err
}

func (f file) add(_ context.Context, sid, item string, _ time.Time) error {
	return f.db.Update(func(tx *bbolt.Tx) error {
		n := uint16(0)
		if value := tx.Bucket(bucket).Get(key(sid, item)); value != nil {
			n = binary.BigEndian.Uint16(value)
		}
		if n >= maxOfOne {
			return errFull
		}
		return tx.Bucket(bucket).Put(key(sid, item), binary.BigEndian.AppendUint16(nil, n+1))
	})
}

func (f file) remove(_ context.Context, sid, item string) error {
	return f.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(bucket).Delete(key(sid, item)) })
}

// key has a character between that is in neither part.
func key(sid, item string) []byte { return []byte(sid + "/" + item) }
