package fakestore

import (
	"context"

	"github.com/wavepass/wavepass/pkg/ticket"
)

// PutTicket implements ticket.Keeper.
func (s *Store) PutTicket(ctx context.Context, name ticket.Name, r ticket.Record) error {
	return s.do(ctx, "PutTicket", func() error {
		s.tickets[name] = r
		return nil
	})
}

// TakeTicket implements ticket.Taker.
func (s *Store) TakeTicket(ctx context.Context, name ticket.Name, api string) (r ticket.Record, err error) {
	err = s.do(ctx, "TakeTicket", func() error {
		found, ok := s.tickets[name]
		if !ok || found.API != api || !s.now().Before(found.Until) {
			return ticket.ErrUnknown
		}
		delete(s.tickets, name)
		r = found
		return nil
	})
	return r, err
}
