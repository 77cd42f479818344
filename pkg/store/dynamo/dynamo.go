// Package dynamo keeps every store contract of the domain on one DynamoDB table (docs/design.md §5). It translates
// contracts into conditional writes and strongly consistent reads; the rules themselves are the domain's.
//
// The table has the string keys pk and sk and the TTL attribute expires_at. A function needs GetItem, PutItem,
// UpdateItem and Query on the partitions that it uses (items.go). Only what is no function's scans (Migrate, scans.go), and
// only DeleteAccount, which is no function's either, deletes.
package dynamo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/awstls"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/schema"
	"github.com/wavepass/wavepass/pkg/session"
)

const (
	maxAttempts = 3
	attemptTime = 800 * time.Millisecond // connecting, asking and reading the answer
	firstDelay  = 25 * time.Millisecond  // upper bound of the random wait before the second attempt
	longestWait = 250 * time.Millisecond

	// warmConnections is how many calls a request has under way at once: a login's two buckets, its login
	// name and two key parts.
	warmConnections = 5
)

// Config says where the table is. Only Table is needed inside a function.
type Config struct {
	Table string

	// Region is where the table is; empty: AWS_REGION.
	Region string

	// Endpoint is the address of DynamoDB Local; empty: the region's own.
	Endpoint string

	// Shards is how many partitions the revocation log is spread over, 0 means 1. All functions must
	// agree. It may be raised: what the fewer shards hold is still read. Lowering it hides entries.
	Shards int

	// Patience is how long one attempt of three may take, 0 means 800 ms; a call ends within about three
	// times as long. Only for an engine on a busy laptop, and for commands: people who wait for a page have less patience.
	Patience time.Duration

	// Now is the clock that expired revocations are told by; nil: time.Now.
	Now func() time.Time

	// Called is told of each call of the table, by the name of its operation, and what it returns, of the call's end, after all attempts. nil: nobody is.
	Called func(ctx context.Context, operation string) (ended func(error))

	// Credentials sign the requests; nil: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN as
	// they are now, which is what a function has.
	Credentials aws.CredentialsProvider
}

// Store implements every store contract. Safe for concurrent use. Each method ends within 3 seconds.
type Store struct {
	api      *dynamodb.Client
	http     *awshttp.BuildableClient
	endpoint string
	table    string
	shards   int
	callTime time.Duration
	now      func() time.Time
	schema   heldSchema
}

var _ interface {
	account.Store
	account.Creator
	account.Changer
	account.Keeper
	account.Attempts
	account.Rehasher
	client.Store
	client.Registrar
	client.Lister
	keyring.Store
	revocation.Log
	revocation.Once
	schema.Source
	session.Store
	session.Creator
	session.Lister
	audit.Store
	account.Lister
	session.Finder
} = (*Store)(nil)

// Open returns the store on the table of cfg. It does not connect (see Warm) and does not read the default
// configuration chain, which costs start-up time.
func Open(cfg Config) (*Store, error) {
	if cfg.Table == "" {
		return nil, errors.New("dynamo: no table name")
	}
	if cfg.Shards < 0 {
		return nil, fmt.Errorf("dynamo: %d shards", cfg.Shards)
	}
	if cfg.Region == "" {
		cfg.Region = os.Getenv("AWS_REGION")
	}
	if cfg.Region == "" {
		return nil, errors.New("dynamo: no region: set AWS_REGION")
	}
	if cfg.Credentials == nil {
		found, err := environmentCredentials()
		if err != nil {
			return nil, err
		}
		cfg.Credentials = found
	}
	if cfg.Patience == 0 {
		cfg.Patience = attemptTime
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	endpoint, err := endpointOf(cfg)
	if err != nil {
		return nil, err
	}
	s := &Store{
		http:     awshttp.NewBuildableClient().WithTimeout(cfg.Patience).WithTransportOptions(awstls.Configured(endpoint)),
		endpoint: endpoint,
		table:    cfg.Table,
		shards:   max(cfg.Shards, 1),
		callTime: maxAttempts*cfg.Patience + 100*time.Millisecond,
		now:      cfg.Now,
	}
	s.api = dynamodb.New(dynamodb.Options{
		Region:       cfg.Region,
		Credentials:  cfg.Credentials,
		HTTPClient:   s.http,
		BaseEndpoint: localEndpoint(cfg.Endpoint),
		APIOptions:   watched(cfg.Called),
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts = maxAttempts
			// The SDK's own waits grow to seconds: too long for somebody who waits for an answer.
			o.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) {
				return delay(attempt), nil
			})
		}),
	})
	return s, nil
}

// Warm dials connections, so that the first request finds them open. Call it while the function initialises. The first goes alone, because
// the others resume its TLS session: that spares them the check of the table's certificates. It needs no permission on the table. An error costs nothing
// but the head start.
func (s *Store) Warm(ctx context.Context) error {
	if _, err := s.dial(ctx); err != nil {
		return err
	}
	errs := make([]error, warmConnections) // one of them takes the connection that is open
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { _, errs[i] = s.dial(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// dial asks for the endpoint's health page, and returns the time that it tells; the connection stays open behind it.
func (s *Store) dial(ctx context.Context) (date string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.endpoint, nil)
	if err != nil {
		return "", fmt.Errorf("dynamo: dial: %w", err)
	}
	response, err := s.http.Do(request)
	if err != nil {
		return "", fmt.Errorf("dynamo: dial: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	// Only a connection whose answer was read to its end is used again. The status says nothing to us.
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 4096))
	return response.Header.Get("Date"), nil
}

// ClockOff returns how far this machine's clock is ahead of the table's, to about a second. It needs no
// permission on the table.
func (s *Store) ClockOff(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, s.callTime)
	defer cancel()
	asked := s.now()
	date, err := s.dial(ctx)
	if err != nil {
		return 0, err
	}
	told, err := http.ParseTime(date)
	if err != nil {
		return 0, errors.New("dynamo: the table's endpoint tells no time")
	}
	middle := asked.Add(s.now().Sub(asked) / 2)
	return middle.Sub(told.Add(500 * time.Millisecond)), nil // the header has whole seconds
}

func endpointOf(cfg Config) (string, error) {
	if cfg.Endpoint != "" {
		return cfg.Endpoint, nil
	}
	resolved, err := dynamodb.NewDefaultEndpointResolverV2().ResolveEndpoint(context.Background(),
		dynamodb.EndpointParameters{Region: &cfg.Region})
	if err != nil {
		return "", fmt.Errorf("dynamo: endpoint of region %q: %w", cfg.Region, err)
	}
	return resolved.URI.String(), nil
}

func localEndpoint(address string) *string {
	if address == "" {
		return nil
	}
	return aws.String(strings.TrimSuffix(address, "/"))
}

func environmentCredentials() (aws.CredentialsProvider, error) {
	found := aws.Credentials{
		AccessKeyID:     os.Getenv("AWS_ACCESS_KEY_ID"),
		SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"),
		SessionToken:    os.Getenv("AWS_SESSION_TOKEN"),
		Source:          "environment",
	}
	if !found.HasKeys() {
		return nil, errors.New("dynamo: no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	}
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return found, nil }), nil
}

// delay is a random wait before another attempt, so that those who collided do not collide again.
func delay(attempt int) time.Duration {
	bound := longestWait
	if attempt < 4 {
		bound = min(bound, firstDelay<<attempt)
	}
	return rand.N(bound)
}
