// Package grant issues tokens for a password, a refresh token or the credentials of a client, and revokes them. It combines accounts, sessions, clients and
// keys; each of these packages has its own rules.
package grant

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
	"github.com/wavepass/wavepass/pkg/token"
)

// SigningKeys gives the key that access tokens are signed with; *keyring.SigningKeys implements it.
type SigningKeys interface {
	// Current returns the key to sign with. The key is good for the whole request, also after a write. Errors:
	// oauth.ErrUnavailable.
	Current(ctx context.Context) (keyring.SigningKey, error)
	// Renew reads the keys again when that is due, and returns the newest. It is called beside another call to the store. It
	// returns key when the keys cannot be read.
	Renew(ctx context.Context, key keyring.SigningKey) keyring.SigningKey
}

// Place is the issuer of this deployment, and the audience of clients that have none of their own.
type Place struct {
	Issuer   string
	Audience string
}

// Issued is what a client is given.
type Issued struct {
	Tokens  oauth.TokenResponse
	Client  client.Client // its kind says how the refresh token travels
	Session session.Session
	Handle  oauth.Secret // of a site's session, which has no tokens
	Devices oauth.Secret // what makes the device known at the next login; zero where nobody logged in with a password
}

// mayHoldRefreshTokens reports whether people log in to a client, and it refreshes.
func mayHoldRefreshTokens(c client.Client) bool {
	return c.Transport() == client.InBody || c.Transport() == client.InCookie
}

// issueHandle is what a site is given in place of tokens.
func issueHandle(s session.Session, h session.Handle, a account.Account, c client.Client, now time.Time) Issued {
	response := oauth.TokenResponse{
		ExpiresIn: s.IdleExpiry.Sub(now.Truncate(time.Second)), Scope: strings.Join(scopesOf(s, c, a), " "), CSRFToken: h.CSRFToken(),
	}
	return Issued{Tokens: response, Client: c, Session: s, Handle: h.Encode()}
}

// secondsLeft is what an answer may promise: whole seconds, and never more than are left. Tokens are issued in the middle of a second, and their times are whole.
func secondsLeft(until, now time.Time) time.Duration {
	return max(0, until.Sub(now)).Truncate(time.Second)
}

// issueAccess issues an access token of a session, and says when it expires. It cannot fail, because it follows a write.
func issueAccess(ctx context.Context, trail *audit.Trail, key keyring.SigningKey, at Place, s session.Session, a account.Account, c client.Client, now time.Time) (response oauth.TokenResponse, expiry time.Time) {
	claims := claimsOf(at, s, a, c, now.Truncate(time.Second))
	signed, rolesOmitted := token.Sign(key, claims)
	if rolesOmitted && !claims.RolesOmitted {
		trail.Record(ctx, eventOf(s, audit.RolesOmitted))
	}
	return oauth.TokenResponse{AccessToken: signed, ExpiresIn: secondsLeft(claims.Expiry, now), Scope: claims.Scope}, claims.Expiry
}

func claimsOf(at Place, s session.Session, a account.Account, c client.Client, now time.Time) token.Claims {
	expiry := now.Add(c.AccessLife)
	if s.Expiry.Before(expiry) {
		expiry = s.Expiry // no token outlives its session
	}
	scopes := scopesOf(s, c, a)
	claims := token.Claims{
		Issuer:   at.Issuer,
		Subject:  a.ID.String(),
		Audience: audiencesOf(c, s.Resource, scopes, at),
		Expiry:   expiry,
		IssuedAt: now,
		ID:       uuid.Must(uuid.NewV7()).String(), // its randomness never fails (crypto/rand)
		ClientID: c.ID,
		Scope:    strings.Join(scopes, " "),
		Custom:   a.Claims, ExternalID: a.Subject.String(),
		Login: &token.Login{SessionID: s.ID, Epoch: s.Epoch, AuthTime: s.AuthTime, AMR: s.AMR},
	}
	if c.Roles == client.RolesEmbed {
		claims.Roles = a.Roles
	} else {
		claims.RolesOmitted = true // they are looked up where a decision needs them
	}
	return claims
}

