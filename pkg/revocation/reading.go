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
	// lookBack covers entries that were stamped earlier than they could be read: slow writes, clocks apart.
	lookBack = 3 * SlowWrite
	// sweepEvery is how often the log is read from its beginning beside the answers.
	sweepEvery = 5 * time.Minute
	// sweepTime is how long a request waits for that, at most; what is left is for the next ones.
	sweepTime = time.Second
	// fewEntries is how many are taken over before others get a word in.
	fewEntries = 1000
)

// reading is how far the log has been read, in the order of stamps. Only the query under way touches it. Its
// times are by the wall clock, as stamps are, begun apart.
type reading struct {
	from   time.Time // everything stamped before was read; zero: nothing was
	latest time.Time // by which entries may have been left out or forgotten as expired

	// The sweep finds what was stamped further back than lookBack, by a clock that is wrong. It can only add:
	// nobody is refused because of it.
	begun     time.Time // when the log was last begun from its beginning
	sweeping  bool
	sweepFrom time.Time // as from
}

// begin prepares the query that is about to be sent, and reports whether a sweep begins with it.
func (r *reading) begin(asked time.Time) (sweep bool) {
	if setBack(r.latest, asked) {
		r.from, r.latest = time.Time{}, asked.Round(0) // what had expired by the old time may not have
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

// read is called with the answer to a query, be it the beginning of one that broke off. The next one need not ask
// for what was read and cannot come any more: it would have to be stamped more than lookBack before this query,
// and before the newest entry that was there, in case the own clock is ahead of the writers'.
func (r *reading) read(asked, answered time.Time, entries []Entry) {
	asked, answered = asked.Round(0), answered.Round(0)
	r.latest = later(r.latest, later(asked, answered))
	if newest := newestOf(entries); !newest.IsZero() {
		r.from = later(r.from, earlier(newest, asked).Add(-lookBack))
	}
}

// swept is called with the answer to a sweep. One that cannot be read is left until the next is due.
func (r *reading) swept(entries []Entry, err error) {
	before := r.sweepFrom
	r.sweepFrom = later(before, newestOf(entries))
	r.sweeping = err != nil && r.sweepFrom.After(before)
}

// refresh asks for what is new and keeps whatever comes, also of an answer that breaks off or is too old to be
// used: an entry that was read is true until it expires, and the next query goes on from there.
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
	s.change(func() {
		s.asked = asked
		if begun {
			s.denied.forget(asked) // by no other time than asked: a clock that goes back is noticed by that
		}
	})
	return nil
}

// sweep reads a piece of the whole log. Only the request that sent the query waits for it, and for less than
// the bound.
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
