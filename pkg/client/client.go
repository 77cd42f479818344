// Package client is the registry of applications that may log people in (RFC 6749 §2): which kind each
// is, what it may ask for and how long what it gets lives. It does not know how tokens travel.
package client

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/oauth"
)

// Kind decides which grants and which transport a client has. It is registered, never requested.
type Kind string

const (
	Browser Kind = "browser" // single-page app: refresh token in a cookie
	Site    Kind = "site"    // server-rendered site: session handle in a cookie
	Native  Kind = "native"  // mobile, desktop, command line: both tokens in JSON
	Service Kind = "service" // partner or back end with a secret: nobody logs in
)

// RolesMode says whether an access token carries the account's roles.
type RolesMode string

const (
	RolesEmbed  RolesMode = "embed"
	RolesLookup RolesMode = "lookup"
)

// Defaults of docs/design.md §10.
const (
	DefaultAccessLife   = 15 * time.Minute
	DefaultIdleLife     = 14 * 24 * time.Hour
	DefaultAbsoluteLife = 30 * 24 * time.Hour
	DefaultUnremembered = 24 * time.Hour // absolute life of a cookie login without `remember`
	DefaultLateRetries  = 2              // native only
	minAccessLife       = 10 * time.Second
	cacheLife           = time.Minute
	maxCached           = 1000
	maxListed           = 100 // entries in any list of a client
	maxLateRetries      = 5
	maxAudiences        = 3
	maxAudienceLen      = 160 // bytes of all audiences together: they are in every access token
)

// ErrUnknown says that no client has this id. On the wire it is invalid_client.
var ErrUnknown = errors.New("client: unknown")

// ErrWrongKind says that the client's kind has no right to this grant. On the wire it is unauthorized_client.
var ErrWrongKind = errors.New("client: kind not allowed")

// Client is one registered application.
type Client struct {
	ID          string
	Kind        Kind
	Origins     []string // exact web origins, for the cross-site check
	Redirects   []string // exact redirect addresses
	Audiences   []string // `aud` of its access tokens; empty: the service's own
	Scopes      []string // the most that its tokens may carry, see AllowedScopes
	Roles       RolesMode
	AccessLife  time.Duration
	IdleLife    time.Duration // a session unused for so long ends
	Absolute    time.Duration // a session ends after so long, however busy
	Remembered  time.Duration // the same, when the person asked to be remembered; cookie kinds only
	LateRetries int           // docs/design.md §6
	SharedStore bool          // several processes use one stored refresh token; native only
	FirstParty  bool          // the operator's own: it may manage the account of the person that uses it
	SecretHash  []byte        // SHA-256 of the secret; service only
	Introspects []string      // clients whose handles and refresh tokens it may look at; service only
}

// New returns a client with the defaults of its kind. A service client still needs its SecretHash.
func New(id string, kind Kind) Client {
	c := Client{
		ID: id, Kind: kind, Roles: RolesEmbed, FirstParty: true,
		AccessLife: DefaultAccessLife, IdleLife: DefaultIdleLife, Absolute: DefaultAbsoluteLife,
	}
	switch kind {
	case Browser, Site:
		c.Absolute, c.Remembered = DefaultUnremembered, DefaultAbsoluteLife
	case Native:
		c.LateRetries = DefaultLateRetries
	}
	return c
}

var validID = regexp.MustCompile(`^[a-z][a-z0-9._-]{0,63}$`)

// Check reports the first thing that is wrong with a definition, in words for whoever wrote it.
func (c Client) Check() error {
	switch {
	case !validID.MatchString(c.ID):
		return fmt.Errorf("client id %q: want a lower-case letter, then up to 63 of a-z 0-9 . _ -", c.ID)
	case uuid.Validate(c.ID) == nil:
		return fmt.Errorf("client id %q looks like an account id", c.ID)
	case c.Kind != Browser && c.Kind != Site && c.Kind != Native && c.Kind != Service:
		return fmt.Errorf("client %s: kind %q: want browser, site, native or service", c.ID, c.Kind)
	case c.Roles != RolesEmbed && c.Roles != RolesLookup:
		return fmt.Errorf("client %s: roles %q: want embed or lookup", c.ID, c.Roles)
	case c.AccessLife < minAccessLife || c.AccessLife > oauth.MaxAccessLife:
		return fmt.Errorf("client %s: access life %s: want %s to %s", c.ID, c.AccessLife, minAccessLife, oauth.MaxAccessLife)
	case c.IdleLife < max(time.Minute, c.AccessLife) || c.IdleLife > oauth.MaxSessionLife:
		// While an access token lives its session must be there to be revoked.
		return fmt.Errorf("client %s: idle life %s: want the access life, or 1m, to %s", c.ID, c.IdleLife, oauth.MaxSessionLife)
	case c.Absolute < time.Minute || c.Absolute > oauth.MaxSessionLife || c.Remembered < 0 || c.Remembered > oauth.MaxSessionLife:
		return fmt.Errorf("client %s: absolute life %s: want 1m to %s", c.ID, c.Absolute, oauth.MaxSessionLife)
	case c.LateRetries < 0 || c.LateRetries > maxLateRetries:
		return fmt.Errorf("client %s: late retries %d: want 0 to %d", c.ID, c.LateRetries, maxLateRetries)
	case c.LateRetries > 0 && c.Kind != Native:
		return fmt.Errorf("client %s: only native clients have late retries", c.ID)
	case c.SharedStore && c.Kind != Native:
		return fmt.Errorf("client %s: only native clients have a shared store", c.ID)
	case c.Remembered > 0 && !c.UsesCookies():
		return fmt.Errorf("client %s: only browser and site clients remember", c.ID)
	case c.Kind == Service && len(c.SecretHash) != sha256.Size || c.Kind != Service && len(c.SecretHash) > 0:
		return fmt.Errorf("client %s: a service client has a secret, the other kinds have none", c.ID)
	case c.Kind != Service && len(c.Introspects) > 0:
		return fmt.Errorf("client %s: only service clients introspect", c.ID)
	}
	for _, list := range [][]string{c.Origins, c.Redirects, c.Audiences, c.Scopes, c.Introspects} {
		if len(list) > maxListed {
			return fmt.Errorf("client %s: a list of %d entries: want at most %d", c.ID, len(list), maxListed)
		}
	}
	for _, origin := range c.Origins {
		if err := oauth.CheckOrigin(origin); err != nil {
			return fmt.Errorf("client %s: origin %w", c.ID, err)
		}
	}
	return c.checkToken()
}

