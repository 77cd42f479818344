package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/smithy-go"

	"github.com/wavepass/wavepass/pkg/config"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/operate"
	"github.com/wavepass/wavepass/pkg/seal"
	"github.com/wavepass/wavepass/pkg/store/dynamo"
)

// clockTolerance is how far this machine's clock may be off: the stamps of revocations are compared with those
// of other writers.
const clockTolerance = 5 * time.Second

// openCloud opens a table in the cloud, and returns it with its name. Without a sealing key it serves every command
// that changes no key.
func (t target) openCloud(ctx context.Context, cfg config.Config) (data, string, error) {
	table, found, err := cloudTable(ctx, t.Table, cfg)
	if err != nil {
		return data{}, "", err
	}
	sealer := keyring.Sealer(noSealer{})
	if t.SealingKey != "" {
		if sealer, err = sealerOf(t.SealingKey, found); err != nil {
			return data{}, "", fmt.Errorf("--sealing-key: %w", err)
		}
	}
	if _, err := table.Schema(ctx); err != nil {
		return data{}, "", explainSchema(err, "the table "+t.Table, "")
	}
	name := fmt.Sprintf("the table %s in %s", t.Table, found.Region)
	if endpoint := tableEndpoint(found, cfg); endpoint != "" {
		name += " at " + endpoint
	}
	return data{store: table, sealer: sealer, close: func() {}}, name, nil
}

// sealerOf returns the sealer that a setting names.
func sealerOf(setting string, found aws.Config) (keyring.Sealer, error) {
	return seal.FromSetting(setting, seal.KMSConfig{
		Credentials: found.Credentials, Endpoint: aws.ToString(kms.NewFromConfig(found).Options().BaseEndpoint),
	})
}

// cloudTable opens a table, by a clock that is right.
func cloudTable(ctx context.Context, name string, cfg config.Config) (*dynamo.Store, aws.Config, error) {
	table, found, err := anyTable(ctx, name, cfg)
	if err != nil {
		return nil, found, err
	}
	return table, found, checkClock(ctx, table)
}

// tablePatience is how long one attempt of a command may take: an operator can wait longer than a request to a function, for a page of a whole table by
// a slow line.
const tablePatience = 5 * time.Second

// anyTable opens a table, whatever the clock says. Region, credentials and endpoint are found as the AWS CLI
// finds them: environment, profiles, single sign-on.
func anyTable(ctx context.Context, name string, cfg config.Config) (*dynamo.Store, aws.Config, error) {
	found, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, found, fmt.Errorf("AWS configuration: %w", err)
	}
	if found.Region == "" {
		return nil, found, errors.New("no region: set AWS_REGION, or choose a profile that has one with AWS_PROFILE")
	}
	if _, err := found.Credentials.Retrieve(ctx); err != nil {
		return nil, found, fmt.Errorf("no AWS credentials: log in, for example with `aws sso login`, or choose a profile with AWS_PROFILE: %w", err)
	}
	table, err := dynamo.Open(dynamo.Config{
		Table: name, Region: found.Region, Credentials: found.Credentials, Endpoint: tableEndpoint(found, cfg), Shards: cfg.Shards, Now: time.Now, Patience: tablePatience,
	})
	return table, found, err
}

// tableEndpoint is where the table is when that is not the region's own address: what DYNAMODB_ENDPOINT says, or
// AWS_ENDPOINT_URL_DYNAMODB, AWS_ENDPOINT_URL and the profile.
func tableEndpoint(found aws.Config, cfg config.Config) string {
	if cfg.DynamoEndpoint != "" {
		return cfg.DynamoEndpoint
	}
	return aws.ToString(dynamodb.NewFromConfig(found).Options().BaseEndpoint)
}

// checkClock refuses to work by a clock whose stamps would be hidden from readers, or hide others.
func checkClock(ctx context.Context, table *dynamo.Store) error {
	off, err := table.ClockOff(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("compare the clock with the table's: %w", err)
	case off.Abs() > clockTolerance:
		return fmt.Errorf("this machine's clock is off by %s: set it right first", off.Round(time.Second))
	}
	return nil
}

// noSealer is the sealer of a command that was given no sealing key.
type noSealer struct{}

var errNoSealingKey = errors.New("this command changes keys, and so needs --sealing-key: the stack's output SealingKey, kms:<ARN>")

func (noSealer) Seal(context.Context, string, []byte) ([]byte, error) { return nil, errNoSealingKey }
func (noSealer) Open(context.Context, string, []byte) ([]byte, error) { return nil, errNoSealingKey }

// explain says what to do about an error that lasts. The store calls every failed call unavailable, which is all that
// counts to a function; a person would repeat the command in vain.
func (t target) explain(err error) error {
	if errors.Is(err, errNoSealingKey) {
		return errNoSealingKey
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return err
	}
	what, known := map[string]string{
		"ResourceNotFoundException":   "there is no such table: check --table, and the region and endpoint",
		"AccessDeniedException":       "these credentials may not do this: choose others with AWS_PROFILE, or extend their policy",
		"UnrecognizedClientException": "AWS does not know these credentials: check AWS_PROFILE and the access key",
		"InvalidSignatureException":   "the secret key does not fit the access key: check the credentials",
		"ExpiredTokenException":       "the credentials have expired: log in again, for example with `aws sso login`",
		"MissingAuthenticationToken":  "the request was not signed: check the credentials",
		"ValidationException":         "the table refuses the request: check that --table names a table of this stack",
		"NotFoundException":           "there is no such key in KMS: check --sealing-key",
		"DisabledException":           "the sealing key is disabled in KMS: enable it",
		"KMSInvalidStateException":    "the sealing key cannot be used in KMS now: check whether its deletion was scheduled",
		"InvalidCiphertextException":  "the sealing key is not the one that sealed these keys: check --sealing-key",
		"IncorrectKeyException":       "the sealing key is not the one that sealed these keys: check --sealing-key",
		"OptInRequired":               "this AWS account is not subscribed to the service",
	}[api.ErrorCode()]
	if !known {
		return err
	}
	said := fmt.Errorf("%s (%s: %s)", what, api.ErrorCode(), api.ErrorMessage())
	if errors.Is(err, operate.ErrOnlyDenied) || errors.Is(err, operate.ErrNotKept) { // part of it is done
		return fmt.Errorf("%w\n%w", err, said)
	}
	return said
}
