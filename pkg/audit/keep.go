package audit

import (
	"context"
	"time"
)

// Retention is how long a kept event can be read.
const Retention = 90 * 24 * time.Hour

// Store keeps events, for people who ask later. What operators do is kept; what people and clients do is only
// written to the stream.
type Store interface {
	// AppendEvent keeps an event for Retention after its time. No event takes the place of another.
	// oauth.ErrUnavailable: whether it is kept is not known.
	AppendEvent(ctx context.Context, e Event) error

	// EventsOf returns the events of the day, in UTC, that a time belongs to, the oldest first, strongly
	// consistent. oauth.ErrUnavailable.
	EventsOf(ctx context.Context, day time.Time) ([]Event, error)
}

// Keep records e as Record does, and keeps it in the store too. Its error is the store's: the line is written
// all the same.
func (t *Trail) Keep(ctx context.Context, store Store, e Event) error {
	e = t.complete(ctx, e)
	t.write(e)
	return store.AppendEvent(ctx, e)
}

// Day is how the day of an event is written.
func Day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
