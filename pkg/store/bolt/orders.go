package bolt

import (
	"bytes"
	"context"
	"crypto/sha256"
	"slices"
	"time"

	"github.com/google/uuid"
	"go.etcd.io/bbolt"

	"github.com/wavepass/wavepass/pkg/mail"
)

// orderRecord is an order, and the call that has taken it.
type orderRecord struct {
	mail.Order
	Call string
}

// PutOrder implements mail.Orders. A few that have expired are deleted beside it: their ids begin with their time, so the oldest
// come first.
func (s *Store) PutOrder(ctx context.Context, o mail.Order) error {
	return s.write(ctx, "store order", func(tx *bbolt.Tx) error {
		orders := tx.Bucket(orderBucket)
		if err := purgeOrders(orders, s.now(), few); err != nil || orders.Get(o.ID[:]) != nil {
			return err
		}
		return put(orders, o.ID[:], orderRecord{Order: o})
	})
}

func purgeOrders(orders *bbolt.Bucket, now time.Time, limit int) error {
	var expired [][]byte // a cursor is not to be moved over what it deletes
	walk := orders.Cursor()
	for id, _ := walk.First(); id != nil && len(expired) < limit; id, _ = walk.Next() {
		o, _, err := get[orderRecord](orders, id)
		if err != nil {
			return err
		}
		if now.Before(o.At.Add(mail.OrderLife)) {
			break
		}
		expired = append(expired, bytes.Clone(id))
	}
	return deleteAll(orders, expired)
}

// TakeOrder implements mail.Taker.
func (s *Store) TakeOrder(ctx context.Context, id uuid.UUID, call string) (o mail.Order, err error) {
	err = s.write(ctx, "take order", func(tx *bbolt.Tx) error {
		orders := tx.Bucket(orderBucket)
		found, there, err := get[orderRecord](orders, id[:])
		switch {
		case err != nil:
			return err
		case !there || !s.now().Before(found.At.Add(mail.OrderLife)) || found.Call != "" && found.Call != call:
			return mail.ErrTaken
		}
		found.Call, o = call, found.Order
		return put(orders, id[:], found)
	})
	if err != nil {
		return mail.Order{}, err
	}
	return o, nil
}

// mailsRecord has the times of the mails that were counted in the last window.
type mailsRecord struct {
	Times []time.Time
	Until time.Time // nothing of it counts any more
}

// CountMail implements mail.Counter.
func (s *Store) CountMail(ctx context.Context, name string, r mail.Rate, now time.Time) (counted bool, err error) {
	key := sha256.Sum256([]byte(name))
	err = s.write(ctx, "count mail", func(tx *bbolt.Tx) error {
		counted = false
		mails := tx.Bucket(mailsBucket)
		found, _, err := get[mailsRecord](mails, key[:])
		if err != nil {
			return err
		}
		found.Times = slices.DeleteFunc(found.Times, func(t time.Time) bool { return !t.After(now.Add(-r.Window)) })
		if len(found.Times) >= r.Count {
			return nil
		}
		if err := purgeMails(mails, key[:], s.now()); err != nil {
			return err
		}
		counted = true
		return put(mails, key[:], mailsRecord{append(found.Times, now), now.Add(r.Window)})
	})
	return counted && err == nil, err
}

// purgeMails deletes what has expired of the few records that follow a name. Names are hashes, so every record has its turn.
func purgeMails(mails *bbolt.Bucket, name []byte, now time.Time) error {
	var expired [][]byte
	walk := mails.Cursor()
	next, _ := walk.Seek(name)
	for range few {
		if next == nil {
			next, _ = walk.First()
		}
		if next == nil {
			break
		}
		record, _, err := get[mailsRecord](mails, next)
		if err != nil {
			return err
		}
		if record.Until.Before(now) {
			expired = append(expired, bytes.Clone(next))
		}
		next, _ = walk.Next()
	}
	return deleteAll(mails, expired)
}
