// Package ses sends mails by Amazon SES. It is the only one that links the client of SES, and only the function mailer links it.
package ses

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
	"github.com/aws/smithy-go"

	"github.com/wavepass/wavepass/pkg/internal/awstls"
	"github.com/wavepass/wavepass/pkg/mail"
)

// Config says who sends and where.
type Config struct {
	From    string // the address that mails come from; its domain or itself is verified in SES
	Service string // the name before the address; may be empty

	Region      string                  // empty: AWS_REGION
	Endpoint    string                  // of a stand-in; empty: the region's own
	Credentials aws.CredentialsProvider // nil: those of the environment, which is what a function has
	Patience    time.Duration           // how long one call may take, 0 means 5 s
	Pause       time.Duration           // before the second attempt, twice as long before the third; 0 means half a second
}

const (
	patience = 5 * time.Second
	pause    = 500 * time.Millisecond
	attempts = 3 // of a mail that SES has surely not taken
)

// Sender implements mail.Sender.
type Sender struct {
	api   *sesv2.Client
	from  string
	pause time.Duration
}

// New returns a Sender. It does not connect.
func New(cfg Config) (*Sender, error) {
	parsed, err := netmail.ParseAddress(cfg.From)
	if err != nil || parsed.Address != cfg.From {
		return nil, errors.New("ses: the sender must be one address like no-reply@example.com")
	}
	if cfg.Region == "" {
		cfg.Region = os.Getenv("AWS_REGION")
	}
	if cfg.Region == "" {
		return nil, errors.New("ses: no region: set AWS_REGION")
	}
	if cfg.Credentials == nil {
		cfg.Credentials = environmentCredentials()
	}
	if cfg.Patience == 0 {
		cfg.Patience = patience
	}
	if cfg.Pause == 0 {
		cfg.Pause = pause
	}
	options := sesv2.Options{
		Region: cfg.Region, Credentials: cfg.Credentials,
		HTTPClient: awshttp.NewBuildableClient().WithTimeout(cfg.Patience).WithTransportOptions(awstls.Configured(cmp.Or(cfg.Endpoint, "https://email."+cfg.Region+".amazonaws.com"))),
		// SendEmail has no idempotency token, and the SDK sends it again after a lost answer: one mail would be three.
		Retryer: aws.NopRetryer{},
	}
	if cfg.Endpoint != "" {
		options.BaseEndpoint = &cfg.Endpoint
	}
	parsed.Name = cfg.Service
	return &Sender{api: sesv2.New(options), from: parsed.String(), pause: cfg.Pause}, nil
}

func environmentCredentials() aws.CredentialsProvider {
	found := aws.Credentials{
		AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"), SessionToken: os.Getenv("AWS_SESSION_TOKEN"),
		Source: "environment",
	}
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return found, nil })
}

// Send implements mail.Sender. It tries again only what SES has surely not taken and may take in a moment.
func (s *Sender) Send(ctx context.Context, m mail.Mail) error {
	in := &sesv2.SendEmailInput{
		FromEmailAddress: &s.from,
		Destination:      &types.Destination{ToAddresses: []string{m.To}},
		Content: &types.EmailContent{Simple: &types.Message{
			Subject: content(m.Subject), Body: &types.Body{Text: content(m.Text), Html: content(m.HTML)},
		}},
		EmailTags: []types.MessageTag{{Name: aws.String("purpose"), Value: aws.String(string(m.Purpose))}},
	}
	for attempt := 1; ; attempt++ {
		_, err := s.api.SendEmail(ctx, in)
		if err == nil {
			return nil
		}
		err = explain(err)
		if attempt == attempts || !errors.Is(err, mail.ErrThrottled) && !errors.Is(err, mail.ErrUnreachable) {
			return err
		}
		select {
		case <-time.After(s.pause << (attempt - 1)):
		case <-ctx.Done():
			return err
		}
	}
}

func content(text string) *types.Content {
	return &types.Content{Data: &text, Charset: aws.String("UTF-8")}
}

// kinds says what the errors of SES mean. Any other, such as an internal failure, leaves open whether the mail was sent.
var kinds = map[string]error{
	"MessageRejected":                     mail.ErrRejected,
	"BadRequestException":                 mail.ErrRejected,
	"NotFoundException":                   mail.ErrUnverified,
	"MailFromDomainNotVerifiedException":  mail.ErrUnverified,
	"SendingPausedException":              mail.ErrPaused,
	"AccountSuspendedException":           mail.ErrPaused,
	"TooManyRequestsException":            mail.ErrThrottled,
	"LimitExceededException":              mail.ErrThrottled,
	"ThrottlingException":                 mail.ErrThrottled,
	"Throttling":                          mail.ErrThrottled,
	"AccessDeniedException":               mail.ErrForbidden,
	"ExpiredTokenException":               mail.ErrForbidden,
	"UnrecognizedClientException":         mail.ErrForbidden,
	"InvalidSignatureException":           mail.ErrForbidden,
	"InvalidClientTokenId":                mail.ErrForbidden,
	"MissingAuthenticationTokenException": mail.ErrForbidden,
}

// explain never repeats the message of SES, which may name addresses.
func explain(err error) error {
	var answer smithy.APIError
	if errors.As(err, &answer) {
		kind, known := kinds[answer.ErrorCode()]
		switch {
		case known && notVerified(answer.ErrorMessage()):
			return mail.ErrUnverified
		case known:
			return kind
		}
		return fmt.Errorf("ses: answered %s, so the mail may have been sent", answer.ErrorCode())
	}
	var dialled *net.OpError
	if errors.As(err, &dialled) && dialled.Op == "dial" {
		return mail.ErrUnreachable
	}
	if timedOut(err) {
		return context.DeadlineExceeded
	}
	return errors.New("ses: the answer was lost, so the mail may have been sent")
}

// notVerified tells the refusal of a sender, or in the sandbox of a receiver, from that of a mail: both are a MessageRejected.
func notVerified(message string) bool { return strings.Contains(message, "not verified") }

func timedOut(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}
