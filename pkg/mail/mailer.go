package mail

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// ErrNobody says that no mail is due: nobody has the address.
var ErrNobody = errors.New("mail: nobody has the address")

// Letters finds out what a mail has to say.
type Letters interface {
	// Letter returns the letter of an order. It decides between SignUp and AccountExists. Errors: ErrNobody, oauth.ErrUnavailable.
	Letter(ctx context.Context, o Order) (Letter, error)
}

// Letter is what a mail says beside its text.
type Letter struct {
	Purpose Purpose   // of the order, or AccountExists
	Link    string    // where the person goes
	Code    string    // what they can type instead; may be empty
	Until   time.Time // how long link and code are good; zero: no limit is told
}

// Writer writes what mails say.
type Writer interface {
	// Write writes the mail of an order, as it is at the time now.
	Write(o Order, l Letter, now time.Time) (Mail, error)
}

// Mailer carries out orders. Safe for concurrent use.
type Mailer struct{ parts MailerParts }

// MailerParts are what a Mailer is made of; all are needed.
type MailerParts struct {
	Orders  Taker
	Letters Letters
	Texts   Writer
	Sender  Sender
	Trail   *audit.Trail
	Now     func() time.Time
}

// NewMailer returns a Mailer.
func NewMailer(p MailerParts) *Mailer { return &Mailer{p} }

// Carry carries out one order: it takes it and then tries to send its mail once, so that of any number of calls for one order at most
// one sends anything. It leaves an event of what became of the order. An error is for whoever operates the service: oauth.ErrUnavailable
// when the order could not be taken, and is worth another call; any other says why a mail was not sent, and another call does nothing.
func (m *Mailer) Carry(ctx context.Context, id uuid.UUID) error {
	order, err := m.parts.Orders.TakeOrder(ctx, id, rand.Text())
	switch {
	case errors.Is(err, ErrTaken):
		return nil
	case err != nil:
		return fmt.Errorf("mail: %w", err)
	}
	event := audit.Event{Name: audit.MailSent, Actor: audit.System, ClientID: order.Client, Mail: string(order.Purpose)}
	if order.Account != uuid.Nil {
		event.Subject = order.Account.String()
	}
	letter, err := m.parts.Letters.Letter(ctx, order)
	if err == nil {
		event.Mail = string(letter.Purpose)
		err = m.send(ctx, order, letter)
	}
	switch {
	case errors.Is(err, ErrNobody):
		event.Name, event.Reason, err = audit.MailDropped, "nobody has the address", nil
	case err != nil:
		event.Name, event.Reason = audit.MailFailed, Advice(err)
	}
	m.parts.Trail.Record(ctx, event)
	if errors.Is(err, ErrRejected) {
		return nil // there is nothing for an operator to do, and sign-up must not let strangers set off alarms
	}
	return err
}

func (m *Mailer) send(ctx context.Context, o Order, l Letter) error {
	written, err := m.parts.Texts.Write(o, l, m.parts.Now())
	if err != nil {
		return err
	}
	return m.parts.Sender.Send(ctx, written)
}

// Advice says in a few words why a mail was not sent and what to do. It has no address in it.
func Advice(err error) string {
	for _, known := range []struct {
		err    error
		advice string
	}{
		{ErrRejected, "rejected: this mail, for its address or content; nothing is to be done unless there are many"},
		{ErrPaused, "paused: SES lets this account send nothing; see the account dashboard of SES, reputation"},
		{ErrThrottled, "throttled: over the rate or the daily quota of SES; ask for more in its account dashboard"},
		{ErrUnverified, "unverified: MailFrom, its domain, or in the sandbox the receiver is not verified in SES in this region"},
		{ErrForbidden, "forbidden: the function's role may not send, or its credentials are not accepted"},
		{ErrUnreachable, "unreachable: no connection to SES could be made"},
		{oauth.ErrUnavailable, "unavailable: the table or the keys could not be read after the order was taken"},
		{context.DeadlineExceeded, "unclear: SES did not answer in time, so the mail may have been sent"},
	} {
		if errors.Is(err, known.err) {
			return known.advice
		}
	}
	return "unclear: " + err.Error()
}
