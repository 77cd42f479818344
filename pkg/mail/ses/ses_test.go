package ses_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/wavepass/wavepass/internal/smallses"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/mail/ses"
)

var (
	credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "b"}, nil
	})
	one = mail.Mail{Purpose: mail.Recover, To: "ada@example.com", Subject: "Grüße", Text: "text\n", HTML: "<p>html</p>"}
)

func newSender(t *testing.T) (*ses.Sender, *smallses.Server) {
	t.Helper()
	service := smallses.New()
	t.Cleanup(service.Close)
	sender, err := ses.New(ses.Config{
		From: "no-reply@example.com", Service: "Bücher, Ltd.", Region: "eu-central-1", Endpoint: service.URL, Credentials: credentials,
		Patience: 3 * time.Second, Pause: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if wrong := service.Wrong(); len(wrong) > 0 {
			t.Errorf("SES would not understand: %v", wrong)
		}
	})
	return sender, service
}

func TestMailArrivesAsItWasWritten(t *testing.T) {
	sender, service := newSender(t)
	if err := sender.Send(t.Context(), one); err != nil {
		t.Fatal(err)
	}
	got := service.Mails()
	if len(got) != 1 || got[0].To != one.To || got[0].Subject != one.Subject || got[0].Text != one.Text || got[0].HTML != one.HTML ||
		got[0].From != "=?utf-8?b?QsO8Y2hlciwgTHRkLg==?= <no-reply@example.com>" || got[0].Tags["purpose"] != "recover" {
		t.Errorf("sent %+v", got)
	}
}

// An answer that says that nothing was taken is no reason for a second mail, nor is one that never comes. What SES has surely
// not taken, and may take in a moment, is tried again.
func TestOneMailIsAtMostOneMailWhateverSESDoes(t *testing.T) {
	unclear := errors.New("anything else")
	for name, tc := range map[string]struct {
		behaviour []smallses.Behaviour
		want      error
		requests  int
		mails     int
	}{
		"takes it":                {nil, nil, 1, 1},
		"loses the answer":        {[]smallses.Behaviour{smallses.LostReply}, unclear, 1, 1},
		"resets the connection":   {[]smallses.Behaviour{smallses.Reset}, unclear, 1, 1},
		"fails":                   {[]smallses.Behaviour{smallses.Broken}, unclear, 1, 0},
		"is overloaded":           {[]smallses.Behaviour{smallses.Overloaded}, unclear, 1, 0},
		"rejects":                 {[]smallses.Behaviour{smallses.Rejected}, mail.ErrRejected, 1, 0},
		"cannot read":             {[]smallses.Behaviour{smallses.Malformed}, mail.ErrRejected, 1, 0},
		"is a sandbox":            {[]smallses.Behaviour{smallses.Sandboxed}, mail.ErrUnverified, 1, 0},
		"knows no domain":         {[]smallses.Behaviour{smallses.NoDomain}, mail.ErrUnverified, 1, 0},
		"pauses":                  {[]smallses.Behaviour{smallses.Paused}, mail.ErrPaused, 1, 0},
		"suspends":                {[]smallses.Behaviour{smallses.Suspended}, mail.ErrPaused, 1, 0},
		"denies":                  {[]smallses.Behaviour{smallses.Denied}, mail.ErrForbidden, 1, 0},
		"throttles twice":         {[]smallses.Behaviour{smallses.Throttled, smallses.Throttled}, nil, 3, 1},
		"throttles for ever":      {[]smallses.Behaviour{smallses.Throttled, smallses.Throttled, smallses.Throttled, smallses.Throttled}, mail.ErrThrottled, 3, 0},
		"has no quota left":       {[]smallses.Behaviour{smallses.OverQuota, smallses.OverQuota, smallses.OverQuota}, mail.ErrThrottled, 3, 0},
		"throttles, loses answer": {[]smallses.Behaviour{smallses.Throttled, smallses.LostReply}, unclear, 2, 1},
	} {
		t.Run(name, func(t *testing.T) {
			sender, service := newSender(t)
			service.Behave(tc.behaviour...)
			err := sender.Send(t.Context(), one)
			switch {
			case tc.want == unclear && (err == nil || surelyNotSent(err)):
				t.Errorf("error %v, want one that leaves open whether it was sent", err)
			case tc.want != unclear && !errors.Is(err, tc.want):
				t.Errorf("error %v, want %v", err, tc.want)
			}
			if err != nil && strings.Contains(mail.Advice(err), "@") {
				t.Errorf("%q names an address", mail.Advice(err))
			}
			if service.Requests() != tc.requests || len(service.Mails()) != tc.mails {
				t.Errorf("%d requests, %d mails; want %d and %d", service.Requests(), len(service.Mails()), tc.requests, tc.mails)
			}
		})
	}
}

func surelyNotSent(err error) bool {
	for _, known := range []error{mail.ErrRejected, mail.ErrPaused, mail.ErrThrottled, mail.ErrUnverified, mail.ErrForbidden, mail.ErrUnreachable} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

func TestSilentSESIsAskedOnce(t *testing.T) {
	service := smallses.New()
	t.Cleanup(service.Close)
	service.Behave(smallses.Behaviour{Silence: time.Minute})
	sender, err := ses.New(ses.Config{From: "no-reply@example.com", Region: "eu-central-1", Endpoint: service.URL, Credentials: credentials, Patience: 300 * time.Millisecond, Pause: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	err = sender.Send(t.Context(), one)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.HasPrefix(mail.Advice(err), "unclear: ") || service.Requests() != 1 {
		t.Errorf("%v, %d requests; want a time-out and one request", err, service.Requests())
	}
}

func TestNobodyAtTheAddressIsUnreachable(t *testing.T) {
	service := smallses.New()
	service.Close() // its port is free now
	sender, err := ses.New(ses.Config{From: "no-reply@example.com", Region: "eu-central-1", Endpoint: service.URL, Credentials: credentials, Pause: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if err := sender.Send(t.Context(), one); !errors.Is(err, mail.ErrUnreachable) {
		t.Errorf("%v, want ErrUnreachable", err)
	}
}

func TestSenderMustBeABareAddress(t *testing.T) {
	for _, from := range []string{"", "example.com", "Wavepass <no-reply@example.com>", "a@example.com,b@example.com", "a@example.com\r\nBcc: b@example.com"} {
		if _, err := ses.New(ses.Config{From: from, Region: "eu-central-1"}); err == nil {
			t.Errorf("%q was taken", from)
		}
	}
	t.Setenv("AWS_REGION", "")
	if _, err := ses.New(ses.Config{From: "no-reply@example.com"}); err == nil || !strings.Contains(err.Error(), "AWS_REGION") {
		t.Errorf("without a region: %v", err)
	}
}
