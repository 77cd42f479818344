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

	// InsecureLoopbackHTTP allows http:// for addresses of this machine, to try things with `wavepass local`.
	InsecureLoopbackHTTP bool
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

	// RolesOmitted says that the account has roles which did not fit into the token. Roles is empty then, and HasRole refuses.
	RolesOmitted bool

	// Of a login, and zero where nobody logged in.
	SessionID string
	AuthTime  time.Time
	AMR       []string // RFC 8176
}

// HasScope reports whether the token was granted the scope.
func (c Claims) HasScope(scope string) bool { return slices.Contains(c.Scopes, scope) }

// HasRole reports whether the token names the role.
func (c Claims) HasRole(role string) bool { return slices.Contains(c.Roles, role) }

// Verifier checks access tokens. Safe for concurrent use.
//
// Keys are kept as long as the max-age of the key set says, between 30 seconds and an hour. A token that names an unknown key
// makes it ask again, at most once in 30 s. Key sets with symmetric, private, weak or ambiguous keys are refused whole.
type Verifier struct {
	tokens *token.RemoteVerifier
	scopes []string
}

// New returns a Verifier. It asks nobody until the first token is verified. The error names the field of cfg that is wrong.
func New(cfg Config) (*Verifier, error) {
	for _, scope := range cfg.Scopes {
		if !isScope(scope) {
			return nil, fmt.Errorf("verify: Scopes: %q is not a scope (RFC 6749 §3.3)", scope)
		}
	}
	tokens, err := token.NewRemoteVerifier(token.RemoteConfig{
		Issuer: cfg.Issuer, Audience: cfg.Audience, KeySet: cfg.KeySet, JWKSAddress: cfg.JWKSAddress,
		MaxStale: cfg.MaxStale, Client: cfg.Client, Now: cfg.Now, InsecureLoopbackHTTP: cfg.InsecureLoopbackHTTP,
	})
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	return &Verifier{tokens, slices.Clone(cfg.Scopes)}, nil
}

// Verify checks an access token, as it came after "Bearer ", and returns what it says. The error is ErrInvalidToken,
// ErrInsufficientScope or ErrUnavailable.
func (v *Verifier) Verify(ctx context.Context, accessToken string) (Claims, error) {
	c, err := v.tokens.Verify(ctx, oauth.NewSecret(accessToken))
	switch {
	case errors.Is(err, token.ErrInvalid):
		return Claims{}, fmt.Errorf("%w: %w", ErrInvalidToken, err)
	case err != nil:
		return Claims{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	claims := Claims{
		Issuer: c.Issuer, Subject: c.Subject, Audience: c.Audience, ClientID: c.ClientID, ID: c.ID,
		IssuedAt: c.IssuedAt, Expiry: c.Expiry, Scopes: strings.Fields(c.Scope), Roles: c.Roles, RolesOmitted: c.RolesOmitted,
	}
	if c.Login != nil {
		claims.SessionID, claims.AuthTime, claims.AMR = c.Login.SessionID.String(), c.Login.AuthTime, c.Login.AMR
	}
	return claims, claims.require(v.scopes)
}

func (c Claims) require(scopes []string) error {
	for _, scope := range scopes {
		if !c.HasScope(scope) {
			return fmt.Errorf("%w: %s", ErrInsufficientScope, scope)
		}
	}
	return nil
}

// isScope reports whether text is a scope-token of RFC 6749 §3.3, which may also stand in a quoted string of a header.
func isScope(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || r == '"' || r == '\\'
	})
}
