package seal

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/wavepass/wavepass/pkg/internal/awstls"
	"github.com/wavepass/wavepass/pkg/oauth"
)

const (
	maxAttempts = 3
	attemptTime = 800 * time.Millisecond
	callTime    = 2500 * time.Millisecond
	longestWait = 100 * time.Millisecond // before another attempt

	// purposeKey is the name of the encryption context. Key policies and CloudTrail see it.
	purposeKey = "wavepass:purpose"
)

// KMSConfig is for tests and the command line. Functions use the zero value.
type KMSConfig struct {
	// Endpoint is the address of a stand-in for KMS; empty: that of the key's region.
	Endpoint string

	// Credentials sign the requests; nil: the present values of AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
	// AWS_SESSION_TOKEN.
	Credentials aws.CredentialsProvider
}

// KMS seals under a new data key each time, which KMS encrypts for the purpose (envelope encryption). So a text may be longer
// than the 4,096 bytes that KMS itself encrypts. A sealed text is
//
//	version(1) | length(2, big endian) | encrypted data key | nonce(12) | ciphertext and tag
//
// The additional data of the encryption are everything before the nonce, and the purpose. Safe for concurrent use. Each method
// ends within 3 seconds.
type KMS struct {
	api *kms.Client
	key string
}

// NewKMS returns a sealer under the KMS key (or alias) with this ARN. It does not connect.
func NewKMS(keyARN string, cfg KMSConfig) (*KMS, error) {
	// arn:<partition>:kms:<region>:<account>:key/<id>
	parts := strings.SplitN(keyARN, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "kms" || parts[3] == "" ||
		!strings.HasPrefix(parts[5], "key/") && !strings.HasPrefix(parts[5], "alias/") {
		return nil, errors.New("seal: KMS key: want arn:<partition>:kms:<region>:<account>:key/<id>")
	}
	if cfg.Credentials == nil {
		found, err := environmentCredentials()
		if err != nil {
			return nil, err
		}
		cfg.Credentials = found
	}
	options := kms.Options{
		Region:      parts[3], // of the key, which need not be the function's
		Credentials: cfg.Credentials,
		HTTPClient:  awshttp.NewBuildableClient().WithTimeout(attemptTime).WithTransportOptions(awstls.Configured(cmp.Or(cfg.Endpoint, "https://kms."+parts[3]+".amazonaws.com"))),
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts = maxAttempts
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return rand.N(longestWait), nil })
		}),
	}
	if cfg.Endpoint != "" {
		options.BaseEndpoint = &cfg.Endpoint
	}
	return &KMS{kms.New(options), keyARN}, nil
}

// Seal implements keyring.Sealer.
func (k *KMS) Seal(ctx context.Context, purpose string, plain []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	data, err := k.api.GenerateDataKey(ctx, &kms.GenerateDataKeyInput{
		KeyId:             &k.key,
		KeySpec:           types.DataKeySpecAes256,
		EncryptionContext: map[string]string{purposeKey: purpose},
	})
	if err != nil {
		return nil, unavailable("generate a data key", err)
	}
	defer clear(data.Plaintext)
	if len(data.CiphertextBlob) == 0 || len(data.CiphertextBlob) > 1<<16-1 {
		return nil, fmt.Errorf("seal: KMS: an encrypted data key of %d bytes", len(data.CiphertextBlob))
	}
	aead, err := newAEAD(data.Plaintext)
	if err != nil {
		return nil, err
	}
	header := binary.BigEndian.AppendUint16([]byte{versionKMS}, uint16(len(data.CiphertextBlob)))
	header = append(header, data.CiphertextBlob...)
	return aead.Seal(header, nil, plain, bound(header, purpose)), nil
}

// Open implements keyring.Sealer.
func (k *KMS) Open(ctx context.Context, purpose string, sealed []byte) ([]byte, error) {
	header, encryptedKey, ciphertext, err := splitEnvelope(sealed)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	data, err := k.api.Decrypt(ctx, &kms.DecryptInput{
		KeyId:             &k.key, // so that a data key under another KMS key is refused
		CiphertextBlob:    encryptedKey,
		EncryptionContext: map[string]string{purposeKey: purpose},
	})
	var invalid *types.InvalidCiphertextException
	var otherKey *types.IncorrectKeyException
	switch {
	case errors.As(err, &invalid) || errors.As(err, &otherKey):
		return nil, errChanged
	case err != nil:
		return nil, unavailable("decrypt", err)
	}
	defer clear(data.Plaintext)
	aead, err := newAEAD(data.Plaintext)
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, nil, ciphertext, bound(header, purpose))
	if err != nil {
		return nil, errChanged
	}
	return plain, nil
}

// splitEnvelope splits a sealed text. The header is everything before the nonce.
func splitEnvelope(sealed []byte) (header, encryptedKey, ciphertext []byte, err error) {
	const fixed = 1 + 2
	if len(sealed) < fixed || sealed[0] != versionKMS {
		return nil, nil, nil, errors.New("seal: not sealed by KMS")
	}
	end := fixed + int(binary.BigEndian.Uint16(sealed[1:fixed]))
	if end == fixed || end > len(sealed) {
		return nil, nil, nil, errChanged
	}
	return sealed[:end], sealed[fixed:end], sealed[end:], nil
}

// unavailable wraps an error that says nothing about the sealed text: throttled, timed out, denied, key disabled.
func unavailable(what string, err error) error {
	return fmt.Errorf("%w: seal: KMS: %s: %w", oauth.ErrUnavailable, what, err)
}

func environmentCredentials() (aws.CredentialsProvider, error) {
	found := aws.Credentials{
		AccessKeyID:     os.Getenv("AWS_ACCESS_KEY_ID"),
		SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"),
		SessionToken:    os.Getenv("AWS_SESSION_TOKEN"),
		Source:          "environment",
	}
	if !found.HasKeys() {
		return nil, errors.New("seal: no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	}
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return found, nil }), nil
}
