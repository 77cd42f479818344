package grant

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

// RefreshParts is what a Refresh is made of; every field is needed.
type RefreshParts struct {
	Sessions *session.Refresher
	Signing  SigningKeys
	Trail    *audit.Trail
	Now      func() time.Time
}

// Refresh exchanges a refresh token for its successor and a new access token (RFC 6749 §6).
type Refresh struct {
	RefreshParts
	access accessTokens
}

// NewRefresh returns a Refresh.
func NewRefresh(p RefreshParts) *Refresh {
	return &Refresh{p, accessTokens{p.Trail, p.Now}}
}

// RefreshRequest is what the caller sent, and where.
type RefreshRequest struct {
	At           Place
	Client       client.Client // authenticated
	RefreshToken oauth.Secret
	Network      string // prefix of the caller's address
}

// Grant refreshes. Errors: client.ErrWrongKind, session.ErrRefused, session.ErrOvertaken, oauth.ErrUnavailable.
func (f *Refresh) Grant(ctx context.Context, r RefreshRequest) (Issued, error) {
	c := r.Client
	if !mayHoldRefreshTokens(c) {
		return Issued{}, client.ErrWrongKind
	}
	key, err := f.Signing.Current(ctx) // without a key to sign with nothing is written
	if err != nil {
		return Issued{}, fmt.Errorf("grant: keys: %w", err)
	}
	var (
		wg        sync.WaitGroup
		refreshed session.Refreshed
	)
	wg.Go(func() { refreshed, err = f.Sessions.Refresh(ctx, r.RefreshToken, c, r.Network) })
	wg.Go(func() { key = f.Signing.Renew(ctx, key) })
	wg.Wait()
	if err != nil {
		return Issued{}, err
	}
	response := f.access.issue(ctx, key, r.At, refreshed.Session, refreshed.Account, c)
	response.RefreshToken = refreshed.Token
	return Issued{response, c, refreshed.Session}, nil
}
