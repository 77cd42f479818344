// Package verify checks the access tokens of a Wavepass deployment in an API of your own (RFC 9068). It gets the public keys over
// HTTPS, keeps them, and asks again when they are due. Middleware does all of it for net/http, and answers refusals by RFC 6750.
//
// It cannot see revocations: a token is accepted until it expires, 15 minutes after it was issued by default. Where that is too
// long, put the API behind the authorizer of Wavepass.
//
// This package keeps its API within a major version. Every other package of this repository may change at any time.
package verify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/token"
)

// What Verify may return, for errors.Is. The text of an error says more, for logs and not for the caller.
var (
	// ErrInvalidToken says that the token is not to be accepted: 401.
	ErrInvalidToken = errors.New("verify: invalid token")
	// ErrInsufficientScope says that a good token lacks a scope of the Config: 403. The claims are returned with it.
	ErrInsufficientScope = errors.New("verify: insufficient scope")
	// ErrUnavailable says that the keys cannot be had, so that nothing is known about the token: 503.
	ErrUnavailable = errors.New("verify: keys unavailable")
)

const (
	defaultStale = 15 * time.Minute
	maxStale     = 24 * time.Hour
)

// Config says whose tokens are accepted, and for whom. Issuer and Audience are needed; the zero value of everything else
// is the safe choice.
type Config struct {
	Issuer   string   // the tokens' iss; its metadata says where the key set is
	Audience string   // this API: one of the tokens' aud
	Scopes   []string // every token must have all of them

	// KeySet is a JWKS to begin with, so that the first request waits for nobody. It counts as fetched just now: after
	// five minutes, and for a key that it does not have, the issuer is asked.
	KeySet []byte

	// JWKSAddress is where the key set is, for when it shall not be looked up in the issuer's metadata.
	JWKSAddress string

	// MaxStale is how long keys are used beyond their age while the issuer cannot be asked for newer ones; then tokens
	// are refused. 0 means 15 minutes; at most 24 hours.
	MaxStale time.Duration

	// Client sends the requests. It follows no redirects here, and each fetch ends after 5 s. nil: one like
	// http.DefaultClient.
	Client *http.Client

	// Now is the clock; nil: time.Now.
	Now func() time.Time

	// ResourceMetadata is the address of this API's protected resource metadata (RFC 9728 §5.1). The challenges of Middleware name it, so that
	// clients like those of MCP find out by themselves whose tokens this API takes. Serve the document there by MetadataHandler.
	ResourceMetadata string

	// InsecureLoopbackHTTP allows http:// for addresses of this machine, to try things with `wavepass local`.
	InsecureLoopbackHTTP bool
}

// keys checks the configuration and returns the keys that it describes. The error names the field that is wrong.
func (cfg Config) keys() (*remoteKeys, error) {
	allowed := addressRule{cfg.InsecureLoopbackHTTP}
	if err := allowed.checkIssuer(cfg.Issuer); err != nil {
		return nil, fmt.Errorf("verify: Issuer %q: %w", cfg.Issuer, err)
	}
	if cfg.Audience == "" {
		return nil, errors.New("verify: Audience: missing: a token for another API must not be accepted here")
	}
	for _, scope := range cfg.Scopes {
		if !oauth.ValidScope(scope) {
			return nil, fmt.Errorf("verify: Scopes: %q is not a scope (RFC 6749 §3.3)", scope)
		}
	}
	if cfg.JWKSAddress != "" {
		if err := allowed.check(cfg.JWKSAddress); err != nil {
			return nil, fmt.Errorf("verify: JWKSAddress %q: %w", cfg.JWKSAddress, err)
		}
	}
	if cfg.ResourceMetadata != "" {
		if err := allowed.check(cfg.ResourceMetadata); err != nil {
			return nil, fmt.Errorf("verify: ResourceMetadata %q: %w", cfg.ResourceMetadata, err)
		}
		if strings.ContainsAny(cfg.ResourceMetadata, "\"\\ ") {
			return nil, fmt.Errorf("verify: ResourceMetadata %q: want it percent-encoded: it stands between quotes", cfg.ResourceMetadata)
		}
	}
	if cfg.MaxStale < 0 || cfg.MaxStale > maxStale {
		return nil, fmt.Errorf("verify: MaxStale %s: want up to 24h", cfg.MaxStale)
	}
	keys := &remoteKeys{
		source:   keySource{issuer: cfg.Issuer, address: cfg.JWKSAddress, allowed: allowed, client: withoutRedirects(cfg.Client)},
		maxStale: cfg.MaxStale,
		now:      cfg.Now,
	}
	if len(cfg.KeySet) > 0 {
		set, err := parseKeySet(cfg.KeySet)
		if err != nil {
			return nil, fmt.Errorf("verify: KeySet: %w", err)
		}
		keys.set, keys.life, keys.readAt = set, defaultLife, cfg.Now().Round(0)
	}
	return keys, nil
}

