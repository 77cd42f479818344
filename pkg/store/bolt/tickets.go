package bolt

import (
	"context"
	"time"

	"go.etcd.io/bbolt"

	"github.com/wavepass/wavepass/pkg/ticket"
)

// ticketRecord is a ticket, and the call that has used it.
type ticketRecord struct {
	ticket.Record
	Call string
}

// PutTicket implements ticket.Keeper. What has expired is deleted first: tickets live for half a minute, so there are few.
func (s *Store) PutTicket(ctx context.Context, name ticket.Name, r ticket.Record) error {
	return s.write(ctx, "store ticket", func(tx *bbolt.Tx) error {
		tickets := tx.Bucket(ticketBucket)
		if err := deleteExpired(tickets, s.now(), func(r ticketRecord) time.Time { return r.Until }); err != nil {
			return err
		}
		return put(tickets, name[:], ticketRecord{Record: r})
	})
}

// TakeTicket implements ticket.Taker.
func (s *Store) TakeTicket(ctx context.Context, name ticket.Name, api, call string) (r ticket.Record, err error) {
	err = s.write(ctx, "take ticket", func(tx *bbolt.Tx) error {
		tickets := tx.Bucket(ticketBucket)
		found, there, err := get[ticketRecord](tickets, name[:])
		switch {
		case err != nil:
			return err
		case !there || found.API != api || !s.now().Before(found.Until) || found.Call != "" && found.Call != call:
			return ticket.ErrUnknown
		}
		found.Call, r = call, found.Record
		return put(tickets, name[:], found)
	})
	if err != nil {
		return ticket.Record{}, err
	}
	return r, nil
}
