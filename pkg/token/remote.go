package token

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
)

const (
	defaultStale = 15 * time.Minute
	maxStale     = 24 * time.Hour
)

// RemoteConfig says whose tokens a resource server accepts, and for whom. Issuer and Audience are needed; the zero
// value of all else is the safe choice.
type RemoteConfig struct {
	Issuer   string // the tokens' iss; its metadata says where the key set is
	Audience string // this resource server: one of the tokens' aud

	// KeySet is a JWKS to begin with; it counts as fetched when the verifier is made. Empty: none.
	KeySet []byte

	// JWKSAddress is where the key set is, for when it shall not be looked up in the issuer's metadata.
	JWKSAddress string

	// MaxStale is how long a key set that has reached its age is used on while the issuer cannot be asked for a newer
	// one; then tokens are refused. 0 means 15 minutes; at most 24 hours.
	MaxStale time.Duration

	// Client sends the requests. It follows no redirects here, and each fetch ends after 5 s. nil: one like
	// http.DefaultClient.
	Client *http.Client

	// Now is the clock; nil: time.Now.
	Now func() time.Time

	// InsecureLoopbackHTTP allows http:// for addresses of this machine, to try things with `wavepass local`.
	InsecureLoopbackHTTP bool
}

// RemoteVerifier checks access tokens at a resource server, which has no access to the table: it gets the public keys
// over HTTPS. Safe for concurrent use.
//
// The keys are kept as long as the answer's max-age says, 30 seconds to an hour, 5 minutes where it says nothing. A
// token that names another key makes it ask again at most once per 30 s, so made-up tokens cannot make it flood the
// issuer. Of many callers one asks and the others wait. A key set is refused whole when it is larger than 64 KB or
// 32 keys, names a key twice, or has a key that should not be published so: symmetric, with a private member, without
// kid or alg, RSA below 2,048 bits. Keys for another use or of an unknown algorithm are passed over (RFC 7517 §5).
//
// What it cannot know is whether a token was revoked: it accepts one until the token expires. Let clients whose
// tokens it accepts have short access-token lives, or ask the authorizer or the issuer where that is not enough. A key
// that is withdrawn before its time is accepted until the kept set has reached its age, and at most MaxStale longer
// while the issuer does not answer.
type RemoteVerifier struct {
	keys     *remoteKeys
	verifier *Verifier
	expect   Expect
}

// NewRemoteVerifier returns a RemoteVerifier. It asks nobody until the first token is verified. The error names the
// field of cfg that is wrong.
func NewRemoteVerifier(cfg RemoteConfig) (*RemoteVerifier, error) {
	addresses := addressRule{cfg.InsecureLoopbackHTTP}
	if err := addresses.checkIssuer(cfg.Issuer); err != nil {
		return nil, fmt.Errorf("token: Issuer %q: %w", cfg.Issuer, err)
	}
	if cfg.Audience == "" {
		return nil, errors.New("token: Audience: missing: a token for somebody else must not be accepted here")
	}
	if cfg.JWKSAddress != "" {
		if err := addresses.check(cfg.JWKSAddress); err != nil {
			return nil, fmt.Errorf("token: JWKSAddress %q: %w", cfg.JWKSAddress, err)
		}
	}
	if cfg.MaxStale < 0 || cfg.MaxStale > maxStale {
		return nil, fmt.Errorf("token: MaxStale %s: want up to 24h", cfg.MaxStale)
	}
	if cfg.MaxStale == 0 {
		cfg.MaxStale = defaultStale
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	keys := &remoteKeys{
		source:   keySource{issuer: cfg.Issuer, address: cfg.JWKSAddress, allowed: addresses, client: noRedirects(cfg.Client)},
		maxStale: cfg.MaxStale,
		now:      cfg.Now,
	}
	if len(cfg.KeySet) > 0 {
		set, err := parseKeySet(cfg.KeySet)
		if err != nil {
			return nil, fmt.Errorf("token: KeySet: %w", err)
		}
		keys.set, keys.life, keys.readAt = set, defaultLife, cfg.Now().Round(0)
	}
	return &RemoteVerifier{
		keys:     keys,
		verifier: NewVerifier(keys, cfg.Now),
		expect:   Expect{Issuer: cfg.Issuer, Audience: cfg.Audience},
	}, nil
}

// Verify checks text as Verifier.Verify does, for the issuer and the audience of the configuration. The error is
// ErrInvalid, to be answered with a 401, or oauth.ErrUnavailable when the keys cannot be had: a 503.
func (v *RemoteVerifier) Verify(ctx context.Context, text oauth.Secret) (Claims, error) {
	return v.verifier.Verify(ctx, text, v.expect)
}

// ByHeader implements VerifyKeys, for a Verifier that expects something else of the same issuer.
func (v *RemoteVerifier) ByHeader(ctx context.Context, segment string) (keyring.VerifyKey, error) {
	return v.keys.ByHeader(ctx, segment)
}

// addressRule says which addresses may be asked for keys.
type addressRule struct{ loopbackHTTP bool }

func (r addressRule) check(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "":
		return errors.New("want an address like https://auth.example.com")
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && r.loopbackHTTP && isLoopback(u.Hostname()):
		return nil
	}
	return errors.New("want https: whoever can change the keys on their way can make tokens")
}

// checkIssuer also wants no query and no slash at the end, as Wavepass names itself (RFC 8414 §2).
func (r addressRule) checkIssuer(issuer string) error {
	if strings.ContainsAny(issuer, "?#") || strings.HasSuffix(issuer, "/") {
		return errors.New("want no query, no fragment and no slash at the end (RFC 8414 §2)")
	}
	return r.check(issuer)
}

func isLoopback(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }

// noRedirects is the client with answers of 3xx left as they are: a redirect could lead to http or to another host.
func noRedirects(client *http.Client) *http.Client {
	var own http.Client
	if client != nil {
		own = *client
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}