// Claims is what an access token says. Times have whole seconds.
type Claims struct {
	Issuer   string
	Subject  string // the account's id, or the client's where nobody logged in
	Audience []string
	ClientID string
	ID       string // jti
	IssuedAt time.Time
	Expiry   time.Time
	Scopes   []string
	Roles    []string

	// RolesOmitted says that the account may have roles that are not in the token: they did not fit, or its client is registered
	// to have them looked up. Roles is empty then, and HasRole refuses.
	RolesOmitted bool

	// Custom are the account's own claims: string, float64 and bool. Nil where there are none.
	Custom map[string]any

	// ExternalID names a user of a back end with users of its own: directory/subject. The part before the slash is whose id it
	// is; compare it, because the same id in another directory is somebody else. Empty for everybody else.
	ExternalID string

	// Of a login, and zero where nobody logged in.
	SessionID string
	AuthTime  time.Time
	AMR       []string // RFC 8176
}

// HasScope reports whether the token was granted the scope.
func (c Claims) HasScope(scope string) bool { return slices.Contains(c.Scopes, scope) }

// HasRole reports whether the token names the role.
func (c Claims) HasRole(role string) bool { return slices.Contains(c.Roles, role) }

func (c Claims) require(scopes []string) error {
	for _, scope := range scopes {
		if !c.HasScope(scope) {
			return fmt.Errorf("%w: %s", ErrInsufficientScope, scope)
		}
	}
	return nil
}

// Verifier checks access tokens. Safe for concurrent use.
//
// Keys are kept as long as the max-age of the key set says, between 30 seconds and an hour, or 5 minutes where it says nothing.
// A token that names an unknown key makes the Verifier ask again, at most once in 30 s, so made-up tokens cannot make it flood
// the issuer. Of many callers one asks and the others wait. A key set is refused whole when it is larger than 64 KB or 32 keys, names a key
// twice, or has a key that should not be published so: symmetric, with a private member, without kid or alg, RSA below 2,048
// bits. Keys for another use or of an unknown algorithm are ignored (RFC 7517 §5).
//
// A key that is withdrawn before its time is accepted until the kept set has reached its age, and at most MaxStale longer while
// the issuer does not answer.
type Verifier struct {
	tokens *token.Verifier
	expect token.Expect
	scopes []string

	resourceMetadata string
}

// New returns a Verifier. It asks nobody until the first token is verified. The error names the field of cfg that is wrong.
func New(cfg Config) (*Verifier, error) {
	if cfg.MaxStale == 0 {
		cfg.MaxStale = defaultStale
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	keys, err := cfg.keys()
	if err != nil {
		return nil, err
	}
	return &Verifier{
		tokens: token.NewVerifier(keys, cfg.Now),
		expect: token.Expect{Issuer: cfg.Issuer, Audience: cfg.Audience},
		scopes: slices.Clone(cfg.Scopes),

		resourceMetadata: cfg.ResourceMetadata,
	}, nil
}

// Verify checks an access token, as it came after "Bearer ", and returns what it says. The error is ErrInvalidToken,
// ErrInsufficientScope or ErrUnavailable.
func (v *Verifier) Verify(ctx context.Context, accessToken string) (Claims, error) {
	c, err := v.tokens.Verify(ctx, oauth.NewSecret(accessToken), v.expect)
	switch {
	case errors.Is(err, token.ErrInvalid):
		return Claims{}, fmt.Errorf("%w: %w", ErrInvalidToken, err)
	case err != nil:
		return Claims{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	claims := Claims{
		Issuer: c.Issuer, Subject: c.Subject, Audience: c.Audience, ClientID: c.ClientID, ID: c.ID,
		IssuedAt: c.IssuedAt, Expiry: c.Expiry, Scopes: strings.Fields(c.Scope), Roles: c.Roles, RolesOmitted: c.RolesOmitted, Custom: c.Custom.Map(),
		ExternalID: c.ExternalID,
	}
	if c.Login != nil {
		claims.SessionID, claims.AuthTime, claims.AMR = c.Login.SessionID.String(), c.Login.AuthTime, c.Login.AMR
	}
	return claims, claims.require(v.scopes)
}
