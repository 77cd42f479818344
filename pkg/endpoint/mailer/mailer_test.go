package mailer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/wavepass/wavepass/internal/eventlines"
	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/internal/smallses"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/endpoint/mailer"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/mail/ses"
	"github.com/wavepass/wavepass/pkg/mail/texts"
	"github.com/wavepass/wavepass/pkg/oauth"
)

type world struct {
	clock      *testclock.Clock
	store      *fakestore.Store
	desk       *mail.Desk
	ses        *smallses.Server
	trail, log syncBuffer
	run        mailer.Function
}

type syncBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

type letters struct{}

func (letters) Letter(_ context.Context, o mail.Order) (mail.Letter, error) {
	if strings.HasPrefix(o.Address, "nobody") {
		return mail.Letter{}, mail.ErrNobody
	}
	return mail.Letter{Purpose: o.Purpose, Link: "https://id.example.com/l?t=secret", Code: "BCDFGHJKLM", Until: o.At.Add(30 * time.Minute)}, nil
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{clock: testclock.New(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)), ses: smallses.New()}
	t.Cleanup(w.ses.Close)
	w.store = fakestore.New(w.clock.Now)
	w.desk = mail.NewDesk(w.store, mail.DefaultLimits, w.clock.Now)
	settings := deployment.Settings(eventlines.Watch(t, &w.trail), w.clock.Now)
	settings.Log = slog.New(slog.NewJSONHandler(&w.log, nil))
	texts, err := mailer.Texts("", endpoint.Looks{Name: "Shop"})
	if err != nil {
		t.Fatal(err)
	}
	sender, err := ses.New(ses.Config{
		From: "no-reply@example.com", Service: "Shop", Region: "eu-central-1", Endpoint: w.ses.URL, Pause: time.Millisecond,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "b"}, nil
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.run = mailer.New(settings, w.store, mailer.Parts{Letters: letters{}, Texts: texts, Sender: sender})
	return w
}

// records is what the stream sends for the orders that were placed, as AWS writes it.
func (w *world) records(t *testing.T, name string) (e events.DynamoDBEvent) {
	t.Helper()
	var all []string
	for i, o := range w.store.OrdersPlaced() {
		all = append(all, fmt.Sprintf(`{"eventID":"e-%d","eventName":%q,"eventVersion":"1.1","eventSource":"aws:dynamodb","awsRegion":"eu-central-1",
			"dynamodb":{"ApproximateCreationDateTime":1772366400,"Keys":{"pk":{"S":"MAIL#%s"},"sk":{"S":"MAIL"}},"SequenceNumber":"1","SizeBytes":60,"StreamViewType":"KEYS_ONLY"},
			"eventSourceARN":"arn:aws:dynamodb:eu-central-1:123456789012:table/t/stream/2026"}`, i, name, o.ID))
	}
	if err := json.Unmarshal([]byte(`{"Records":[`+strings.Join(all, ",")+`]}`), &e); err != nil {
		t.Fatal(err)
	}
	return e
}

func (w *world) order(t *testing.T, address string) {
	t.Helper()
	if err := w.desk.Place(t.Context(), mail.Order{Purpose: mail.Recover, Address: address, Language: "en"}, "203.0.113.0/24"); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Second)
}

