// Package config turns the environment into typed configuration. It is read once, at start, and every
// invalid value is refused with the name of its variable. It owns the names of the variables; it opens
// nothing.
package config

import (
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"github.com/wavepass/wavepass/pkg/internal/ascii"
)

// Config is the configuration of every function; each uses what it needs.
type Config struct {
	TableName         string        `env:"TABLE_NAME,notEmpty"`            // the DynamoDB table
	Issuer            string        `env:"ISSUER"`                         // `iss`; empty: the gateway's own address
	Audience          string        `env:"AUDIENCE"`                       // `aud` of clients that name none; empty: the issuer
	SigningAlg        string        `env:"SIGNING_ALG" envDefault:"ES256"` // ES256, EdDSA or RS256
	SealingKey        string        `env:"SEALING_KEY"`                    // kms:<arn> or local:<base64>
	KeyPeriod         time.Duration `env:"KEY_PERIOD" envDefault:"720h"`   // how long a key signs
	KeyCacheAge       time.Duration `env:"KEY_CACHE_AGE" envDefault:"5m"`  // how long verifiers use the keys that they hold
	Staleness         time.Duration `env:"REVOCATION_STALENESS" envDefault:"5s"`
	Shards            int           `env:"REVOCATION_SHARDS" envDefault:"1"`
	Grace             time.Duration `env:"REFRESH_GRACE" envDefault:"60s"`
	RotationMinAge    time.Duration `env:"ROTATION_MIN_AGE" envDefault:"10s"` // a refresh token younger than this is not rotated
	AttemptLimits     AttemptLimits `env:"ATTEMPT_LIMITS" envDefault:"10/15m,300/15m"`
	PasswordMinLength int           `env:"PASSWORD_MIN_LENGTH" envDefault:"8"`  // characters of a new password
	CookieDomain      string        `env:"COOKIE_DOMAIN"`                       // shares cookies between subdomains; empty: this host only
	PagesName         string        `env:"PAGES_NAME"`                          // name of the service on the sign-in pages; empty: Wavepass
	PagesLogo         string        `env:"PAGES_LOGO"`                          // address of an image on them, https; empty: none
	PagesColour       string        `env:"PAGES_COLOUR"`                        // of their buttons and links, like #0a5fd9; empty: a dark blue
	SignUp            string        `env:"SIGNUP" envDefault:"none"`            // none: no mails are sent, so nobody signs up or recovers; off: people recover; invite: and sign up by invitation; open: and without
	MailFrom          string        `env:"MAIL_FROM"`                           // the address that mails come from; empty: none are sent
	MailTexts         string        `env:"MAIL_TEXTS"`                          // folder with the texts of mails; empty: those of Wavepass
	SESEndpoint       string        `env:"SES_ENDPOINT"`                        // a stand-in for Amazon SES; never in the cloud
	ClientIDMetadata  string        `env:"CLIENT_ID_METADATA" envDefault:"off"` // off, on or shared-store: clients that nobody has registered, named by the address of a document
	DynamoEndpoint    string        `env:"DYNAMODB_ENDPOINT"`                   // DynamoDB Local; never in the cloud
	MetricsNamespace  string        `env:"METRICS_NAMESPACE"`                   // of the metrics in CloudWatch, which lines of the log carry; empty: none
	TracesExporter    string        `env:"OTEL_TRACES_EXPORTER"`                // otlp sends traces to an OpenTelemetry collector; empty or none: there are none
	TracesEndpoint    string        `env:"OTEL_EXPORTER_OTLP_ENDPOINT"`         // address of the collector; empty: http://localhost:4318, where a layer of Lambda runs it
	TracesSampler     string        `env:"OTEL_TRACES_SAMPLER"`                 // always_on, or parentbased_always_on: the events that Lambda traces; empty: the latter
	TracesService     string        `env:"OTEL_SERVICE_NAME"`                   // name of the service in traces; empty: the function's

	Region       string `env:"AWS_REGION"`               // set by Lambda
	FunctionName string `env:"AWS_LAMBDA_FUNCTION_NAME"` // set by Lambda
	SAMLocal     bool   `env:"AWS_SAM_LOCAL"`            // set by sam local
}

// AttemptLimits is how many failed logins are let through: per login name and network, and per network.
type AttemptLimits struct{ Account, Network AttemptLimit }

// AttemptLimit is a number of attempts in a window of time.
type AttemptLimit struct {
	Count  int
	Window time.Duration
}

// UnmarshalText reads `count/window,count/window`, for example `10/15m,300/15m`.
func (l *AttemptLimits) UnmarshalText(text []byte) error {
	account, network, ok := strings.Cut(string(text), ",")
	if !ok {
		return errors.New("want count/window,count/window, for example 10/15m,300/15m")
	}
	var err error
	if l.Account, err = parseLimit(account); err != nil {
		return err
	}
	l.Network, err = parseLimit(network)
	return err
}

func parseLimit(text string) (AttemptLimit, error) {
	count, window, _ := strings.Cut(strings.TrimSpace(text), "/")
	n, countErr := strconv.Atoi(count)
	d, windowErr := time.ParseDuration(window)
	if countErr != nil || windowErr != nil || n < 1 || n > 1_000_000 || d < time.Minute || d > 24*time.Hour {
		return AttemptLimit{}, fmt.Errorf("%q: want count/window, a count from 1 and a window of 1m to 24h", text)
	}
	return AttemptLimit{n, d}, nil
}

// Environment is the environment of this process as Load takes it.
func Environment() map[string]string { return env.ToMap(os.Environ()) }

