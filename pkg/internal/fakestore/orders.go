package fakestore

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/mail"
)

// keptOrder is an order, and the call that has taken it.
type keptOrder struct {
	mail.Order
	call string
}

// PutOrder implements mail.Orders.
func (s *Store) PutOrder(ctx context.Context, o mail.Order) error {
	return s.do(ctx, "PutOrder", func() error {
		if _, there := s.orders[o.ID]; !there {
			s.orders[o.ID] = keptOrder{o, ""}
		}
		return nil
	})
}

// TakeOrder implements mail.Taker.
func (s *Store) TakeOrder(ctx context.Context, id uuid.UUID, call string) (o mail.Order, err error) {
	err = s.do(ctx, "TakeOrder", func() error {
		found, ok := s.orders[id]
		if !ok || !s.now().Before(found.At.Add(mail.OrderLife)) || found.call != "" && found.call != call {
			return mail.ErrTaken
		}
		s.orders[id] = keptOrder{found.Order, call}
		o = found.Order
		return nil
	})
	return o, err
}

// CountMail implements mail.Counter.
func (s *Store) CountMail(ctx context.Context, name string, r mail.Rate, now time.Time) (counted bool, err error) {
	err = s.do(ctx, "CountMail", func() error {
		times := slices.DeleteFunc(s.mails[name], func(t time.Time) bool { return !t.After(now.Add(-r.Window)) })
		if counted = len(times) < r.Count; counted {
			times = append(times, now)
		}
		s.mails[name] = times
		return nil
	})
	return counted && err == nil, err
}

// OrdersPlaced returns the orders in the order in which they were placed.
func (s *Store) OrdersPlaced() []mail.Order {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []mail.Order
	for _, kept := range s.orders {
		all = append(all, kept.Order)
	}
	slices.SortFunc(all, func(a, b mail.Order) int { return slices.Compare(a.ID[:], b.ID[:]) })
	return all
}
