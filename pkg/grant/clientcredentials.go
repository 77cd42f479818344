package grant

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/token"
)

// ErrScope says that a client asked for a scope that it is not registered for.
var ErrScope = errors.New("grant: scope not allowed")

// ClientCredentialsParts are the parts of a ClientCredentials; every field is needed.
type ClientCredentialsParts struct {
	Signing SigningKeys
	Trail   *audit.Trail
	Now     func() time.Time
}

// ClientCredentials issues access tokens to services for themselves (RFC 6749 §4.4). There is no account behind such a token: its
// subject is the client, and it has none of the claims of a login. Nothing is stored.
type ClientCredentials struct{ ClientCredentialsParts }

// NewClientCredentials returns a ClientCredentials.
func NewClientCredentials(p ClientCredentialsParts) *ClientCredentials { return &ClientCredentials{p} }

// ClientCredentialsRequest is a request of a client for a token of its own.
type ClientCredentialsRequest struct {
	At     Place
	Client client.Client      // authenticated
	Scope  string             // asked for, space-separated; empty: every scope that the client is registered for
	Key    keyring.SigningKey // of Key
}

// Key obtains the key to sign with. It is asked for before the client authenticates: that may use an assertion up, and then nothing
// may fail any more. Errors: oauth.ErrUnavailable.
func (g *ClientCredentials) Key(ctx context.Context) (keyring.SigningKey, error) {
	key, err := NewestSigningKey(ctx, g.Signing)
	if err != nil {
		err = fmt.Errorf("grant: keys: %w", err)
	}
	return key, err
}

// Grant issues an access token. Errors: client.ErrWrongKind, ErrScope.
func (g *ClientCredentials) Grant(ctx context.Context, r ClientCredentialsRequest) (oauth.TokenResponse, error) {
	c := r.Client
	if c.Kind != client.Service {
		return oauth.TokenResponse{}, client.ErrWrongKind
	}
	scopes, err := narrowed(c.AllowedScopes(), r.Scope)
	if err != nil {
		return oauth.TokenResponse{}, err
	}
	now := g.Now()
	issued := now.Truncate(time.Second)
	claims := token.Claims{
		Issuer:   r.At.Issuer,
		Subject:  c.ID,
		Audience: audiencesOf(c, "", scopes, r.At),
		Expiry:   issued.Add(c.AccessLife),
		IssuedAt: issued,
		ID:       uuid.Must(uuid.NewV7()).String(), // its randomness never fails (crypto/rand)
		ClientID: c.ID,
		Scope:    strings.Join(scopes, " "),
	}
	signed, _ := token.Sign(r.Key, claims)
	g.Trail.Record(ctx, audit.Event{Name: audit.TokenIssued, ClientID: c.ID, TokenID: claims.ID})
	return oauth.TokenResponse{AccessToken: signed, ExpiresIn: secondsLeft(claims.Expiry, now), Scope: claims.Scope}, nil
}

// narrowed returns those of the scopes that were asked for, in their order; all of them when none was.
func narrowed(allowed []string, asked string) ([]string, error) {
	if asked == "" {
		return allowed, nil
	}
	wanted := strings.Split(asked, " ") // one space between two (RFC 6749 §3.3)
	for _, scope := range wanted {
		if !slices.Contains(allowed, scope) {
			return nil, ErrScope
		}
	}
	return slices.DeleteFunc(slices.Clone(allowed), func(scope string) bool { return !slices.Contains(wanted, scope) }), nil
}