// Load reads environment. Its error names every variable that is wrong, one a line.
func Load(environment map[string]string) (Config, error) {
	c, err := env.ParseAsWithOptions[Config](env.Options{Environment: environment})
	if err != nil {
		return Config{}, named(err)
	}
	if err := errors.Join(c.check()...); err != nil {
		return Config{}, err
	}
	return c, nil
}

// check lists what is wrong with values that could be read.
func (c Config) check() (wrong []error) {
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if c.Issuer != "" {
		if err := checkIssuer(c.Issuer); err != nil {
			bad("ISSUER: %w", err)
		}
	}
	if len(c.Audience) > MaxName || strings.ContainsFunc(c.Audience, forbidden) {
		bad("AUDIENCE: want at most %d printable ASCII characters without space, quote or backslash", MaxName)
	}
	switch c.SigningAlg {
	case "ES256", "EdDSA", "RS256":
	default:
		bad("SIGNING_ALG: %q: want ES256, EdDSA or RS256", c.SigningAlg)
	}
	switch c.ClientIDMetadata {
	case "off", "on", "shared-store":
	default:
		bad("CLIENT_ID_METADATA: %q: want off, on or shared-store", c.ClientIDMetadata)
	}
	switch c.SignUp {
	case "none", "off", "invite", "open":
	default:
		bad("SIGNUP: %q: want none, off, invite or open", c.SignUp)
	}
	if c.Staleness < 0 || c.Staleness > 5*time.Minute {
		bad("REVOCATION_STALENESS: %s: want 0s to 5m", c.Staleness)
	}
	if c.Shards < 1 || c.Shards > 64 {
		bad("REVOCATION_SHARDS: %d: want 1 to 64", c.Shards)
	}
	if c.Grace < 0 || c.Grace > 10*time.Minute {
		bad("REFRESH_GRACE: %s: want 0s to 10m", c.Grace)
	}
	if c.RotationMinAge < 0 || c.RotationMinAge > time.Minute {
		bad("ROTATION_MIN_AGE: %s: want 0s to 1m", c.RotationMinAge)
	}
	if c.PasswordMinLength < 8 || c.PasswordMinLength > 64 {
		bad("PASSWORD_MIN_LENGTH: %d: want 8 to 64", c.PasswordMinLength)
	}
	if c.CookieDomain != "" && !ascii.IsDomain(c.CookieDomain) {
		bad("COOKIE_DOMAIN: %q: want a domain like example.com, without a dot at its beginning", c.CookieDomain)
	}
	if len(c.MetricsNamespace) > MaxName || strings.ContainsFunc(c.MetricsNamespace, forbidden) || strings.HasPrefix(c.MetricsNamespace, "AWS/") {
		bad("METRICS_NAMESPACE: want at most %d printable ASCII characters without space, quote or backslash, and not AWS/", MaxName)
	}
	if strings.HasPrefix(c.SealingKey, "local:") && c.inCloud() {
		bad("SEALING_KEY: local: is for laptops; in AWS Lambda want kms:<arn>")
	}
	if parsed, err := mail.ParseAddress(c.MailFrom); c.MailFrom != "" && (err != nil || parsed.Address != c.MailFrom) {
		bad("MAIL_FROM: want one address like no-reply@example.com, without a name")
	}
	if c.SESEndpoint != "" && c.inCloud() {
		bad("SES_ENDPOINT: is for laptops; in AWS Lambda leave it empty")
	}
	if c.DynamoEndpoint != "" && c.inCloud() {
		bad("DYNAMODB_ENDPOINT: is for laptops; in AWS Lambda leave it empty")
	}
	return wrong
}

// CheckIssuer is for functions behind the gateway: an empty Issuer means the gateway's own address, which sam local
// does not have.
func (c Config) CheckIssuer() error {
	if c.Issuer == "" && c.SAMLocal {
		return errors.New("ISSUER: must be set under sam local, which has no address of its own")
	}
	return nil
}

// inCloud reports whether this is a real Lambda function.
func (c Config) inCloud() bool { return c.FunctionName != "" && !c.SAMLocal }

// MaxName is how long ISSUER and AUDIENCE may be, in bytes: they are in every access token.
const MaxName = 160

// forbidden reports whether a name must not have the character: in JSON it would take more than one byte.
func forbidden(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }

func checkIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	switch {
	case err != nil || u.Hostname() == "" || u.User != nil || u.String() != issuer || strings.Contains(issuer, `"`):
		return fmt.Errorf("%q: want an address like https://auth.example.com", issuer)
	case strings.ContainsAny(issuer, "?#") || strings.HasSuffix(issuer, "/"):
		return fmt.Errorf("%q: want no query, no fragment and no slash at the end (RFC 8414 §2)", issuer)
	case len(issuer) > MaxName:
		return fmt.Errorf("%d bytes: want at most %d, because it is in every access token", len(issuer), MaxName)
	case u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())):
		return fmt.Errorf("%q: want https; http only on this machine", issuer)
	}
	return nil
}

func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// named puts the variable's name where the library puts the field's.
func named(err error) error {
	var all env.AggregateError
	if !errors.As(err, &all) {
		return err
	}
	var out []error
	for _, one := range all.Errors {
		var parse env.ParseError
		if !errors.As(one, &parse) {
			out = append(out, one)
			continue
		}
		name := parse.Name
		if field, ok := reflect.TypeFor[Config]().FieldByName(parse.Name); ok {
			name, _, _ = strings.Cut(field.Tag.Get("env"), ",")
		}
		out = append(out, fmt.Errorf("%s: %w", name, parse.Err))
	}
	return errors.Join(out...)
}