func TestBatchOfTheStreamIsCarriedOutOnceHoweverOftenItComes(t *testing.T) {
	w := newWorld(t)
	for i := range 10 {
		w.order(t, fmt.Sprintf("p%d@example.com", i))
	}
	batch := w.records(t, "INSERT")
	for range 3 {
		if err := w.run(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	receivers := map[string]bool{}
	for _, m := range w.ses.Mails() {
		receivers[m.To] = true
	}
	if len(w.ses.Mails()) != 10 || len(receivers) != 10 || w.ses.Requests() != 10 {
		t.Errorf("%d mails to %d people in %d requests; want 10 of each", len(w.ses.Mails()), len(receivers), w.ses.Requests())
	}
	if events := w.trail.String(); strings.Count(events, `"event":"mail_sent"`) != 10 || !strings.Contains(events, `"request_id":"e-3"`) {
		t.Errorf("events %s", events)
	}
}

// Whatever SES does, and however often the stream repeats the batch, one order is at most one mail, and its log says what to do without
// naming anybody or anything that opens something.
func TestOneOrderIsAtMostOneMailWhateverSESDoes(t *testing.T) {
	for name, tc := range map[string]struct {
		behaviour smallses.Behaviour
		mails     int
		reason    string
		told      bool
	}{
		"lost reply": {smallses.LostReply, 1, "unclear", true}, "broken": {smallses.Broken, 0, "unclear", true}, "rejected": {smallses.Rejected, 0, "rejected", false},
		"paused": {smallses.Paused, 0, "paused", true}, "sandbox": {smallses.Sandboxed, 0, "unverified", true}, "denied": {smallses.Denied, 0, "forbidden", true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.order(t, "ada@example.com")
			w.ses.Behave(tc.behaviour)
			if err := w.run(t.Context(), w.records(t, "INSERT")); (err != nil) != tc.told {
				t.Errorf("first: %v", err)
			}
			for range 2 {
				if err := w.run(t.Context(), w.records(t, "INSERT")); err != nil {
					t.Errorf("repeated: %v", err)
				}
			}
			if len(w.ses.Mails()) != tc.mails || w.ses.Requests() != 1 {
				t.Errorf("%d mails in %d requests; want %d in 1", len(w.ses.Mails()), w.ses.Requests(), tc.mails)
			}
			said := w.trail.String() + w.log.String()
			if !strings.Contains(said, `"event":"mail_failed"`) || !strings.Contains(said, `"reason":"`+tc.reason) {
				t.Errorf("said %s, want why", said)
			}
			for _, never := range []string{"@", "secret", "BCDFGHJKLM"} {
				if strings.Contains(said, never) {
					t.Errorf("said %s, which has %s", said, never)
				}
			}
		})
	}
}

func TestOrdersWhoseTableIsDownAreRepeatedAndOthersAreNot(t *testing.T) {
	w := newWorld(t)
	w.order(t, "a@example.com")
	w.order(t, "b@example.com")
	var once sync.Once
	w.store.Before = func(ctx context.Context, method string) (err error) {
		once.Do(func() { err = hooks.Fail(method)(ctx, method) })
		return err
	}
	if err := w.run(t.Context(), w.records(t, "INSERT")); !errors.Is(err, oauth.ErrUnavailable) || len(w.ses.Mails()) != 1 {
		t.Fatalf("%v, %d mails; want an outage and one mail", err, len(w.ses.Mails()))
	}
	if err := w.run(t.Context(), w.records(t, "INSERT")); err != nil || len(w.ses.Mails()) != 2 || w.ses.Requests() != 2 {
		t.Errorf("repeated: %v, %d mails in %d requests; want 2", err, len(w.ses.Mails()), w.ses.Requests())
	}
}

func TestWhatIsNoNewOrderIsPassedOver(t *testing.T) {
	w := newWorld(t)
	w.order(t, "ada@example.com")
	for _, name := range []string{"MODIFY", "REMOVE"} {
		if err := w.run(t.Context(), w.records(t, name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := w.records(t, "INSERT")
	other.Records[0].Change.Keys["pk"] = events.NewStringAttribute("ACCOUNT#0190b0e4-7e00-7000-8000-000000000001")
	if err := w.run(t.Context(), other); err != nil {
		t.Error(err)
	}
	other.Records[0].Change.Keys = nil
	if err := w.run(t.Context(), other); err != nil {
		t.Error(err)
	}
	if w.ses.Requests() != 0 {
		t.Errorf("%d requests, want none", w.ses.Requests())
	}
	other.Records[0].Change.Keys = map[string]events.DynamoDBAttributeValue{"pk": events.NewStringAttribute("MAIL#x")}
	if err := w.run(t.Context(), other); err == nil {
		t.Error("an order without an id: no error")
	}
}

func TestOldOrderIsNotSent(t *testing.T) {
	w := newWorld(t)
	w.order(t, "ada@example.com")
	w.clock.Advance(mail.OrderLife)
	if err := w.run(t.Context(), w.records(t, "INSERT")); err != nil || w.ses.Requests() != 0 {
		t.Errorf("%v, %d requests; want none: the link would come too late", err, w.ses.Requests())
	}
}

func TestTextsOfAFolderAreCheckedAtStart(t *testing.T) {
	folder := t.TempDir()
	if err := os.CopyFS(folder, texts.Embedded()); err != nil {
		t.Fatal(err)
	}
	if _, err := mailer.Texts(folder, endpoint.Looks{}); err != nil {
		t.Errorf("a copy of our own: %v", err)
	}
	if err := os.Remove(filepath.Join(folder, "de", "recover.html")); err != nil {
		t.Fatal(err)
	}
	if _, err := mailer.Texts(folder, endpoint.Looks{}); err == nil || !strings.Contains(err.Error(), folder) || !strings.Contains(err.Error(), "de/recover.html") {
		t.Errorf("a file is missing: %v", err)
	}
	if _, err := mailer.Texts(filepath.Join(folder, "none"), endpoint.Looks{}); err == nil {
		t.Error("no folder: no error")
	}
}
