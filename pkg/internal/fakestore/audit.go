package fakestore

import (
	"context"
	"slices"
	"time"

	"github.com/wavepass/wavepass/pkg/audit"
)

// AppendEvent implements audit.Store.
func (s *Store) AppendEvent(ctx context.Context, e audit.Event) error {
	return s.do(ctx, "AppendEvent", func() error {
		s.events = append(s.events, e)
		return nil
	})
}

// EventsOf implements audit.Store.
func (s *Store) EventsOf(ctx context.Context, day time.Time) (events []audit.Event, err error) {
	err = s.do(ctx, "EventsOf", func() error {
		oldest := s.now().Add(-audit.Retention)
		for _, e := range s.events {
			if audit.Day(e.Time) == audit.Day(day) && !e.Time.Before(oldest) {
				events = append(events, e)
			}
		}
		slices.SortStableFunc(events, func(a, b audit.Event) int { return a.Time.Compare(b.Time) })
		return nil
	})
	return events, err
}
