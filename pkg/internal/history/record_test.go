package history_test

import (
	"errors"
	"math"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// record is one operation that was carried out. The order of call and ret over all records is the order in
// which things happened.
type record struct {
	client    int
	call, ret int64
	account   uuid.UUID
	session   uuid.UUID // zero: every session of the account
	in        input
	out       output

	honest    bool          // its owner did everything right
	staleness time.Duration // authorize only
	tokenID   string        // access token: of authorize and endToken
	successor string        // refresh token that a refresh returned
}

// endToken takes back one access token. It is no operation on a session.
const endToken kind = "end access token"

// recorder collects records.
type recorder struct {
	clock *testclock.Clock

	mu      sync.Mutex
	ticks   int64
	records []record
	outages int      // that this test did not make
	strange []string // errors that no operation may have
}

// begin marks the call of an operation.
func (r *recorder) begin() (call int64, at time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ticks++
	return r.ticks, r.clock.Now().Sub(start)
}

// add marks the return of an operation and keeps it, as one or several records.
func (r *recorder) add(err error, records ...record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ticks++
	ret := r.ticks
	if errors.Is(err, oauth.ErrUnavailable) && !errors.Is(err, errInjected) {
		r.outages++
		ret = math.MaxInt64 // the table may still be at it
	}
	for _, one := range records {
		one.ret = ret
		r.records = append(r.records, one)
	}
}

// outcomeOf tells what an error says of an operation that may be refused with one of refusals.
func (r *recorder) outcomeOf(what kind, err error, refusals ...error) outcome {
	switch {
	case err == nil:
		return ok
	case errors.Is(err, oauth.ErrUnavailable):
		return unknown
	}
	for _, refusal := range refusals {
		if errors.Is(err, refusal) {
			return refused
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.strange = append(r.strange, string(what)+": "+err.Error())
	return unknown
}