// RolesFit reports whether the access tokens of an account at a client have room for its roles, when keys of that
// algorithm sign them. The issuer is taken to be as long as the longest of API Gateway's own addresses.
func RolesFit(alg keyring.Algorithm, a account.Account, c client.Client) bool {
	if !mayHoldRefreshTokens(c) {
		return true // nobody logs in there
	}
	issuer := strings.Repeat("i", len("https://0123456789.execute-api.ap-northeast-1.amazonaws.com"))
	now := time.Unix(1<<31, 0)
	s := session.Session{AuthTime: now, AMR: passwordOnly, Epoch: now.Unix(), Expiry: now.Add(c.AccessLife)}
	return token.Fits(alg, claimsOf(Place{issuer, issuer}, s, a, c, now))
}

// NewestSigningKey returns the key to sign with, in one round trip at most. Errors: oauth.ErrUnavailable.
func NewestSigningKey(ctx context.Context, signing SigningKeys) (keyring.SigningKey, error) {
	key, err := signing.Current(ctx)
	if err != nil {
		return key, err
	}
	return signing.Renew(ctx, key), nil
}

// newestKeys returns the keys for a new session, in one round trip at most. Without signing it is the MAC key alone.
func newestKeys(ctx context.Context, macs session.Keys, signing SigningKeys) (mac keyring.MACKey, key keyring.SigningKey, err error) {
	var (
		wg             sync.WaitGroup
		macErr, keyErr error
	)
	wg.Go(func() {
		if mac, macErr = macs.Current(ctx); macErr == nil && macs.Renew(ctx, mac) != nil {
			mac, macErr = macs.Current(ctx) // the other key was taken out of the keyring
		}
	})
	if signing != nil {
		wg.Go(func() { key, keyErr = NewestSigningKey(ctx, signing) })
	}
	wg.Wait()
	if err := errors.Join(macErr, keyErr); err != nil {
		return mac, key, fmt.Errorf("grant: keys: %w", err)
	}
	return mac, key, nil
}

// grantable returns the scopes that a login is granted: those that both client and account may have, in the client's
// order. Every account may be managed, so the scope account is a right of the client alone.
func grantable(c client.Client, a account.Account) []string {
	scopes := []string{}
	for _, scope := range c.AllowedScopes() {
		if scope == oauth.ScopeAccount || slices.Contains(a.Scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	return scopes
}

// scopesOf returns the scopes of a session's next access token: those that were granted at the login and that client and
// account still have (RFC 6749 §6).
func scopesOf(s session.Session, c client.Client, a account.Account) []string {
	if c.IsFetched() {
		c.Scopes = s.Scopes // those of its session's resource, which it was registered with nowhere
	}
	scopes := grantable(c, a)
	if s.Scopes == nil {
		return scopes // the session is older than this field
	}
	return slices.DeleteFunc(scopes, func(scope string) bool { return !slices.Contains(s.Scopes, scope) })
}

// audiencesOf returns the audiences of a token. A token that may manage the account, or the sessions of a directory, is for this
// service too, whose routes do it. With a resource it is for that one of the client's audiences (RFC 8707 §2.2); when the client has lost it
// since, the token is for nobody else.
func audiencesOf(c client.Client, resource string, scopes []string, at Place) []string {
	if resource != "" {
		c.Audiences = []string{resource}
	}
	own := len(c.Audiences) == 0 || slices.Contains(scopes, oauth.ScopeAccount) || c.Kind == client.Service && slices.Contains(scopes, oauth.ScopeSessions)
	if own && !slices.Contains(c.Audiences, at.Audience) {
		return append(slices.Clone(c.Audiences), at.Audience)
	}
	return c.Audiences
}
