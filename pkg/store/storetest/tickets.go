package storetest

import (
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/ticket"
)

var ticketTests = []subtest{
	{"IsTakenOnce", ticketOnce},
	{"OfManyTakersOneGetsIt", ticketRace},
	{"IsGoodAtItsAPIOnly", ticketOfAnotherAPI},
	{"ExpiresToTheMillisecond", ticketExpiry},
	{"UnknownIsErrUnknown", ticketUnknown},
	{"CancelledIsUnavailable", ticketCancelled},
}

func (f fixture) putTicket(t *testing.T, life time.Duration) (name ticket.Name, r ticket.Record) {
	t.Helper()
	_, _ = rand.Read(name[:])
	r = ticket.Record{API: fresh(t, "api"), Until: f.clock.Now().Add(life), Claims: []byte(`{"sub":"ada","scope":"café"}`), KeyID: "k1"}
	for range 2 { // it may be repeated
		wantErr(t, "store ticket", f.PutTicket(t.Context(), name, r), nil)
	}
	return name, r
}

func ticketOnce(t *testing.T, f fixture) {
	name, want := f.putTicket(t, 30*time.Second)
	call := fresh(t, "call")
	for range 2 { // the SDK sends a write again whose reply was lost
		got, err := f.TakeTicket(t.Context(), name, want.API, call)
		wantErr(t, "take", err, nil)
		same(t, "ticket", got, want)
	}
	_, err := f.TakeTicket(t.Context(), name, want.API, fresh(t, "call"))
	wantErr(t, "take again", err, ticket.ErrUnknown)
}

func ticketRace(t *testing.T, f fixture) {
	name, r := f.putTicket(t, 30*time.Second)
	won := 0
	for _, err := range parallel(50, func(int) error { _, err := f.TakeTicket(t.Context(), name, r.API, fresh(t, "call")); return err }) {
		if err == nil {
			won++
		} else {
			wantErr(t, "take", err, ticket.ErrUnknown)
		}
	}
	same(t, "takers that got it", won, 1)
}

// ticketOfAnotherAPI: nobody uses a ticket up by presenting it where it is not good.
func ticketOfAnotherAPI(t *testing.T, f fixture) {
	name, r := f.putTicket(t, 30*time.Second)
	for _, api := range []string{fresh(t, "api"), "", r.API + "x"} {
		_, err := f.TakeTicket(t.Context(), name, api, fresh(t, "call"))
		wantErr(t, "take at "+api, err, ticket.ErrUnknown)
	}
	_, err := f.TakeTicket(t.Context(), name, r.API, fresh(t, "call"))
	wantErr(t, "take at its own", err, nil)
}

func ticketExpiry(t *testing.T, f fixture) {
	early, r := f.putTicket(t, 1500*time.Millisecond)
	late, r2 := f.putTicket(t, 1500*time.Millisecond)
	f.clock.Advance(1499 * time.Millisecond)
	_, err := f.TakeTicket(t.Context(), early, r.API, fresh(t, "call"))
	wantErr(t, "take a millisecond before its end", err, nil)
	f.clock.Advance(time.Millisecond)
	_, err = f.TakeTicket(t.Context(), late, r2.API, fresh(t, "call"))
	wantErr(t, "take at its end", err, ticket.ErrUnknown)
}

func ticketUnknown(t *testing.T, f fixture) {
	_, err := f.TakeTicket(t.Context(), ticket.Name{1, 2, 3}, "api", fresh(t, "call"))
	wantErr(t, "take", err, ticket.ErrUnknown)
}

func ticketCancelled(t *testing.T, f fixture) {
	name, r := f.putTicket(t, 30*time.Second)
	if err := f.PutTicket(cancelled(t), name, r); !errors.Is(err, oauth.ErrUnavailable) {
		t.Errorf("store with a cancelled context: %v, want ErrUnavailable", err)
	}
	if _, err := f.TakeTicket(cancelled(t), name, r.API, "a"); !errors.Is(err, oauth.ErrUnavailable) {
		t.Errorf("take with a cancelled context: %v, want ErrUnavailable", err)
	}
}
