package grant

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

// RefreshParts are the parts of a Refresh; every field is needed.
type RefreshParts struct {
	Sessions *session.Refresher
	Signing  SigningKeys
	Trail    *audit.Trail
	Now      func() time.Time
}

// Refresh exchanges a refresh token for its successor and a new access token (RFC 6749 §6).
type Refresh struct{ RefreshParts }

// NewRefresh returns a Refresh.
func NewRefresh(p RefreshParts) *Refresh { return &Refresh{p} }

// RefreshRequest is a request to refresh.
type RefreshRequest struct {
	At           Place
	Client       client.Client // authenticated
	RefreshToken oauth.Secret
	Resource     string // what the access token is to be for (RFC 8707); empty: what the session is for
	Network      string // prefix of the caller's address
}

// Grant refreshes. Errors: client.ErrWrongKind, session.ErrRefused, session.ErrTarget, session.ErrOvertaken, oauth.ErrUnavailable.
func (f *Refresh) Grant(ctx context.Context, r RefreshRequest) (Issued, error) {
	c := r.Client
	if !mayHoldRefreshTokens(c) {
		return Issued{}, client.ErrWrongKind
	}
	key, err := f.Signing.Current(ctx) // before the write, so that nothing can fail after it
	if err != nil {
		return Issued{}, fmt.Errorf("grant: keys: %w", err)
	}
	var (
		wg        sync.WaitGroup
		refreshed session.Refreshed
		target    = session.Target{Resource: r.Resource, Own: slices.Contains(audiencesOf(c, "", nil, r.At), r.Resource)}
	)
	wg.Go(func() { refreshed, err = f.Sessions.Refresh(ctx, r.RefreshToken, c, target, r.Network) })
	wg.Go(func() { key = f.Signing.Renew(ctx, key) })
	wg.Wait()
	if err != nil {
		return Issued{}, err
	}
	to := refreshed.Session
	if to.Resource == "" {
		to.Resource = r.Resource // one of the client's own: this token is for that alone
	}
	response, expiry := issueAccess(ctx, f.Trail, key, r.At, to, refreshed.Account, c, f.Now())
	response.RefreshToken = refreshed.Token
	response.IDToken = idToken(key, r.At, refreshed.Session, refreshed.Account, response, expiry, "", f.Now()) // without a nonce (OpenID Connect Core 1.0 §12.2)
	return Issued{Tokens: response, Client: c, Session: refreshed.Session}, nil
}
