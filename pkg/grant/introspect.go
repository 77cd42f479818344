package grant

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wavepass/wavepass/pkg/access"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
	"github.com/wavepass/wavepass/pkg/token"
)

// ErrInactive says that a service learns nothing of a token: it is dead, made up or none of the service's business. The text says
// which, for logs.
var ErrInactive = errors.New("grant: inactive")

// IntrospectParts are the parts of an Introspect; every field is needed.
type IntrospectParts struct {
	Tokens   *access.Checker
	Denylist *revocation.Snapshot // that of Tokens
	Accounts session.Accounts     // for roles that tokens are without
	Owners   *session.Owners
	MAC      session.Keys
}

// Introspect tells services about tokens that they were shown (RFC 7662). It asks the rules by which tokens are used, never others,
// and using a token here does not count as use.
type Introspect struct{ IntrospectParts }

// NewIntrospect returns an Introspect.
func NewIntrospect(p IntrospectParts) *Introspect { return &Introspect{p} }

// IntrospectRequest is a question of a service.
type IntrospectRequest struct {
	At     Place
	Client client.Client // authenticated
	Token  oauth.Secret
}

// Introspected is a token that may be used now: an access token, or a refresh token or session handle.
type Introspected struct {
	Access  token.Claims // of an access token, else zero
	Refresh Refreshable  // of a refresh token or a session handle, else zero
}

// Refreshable is what is told about a refresh token or a session handle: what an access token of the session would say.
type Refreshable struct {
	Session session.Session
	Scope   string
	Expiry  time.Time // when the session ends unless it is used
}

// Token returns what the service may know of a token. Every refusal is ErrInactive and costs the same calls of the store as a good
// token of the kind, so that the time tells nothing. Errors also: client.ErrWrongKind, oauth.ErrUnavailable.
func (i *Introspect) Token(ctx context.Context, r IntrospectRequest) (Introspected, error) {
	if r.Client.Kind != client.Service {
		return Introspected{}, client.ErrWrongKind
	}
	if session.LooksLikeRefreshToken(r.Token) {
		return i.refreshToken(ctx, r)
	}
	if session.LooksLikeHandle(r.Token) {
		return i.handle(ctx, r)
	}
	return i.accessToken(ctx, r)
}

// accessToken tells about tokens for one of the audiences that the service has itself. Roles that are not in the token are looked up.
func (i *Introspect) accessToken(ctx context.Context, r IntrospectRequest) (Introspected, error) {
	claims, err := i.Tokens.Check(ctx, r.Token, token.Expect{Issuer: r.At.Issuer, SkipAudience: true})
	switch {
	case errors.Is(err, token.ErrInvalid):
		_ = i.Denylist.Check(ctx, revocation.Subject{}) // a good token asks it too
		return Introspected{}, fmt.Errorf("%w: %w", ErrInactive, err)
	case errors.Is(err, revocation.ErrRevoked):
		return Introspected{}, fmt.Errorf("%w: %w", ErrInactive, err)
	case err != nil:
		return Introspected{}, err
	}
	own := audiencesOf(r.Client, "", nil, r.At)
	if !slices.ContainsFunc(claims.Audience, func(audience string) bool { return slices.Contains(own, audience) }) {
		return Introspected{}, fmt.Errorf("%w: for another audience", ErrInactive)
	}
	if claims.RolesOmitted && claims.Login != nil {
		// Only for a token that the service may know of, so that the time of a refusal tells nothing.
		claims.Roles, err = RolesOf(ctx, i.Accounts, claims)
		switch {
		case errors.Is(err, ErrAccountEnded):
			return Introspected{}, fmt.Errorf("%w: %w", ErrInactive, err)
		case err != nil:
			return Introspected{}, err
		}
		claims.RolesOmitted = false
	}
	return Introspected{Access: claims}, nil
}

// refreshToken tells about refresh tokens of the clients that the service is registered to introspect.
func (i *Introspect) refreshToken(ctx context.Context, r IntrospectRequest) (Introspected, error) {
	refresh, key, parseErr := session.ParseRefreshToken(ctx, r.Token, i.MAC)
	if parseErr != nil && !errors.Is(parseErr, session.ErrRefused) {
		return Introspected{}, parseErr
	}
	var wg sync.WaitGroup
	var renewErr error
	if parseErr == nil {
		wg.Go(func() { renewErr = i.MAC.Renew(ctx, key) })
	}
	// A token that did not parse is the zero one, which is nobody's and is looked for all the same.
	s, a, c, err := i.Owners.OfAny(ctx, refresh, r.Client.Introspects)
	wg.Wait()
	switch {
	case errors.Is(err, session.ErrRefused):
		return Introspected{}, fmt.Errorf("%w: %w", ErrInactive, errors.Join(parseErr, err))
	case err != nil:
		return Introspected{}, err
	case parseErr != nil || renewErr != nil:
		return Introspected{}, fmt.Errorf("%w: %w", ErrInactive, errors.Join(parseErr, renewErr))
	}
	return Introspected{Refresh: Refreshable{s, strings.Join(scopesOf(s, c, a), " "), s.IdleExpiry}}, nil
}

// handle tells about session handles of the clients that the service is registered to introspect.
func (i *Introspect) handle(ctx context.Context, r IntrospectRequest) (Introspected, error) {
	h, parseErr := session.ParseHandle(r.Token)
	// A handle that did not parse is the zero one, which opens nothing and is looked for all the same.
	s, a, c, err := i.Owners.OfAnyHandle(ctx, h, r.Client.Introspects)
	switch {
	case errors.Is(err, session.ErrRefused), errors.Is(err, session.ErrEnded):
		return Introspected{}, fmt.Errorf("%w: %w", ErrInactive, errors.Join(parseErr, err))
	case err != nil:
		return Introspected{}, err
	}
	return Introspected{Refresh: Refreshable{s, strings.Join(scopesOf(s, c, a), " "), s.IdleExpiry}}, nil
}
