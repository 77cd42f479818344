package fakestore

import (
	"context"

	"github.com/wavepass/wavepass/pkg/ticket"
)

// keptTicket is a ticket, and the call that has used it.
type keptTicket struct {
	ticket.Record
	call string
}

// PutTicket implements ticket.Keeper.
func (s *Store) PutTicket(ctx context.Context, name ticket.Name, r ticket.Record) error {
	return s.do(ctx, "PutTicket", func() error {
		s.tickets[name] = keptTicket{r, ""}
		return nil
	})
}

// TakeTicket implements ticket.Taker.
func (s *Store) TakeTicket(ctx context.Context, name ticket.Name, api, call string) (r ticket.Record, err error) {
	err = s.do(ctx, "TakeTicket", func() error {
		found, ok := s.tickets[name]
		if !ok || found.API != api || !s.now().Before(found.Until) || found.call != "" && found.call != call {
			return ticket.ErrUnknown
		}
		s.tickets[name] = keptTicket{found.Record, call}
		r = found.Record
		return nil
	})
	return r, err
}
