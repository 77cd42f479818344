//go:build unix

package functions_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/internal/smallses"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/store/dynamo"
)

// ids notes the ids of the orders that are placed.
type ids struct {
	*dynamo.Store
	placed []string
}

func (s *ids) PutOrder(ctx context.Context, o mail.Order) error {
	s.placed = append(s.placed, o.ID.String())
	return s.Store.PutOrder(ctx, o)
}

// TestMailerSendsAnOrderOnce also when the process that had it is gone, and the stream gives it to another one.
func TestMailerSendsAnOrderOnce(t *testing.T) {
	service := smallses.New()
	t.Cleanup(service.Close)
	w := newWorld(t, map[string]string{"SES_ENDPOINT": service.URL})
	store := &ids{Store: w.store}
	desk := mail.NewDesk(store, mail.DefaultLimits, time.Now)
	for _, address := range []string{"ada@example.com", "eve@example.com"} {
		check(t, desk.Place(t.Context(), mail.Order{Purpose: mail.PasswordChanged, Account: w.ada.ID, Address: address, Language: "de", Client: "app"}, "203.0.113.0/24"))
	}
	first, second := w.start("mailer"), w.start("mailer")
	for _, f := range []*running{first, second} {
		for range 2 {
			if got := f.Invoke(orderEvent(store.placed[0]), f.timeout); got.Failed || got.Ended {
				t.Fatalf("%s %+v\n%s", got.Payload, got, f.Log())
			}
		}
	}
	mails := service.Mails()
	if len(mails) != 1 || mails[0].To != "ada@example.com" || mails[0].Subject != "Ihr Passwort für Wavepass wurde geändert" || !strings.Contains(mails[0].Text, issuer) || mails[0].From != "<no-reply@example.com>" {
		t.Fatalf("sent %+v, want one mail in German", mails)
	}
	if log := first.Log() + second.Log(); strings.Count(log, `"event":"mail_sent"`) != 1 || strings.Contains(log, "@example.com") {
		t.Errorf("logs\n%s\nwant one mail_sent, and no address", log)
	}

	service.Behave(smallses.LostReply)
	if got := second.Invoke(orderEvent(store.placed[1]), second.timeout); !got.Failed || got.Ended {
		t.Errorf("a lost answer: %s %+v, want an error that Lambda counts", got.Payload, got)
	}
	if got := first.Invoke(orderEvent(store.placed[1]), first.timeout); got.Failed || len(service.Mails()) != 2 || service.Requests() != 2 || len(service.Wrong()) > 0 {
		t.Errorf("and again: %s, %d mails in %d requests, %v; want 2", got.Payload, len(service.Mails()), service.Requests(), service.Wrong())
	}
}