// checkToken bounds what the client puts into its access tokens, so that they have room for an account's roles.
func (c Client) checkToken() error {
	for _, name := range slices.Concat(c.Scopes, c.Audiences) {
		if !oauth.ValidScope(name) {
			return fmt.Errorf("client %s: %q: want scopes and audiences of printable ASCII characters without space, quote or backslash", c.ID, name)
		}
	}
	switch {
	case len(strings.Join(c.Scopes, " ")) > oauth.MaxScope:
		return fmt.Errorf("client %s: scopes of %d bytes: want at most %d", c.ID, len(strings.Join(c.Scopes, " ")), oauth.MaxScope)
	case len(c.Audiences) > maxAudiences || len(strings.Join(c.Audiences, "")) > maxAudienceLen:
		return fmt.Errorf("client %s: audiences: want at most %d of %d bytes together", c.ID, maxAudiences, maxAudienceLen)
	case !c.FirstParty && slices.Contains(c.Scopes, oauth.ScopeAccount):
		return fmt.Errorf("client %s: the scope %s is for first-party clients", c.ID, oauth.ScopeAccount)
	}
	return nil
}

// AllowedScopes are the most that the client's tokens may carry. A first-party client that people log in with may
// always manage the account of the person, any other never may.
func (c Client) AllowedScopes() []string {
	isAccount := func(scope string) bool { return scope == oauth.ScopeAccount }
	switch {
	case !c.FirstParty || c.Kind == Service:
		return slices.DeleteFunc(slices.Clone(c.Scopes), isAccount)
	case slices.ContainsFunc(c.Scopes, isAccount):
		return c.Scopes
	}
	return append(slices.Clone(c.Scopes), oauth.ScopeAccount)
}

// HashSecret is what the registry keeps of a service client's secret. The secrets are generated with 256
// bits of randomness, so one round of SHA-256 is enough.
func HashSecret(secret oauth.Secret) []byte {
	sum := sha256.Sum256([]byte(secret.Reveal()))
	return sum[:]
}

// Authenticate checks what the client sent of itself. A kind without a secret may send an empty one, as
// standard libraries do when they try HTTP Basic first, and nothing else. It returns ErrUnknown when the
// secret is wrong, so that the answer does not tell which ids exist.
func (c Client) Authenticate(secret oauth.Secret) error {
	if c.Kind != Service {
		if !secret.IsZero() {
			return ErrUnknown
		}
		return nil
	}
	if subtle.ConstantTimeCompare(HashSecret(secret), c.SecretHash) != 1 {
		return ErrUnknown
	}
	return nil
}

// UsesCookies reports whether the client's sessions live in cookies.
func (c Client) UsesCookies() bool { return c.Kind == Browser || c.Kind == Site }

// SessionLife is how long a login may last at the most.
func (c Client) SessionLife(remember bool) time.Duration {
	if remember && c.Remembered > 0 {
		return c.Remembered
	}
	return c.Absolute
}

// Store reads registered clients.
type Store interface {
	// Client returns ErrUnknown when no client has the id, oauth.ErrUnavailable when it cannot tell.
	Client(ctx context.Context, id string) (Client, error)
}

// Lister lists clients.
type Lister interface {
	// Clients returns every registered client in the order of their ids, or oauth.ErrUnavailable.
	Clients(ctx context.Context) ([]Client, error)
}

// Registrar stores clients.
type Registrar interface {
	// PutClient stores c under its id, in place of what was there. The definition has been checked.
	PutClient(ctx context.Context, c Client) error
}
