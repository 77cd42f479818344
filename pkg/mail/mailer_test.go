package mail_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/internal/eventlines"
	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/mail/texts"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// outbox keeps what is sent, and fails with err afterwards.
type outbox struct {
	mu   sync.Mutex
	sent []mail.Mail
	err  error
}

func (o *outbox) Send(_ context.Context, m mail.Mail) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent = append(o.sent, m)
	return o.err
}

// letters writes a letter for every order, or fails with err.
type letters struct{ err error }

func (l letters) Letter(_ context.Context, o mail.Order) (mail.Letter, error) {
	purpose := o.Purpose
	if o.Address == "known@example.com" && purpose == mail.SignUp {
		purpose = mail.AccountExists
	}
	return mail.Letter{Purpose: purpose, Link: "https://id.example.com/link?t=abc", Code: "BCDFGHJKLM", Until: o.At.Add(30 * time.Minute)}, l.err
}

type mailRoom struct {
	clock  *testclock.Clock
	store  *fakestore.Store
	desk   *mail.Desk
	mailer *mail.Mailer
	outbox outbox
	trail  bytes.Buffer
}

func newMailRoom(t *testing.T, l letters) *mailRoom {
	t.Helper()
	r := &mailRoom{clock: testclock.New(noon)}
	r.store = fakestore.New(r.clock.Now)
	r.desk = mail.NewDesk(r.store, mail.DefaultLimits, r.clock.Now)
	written, err := texts.Read(texts.Embedded(), "Shop")
	if err != nil {
		t.Fatal(err)
	}
	r.mailer = mail.NewMailer(mail.MailerParts{Orders: r.store, Letters: l, Texts: written, Sender: &r.outbox, Trail: audit.NewTrail(eventlines.Watch(t, &r.trail), r.clock.Now), Now: r.clock.Now})
	return r
}

func (r *mailRoom) order(t *testing.T, o mail.Order) uuid.UUID {
	t.Helper()
	if err := r.desk.Place(t.Context(), o, network); err != nil {
		t.Fatal(err)
	}
	placed := r.store.OrdersPlaced()
	return placed[len(placed)-1].ID
}

func TestOrderBecomesOneMailHoweverOftenTheStreamRepeatsIt(t *testing.T) {
	r := newMailRoom(t, letters{})
	id := r.order(t, mail.Order{Purpose: mail.Recover, Address: "ada@example.com", Language: "de-AT", Client: "app"})
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if err := r.mailer.Carry(t.Context(), id); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if len(r.outbox.sent) != 1 {
		t.Fatalf("%d mails, want 1", len(r.outbox.sent))
	}
	m := r.outbox.sent[0]
	if m.To != "ada@example.com" || m.Subject != "Neues Passwort für Shop" || !strings.Contains(m.Text, "https://id.example.com/link?t=abc") || !strings.Contains(m.Text, "BCDFGHJKLM") ||
		!strings.Contains(m.Text, "30 Minuten") || !strings.Contains(m.HTML, `href="https://id.example.com/link?t=abc"`) {
		t.Errorf("sent %+v", m)
	}
	if events := r.trail.String(); strings.Count(events, "\n") != 1 || !strings.Contains(events, `"event":"mail_sent"`) || !strings.Contains(events, `"mail":"recover"`) || !strings.Contains(events, `"actor":"system"`) {
		t.Errorf("events %s", events)
	}
}

// A sender that fails may have sent, so nothing is ever sent again.
func TestFailedMailIsNotTriedAgain(t *testing.T) {
	for _, tc := range []struct {
		err    error
		reason string
		told   bool // to Lambda, which counts it
	}{
		{mail.ErrRejected, "rejected", false}, {mail.ErrPaused, "paused", true}, {mail.ErrThrottled, "throttled", true}, {mail.ErrUnverified, "unverified", true},
		{mail.ErrForbidden, "forbidden", true}, {mail.ErrUnreachable, "unreachable", true}, {context.DeadlineExceeded, "unclear", true}, {errors.New("lost"), "unclear: lost", true},
	} {
		r := newMailRoom(t, letters{})
		r.outbox.err = tc.err
		order := recovery("ada@example.com")
		order.Account = uuid.New()
		id := r.order(t, order)
		if err := r.mailer.Carry(t.Context(), id); (err != nil) != tc.told {
			t.Errorf("%v: %v", tc.err, err)
		}
		if err := r.mailer.Carry(t.Context(), id); err != nil || len(r.outbox.sent) != 1 {
			t.Errorf("%v: repeated: %v, %d tries; want 1", tc.err, err, len(r.outbox.sent))
		}
		events := r.trail.String()
		if strings.Count(events, "\n") != 1 || !strings.Contains(events, `"event":"mail_failed"`) || !strings.Contains(events, `"reason":"`+tc.reason) || strings.Contains(events, "@") {
			t.Errorf("%v: events %s", tc.err, events)
		}
	}
}

func TestOutageBeforeAnOrderIsTakenLosesNoMail(t *testing.T) {
	r := newMailRoom(t, letters{})
	id := r.order(t, recovery("ada@example.com"))
	r.store.Before = hooks.Fail("TakeOrder")
	if err := r.mailer.Carry(t.Context(), id); !errors.Is(err, oauth.ErrUnavailable) || len(r.outbox.sent) != 0 || r.trail.Len() > 0 {
		t.Fatalf("%v, %d mails, events %s", err, len(r.outbox.sent), &r.trail)
	}
	r.store.Before = nil
	if err := r.mailer.Carry(t.Context(), id); err != nil || len(r.outbox.sent) != 1 {
		t.Errorf("repeated: %v, %d mails; want 1", err, len(r.outbox.sent))
	}
}

func TestNobodyGetsNoMail(t *testing.T) {
	r := newMailRoom(t, letters{err: mail.ErrNobody})
	id := r.order(t, recovery("nobody@example.com"))
	if err := r.mailer.Carry(t.Context(), id); err != nil || len(r.outbox.sent) != 0 {
		t.Errorf("%v, %d mails", err, len(r.outbox.sent))
	}
	if events := r.trail.String(); !strings.Contains(events, `"event":"mail_dropped"`) || strings.Contains(events, "nobody@") {
		t.Errorf("events %s", events)
	}
}

func TestLettersThatCannotBeFoundOutAreAFailure(t *testing.T) {
	r := newMailRoom(t, letters{err: fmt.Errorf("%w: table", oauth.ErrUnavailable)})
	if err := r.mailer.Carry(t.Context(), r.order(t, recovery("ada@example.com"))); !errors.Is(err, oauth.ErrUnavailable) || !strings.Contains(r.trail.String(), `"reason":"unavailable`) {
		t.Errorf("%v, events %s", err, &r.trail)
	}
}

func TestSignUpWithTheAddressOfAnAccountGetsAnotherText(t *testing.T) {
	r := newMailRoom(t, letters{})
	if err := r.mailer.Carry(t.Context(), r.order(t, mail.Order{Purpose: mail.SignUp, Address: "known@example.com", Account: uuid.New()})); err != nil {
		t.Fatal(err)
	}
	if m := r.outbox.sent[0]; m.Purpose != mail.AccountExists || m.Subject != "You already have an account at Shop" || strings.Contains(m.Text, "BCDFGHJKLM") {
		t.Errorf("sent %+v", m)
	}
	if !strings.Contains(r.trail.String(), `"mail":"account_exists"`) {
		t.Errorf("events %s", &r.trail)
	}
}
