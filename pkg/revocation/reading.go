package revocation

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/wavepass/wavepass/pkg/oauth"
)

const (
	// lookBack covers entries that could be read only some time after the moment that they are stamped with, because the
	// write was slow or the writer's clock is behind.
	lookBack = 3 * SlowWrite
	// sweepEvery is how often the whole log is read again, in addition to the queries for what is new.
	sweepEvery = 5 * time.Minute
	// sweepTime is how long one request waits for a sweep at most. The next requests go on with the rest.
	sweepTime = time.Second
	// fewEntries is how many entries are added at once, while other requests wait for the lock.
	fewEntries = 1000
)

// reading says how far the log has been read, in the order of stamps. Only the running query uses it. Its times are of the
// wall clock, as stamps are, except begun.
type reading struct {
	from   time.Time // everything that is stamped earlier has been read; zero: nothing has
	latest time.Time // the latest reading of the clock: entries that had expired by then may be missing here

	// The sweep finds entries whose stamp is older than lookBack because the writer's clock was wrong. It only adds entries;
	// when it fails, no request is refused.
	begun     time.Time // when a reading from the beginning of the log was last begun
	sweeping  bool
	sweepFrom time.Time // the same as from, for the sweep
}

// begin prepares the query that will be sent next, and reports whether a sweep begins with it.
func (r *reading) begin(asked time.Time) (sweep bool) {
	if setBack(r.latest, asked) {
		r.from, r.latest = time.Time{}, asked.Round(0) // what had expired by the later time may not have expired by this one
	}
	r.from = earlier(r.from, asked.Round(0).Add(-lookBack))
	switch {
	case r.from.IsZero():
		r.begun, r.sweeping = asked, false
	case age(r.begun, asked) >= sweepEvery:
		r.begun, r.sweeping, r.sweepFrom = asked, true, time.Time{}
		return true
	}
	return false
}

// read is called with the answer to a query, also with the first part of an answer that broke off. The next query begins
// lookBack before this query or before the newest entry of its answer, whichever is earlier: the own clock may be ahead of
// the writers'. Nothing older can still be added to the log by a clock that is right.
func (r *reading) read(asked, answered time.Time, entries []Entry) {
	asked, answered = asked.Round(0), answered.Round(0)
	r.latest = later(r.latest, later(asked, answered))
	if newest := newestOf(entries); !newest.IsZero() {
		r.from = later(r.from, earlier(newest, asked).Add(-lookBack))
	}
}

// swept is called with the answer to a sweep. A sweep that cannot be read at all ends, and the next one is due as usual.
func (r *reading) swept(entries []Entry, err error) {
	before := r.sweepFrom
	r.sweepFrom = later(before, newestOf(entries))
	r.sweeping = err != nil && r.sweepFrom.After(before)
}

// refresh asks for what is new and keeps every entry that comes, also of an answer that breaks off or comes too late: an
// entry that was read is true until it expires, and the next query goes on from there.
func (s *Snapshot) refresh(ctx context.Context, asked time.Time) error {
	begun := s.reading.begin(asked)
	if s.reading.sweeping {
		var sweep sync.WaitGroup
		sweep.Go(func() { s.sweep(ctx) })
		defer sweep.Wait() // nothing runs on when the request is over
	}
	entries, err := s.log.Since(ctx, s.reading.from)
	answered := s.now()
	s.reading.read(asked, answered, entries)
	s.add(entries)
	switch took := age(asked, answered); {
	case err != nil:
		return err
	case s.staleness > 0 && took > s.staleness:
		return fmt.Errorf("%w: the answer took %s", oauth.ErrUnavailable, took)
	}
	var oldest time.Duration
	s.change(func() {
		s.asked, oldest, s.oldest = asked, s.oldest, -1
		if begun {
			s.denied.forget(asked) // by the time that is compared with latest, so that a clock that is set back is noticed
		}
	})
	if s.Aged != nil && oldest >= 0 {
		s.Aged(ctx, oldest)
	}
	return nil
}

// sweep reads a part of the whole log. Only the request that sent the query waits for it, and less than the staleness.
func (s *Snapshot) sweep(ctx context.Context) {
	limit := sweepTime
	if s.staleness > 0 {
		limit = min(limit, s.staleness/2)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	entries, err := s.log.Since(ctx, s.reading.sweepFrom)
	s.reading.swept(entries, err)
	s.add(entries)
}

func (s *Snapshot) add(entries []Entry) {
	for few := range slices.Chunk(entries, fewEntries) {
		s.change(func() {
			for _, e := range few {
				s.denied.add(e)
			}
		})
	}
}

func newestOf(entries []Entry) (newest time.Time) {
	for _, e := range entries {
		newest = later(newest, e.At)
	}
	return newest
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// setBack reports whether the wall clock went back between two readings of it, by more than lookBack covers.
func setBack(first, second time.Time) bool { return first.Round(0).Sub(second.Round(0)) > lookBack }
