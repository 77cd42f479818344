// Package grant turns what a client presents, a login or a refresh token, into a token response, and
// takes tokens back. It composes accounts, sessions, clients and keys; each of those holds its own rules.
package grant

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
	"github.com/wavepass/wavepass/pkg/token"
)

// Signer gives the key that access tokens are signed with; keyring.Signer implements it.
type Signer interface {
	// Load makes sure, before a write, that a key is held that may be used after it.
	Load(ctx context.Context) error
	// Freshen re-reads the key when that is due. After Load an outage in the middle is forgiven.
	Freshen(ctx context.Context) error
	Key(ctx context.Context) (keyring.SigningKey, error)
}

// Place is where a token is issued and accepted: the issuer of this deployment, and the audience of
// clients that name none.
type Place struct {
	Issuer   string
	Audience string
}

// Issued is what a client is given. Its kind says how the refresh token travels.
type Issued struct {
	Tokens  oauth.TokenResponse
	Client  client.Client
	Session session.Session
}

// mayHoldRefreshTokens reports whether a client logs in and refreshes: the others have no use for the tokens.
func mayHoldRefreshTokens(c client.Client) bool {
	return c.Kind == client.Native || c.Kind == client.Browser
}

// accessTokens issues the access token of a session.
type accessTokens struct {
	issuer *token.Issuer
	now    func() time.Time
}

func (t accessTokens) issue(ctx context.Context, at Place, s session.Session, a account.Account, c client.Client) (oauth.TokenResponse, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return oauth.TokenResponse{}, fmt.Errorf("grant: new token id: %w", err)
	}
	now := t.now().Truncate(time.Second)
	expiry := now.Add(c.AccessLife)
	if s.Expiry.Before(expiry) {
		expiry = s.Expiry // no token outlives its session
	}
	claims := token.Claims{
		Issuer:   at.Issuer,
		Subject:  a.ID.String(),
		Audience: c.Audiences,
		Expiry:   expiry,
		IssuedAt: now,
		ID:       id.String(),
		ClientID: c.ID,
		Scope:    strings.Join(grantedScopes(c, a), " "),
		Login:    &token.Login{SessionID: s.ID, Epoch: s.Epoch, AuthTime: s.AuthTime, AMR: s.AMR},
	}
	if len(claims.Audience) == 0 {
		claims.Audience = []string{at.Audience}
	}
	if c.Roles == client.RolesEmbed {
		claims.Roles = a.Roles
	}
	signed, err := t.issuer.Sign(ctx, claims)
	if err != nil {
		return oauth.TokenResponse{}, fmt.Errorf("grant: sign: %w", err)
	}
	return oauth.TokenResponse{AccessToken: signed, ExpiresIn: expiry.Sub(now), Scope: claims.Scope}, nil
}

// grantedScopes are those that both the client and the account may have, in the client's order.
func grantedScopes(c client.Client, a account.Account) []string {
	return slices.DeleteFunc(slices.Clone(c.Scopes), func(scope string) bool { return !slices.Contains(a.Scopes, scope) })
}
