package grant

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
	"github.com/wavepass/wavepass/pkg/token"
)

// RefreshParts is what a Refresh is made of; every field is needed.
type RefreshParts struct {
	Sessions *session.Refresher
	Signer   Signer
	Now      func() time.Time
}

// Refresh exchanges a refresh token for its successor and a new access token (RFC 6749 §6).
type Refresh struct {
	RefreshParts
	access accessTokens
}

// NewRefresh returns a Refresh.
func NewRefresh(p RefreshParts) *Refresh {
	return &Refresh{p, accessTokens{token.NewIssuer(p.Signer), p.Now}}
}

// RefreshRequest is what the caller sent, and where.
type RefreshRequest struct {
	At           Place
	Client       client.Client // authenticated
	RefreshToken oauth.Secret
	Network      string // prefix of the caller's address
}

// Grant refreshes. Errors: client.ErrWrongKind, session.ErrRefused, oauth.ErrUnavailable.
func (f *Refresh) Grant(ctx context.Context, r RefreshRequest) (Issued, error) {
	c := r.Client
	if !mayHoldRefreshTokens(c) {
		return Issued{}, client.ErrWrongKind
	}
	// Without a key to sign with nothing is written; with one, a newer one is read beside the rotation.
	if err := f.Signer.Load(ctx); err != nil {
		return Issued{}, fmt.Errorf("grant: keys: %w", err)
	}
	refreshed, err := f.refresh(ctx, r)
	if err != nil {
		return Issued{}, err
	}
	response, err := f.access.issue(ctx, r.At, refreshed.Session, refreshed.Account, c)
	if err != nil {
		return Issued{}, err
	}
	response.RefreshToken = refreshed.Token
	return Issued{response, c, refreshed.Session}, nil
}

func (f *Refresh) refresh(ctx context.Context, r RefreshRequest) (session.Refreshed, error) {
	var (
		wg                     sync.WaitGroup
		refreshed              session.Refreshed
		refreshErr, freshenErr error
	)
	wg.Go(func() { refreshed, refreshErr = f.Sessions.Refresh(ctx, r.RefreshToken, r.Client, r.Network) })
	wg.Go(func() { freshenErr = f.Signer.Freshen(ctx) })
	wg.Wait()
	if refreshErr != nil {
		return session.Refreshed{}, refreshErr
	}
	if freshenErr != nil {
		return session.Refreshed{}, fmt.Errorf("grant: keys: %w", freshenErr)
	}
	return refreshed, nil
}
