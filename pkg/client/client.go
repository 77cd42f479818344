// Package client is the registry of applications that may log people in (RFC 6749 §2): which kind each
// is, what it may ask for and how long what it gets lives. It does not know how tokens travel.
package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"reflect"
	"slices"
	"time"

	"github.com/wavepass/wavepass/pkg/oauth"
)

// Kind decides which grants and which transport a client has. It is registered, never requested.
type Kind string

const (
	Browser Kind = "browser" // single-page app: refresh token in a cookie
	Site    Kind = "site"    // server-rendered site: session handle in a cookie
	Native  Kind = "native"  // mobile, desktop, command line: both tokens in JSON
	Server  Kind = "server"  // application on a server of its own, with a secret or a key: both tokens in JSON
	Service Kind = "service" // partner or back end with a secret or a key: nobody logs in

	// Removed is the kind of a tombstone, which keeps Since of a client that was taken out of the registry. It is a kind so
	// that functions of an older version, which do not know tombstones, let nobody log in or refresh with one.
	Removed Kind = "removed"
)

// Kinds are those that a client may be registered as.
var Kinds = []Kind{Browser, Site, Native, Server, Service}

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

	// CacheLife is how long a function may go on with what it has read of a client.
	CacheLife = time.Minute
	maxCached = 1000
)

// ErrUnknown says that no client has this id. On the wire it is invalid_client.
var ErrUnknown = errors.New("client: unknown")

// NotAuthenticatedError says that a request named a registered client that authenticates, and did not prove to be from it. It matches ErrUnknown. The reason
// is for the audit trail.
type NotAuthenticatedError struct{ ID, Reason string }

func (e *NotAuthenticatedError) Error() string { return ErrUnknown.Error() }

// Unwrap returns ErrUnknown.
func (e *NotAuthenticatedError) Unwrap() error { return ErrUnknown }

// ErrWrongKind says that the client's kind has no right to this grant. On the wire it is unauthorized_client.
var ErrWrongKind = errors.New("client: kind not allowed")

// Client is one registered application.
type Client struct {
	ID                  string
	Kind                Kind
	Origins             []string // exact web origins, for the cross-site check
	Redirects           []string // exact redirect addresses
	PostLogoutRedirects []string // exact addresses that people may be sent to after a logout
	Audiences           []string // `aud` of its access tokens; empty: the service's own
	Scopes              []string // the most that its tokens may carry, see AllowedScopes
	Roles               RolesMode
	AccessLife          time.Duration
	IdleLife            time.Duration // a session unused for so long ends
	Absolute            time.Duration // a session ends after so long, however busy
	Remembered          time.Duration // the same, when the person asked to be remembered; cookie kinds only
	LateRetries         int           // docs/design.md §6
	SharedStore         bool          // several processes use one stored refresh token; native only
	FirstParty          bool          // the operator's own: it may manage the account of the person that uses it
	Consent             bool          // people are asked what it may have, as they always are for a third party
	Directory           string        // name of the back end's own set of accounts; service only
	MayBegin            []string      // clients that it may begin sessions of, for the accounts of its directory; service only
	MayGrant            []string      // what it may give these accounts, see Grants; service only
	AMR                 []string      // how it may say that people authenticated (RFC 8176); service only
	SecretHash          []byte        // SHA-256 of the secret; see Authenticates; empty: it cannot authenticate yet
	JWKS                string        // public keys that it authenticates with (RFC 7517), in place of a secret
	Introspects         []string      // clients whose handles and refresh tokens it may look at; service only
	Document            Document      // where a definition comes from that nobody has registered

	// Since is when the client began to be what it is, in whole seconds: sessions that began before it are gone, also
	// those of another client that had its id. Zero in records that are older than the field.
	Since    time.Time
	Revision int64 // of the record, one more with every change
}

// New returns a client with the defaults of its kind. A client that authenticates still needs its SecretHash or JWKS.
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

// AsksConsent reports whether people are asked what the client may have. It is false for the zero client.
func (c Client) AsksConsent() bool { return c.ID != "" && (c.Consent || !c.FirstParty) }

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

// Authenticates reports whether the client has a secret or a key of its own, and proves with every request that it is the one who
// asks. Other clients run where a secret would not be kept.
func (c Client) Authenticates() bool { return c.Kind == Server || c.Kind == Service }

// KeepsRefreshToken reports whether a refresh leaves the client's refresh token as it is. Rotation finds out that a token was copied,
// and a copy is worth nothing to somebody who cannot authenticate as the client (FAPI 2.0 Security Profile §5.3.2.1).
func (c Client) KeepsRefreshToken() bool { return c.Authenticates() }

