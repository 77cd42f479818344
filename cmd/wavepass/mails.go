package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/gateway"
	"github.com/wavepass/wavepass/cmd/wavepass/internal/outbox"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/endpoint/mailer"
	"github.com/wavepass/wavepass/pkg/mail"
)

const (
	outboxName  = "outbox" // a folder in the data folder
	mostWaiting = 1000     // orders; here nobody has more
)

// posting is a store that tells of each order that was placed, as the stream of the table does.
type posting struct {
	store
	placed func(uuid.UUID)
}

// PutOrder implements mail.Orders.
func (p posting) PutOrder(ctx context.Context, o mail.Order) error {
	err := p.store.PutOrder(ctx, o)
	if err == nil {
		p.placed(o.ID)
	}
	return err
}

// sendMails sends the mails whose orders are placed in the store from now on to a folder, which it returns, until stop.
func (d *data) sendMails(ctx context.Context, s endpoint.Settings, texts, folder string, log *slog.Logger) (box *outbox.Folder, stop func(), err error) {
	read, err := mailer.Texts(texts, s.Looks)
	if err != nil {
		return nil, nil, fmt.Errorf("MAIL_TEXTS: %w", err)
	}
	if box, err = outbox.Open(filepath.Join(folder, outboxName), time.Now); err != nil {
		return nil, nil, err
	}
	orders := make(chan uuid.UUID, mostWaiting)
	carrier := mail.NewMailer(mail.MailerParts{
		Orders: d.store, Letters: mailer.NewLetters(s, d.store, d.sealer), Texts: read, Sender: box, Trail: s.Trail, Now: s.Now,
	})
	d.store = posting{d.store, func(id uuid.UUID) {
		select {
		case orders <- id:
		default: // no answer waits for a mail
			log.Error("a mail was not sent: too many are waiting")
		}
	}}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case id := <-orders:
				if err := carrier.Carry(ctx, id); err != nil {
					log.Error("mail not sent", "error", err.Error())
				}
			case <-ctx.Done():
				return
			}
		}
	})
	return box, func() { cancel(); wg.Wait(); _ = box.Close() }, nil
}

// withOutbox serves the page of the outbox, unless the template has a route there.
func withOutbox(t *gateway.Template, box http.Handler, next http.Handler) http.Handler {
	if t.Takes(http.MethodGet, outbox.Path) {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == outbox.Path || strings.HasPrefix(r.URL.Path, outbox.Path+"/") {
			box.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// greetOutbox says where mails are to be found.
func (c *localCommand) greetOutbox(out io.Writer, own string) {
	fmt.Fprintf(out, "Mails are not sent: they are at %s%s and in %s.\n", own, outbox.Path, filepath.Join(c.Data, outboxName))
}
