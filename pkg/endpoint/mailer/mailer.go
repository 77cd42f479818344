// Package mailer is the function that sends mails. The stream of the table calls it for each order that was placed.
package mailer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/mail/texts"
)

// Function is called by the stream of the table with new items. It may be called again with the same ones: an order is taken before
// anything is sent, so it is carried out once. After an error Lambda repeats the call, and counts it in the function's error metric.
type Function func(ctx context.Context, e events.DynamoDBEvent) error

// Store is what the function asks of the table.
type Store interface {
	mail.Taker
}

// Parts are what the function needs beside the table.
type Parts struct {
	Letters mail.Letters
	Texts   *texts.Texts
	Sender  mail.Sender
}

// New returns the function.
func New(s endpoint.Settings, store Store, p Parts) Function {
	mailer := mail.NewMailer(mail.MailerParts{Orders: store, Letters: p.Letters, Texts: p.Texts, Sender: p.Sender, Trail: s.Trail, Now: s.Now})
	return func(ctx context.Context, e events.DynamoDBEvent) error {
		errs := make([]error, len(e.Records))
		var all sync.WaitGroup
		for i, record := range e.Records {
			all.Go(func() {
				ctx := audit.WithActor(audit.WithCaller(ctx, audit.Caller{RequestID: record.EventID}), audit.System)
				if errs[i] = carry(ctx, mailer, record); errs[i] != nil {
					s.Log.ErrorContext(ctx, "mail not sent", "request_id", record.EventID, "error", mail.Advice(errs[i]))
				}
			})
		}
		all.Wait()
		return errors.Join(errs...)
	}
}

// prefix is what the partitions of orders begin with. The filter of template.yaml lets no other items through.
const prefix = "MAIL#"

func carry(ctx context.Context, mailer *mail.Mailer, record events.DynamoDBEventRecord) error {
	key, ok := record.Change.Keys["pk"]
	if record.EventName != string(events.DynamoDBOperationTypeInsert) || !ok || key.DataType() != events.DataTypeString || !strings.HasPrefix(key.String(), prefix) {
		return nil
	}
	id, err := uuid.Parse(strings.TrimPrefix(key.String(), prefix))
	if err != nil {
		return fmt.Errorf("mailer: an order without an id: %w", err)
	}
	return mailer.Carry(ctx, id)
}