// TakesPasswords reports whether people may log in to the client at POST /login, which asks no client for its secret. At a
// server people sign in at /authorize.
func (c Client) TakesPasswords() bool { return c.Transport() != NoSession && !c.Authenticates() }

// HashSecret is what the registry keeps of a client's secret. The secrets are generated with 256
// bits of randomness, so one round of SHA-256 is enough.
func HashSecret(secret oauth.Secret) []byte {
	sum := sha256.Sum256([]byte(secret.Reveal()))
	return sum[:]
}

// Authenticate checks what the client sent of itself. A client without a secret may send an empty one, as
// standard libraries do when they try HTTP Basic first, and nothing else. It returns ErrUnknown, or for a client that authenticates a
// *NotAuthenticatedError, which matches it and has the same text: no answer tells which ids exist.
func (c Client) Authenticate(secret oauth.Secret) error {
	if !c.Authenticates() {
		if !secret.IsZero() {
			return ErrUnknown
		}
		return nil
	}
	if subtle.ConstantTimeCompare(HashSecret(secret), c.SecretHash) != 1 {
		return &NotAuthenticatedError{ID: c.ID, Reason: "a wrong secret"}
	}
	return nil
}

// Transport is how a client carries the session of a person from request to request. Nothing in a request decides it.
type Transport int

const (
	NoSession Transport = iota // nobody logs in at the client
	InBody                     // the refresh token is in the bodies of requests and answers
	InCookie                   // the refresh token is in a cookie
	AsHandle                   // a handle of the session is in a cookie
)

// Transport returns that of the client's kind.
func (c Client) Transport() Transport {
	switch c.Kind {
	case Native, Server:
		return InBody
	case Browser:
		return InCookie
	case Site:
		return AsHandle
	}
	return NoSession
}

// UsesCookies reports whether the client's sessions live in cookies.
func (c Client) UsesCookies() bool { return c.Transport() == InCookie || c.Transport() == AsHandle }

// SessionLife is how long a login may last at the most.
func (c Client) SessionLife(remember bool) time.Duration {
	if remember && c.Remembered > 0 {
		return c.Remembered
	}
	return c.Absolute
}

// Store reads the records of clients, tombstones too.
type Store interface {
	// Client returns ErrUnknown when no client has the id, oauth.ErrUnavailable when it cannot tell.
	Client(ctx context.Context, id string) (Client, error)
}

// ErrChanged says that somebody else has changed the record of a client meanwhile.
var ErrChanged = errors.New("client: changed meanwhile")

// Equal reports whether both are the same in every field.
func (c Client) Equal(other Client) bool {
	lists := func(c Client) [][]string {
		return [][]string{c.Origins, c.Redirects, c.PostLogoutRedirects, c.Audiences, c.Scopes, c.Introspects, c.MayBegin, c.MayGrant, c.AMR}
	}
	if !slices.EqualFunc(lists(c), lists(other), slices.Equal) || !bytes.Equal(c.SecretHash, other.SecretHash) || !c.Since.Equal(other.Since) || !c.Document.equal(other.Document) {
		return false
	}
	plain := func(c Client) Client {
		c.Origins, c.Redirects, c.PostLogoutRedirects, c.Audiences, c.Scopes, c.Introspects, c.SecretHash = nil, nil, nil, nil, nil, nil, nil
		c.MayBegin, c.MayGrant, c.AMR = nil, nil, nil
		c.Since, c.Document = time.Time{}, Document{}
		return c
	}
	return reflect.DeepEqual(plain(c), plain(other))
}

// Lister lists clients.
type Lister interface {
	// Clients returns every record, tombstones too, in the order of their ids, or oauth.ErrUnavailable.
	Clients(ctx context.Context) ([]Client, error)
}

// Registered returns the clients that are registered, in the order of their ids. Errors as Lister.Clients.
func Registered(ctx context.Context, store Lister) ([]Client, error) {
	all, err := store.Clients(ctx)
	return slices.DeleteFunc(all, func(c Client) bool { return c.Kind == Removed }), err
}

// Registrar stores clients.
type Registrar interface {
	// PutClient stores c under its id, in place of what was there. The definition has been checked.
	PutClient(ctx context.Context, c Client) error
	// ReplaceClient stores c under its id on the condition that the record there still has the revision that was read; a
	// revision of 0 is also that of a record older than revisions, and of none. c has the revision that follows. ErrChanged
	// when the condition fails. It may be repeated: when c is what is stored already, the result is nil. Any other error is
	// oauth.ErrUnavailable, and c may then be stored.
	ReplaceClient(ctx context.Context, read int64, c Client) error
}
