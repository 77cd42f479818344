package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/oauth"
)

var orderTests = []subtest{
	{"IsTakenOnce", orderOnce},
	{"OfManyTakersOneGetsIt", orderRace},
	{"RepeatedPutDoesNotMakeItNew", orderPutAgain},
	{"IsTooOldAfterItsLife", orderLife},
	{"UnknownIsErrTaken", orderUnknown},
	{"CancelledIsUnavailable", orderCancelled},
	{"MailsAreCountedInAWindowThatSlides", mailsSlide},
	{"ParallelMailsAreCountedExactly", mailsParallel},
	{"MailsOfAnotherNameAreCountedApart", mailsApart},
}

func (f fixture) placed(t *testing.T) mail.Order {
	t.Helper()
	o := mail.Order{
		ID: newID(t), Purpose: mail.AddressChanging, Account: newID(t), Address: "old@example.com", NewAddress: "new@example.com",
		Language: "de-AT", Client: "app", At: f.clock.Now().Add(7 * time.Millisecond),
	}
	for range 2 { // it may be repeated
		wantErr(t, "store order", f.PutOrder(t.Context(), o), nil)
	}
	return o
}

func orderOnce(t *testing.T, f fixture) {
	want := f.placed(t)
	call := fresh(t, "call")
	for range 2 { // the SDK sends a write again whose reply was lost
		got, err := f.TakeOrder(t.Context(), want.ID, call)
		wantErr(t, "take", err, nil)
		same(t, "order", got, want)
	}
	_, err := f.TakeOrder(t.Context(), want.ID, fresh(t, "call"))
	wantErr(t, "take again", err, mail.ErrTaken)

	empty := mail.Order{ID: newID(t), Purpose: mail.SignUp, Address: "ada@example.com", At: f.clock.Now()}
	wantErr(t, "store an order with what it must have", f.PutOrder(t.Context(), empty), nil)
	got, err := f.TakeOrder(t.Context(), empty.ID, fresh(t, "call"))
	wantErr(t, "take it", err, nil)
	same(t, "order", got, empty)
}

func orderRace(t *testing.T, f fixture) {
	o := f.placed(t)
	won := 0
	for _, err := range parallel(50, func(int) error { _, err := f.TakeOrder(t.Context(), o.ID, fresh(t, "call")); return err }) {
		if err == nil {
			won++
		} else {
			wantErr(t, "take", err, mail.ErrTaken)
		}
	}
	same(t, "takers that got it", won, 1)
}

// orderPutAgain: a write whose answer was lost is sent again, and the mailer may have been quicker.
func orderPutAgain(t *testing.T, f fixture) {
	o := f.placed(t)
	_, err := f.TakeOrder(t.Context(), o.ID, fresh(t, "call"))
	wantErr(t, "take", err, nil)
	wantErr(t, "store again", f.PutOrder(t.Context(), o), nil)
	_, err = f.TakeOrder(t.Context(), o.ID, fresh(t, "call"))
	wantErr(t, "take after it was stored again", err, mail.ErrTaken)
}

func orderLife(t *testing.T, f fixture) {
	early, late := f.placed(t), f.placed(t)
	f.clock.Advance(mail.OrderLife + 6*time.Millisecond)
	_, err := f.TakeOrder(t.Context(), early.ID, fresh(t, "call"))
	wantErr(t, "take a millisecond before its end", err, nil)
	f.clock.Advance(time.Millisecond)
	_, err = f.TakeOrder(t.Context(), late.ID, fresh(t, "call"))
	wantErr(t, "take at its end", err, mail.ErrTaken)
}

func orderUnknown(t *testing.T, f fixture) {
	for _, id := range []uuid.UUID{newID(t), {}} {
		_, err := f.TakeOrder(t.Context(), id, fresh(t, "call"))
		wantErr(t, "take", err, mail.ErrTaken)
	}
}

func orderCancelled(t *testing.T, f fixture) {
	o := f.placed(t)
	if err := f.PutOrder(cancelled(t), o); !errors.Is(err, oauth.ErrUnavailable) {
		t.Errorf("store with a cancelled context: %v, want ErrUnavailable", err)
	}
	if _, err := f.TakeOrder(cancelled(t), o.ID, "a"); !errors.Is(err, oauth.ErrUnavailable) {
		t.Errorf("take with a cancelled context: %v, want ErrUnavailable", err)
	}
	if counted, err := f.CountMail(cancelled(t), fresh(t, "ada"), hourly, f.clock.Now()); !errors.Is(err, oauth.ErrUnavailable) || counted {
		t.Errorf("count with a cancelled context: %t, %v, want ErrUnavailable", counted, err)
	}
}

var hourly = mail.Rate{Count: 3, Window: time.Hour}

// wantCounted counts mails until one is refused, and expects that n were not.
func (f fixture) wantCounted(t *testing.T, what, name string, n int) {
	t.Helper()
	for i := range n + 1 {
		counted, err := f.CountMail(t.Context(), name, hourly, f.clock.Now())
		wantErr(t, what, err, nil)
		if want := i < n; counted != want {
			t.Fatalf("%s: mail %d was counted: %t, want %t", what, i+1, counted, want)
		}
	}
}

// mailsSlide: with windows aligned to the clock, twice as many would pass around the full hour.
func mailsSlide(t *testing.T, f fixture) {
	name := fresh(t, "ada")
	count := func(want bool) {
		t.Helper()
		counted, err := f.CountMail(t.Context(), name, hourly, f.clock.Now())
		wantErr(t, "count", err, nil)
		same(t, "counted", counted, want)
	}
	count(true)
	f.clock.Advance(30 * time.Minute)
	count(true)
	count(true)
	f.clock.Advance(30*time.Minute - time.Millisecond)
	count(false) // the first is not an hour ago
	f.clock.Advance(time.Millisecond)
	f.wantCounted(t, "when the first is an hour ago", name, 1)
	f.clock.Advance(30 * time.Minute)
	f.wantCounted(t, "when the next two are", name, 2)
	f.clock.Advance(30 * time.Hour)
	f.wantCounted(t, "a day later", name, 3)
}

func mailsParallel(t *testing.T, f fixture) {
	name := fresh(t, "ada")
	counted := make([]bool, 50)
	for _, err := range parallel(len(counted), func(i int) (err error) {
		counted[i], err = f.CountMail(t.Context(), name, hourly, f.clock.Now())
		return err
	}) {
		wantErr(t, "count", err, nil)
	}
	through := 0
	for _, one := range counted {
		if one {
			through++
		}
	}
	same(t, "mails of 50 at once that were counted", through, hourly.Count)
}

func mailsApart(t *testing.T, f fixture) {
	name := fresh(t, "ada")
	for _, one := range []string{name, name + "\x00", name + "#", "\xff" + name, name + "é"} {
		f.wantCounted(t, "of its own", one, hourly.Count)
	}
	counted, err := f.CountMail(t.Context(), fresh(t, "ada"), mail.Rate{Count: 0, Window: time.Hour}, f.clock.Now())
	if wantErr(t, "count", err, nil); counted {
		t.Error("a mail was counted where none may be")
	}
}
